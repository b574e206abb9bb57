/**
 * Preambles, precompiled. One that is seen a second time is made after that build, when there has been no other for
 * a while, and so is there for the next edit of the same source.
 */
import { runLlvm, toTree } from './llvm.ts';
import { isCpp, type SourceFile } from './options.ts';
import { preambleOf } from './preamble.ts';

/** A precompiled preamble has 8 to 16 MB. */
const keptMax = 6;
const seenMax = 100;

type Files = readonly (readonly [path: string, content: string | Uint8Array])[];

export interface PreambleUse {
  /** To compile with. */
  readonly flags: readonly string[];
  /** To put into the tree. */
  readonly files: Files;
}

interface Wanted {
  readonly key: string;
  readonly preamble: string;
  readonly compileFlags: readonly string[];
  readonly headers: Files;
}

const header = '.faasm/preamble.h';
const precompiled = '.faasm/preamble.h.pch';
const none: PreambleUse = { flags: [], files: [] };

export class PrecompiledPreambles {
  /** By flags and text, the one used longest ago first; null where precompiling failed. */
  readonly #outputs = new Map<string, Uint8Array | null>();
  readonly #seen = new Set<string>();
  #wanted: Wanted | undefined;

  /**
   * What is there for this source; when nothing is and it was asked for before, it is noted as wanted.
   * @param headers that standard ones may bring in
   */
  take(source: SourceFile, compileFlags: readonly string[], headers: Files = []): PreambleUse {
    if (!isCpp(source.path) || typeof source.text !== 'string') return none;
    const preamble = preambleOf(source.text);
    if (preamble === undefined) return none;
    const key = JSON.stringify([compileFlags, preamble]);
    const output = this.#outputs.get(key);
    if (output === undefined) {
      if (this.#seen.has(key)) this.#wanted = { key, preamble, compileFlags, headers };
      if (this.#seen.size >= seenMax) this.#seen.clear();
      this.#seen.add(key);
      return none;
    }
    this.#outputs.delete(key);
    this.#outputs.set(key, output);
    if (output === null) return none;
    return {
      flags: ['-include-pch', precompiled],
      files: [
        [header, preamble],
        [precompiled, output],
      ],
    };
  }

  /** Makes the one wanted last. */
  async make(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted === undefined) return;
    const tree = toTree([...wanted.headers, [header, wanted.preamble]]);
    const command = [...wanted.compileFlags, '-x', 'c++-header', header, '-o', precompiled];
    const { output } = await runLlvm(command, tree, precompiled);
    this.#outputs.set(wanted.key, output ?? null);
    for (const oldest of this.#outputs.keys()) {
      if (this.#outputs.size <= keptMax) break;
      this.#outputs.delete(oldest);
    }
  }
}
