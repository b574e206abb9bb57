/**
 * The local tier's form of one value: shared memory that every thread of the host reads and writes in place.
 *
 *     control, in 32-bit words                                           data
 *     ┌───────┬─────────┬─────────┬──────┬───────┬──────┬──────────┬─────────┬────────┬───────┐   ┌──────────┐
 *     │ mutex │ waiters │ retired │ used │ dirty │ size │ capacity │ version │ mapped │ dirty │   │ capacity │
 *     │       │         │         │      │       │      │          │ 2 words │ 256    │ bits  │   │ bytes …  │
 *     └───────┴─────────┴─────────┴──────┴───────┴──────┴──────────┴─────────┴────────┴───────┘   └──────────┘
 *
 * - mutex: 0, or the number of the owner. See segment-mutex.ts.
 * - retired: this form is over, the state actor has another one, or none. Nobody writes to it any more.
 * - used: somebody touched it since the state actor last looked.
 * - dirty: size or bytes differ from what the global tier was given; a dirty bit says so of one chunk.
 * - version: the global tier's version that the clean bytes have.
 * - mapped: the numbers of the owners that have it in a guest's memory; such a segment is not retired to save memory.
 *
 * Invariants: data at or after `size` is zeros. A change sets its dirty bits before its bytes, so that a writer that
 * is stopped at any point leaves nothing unpushed. All of it but `used` and the dirty words is only touched under the
 * mutex. A guest that writes through a mapping is bound by none of this until it flags what it wrote.
 */
import { FaasmError } from '../../../proto/errors.ts';
import { chunkBytes, type Piece } from '../stores/port.ts';

/** Where a value's bytes are; more of them than were asked for where that costs nothing. */
export interface SegmentData {
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Zeroed. @throws FaasmError `no_capacity` */
export type AllocateData = (byteLength: number) => SegmentData;

/** Can be posted to a thread. */
export interface Segment {
  readonly control: SharedArrayBuffer;
  readonly data: SegmentData;
}

/** One thread's view of a segment. */
export interface SegmentView {
  readonly segment: Segment;
  readonly words: Int32Array;
  readonly version: Float64Array;
  /** All of the data: the capacity, and what may become capacity. */
  readonly data: Uint8Array;
}

export const word = {
  mutex: 0,
  waiters: 1,
  retired: 2,
  used: 3,
  dirty: 4,
  size: 5,
  capacity: 6,
  /** An even number: a float of 64 bits is 8-byte aligned. */
  version: 8,
  mapped: 10,
  dirtyBits: 266,
} as const;

/** As many executors as may have one value mapped at once. */
const mappedMax = word.dirtyBits - word.mapped;

/** @param capacityBytes how much of the data may be used so far; it can be raised in place */
export function createSegment(data: SegmentData, capacityBytes = data.byteLength): Segment {
  const bitWords = Math.ceil(data.byteLength / chunkBytes / 32);
  const control = new SharedArrayBuffer((word.dirtyBits + bitWords) * 4);
  new Int32Array(control)[word.capacity] = capacityBytes;
  return { control, data };
}

export function viewSegment(segment: Segment): SegmentView {
  const { control, data } = segment;
  return {
    segment,
    words: new Int32Array(control),
    version: new Float64Array(control, word.version * 4, 1),
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

/** A segment that is plain shared memory, for hosts without mapped pages. */
export const allocateShared: AllocateData = (byteLength) => ({
  buffer: new SharedArrayBuffer(byteLength),
  byteOffset: 0,
  byteLength,
});

export const sizeOf = ({ words }: SegmentView): number => words[word.size]! >>> 0;
export const capacityOf = ({ words }: SegmentView): number => words[word.capacity]! >>> 0;
export const isRetired = ({ words }: SegmentView): boolean => Atomics.load(words, word.retired) === 1;
export const isDirty = ({ words }: SegmentView): boolean => Atomics.load(words, word.dirty) === 1;

/** Of the chunk that has this offset. */
export function isDirtyAt({ words }: SegmentView, offset: number): boolean {
  const chunk = Math.floor(offset / chunkBytes);
  return (Atomics.load(words, word.dirtyBits + (chunk >>> 5)) & (1 << (chunk & 31))) !== 0;
}

export function retire({ words }: SegmentView, retired = true): void {
  Atomics.store(words, word.retired, retired ? 1 : 0);
}

/** All of it to another one, which is larger, under the mutex of this one; this one is retired. */
export function moveSegment(from: SegmentView, to: SegmentView): void {
  retire(from);
  const size = sizeOf(from);
  to.data.set(from.data.subarray(0, size));
  to.words[word.size] = size;
  to.version[0] = from.version[0]!;
  to.words.set(from.words.subarray(word.dirtyBits), word.dirtyBits);
  to.words[word.dirty] = from.words[word.dirty]!;
}

export function markUsed({ words }: SegmentView): void {
  if (words[word.used] === 0) Atomics.store(words, word.used, 1);
}

/** Whether it was touched since the last call. */
export function takeUsed({ words }: SegmentView): boolean {
  return Atomics.exchange(words, word.used, 0) === 1;
}

/** Copies as much as there is from `offset` on. @returns the number of bytes */
export function readBytes(view: SegmentView, offset: number, into: Uint8Array): number {
  const length = Math.max(0, Math.min(into.length, sizeOf(view) - offset));
  if (length > 0) into.set(view.data.subarray(offset, offset + length));
  return length;
}

/** Writes within the capacity; the value grows to hold it. @returns whether it was clean before */
export function writeBytes(view: SegmentView, offset: number, bytes: Uint8Array): boolean {
  const end = offset + bytes.length;
  if (end > capacityOf(view)) throw beyondCapacity(end, view);
  const wasClean = flagDirty(view, offset, bytes.length);
  view.data.set(bytes, offset);
  if (end > sizeOf(view)) view.words[word.size] = end;
  return wasClean;
}

/** Cuts off, or extends with zeros, within the capacity. @returns whether it was clean before */
export function setSize(view: SegmentView, sizeBytes: number): boolean {
  if (sizeBytes > capacityOf(view)) throw beyondCapacity(sizeBytes, view);
  const old = sizeOf(view);
  // What is cut off is dirty too: the value may grow over it again before it is pushed.
  const wasClean = flagDirty(view, sizeBytes, Math.max(0, old - sizeBytes));
  if (sizeBytes < old) view.data.fill(0, sizeBytes, old);
  view.words[word.size] = sizeBytes;
  return wasClean;
}

/** Says that these bytes, or with no length just the size, are to be pushed. @returns whether it was clean before */
export function flagDirty({ words, data }: SegmentView, offset: number, byteLength: number): boolean {
  if (byteLength > 0) {
    const last = Math.floor((Math.min(offset + byteLength, data.length) - 1) / chunkBytes);
    for (let chunk = Math.floor(offset / chunkBytes); chunk <= last; chunk++) {
      Atomics.or(words, word.dirtyBits + (chunk >>> 5), 1 << (chunk & 31));
    }
  }
  return Atomics.exchange(words, word.dirty, 1) === 0;
}

export interface DirtyPart {
  readonly sizeBytes: number;
  /** Copies of the dirty chunks, a run of neighbours in one piece. */
  readonly pieces: readonly Piece[];
  /** Where the next part begins; nothing when all chunks have been looked at. */
  readonly nextOffset: number | undefined;
}

/**
 * Takes the dirty chunks from an offset on, up to so many bytes. Parts are taken in one sweep from offset 0 to the
 * end; what becomes dirty again behind the sweep is for the next one. Nothing: it is clean.
 */
export function takeDirty(view: SegmentView, fromOffset: number, maxBytes: number): DirtyPart | undefined {
  const { words } = view;
  if (fromOffset === 0 && Atomics.exchange(words, word.dirty, 0) === 0) return undefined;
  const sizeBytes = sizeOf(view);
  const pieces: Piece[] = [];
  const chunks = Math.ceil(capacityOf(view) / chunkBytes);
  let chunk = fromOffset / chunkBytes;
  let runStart: number | undefined;
  const endRun = (): void => {
    const end = Math.min(chunk * chunkBytes, sizeBytes);
    if (runStart !== undefined && runStart < end) {
      pieces.push({ offset: runStart, bytes: view.data.slice(runStart, end) });
    }
    runStart = undefined;
  };
  for (let taken = 0; chunk < chunks && taken < maxBytes; chunk++) {
    if (takeBit(words, chunk)) {
      runStart ??= chunk * chunkBytes;
      taken += chunkBytes;
    } else endRun();
  }
  endRun();
  return { sizeBytes, pieces, nextOffset: chunk < chunks ? chunk * chunkBytes : undefined };
}

/** A push of this part failed: it is dirty as before. */
export function giveBackDirty(view: SegmentView, { pieces }: DirtyPart): void {
  flagDirty(view, 0, 0);
  for (const { offset, bytes } of pieces) flagDirty(view, offset, bytes.length);
}

/** Bytes of dirty chunks, at most; 0 when just the size differs, or nothing. */
export function dirtyBytes({ words }: SegmentView): number {
  let chunks = 0;
  for (let at = word.dirtyBits; at < words.length; at++) {
    for (let bits = words[at]!; bits !== 0; bits &= bits - 1) chunks++;
  }
  return chunks * chunkBytes;
}

/** @param owner over 0 @throws FaasmError `no_capacity` when too many owners have it */
export function addMapping({ words }: SegmentView, owner: number): void {
  for (let at = word.mapped; at < word.dirtyBits; at++) {
    if (words[at] === owner) return;
  }
  for (let at = word.mapped; at < word.dirtyBits; at++) {
    if (Atomics.compareExchange(words, at, 0, owner) === 0) return;
  }
  throw new FaasmError('no_capacity', `A state value is mapped by ${mappedMax} executors already`);
}

export function removeMapping({ words }: SegmentView, owner: number): void {
  for (let at = word.mapped; at < word.dirtyBits; at++) Atomics.compareExchange(words, at, owner, 0);
}

export function isMapped({ words }: SegmentView): boolean {
  for (let at = word.mapped; at < word.dirtyBits; at++) if (words[at] !== 0) return true;
  return false;
}

function takeBit(words: Int32Array, chunk: number): boolean {
  const at = word.dirtyBits + (chunk >>> 5);
  const bit = 1 << (chunk & 31);
  return (words[at]! & bit) !== 0 && (Atomics.and(words, at, ~bit) & bit) !== 0;
}

function beyondCapacity(end: number, view: SegmentView): FaasmError {
  return new FaasmError(
    'internal',
    `A write to ${end} bytes of a segment of ${capacityOf(view)} was not resized`,
  );
}
