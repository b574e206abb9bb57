/**
 * How many Faaslets a host may have, and how much memory they and what is held for calls may take: counted in a table in
 * shared memory, with a row for each executor, so that all of them know and a killed one is not counted any more.
 *
 *   row: Faaslets, running and idle | pages of real memory that they were last seen to hold
 *        | KiB held for calls: inputs, outputs, what they chained | whose calls they are | KiB held for that user elsewhere
 *
 * An executor has the calls of one user at a time, so a row tells whose memory it is. The main thread has a row too.
 */
import assert from 'node:assert/strict';
import { FaasmError } from '../../proto/errors.ts';
import { hostPageBytes } from '../memory/port.ts';

/** An instance with its JavaScript objects and page tables, beside the pages of its linear memory. */
const instancePages = 4;
const rowWords = 5;
const word = { count: 0, pages: 1, heldKib: 2, user: 3, elsewhereKib: 4 } as const;
const kib = 1024;
const mib = 1024 * 1024;

export interface FaasletLimits {
  readonly countMax: number;
  readonly bytesMax: number;
  /** Of the calls of one user. */
  readonly userBytesMax: number;
}

export interface FaasletUse {
  readonly count: number;
  /** Of Faaslets. */
  readonly bytes: number;
  /** For calls, beside their Faaslets. */
  readonly heldBytes: number;
}

function useOf(words: Int32Array): FaasletUse {
  let count = 0;
  let pages = 0;
  let heldKib = 0;
  for (let row = 0; row < words.length; row += rowWords) {
    count += Atomics.load(words, row + word.count);
    pages += Atomics.load(words, row + word.pages);
    heldKib += Atomics.load(words, row + word.heldKib);
  }
  return { count, bytes: (pages + count * instancePages) * hostPageBytes, heldBytes: heldKib * kib };
}

/** On the executors that have calls of this user. */
function bytesOf(words: Int32Array, user: number): number {
  let bytes = 0;
  for (let row = 0; row < words.length; row += rowWords) {
    if (Atomics.load(words, row + word.user) !== user) continue;
    bytes += Atomics.load(words, row + word.pages) * hostPageBytes;
    bytes += Atomics.load(words, row + word.heldKib) * kib;
  }
  return bytes;
}

/** The main thread's side: which executor has which row, and what is held for calls here. */
export class FaasletTable {
  readonly buffer: SharedArrayBuffer;
  readonly limits: FaasletLimits;
  readonly #words: Int32Array;
  readonly #taken = new Set<number>();
  readonly #row: number;
  /** Of the users for whom something is held here. */
  readonly #heldKib = new Map<number, number>();

  /** @param rows the most executors at once, those that are ending included */
  constructor(rows: number, limits: FaasletLimits) {
    this.buffer = new SharedArrayBuffer((rows + 1) * rowWords * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(this.buffer);
    this.limits = limits;
    this.#row = this.takeRow();
  }

  takeRow(): number {
    let row = 0;
    while (this.#taken.has(row)) row++;
    assert(row * rowWords < this.#words.length, 'more executors than rows');
    this.#taken.add(row);
    return row;
  }

  use(): FaasletUse {
    return useOf(this.#words);
  }

  /** From now on the executor has calls of this user. */
  assign(row: number, user: string): void {
    const number = toUserNumber(user);
    Atomics.store(this.#words, row * rowWords + word.user, number);
    Atomics.store(this.#words, row * rowWords + word.elsewhereKib, this.#heldKib.get(number) ?? 0);
  }

  /** Whether so many bytes more may be held for a call of this user. */
  hasRoom(user: string, bytes: number): boolean {
    const number = toUserNumber(user);
    const { bytes: faaslets, heldBytes } = this.use();
    const own = bytesOf(this.#words, number) + (this.#heldKib.get(number) ?? 0) * kib;
    return faaslets + heldBytes + bytes <= this.limits.bytesMax && own + bytes <= this.limits.userBytesMax;
  }

  /** Counts what the main thread holds for a call of this user, until what it gives is called, once. */
  hold(user: string, bytes: number): () => void {
    const number = toUserNumber(user);
    const heldKib = Math.ceil(bytes / kib);
    this.#change(number, heldKib);
    let holds = true;
    return () => {
      if (holds) this.#change(number, -heldKib);
      holds = false;
    };
  }

  /** The executor is gone, and all its Faaslets with it. */
  freeRow(row: number): void {
    this.#words.fill(0, row * rowWords, (row + 1) * rowWords);
    this.#taken.delete(row);
  }

  #change(user: number, changeKib: number): void {
    const heldKib = (this.#heldKib.get(user) ?? 0) + changeKib;
    if (heldKib === 0) this.#heldKib.delete(user);
    else this.#heldKib.set(user, heldKib);
    Atomics.add(this.#words, this.#row * rowWords + word.heldKib, changeKib);
    for (let row = 0; row < this.#words.length; row += rowWords) {
      if (Atomics.load(this.#words, row + word.user) === user)
        Atomics.store(this.#words, row + word.elsewhereKib, heldKib);
    }
  }
}

/** Two users of one number, of which there are two thousand million, would share what one of them may have. */
function toUserNumber(user: string): number {
  let number = 1;
  for (let at = 0; at < user.length; at++) number = (Math.imul(number, 31) + user.charCodeAt(at)) | 0;
  return number === 0 ? 1 : number;
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
    Atomics.add(this.#words, this.#row + word.count, count);
    Atomics.add(this.#words, this.#row + word.pages, pages);
  }

  /** Counts what is about to be held for a call. @throws FaasmError `guest_out_of_memory` */
  hold(bytes: number): void {
    const { bytesMax, userBytesMax } = this.#limits;
    if (this.#userBytes() + bytes > userBytesMax) {
      throw outOfMemory('of its user', userBytesMax, 'FAASM_CALL_MEMORY_PER_USER_MAX_MIB');
    }
    const { bytes: faaslets, heldBytes } = useOf(this.#words);
    if (faaslets + heldBytes + bytes > bytesMax) {
      throw outOfMemory('on this host', bytesMax, 'FAASM_FAASLETS_MAX_MIB');
    }
    Atomics.add(this.#words, this.#row + word.heldKib, Math.ceil(bytes / kib));
  }

  release(bytes: number): void {
    Atomics.sub(this.#words, this.#row + word.heldKib, Math.ceil(bytes / kib));
  }

  /** Whether all executors together have too many Faaslets, or too large ones. */
  get isExceeded(): boolean {
    const { count, bytes, heldBytes } = useOf(this.#words);
    return count > this.#limits.countMax || bytes + heldBytes > this.#limits.bytesMax;
  }

  /**
   * Whether no call may begin beside those that hold what there is. @param chained others wait for such a call, so it
   * may use a quarter more
   */
  isFull(chained: boolean): boolean {
    const { bytesMax, userBytesMax } = this.#limits;
    const share = chained ? 1.25 : 1;
    if (this.#userBytes() >= share * userBytesMax) return true;
    const { bytes, heldBytes } = useOf(this.#words);
    return bytes + heldBytes >= share * bytesMax;
  }

  #userBytes(): number {
    const elsewhere = Atomics.load(this.#words, this.#row + word.elsewhereKib) * kib;
    return elsewhere + bytesOf(this.#words, Atomics.load(this.#words, this.#row + word.user));
  }
}

function outOfMemory(whose: string, bytesMax: number, setting: string): FaasmError {
  return new FaasmError(
    'guest_out_of_memory',
    `The calls ${whose} hold ${Math.round(bytesMax / mib)} MiB, which is the most; wait for some to end, or raise ${setting}`,
  );
}
