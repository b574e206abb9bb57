/**
 * How much real memory a range of addresses holds for itself, read from `/proc/self/pagemap` (Linux
 * Documentation/admin-guide/mm/pagemap.rst): one 64-bit word for each page, of which the upper half says what is asked.
 */
import { openSync, readSync } from 'node:fs';

const present = 1 << 31;
const swapped = 1 << 30;
const fileOrShared = 1 << 29;
/** Not set for the one page of zeros that the kernel lends to whoever only reads. */
const mappedOnce = 1 << 24;

const wordBytes = 8;
const words = new Uint32Array(16_384);
const batchPages = words.byteLength / wordBytes;

let pagemapFd: number | undefined;

/** In bytes; nothing where the kernel does not tell. */
export function readPrivateBytes(address: number, byteLength: number, pageBytes: number): number | undefined {
  let pages = 0;
  try {
    pagemapFd ??= openSync('/proc/self/pagemap', 'r');
    const total = byteLength / pageBytes;
    for (let first = 0; first < total; first += batchPages) {
      const wanted = Math.min(batchPages, total - first) * wordBytes;
      const position = (address / pageBytes + first) * wordBytes;
      if (readSync(pagemapFd, words, 0, wanted, position) !== wanted) return undefined;
      pages += countPrivate(wanted / wordBytes);
    }
  } catch {
    return undefined;
  }
  return pages * pageBytes;
}

function countPrivate(pages: number): number {
  let count = 0;
  for (let at = 1; at < pages * 2; at += 2) {
    const word = words[at]!;
    const isPrivate = (word & present) !== 0 && (word & fileOrShared) === 0 && (word & mappedOnce) !== 0;
    if (isPrivate || (word & swapped) !== 0) count++;
  }
  return count;
}
