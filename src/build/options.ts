/** What can be asked of a build, and the limits on it. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { languageOf, languageOfAll } from './language.ts';

export interface SourceFile {
  /** As it stands in messages and in `#include`; relative to the folder that the build runs in, `/` between names. */
  readonly path: string;
  /** A source or a header; bytes for an object (`.o`) or an archive (`.a`). */
  readonly text: string | Uint8Array;
}

export type Optimization = '0' | '1' | '2' | '3' | 's' | 'z';

export interface BuildFlags {
  /** As after `-O`. @default '3' */
  readonly optimize: Optimization;
  /** As after `-D`: `NAME` or `NAME=value`. */
  readonly defines: readonly string[];
  /** As after `-I`: folders among the paths of the sources. */
  readonly includes: readonly string[];
  /**
   * Other flags. Of C, `-l…`, `-L…` and `-Wl,…` go to the linker, all others to the compiler.
   * `-fexceptions` and `-fno-exceptions` settle what is else seen from the sources.
   * A target is passed over, for there is only one. With `-g` the debug information stays in the module.
   */
  readonly extra: readonly string[];
}

export type BuildStage = 'loading toolchain' | 'compiling' | 'linking';

/** `detail` is the source that is compiled, also of libfaasm where that is not kept; empty for the other stages. */
export type BuildProgress = (stage: BuildStage, detail: string) => void;

export interface BuildOptions {
  /**
   * C and C++ (`.c .cc .cpp .cxx`), AssemblyScript (`.ts`) or WebAssembly text (`.wat`), not mixed. All of C are
   * linked; of AssemblyScript the first is the program, and the others are there to be imported. Headers are only put
   * where `#include` finds them.
   */
  readonly sources: readonly SourceFile[];
  /** A file on disk that the module is written to. */
  readonly output?: string;
  readonly flags?: Partial<BuildFlags>;
  /** A folder in which the objects of C and C++ are kept, for later builds that have the same sources among theirs. */
  readonly objectsFolder?: string;
  readonly onProgress?: BuildProgress;
  /** Processor time of one source, or of the linking, in milliseconds; 0 for no limit. @default 120000 */
  readonly stepMaxMs?: number;
}

export interface BuildResult {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** What the compiler had to say, as it says it; empty when it had nothing. */
  readonly warnings: string;
}

/** Enough for a large library given as sources; an upload is far smaller. */
export const sourcesMaxBytes = 64 * 1024 * 1024;
export const sourcesMaxCount = 5_000;
const flagsMaxCount = 200;
const flagMaxBytes = 4_096;

const linked = /\.(o|a)$/;

export const isLinked = (path: string): boolean => linked.test(path);
export const isCpp = (path: string): boolean => languageOf(path) === 'C' && !path.endsWith('.c');

/** The flags with all defaults in place. @throws FaasmError `bad_request` */
export function toBuildFlags(flags: Partial<BuildFlags> = {}): BuildFlags {
  const { optimize = '3', defines = [], includes = [], extra = [] } = flags;
  if (!['0', '1', '2', '3', 's', 'z'].includes(optimize)) {
    throw new FaasmError('bad_request', `Bad optimization ${quote(optimize)}: one of 0 1 2 3 s z is wanted`);
  }
  const all = [...defines, ...includes, ...extra];
  if (all.length > flagsMaxCount) {
    throw new FaasmError(
      'bad_request',
      `${all.length} flags are too many for a build; ${flagsMaxCount} are allowed`,
    );
  }
  for (const flag of all) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (flag.length === 0 || flag.length > flagMaxBytes || /[\x00-\x1f]/.test(flag)) {
      throw new FaasmError(
        'bad_request',
        `Bad build flag ${quote(flag)}: empty, too long, or of several lines`,
      );
    }
  }
  return { optimize, defines, includes: includes.map(toTreePath), extra };
}

/** The sources by their place in the toolchain's own file tree. @throws FaasmError `bad_request`, `too_large` */
export function toBuildSources(sources: readonly SourceFile[]): SourceFile[] {
  if (sources.length > sourcesMaxCount) {
    throw new FaasmError(
      'too_large',
      `${sources.length} source files are too many; ${sourcesMaxCount} are allowed`,
    );
  }
  const placed = sources.map(({ path, text }) => ({ path: toTreePath(path), text }));
  const byteLength = placed.reduce((sum, { text }) => sum + text.length, 0);
  if (byteLength > sourcesMaxBytes) {
    throw new FaasmError('too_large', `The sources have ${byteLength} bytes; ${sourcesMaxBytes} are allowed`);
  }
  languageOfAll(placed.map(({ path }) => path));
  if (new Set(placed.map(({ path }) => path)).size < placed.length) {
    throw new FaasmError('bad_request', 'Two source files have the same path');
  }
  return placed;
}

/** Folders at the top of the tree that are the toolchain's own. */
const taken = new Set(['usr', 'tmp', '.faasm']);

/** A path without `.`, `..`, a root or a drive, as the toolchain's tree wants it. */
export function toTreePath(path: string): string {
  const names: string[] = [];
  for (const name of path
    .replaceAll('\\', '/')
    .replace(/^[A-Za-z]:/, '')
    .split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  if (taken.has(names[0] ?? '')) names.unshift('source');
  return names.join('/') || '.';
}
