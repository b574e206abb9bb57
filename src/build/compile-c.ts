/** C and C++, inside the toolchain's process: sources to objects, objects to a module. */
import { FaasmError } from '../../proto/errors.ts';
import { buildFailure, tidyMessages } from './diagnose.ts';
import type { GuestKit } from './guest-kit.ts';
import { languageOf } from './language.ts';
import { emulated, enableSetjmp, isLinkFlag, type LinkedFile, link } from './link.ts';
import { loadLlvm, runLlvm, toTree } from './llvm.ts';
import {
  type BuildFlags,
  type BuildProgress,
  type BuildResult,
  isCpp,
  isLinked,
  toBuildFlags,
} from './options.ts';
import type { PrecompiledPreambles } from './precompiled-preambles.ts';
import type { BuildRequest } from './toolchain-messages.ts';

/** @throws FaasmError `bad_request` with what the compiler or linker says */
export async function compileC(
  { sources, flags, kit }: BuildRequest,
  preambles: PrecompiledPreambles,
  onProgress: BuildProgress,
): Promise<BuildResult> {
  onProgress('loading toolchain', '');
  await loadLlvm();
  const library = await libraryOf(kit);

  const files = [...sources.map(({ path, text }) => [path, text] as const), ...headersOf(kit)];
  const objects: LinkedFile[] = [];
  const messages: string[] = [];
  for (const source of sources) {
    if (isLinked(source.path)) objects.push({ path: source.path, bytes: Buffer.from(source.text) });
    if (languageOf(source.path) === undefined) continue;
    onProgress('compiling', source.path);
    const compileFlags = toCompileFlags(flags, isCpp(source.path));
    const preamble = preambles.take(source, compileFlags);
    const object = `.faasm/${source.path}.o`;
    const run = await runLlvm(
      [...compileFlags, ...preamble.flags, '-c', source.path, '-o', object],
      toTree([...files, ...preamble.files]),
      object,
    );
    if (!run.succeeded || run.output === undefined) throw buildFailure(source.path, run.text);
    messages.push(run.text);
    objects.push({ path: `${source.path}.o`, bytes: run.output });
  }

  onProgress('linking', '');
  const linked = await link(objects, library, kit, flags);
  messages.push(linked.text);
  return { wasm: linked.wasm, warnings: messages.map(tidyMessages).filter(Boolean).join('\n') };
}

function toCompileFlags({ optimize, defines, includes, extra }: BuildFlags, cpp: boolean): string[] {
  return [
    cpp ? 'clang++' : 'clang',
    `-O${optimize}`,
    // Every engine that runs Faasm has SIMD; `-mno-simd128` leaves it out.
    '-msimd128',
    '-mllvm',
    enableSetjmp,
    ...emulated.map((name) => `-D_WASI_EMULATED_${name.toUpperCase().replace('-', '_')}`),
    '-ffunction-sections',
    '-fdata-sections',
    ...(cpp ? ['-fno-exceptions'] : []),
    '-I.faasm/include',
    ...includes.map((folder) => `-I${folder}`),
    ...defines.map((define) => `-D${define}`),
    ...extra.filter((flag) => !isLinkFlag(flag) && !flag.startsWith('--target=')),
  ];
}

function headersOf(kit: GuestKit) {
  return kit.headers.map(({ path, text }) => [`.faasm/include/${path}`, text] as const);
}

let compiledLibrary: { version: string; objects: Promise<ReadonlyMap<string, Uint8Array>> } | undefined;

/** libfaasm as objects, by path; compiled once in the life of the process. */
function libraryOf(kit: GuestKit): Promise<ReadonlyMap<string, Uint8Array>> {
  if (compiledLibrary?.version !== kit.version) {
    compiledLibrary = { version: kit.version, objects: compileLibrary(kit) };
  }
  return compiledLibrary.objects;
}

async function compileLibrary(kit: GuestKit): Promise<ReadonlyMap<string, Uint8Array>> {
  const objects = new Map<string, Uint8Array>();
  for (const { path, text } of kit.library) {
    const object = `${path}.o`;
    const run = await runLlvm(
      [...toCompileFlags(toBuildFlags(), isCpp(path)), '-c', path, '-o', object],
      toTree([...headersOf(kit), [path, text]]),
      object,
    );
    if (run.output === undefined) throw new FaasmError('internal', `libfaasm does not compile: ${run.text}`);
    objects.set(object, run.output);
  }
  return objects;
}
