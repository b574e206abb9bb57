/** Sources of C and C++ to objects, each by itself: what is kept of an earlier build is not compiled again. */
import { createHash } from 'node:crypto';
import { compilerVersion } from './compiler-version.ts';
import { KeptFiles } from './kept-files.ts';
import { languageOf } from './language.ts';
import { type LlvmRun, runLlvm, toTree } from './llvm.ts';
import type { SourceFile } from './options.ts';
import type { PreambleUse } from './precompiled-preambles.ts';

const objectsMaxBytes = 512 * 1024 * 1024;

type File = readonly [path: string, content: string | Uint8Array];

export class ObjectCompiler {
  readonly #files: readonly File[];
  readonly #kept: KeptFiles | undefined;
  #surroundings: Promise<string> | undefined;

  /** @param files all that sources may include. @param folder of kept objects; without one, none are kept */
  constructor(files: readonly File[], folder: string | undefined) {
    this.#files = files;
    this.#kept =
      folder === undefined ? undefined : new KeptFiles({ folder, ending: 'o', maxBytes: objectsMaxBytes });
  }

  async compile(
    { path, text }: SourceFile,
    compileFlags: readonly string[],
    takePreamble: () => PreambleUse = () => ({ flags: [], files: [] }),
  ): Promise<LlvmRun> {
    const key = await this.#keyOf(path, text, compileFlags);
    const found = await this.#kept?.find(key);
    if (found !== undefined) return { succeeded: true, output: found.bytes, text: found.text };
    const preamble = takePreamble();
    const object = `.faasm/${path}.o`;
    const run = await runLlvm(
      [...compileFlags, ...preamble.flags, '-c', path, '-o', object],
      toTree([...this.#files, [path, text], ...preamble.files]),
      object,
    );
    if (run.succeeded && run.output !== undefined) {
      await this.#kept?.keep(key, { bytes: run.output, text: run.text });
    }
    return run;
  }

  /** Makes room for what the next build keeps. */
  async prune(): Promise<void> {
    await this.#kept?.prune();
  }

  async #keyOf(path: string, text: string | Uint8Array, compileFlags: readonly string[]): Promise<string> {
    this.#surroundings ??= surroundingsOf(this.#files);
    const hash = createHash('sha256');
    hash.update(JSON.stringify([await this.#surroundings, compileFlags, path]));
    return hash.update(text).digest('hex');
  }
}

/** What an object depends on beside its own source: the compiler, and whatever may be included. */
async function surroundingsOf(files: readonly File[]): Promise<string> {
  const hash = createHash('sha256').update(await compilerVersion('C'));
  for (const [path, content] of includable(files)) {
    hash.update(JSON.stringify([path, content.length])).update(content);
  }
  return hash.digest('hex');
}

/** `#include "other.c"`, or a name that is made by a macro. */
const includesSource = /^[ \t]*#[ \t]*include[ \t]+(?:["<][^">\n]+\.(?:c|cc|cpp|cxx)[">]|\w)/m;

function includable(files: readonly File[]): readonly File[] {
  const isIncluded = files.some(([, content]) => typeof content === 'string' && includesSource.test(content));
  return isIncluded ? files : files.filter(([path]) => languageOf(path) === undefined);
}
