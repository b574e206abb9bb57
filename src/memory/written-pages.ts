/**
 * Which pages of a range have been written to and so are private, asked of the kernel with one `PAGEMAP_SCAN` ioctl
 * (Linux 6.7 and later, Documentation/admin-guide/mm/pagemap.rst).
 */
import { openSync } from 'node:fs';
import type { Libc } from './libc.ts';

/** _IOWR('f', 16, struct pm_scan_arg) */
const pagemapScan = 0xc0606610;
const pageIsFile = 1 << 2;
const pageIsPresent = 1 << 3;
const pageIsSwapped = 1 << 4;
const pageIsPfnZero = 1 << 5;

/** `struct pm_scan_arg`: words of 64 bits, by the place of their lower half. */
const argument = {
  size: 0,
  start: 4,
  end: 6,
  vector: 10,
  vectorLength: 12,
  maxPages: 14,
  categoryInverted: 16,
  categoryMask: 18,
  categoryAnyOf: 20,
  returnMask: 22,
} as const;
const argumentBytes = 96;
/** `struct page_region`: start, end, categories. */
const regionWords = 6;
const upper = 2 ** 32;

/** One for a thread; what it found is good until it is asked again. */
export class WrittenPages {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #maxBytes: number;
  readonly #argument = new Uint32Array(argumentBytes / Uint32Array.BYTES_PER_ELEMENT);
  readonly #argumentAddress: number;
  readonly #regions: Uint32Array;

  /** Nothing where the kernel cannot tell. @param maxPages the most that are of interest */
  static open(libc: Libc, maxPages: number): WrittenPages | undefined {
    if (maxPages === 0) return undefined;
    try {
      const pages = new WrittenPages(libc, openSync('/proc/self/pagemap', 'r'), maxPages);
      return pages.find(0, libc.pageBytes) === 0 ? pages : undefined;
    } catch {
      return undefined;
    }
  }

  private constructor(libc: Libc, fd: number, maxPages: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#maxBytes = maxPages * libc.pageBytes;
    this.#argumentAddress = libc.address(this.#argument.buffer);
    this.#regions = new Uint32Array((maxPages + 1) * regionWords);
    this.#set(argument.size, argumentBytes);
    this.#set(argument.vector, libc.address(this.#regions.buffer));
    this.#set(argument.vectorLength, maxPages + 1);
    this.#set(argument.maxPages, maxPages + 1);
    // Present or swapped out, and neither of a file nor the page of zeros that the kernel lends to whoever only reads.
    this.#set(argument.categoryInverted, pageIsFile | pageIsPfnZero);
    this.#set(argument.categoryMask, pageIsFile | pageIsPfnZero);
    this.#set(argument.categoryAnyOf, pageIsPresent | pageIsSwapped);
    this.#set(argument.returnMask, pageIsFile);
  }

  /** How many regions of such pages there are; -1 when they are more than the most, or the kernel fails. */
  find(address: number, byteLength: number): number {
    this.#set(argument.start, address);
    this.#set(argument.end, address + byteLength);
    const regions = this.#libc.ioctl(this.#fd, pagemapScan, this.#argumentAddress);
    let found = 0;
    for (let at = 0; at < regions; at++) found += this.end(at) - this.start(at);
    return found <= this.#maxBytes ? regions : -1;
  }

  /** The address where a region that was found begins. */
  start(region: number): number {
    return this.#region(region * regionWords);
  }

  end(region: number): number {
    return this.#region(region * regionWords + 2);
  }

  #region(at: number): number {
    return this.#regions[at]! + this.#regions[at + 1]! * upper;
  }

  #set(at: number, value: number): void {
    this.#argument[at] = value % upper;
    this.#argument[at + 1] = Math.floor(value / upper);
  }
}
