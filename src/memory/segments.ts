/**
 * Segments: the bytes that state lives in.
 *
 * The buffer of a mapped segment is a SharedArrayBuffer with a declared maximum: V8 gives such a one whole pages of
 * its own, which it unmaps when the last thread has let go of it, and reserves no more address space than that (a
 * shared wasm memory reserves 8 GiB and costs milliseconds when it is large). A memfd is mapped over those pages; its
 * descriptor is closed at once, because the mapping keeps it, and a mapping can be duplicated by its address.
 */
import { ftruncateSync } from 'node:fs';
import { FaasmError } from '../../proto/errors.ts';
import {
  adviceRemove,
  kernelRefused,
  type Libc,
  mapFixed,
  mapShared,
  memfdCloexec,
  protRead,
  protWrite,
} from './libc.ts';
import type { Segment } from './port.ts';
import { toSegmentBytes } from './windows.ts';

export function createMappedSegment(libc: Libc, wantedBytes: number): Segment {
  const byteLength = toSegmentBytes(wantedBytes);
  const fd = libc.memfdCreate('faasm-state', memfdCloexec);
  if (fd === -1) throw kernelRefused(libc, 'make a state segment');
  try {
    ftruncateSync(fd, byteLength);
    return { byteLength, buffer: mapFile(libc, fd, byteLength, protRead | protWrite) };
  } finally {
    libc.close(fd);
  }
}

/** The bytes of a file themselves; writing to those of one that is mapped to be read ends the process. */
export function mapFile(libc: Libc, fd: number, byteLength: number, prot: number): SharedArrayBuffer {
  const buffer = allocate(byteLength, { maxByteLength: byteLength });
  if (byteLength === 0) return buffer;
  if (libc.mmap(libc.address(buffer), byteLength, prot, mapShared | mapFixed, fd, 0) === -1) {
    throw kernelRefused(libc, `map ${byteLength} bytes for all threads`);
  }
  return buffer;
}

/** Gives its pages back to the kernel, wherever they are mapped. */
export function discardMappedSegment(libc: Libc, segment: Segment): void {
  libc.madvise(libc.address(segment.buffer), segment.byteLength, adviceRemove);
}

/** One that no Faaslet can map. */
export function createPlainSegment(wantedBytes: number): Segment {
  const byteLength = toSegmentBytes(wantedBytes);
  return { byteLength, buffer: allocate(byteLength) };
}

function allocate(byteLength: number, options?: { maxByteLength: number }): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(byteLength, options);
  } catch (cause) {
    throw new FaasmError(
      'no_capacity',
      `No address space for ${byteLength} bytes that all threads share: evict idle Faaslets, or add memory`,
      { cause },
    );
  }
}
