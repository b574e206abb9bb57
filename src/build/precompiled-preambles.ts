/**
 * Preambles, precompiled. One that is seen a second time is made after that build, when there has been no other for
 * a while, and so is there for the next edit of the same source.
 */
import { runLlvm, type Tree } from './llvm.ts';
import { isCpp, type SourceFile } from './options.ts';
import { preambleOf } from './preamble.ts';

/** Each has 8 to 16 MB. */
const keptMax = 6;
const seenMax = 100;

export interface PreambleUse {
  /** To compile with. */
  readonly flags: readonly string[];
  /** To put into the tree. */
  readonly files: readonly (readonly [path: string, content: string | Uint8Array])[];
}

interface Wanted {
  readonly key: string;
  readonly preamble: string;
  readonly compileFlags: readonly string[];
}

const header = '.faasm/preamble.h';
const precompiled = '.faasm/preamble.h.pch';
const none: PreambleUse = { flags: [], files: [] };

export class PrecompiledPreambles {
  /** By flags and text, the one used longest ago first; null where precompiling failed. */
  readonly #made = new Map<string, Uint8Array | null>();
  readonly #seen = new Set<string>();
  #wanted: Wanted | undefined;

  /** What is there for this source; when nothing is and it was asked for before, it is noted as wanted. */
  take(source: SourceFile, compileFlags: readonly string[]): PreambleUse {
    if (!isCpp(source.path) || typeof source.text !== 'string') return none;
    const preamble = preambleOf(source.text);
    if (preamble === undefined) return none;
    const key = JSON.stringify([compileFlags, preamble]);
    const made = this.#made.get(key);
    if (made === undefined) {
      if (this.#seen.has(key)) this.#wanted = { key, preamble, compileFlags };
      if (this.#seen.size >= seenMax) this.#seen.clear();
      this.#seen.add(key);
      return none;
    }
    this.#made.delete(key);
    this.#made.set(key, made);
    if (made === null) return none;
    return {
      flags: ['-include-pch', precompiled],
      files: [
        [header, preamble],
        [precompiled, made],
      ],
    };
  }

  /** Makes the one wanted last. */
  async make(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted === undefined) return;
    const tree: Tree = { '.faasm': { 'preamble.h': wanted.preamble } };
    const command = [...wanted.compileFlags, '-x', 'c++-header', header, '-o', precompiled];
    const { output } = await runLlvm(command, tree, precompiled);
    this.#made.set(wanted.key, output ?? null);
    for (const oldest of this.#made.keys()) {
      if (this.#made.size <= keptMax) break;
      this.#made.delete(oldest);
    }
  }
}
