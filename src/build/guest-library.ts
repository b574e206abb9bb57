/** The parts of libfaasm that modules of C and C++ are linked with, as objects by path; compiled when first used. */
import { FaasmError } from '../../proto/errors.ts';
import { toCompileFlags } from './compile-flags.ts';
import { ObjectCompiler } from './compile-objects.ts';
import type { GuestKit, LibraryPart } from './guest-kit.ts';
import { type BuildProgress, isCpp, type SourceFile, toBuildFlags } from './options.ts';

export type LibraryObjects = ReadonlyMap<string, Uint8Array>;

const compiled = new Map<LibraryPart, { version: string; objects: Promise<LibraryObjects> }>();

/** @param folder of kept objects */
export function libraryObjects(
  part: LibraryPart,
  kit: GuestKit,
  folder: string | undefined,
  onProgress: BuildProgress,
): Promise<LibraryObjects> {
  const known = compiled.get(part);
  if (known?.version === kit.version) return known.objects;
  const objects = compile(part, kit, folder, onProgress);
  compiled.set(part, { version: kit.version, objects });
  objects.catch(() => compiled.delete(part));
  return objects;
}

async function compile(
  part: LibraryPart,
  kit: GuestKit,
  folder: string | undefined,
  onProgress: BuildProgress,
): Promise<LibraryObjects> {
  const { library } = kit;
  const sources = library[part];
  const files = [...kitHeaders(kit), ...sources.map(({ path, text }) => [path, text] as const)];
  const compiler = new ObjectCompiler(files, folder);
  const objects = new Map<string, Uint8Array>();
  for (const source of sources.filter(isSource)) {
    onProgress('compiling', `libfaasm/${source.path}`);
    const mode = { cpp: isCpp(source.path), exceptions: part === 'exceptions' };
    const run = await compiler.compile(
      source,
      toCompileFlags(toBuildFlags({ optimize: optimizationOf(part) }), mode),
    );
    if (run.output === undefined) throw new FaasmError('internal', `libfaasm does not compile: ${run.text}`);
    objects.set(`${source.path}.o`, run.output);
  }
  return objects;
}

/** What happens when something went wrong is seldom, and in every module that throws. */
const optimizationOf = (part: LibraryPart) => (part === 'exceptions' ? 's' : '3');

const isSource = ({ path }: SourceFile): boolean => /\.(?:c|cpp)$/.test(path);

/** Where every build finds `faasm/….h`. */
export function kitHeaders(kit: GuestKit) {
  return kit.headers.map(({ path, text }) => [`.faasm/include/${path}`, text] as const);
}
