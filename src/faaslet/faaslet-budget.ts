/**
 * How many Faaslets a host may have, and how much memory they may hold: counted in a table in shared memory, with a
 * row for each executor, so that all of them know and a killed one is not counted any more.
 *
 *   row: Faaslets, running and idle | pages of real memory that they were last seen to hold
 */
import assert from 'node:assert/strict';
import { hostPageBytes } from './memory/port.ts';

/** An instance with its JavaScript objects and page tables, beside the pages of its linear memory. */
const instancePages = 4;
const rowWords = 2;

export interface FaasletLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

export interface FaasletUse {
  readonly count: number;
  readonly bytes: number;
}

function useOf(words: Int32Array): FaasletUse {
  let count = 0;
  let pages = 0;
  for (let row = 0; row < words.length; row += rowWords) {
    count += Atomics.load(words, row);
    pages += Atomics.load(words, row + 1);
  }
  return { count, bytes: (pages + count * instancePages) * hostPageBytes };
}

/** The main thread's side: which executor has which row. */
export class FaasletTable {
  readonly buffer: SharedArrayBuffer;
  readonly #taken = new Set<number>();

  /** @param rows the most executors at once, those that are ending included */
  constructor(rows: number) {
    this.buffer = new SharedArrayBuffer(rows * rowWords * Int32Array.BYTES_PER_ELEMENT);
  }

  takeRow(): number {
    let row = 0;
    while (this.#taken.has(row)) row++;
    assert(
      row * rowWords * Int32Array.BYTES_PER_ELEMENT < this.buffer.byteLength,
      'more executors than rows',
    );
    this.#taken.add(row);
    return row;
  }

  use(): FaasletUse {
    return useOf(new Int32Array(this.buffer));
  }

  /** The executor is gone, and all its Faaslets with it. */
  freeRow(row: number): void {
    new Int32Array(this.buffer).fill(0, row * rowWords, (row + 1) * rowWords);
    this.#taken.delete(row);
  }
}

/** An executor's side. */
export class FaasletBudget {
  readonly #words: Int32Array;
  readonly #row: number;
  readonly #limits: FaasletLimits;

  constructor(table: SharedArrayBuffer, row: number, limits: FaasletLimits) {
    this.#words = new Int32Array(table);
    this.#row = row * rowWords;
    this.#limits = limits;
  }

  /** @param count of Faaslets, negative for those that are gone @param pages more, or fewer, than they held before */
  change(count: number, pages: number): void {
    Atomics.add(this.#words, this.#row, count);
    Atomics.add(this.#words, this.#row + 1, pages);
  }

  /** Whether all executors together have too many Faaslets, or too large ones. */
  get isExceeded(): boolean {
    const { count, bytes } = useOf(this.#words);
    return count > this.#limits.countMax || bytes > this.#limits.bytesMax;
  }
}
