/**
 * Which pages of a memory hold anything, and which ranges are worth a mapping. Pure arithmetic on pages of 4 KiB.
 *
 * A mapping is aligned to 64 KiB, so that it fits whatever page size the kernel has. Each costs the kernel an entry of
 * its table (`vm.max_map_count`), so near runs share one; what lies between them costs memory only when touched.
 */
import { FaasmError } from '../../proto/errors.ts';
import { hostPageBytes, type MemoryImage, wasmPageBytes } from './port.ts';

/** A range of a linear memory, in bytes; both are multiples of 64 KiB. */
export interface Mapping {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A gap of less than this is mapped along with its neighbours. */
export const mappingGapBytes = 1024 * 1024;
/** 12,000 Faaslets of 4 mappings each still fit beside V8's own under the default `vm.max_map_count` of 65,530. */
export const mappingsMax = 4;

const zeroPage = Buffer.alloc(hostPageBytes);

/** The runs of pages that are not all zero, as in MemoryImage. */
export function findRuns(bytes: Uint8Array): Uint32Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const runs: number[] = [];
  let first = -1;
  const pages = buffer.length / hostPageBytes;
  for (let page = 0; page < pages; page++) {
    const start = page * hostPageBytes;
    const isZero = buffer.compare(zeroPage, 0, hostPageBytes, start, start + hostPageBytes) === 0;
    if (!isZero && first === -1) first = page;
    if (isZero && first !== -1) {
      runs.push(first, page - first);
      first = -1;
    }
  }
  if (first !== -1) runs.push(first, pages - first);
  return Uint32Array.from(runs);
}

export function countPages(runs: Uint32Array): number {
  let pages = 0;
  for (let at = 1; at < runs.length; at += 2) pages += runs[at]!;
  return pages;
}

/** Calls `visit` with each run's offset in the memory, its offset in the image's pages, and its length, in bytes. */
export function eachRun(
  runs: Uint32Array,
  visit: (memoryOffset: number, pagesOffset: number, byteLength: number) => void,
): void {
  let pagesOffset = 0;
  for (let at = 0; at < runs.length; at += 2) {
    const byteLength = runs[at + 1]! * hostPageBytes;
    visit(runs[at]! * hostPageBytes, pagesOffset, byteLength);
    pagesOffset += byteLength;
  }
}

/** The fewest and tightest ranges that cover all runs: at most `mappingsMax`, parted at the widest gaps. */
export function toMappings(runs: Uint32Array): Mapping[] {
  const ranges: { start: number; end: number }[] = [];
  eachRun(runs, (offset, _, byteLength) => {
    const start = Math.floor(offset / wasmPageBytes) * wasmPageBytes;
    const end = Math.ceil((offset + byteLength) / wasmPageBytes) * wasmPageBytes;
    const last = ranges.at(-1);
    if (last !== undefined && start - last.end < mappingGapBytes) last.end = Math.max(last.end, end);
    else ranges.push({ start, end });
  });
  const gaps = ranges
    .slice(1)
    .map((range, index) => ({ index: index + 1, byteLength: range.start - ranges[index]!.end }));
  const kept = new Set(
    gaps
      .sort((a, b) => b.byteLength - a.byteLength)
      .slice(0, mappingsMax - 1)
      .map((gap) => gap.index),
  );
  const mappings: { start: number; end: number }[] = [];
  for (const [index, range] of ranges.entries()) {
    if (index === 0 || kept.has(index)) mappings.push({ ...range });
    else mappings.at(-1)!.end = range.end;
  }
  return mappings.map(({ start, end }) => ({ byteOffset: start, byteLength: end - start }));
}

/** @throws FaasmError `internal` unless the runs are ascending, inside the memory, and as long as the pages */
export function checkImage(image: MemoryImage): void {
  const { byteLength, runs, pages } = image;
  const bad = (why: string) =>
    new FaasmError('internal', `A memory image is damaged: ${why}; capture it again from the module`);
  if (!Number.isInteger(byteLength / wasmPageBytes))
    throw bad(`${byteLength} bytes are not whole wasm pages`);
  if (runs.length % 2 !== 0) throw bad('a run has no length');
  let end = 0;
  for (let at = 0; at < runs.length; at += 2) {
    if (runs[at]! < end || runs[at + 1] === 0) throw bad('its runs are not ascending');
    end = runs[at]! + runs[at + 1]!;
  }
  if (end * hostPageBytes > byteLength) throw bad('its runs reach beyond the memory');
  if (countPages(runs) * hostPageBytes !== pages.byteLength) {
    throw bad(`its runs have ${countPages(runs)} pages, its bytes ${pages.byteLength / hostPageBytes}`);
  }
}

/** Reads an image off a live memory. */
export function captureImage(memory: WebAssembly.Memory): MemoryImage {
  const bytes = new Uint8Array(memory.buffer);
  const runs = findRuns(bytes);
  const pages = new Uint8Array(new SharedArrayBuffer(countPages(runs) * hostPageBytes));
  eachRun(runs, (memoryOffset, pagesOffset, byteLength) => {
    pages.set(bytes.subarray(memoryOffset, memoryOffset + byteLength), pagesOffset);
  });
  return { byteLength: bytes.byteLength, runs, pages };
}
