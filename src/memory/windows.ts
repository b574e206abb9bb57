/** How a Faaslet's memory grows: to the size of its image, and by windows, where segments can be shown. */
import assert from 'node:assert';
import { FaasmError } from '../../proto/errors.ts';
import { type Segment, segmentMaxBytes, wasmPageBytes } from './port.ts';

export interface Window {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** How much of it shows a segment, from its start; 0 when it is empty. */
  shownBytes: number;
}

/** A segment's length: whole wasm pages, one at least. @throws FaasmError `too_large` */
export function toSegmentBytes(byteLength: number): number {
  assert(Number.isSafeInteger(byteLength) && byteLength >= 0, `not a length in bytes: ${byteLength}`);
  if (byteLength > segmentMaxBytes) {
    throw new FaasmError(
      'too_large',
      `A state value of ${byteLength} bytes cannot be shared: ${segmentMaxBytes} is the most; split it over several keys`,
    );
  }
  return Math.max(1, Math.ceil(byteLength / wasmPageBytes)) * wasmPageBytes;
}

/** @throws FaasmError `no_capacity` */
export function growToImage(memory: WebAssembly.Memory, imageBytes: number): void {
  const missing = imageBytes - memory.buffer.byteLength;
  if (missing <= 0) return;
  try {
    memory.grow(missing / wasmPageBytes);
  } catch (cause) {
    throw new FaasmError(
      'no_capacity',
      `No room for a Faaslet's memory of ${imageBytes} bytes: evict idle Faaslets, or add memory`,
      { cause },
    );
  }
}

/** @throws FaasmError `guest_out_of_memory` when the memory may not grow that far */
export function growWindow(memory: WebAssembly.Memory, wantedBytes: number): Window {
  const byteLength = toSegmentBytes(wantedBytes);
  const byteOffset = memory.buffer.byteLength;
  try {
    memory.grow(byteLength / wasmPageBytes);
  } catch (cause) {
    throw new FaasmError(
      'guest_out_of_memory',
      `No room for a state value of ${wantedBytes} bytes in a memory of ${byteOffset} bytes: raise the function's memory limit, or read it in parts`,
      { cause },
    );
  }
  return { byteOffset, byteLength, shownBytes: 0 };
}

export function findWindow(windows: readonly Window[], byteOffset: number): Window {
  const window = windows.find((one) => one.byteOffset === byteOffset);
  assert(window !== undefined, `no window begins at ${byteOffset}`);
  return window;
}

export function assertFits(segment: Segment, window: Window): void {
  assert(
    segment.byteLength <= window.byteLength,
    `a segment of ${segment.byteLength} bytes does not fit a window of ${window.byteLength}`,
  );
}
