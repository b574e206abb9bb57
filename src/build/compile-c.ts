/** C and C++, inside the toolchain's process: sources to objects, objects to a module. */
import { FaasmError } from '../../proto/errors.ts';
import { toCompileFlags } from './compile-flags.ts';
import { ObjectCompiler } from './compile-objects.ts';
import { buildFailure, tidyMessages } from './diagnose.ts';
import { exceptionsAsked, lacksExceptions, throwsOrCatches } from './exceptions.ts';
import { kitHeaders, libraryObjects } from './guest-library.ts';
import { languageOf } from './language.ts';
import { type LinkedFile, link } from './link.ts';
import { loadLlvm } from './llvm.ts';
import { type BuildProgress, type BuildResult, isCpp, isLinked } from './options.ts';
import type { PrecompiledPreambles } from './precompiled-preambles.ts';
import type { BuildRequest } from './toolchain-messages.ts';

interface Compiled {
  readonly objects: readonly LinkedFile[];
  readonly messages: readonly string[];
}

/** @throws FaasmError `bad_request` with what the compiler or linker says */
export async function compileC(
  request: BuildRequest,
  preambles: PrecompiledPreambles,
  onProgress: BuildProgress,
): Promise<BuildResult> {
  const { kit, flags, objectsFolder } = request;
  onProgress('loading toolchain', '');
  await loadLlvm();
  const { objects, messages } = await compileSources(request, preambles, onProgress);
  const linked = await link(objects, {
    kit,
    flags,
    onProgress,
    library: (part) => libraryObjects(part, kit, objectsFolder, onProgress),
  });
  return {
    wasm: linked.wasm,
    warnings: [...messages, linked.text].map(tidyMessages).filter(Boolean).join('\n'),
  };
}

/** With exceptions where the program has any: as far as can be seen beforehand, and else as the compiler says. */
async function compileSources(
  request: BuildRequest,
  preambles: PrecompiledPreambles,
  onProgress: BuildProgress,
): Promise<Compiled> {
  const asked = exceptionsAsked(request.flags.extra);
  const expected = asked ?? request.sources.some((source) => isCpp(source.path) && throwsOrCatches(source));
  try {
    return await compileAll(request, expected, preambles, onProgress);
  } catch (thrown) {
    const { message } = FaasmError.from(thrown);
    if (asked !== undefined || expected || !lacksExceptions(message)) throw thrown;
    return compileAll(request, true, preambles, onProgress);
  }
}

async function compileAll(
  { sources, flags, kit, objectsFolder }: BuildRequest,
  exceptions: boolean,
  preambles: PrecompiledPreambles,
  onProgress: BuildProgress,
): Promise<Compiled> {
  const headers = kitHeaders(kit);
  const files = [...sources.map(({ path, text }) => [path, text] as const), ...headers];
  const compiler = new ObjectCompiler(files, objectsFolder);
  const objects: LinkedFile[] = [];
  const messages: string[] = [];
  for (const source of sources) {
    if (isLinked(source.path)) objects.push({ path: source.path, bytes: Buffer.from(source.text) });
    if (languageOf(source.path) === undefined) continue;
    onProgress('compiling', source.path);
    const compileFlags = toCompileFlags(flags, { cpp: isCpp(source.path), exceptions });
    const run = await compiler.compile(source, compileFlags, () =>
      preambles.take(source, compileFlags, headers),
    );
    if (!run.succeeded || run.output === undefined) throw buildFailure(source.path, run.text);
    messages.push(run.text);
    objects.push({ path: `${source.path}.o`, bytes: run.output });
  }
  await compiler.prune();
  return { objects, messages };
}
