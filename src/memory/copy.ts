/**
 * Memory by copying, for every platform: a reset fills the gaps between the runs with zeros and copies the runs back.
 * It costs in proportion to the whole memory, because nothing tells which of it a call has changed.
 */
import assert from 'node:assert';
import type { AttachedMemory, MemoryPort, PreparedImage, Segment } from './port.ts';
import { captureImage, checkImage, eachRun } from './runs.ts';
import { createPlainSegment } from './segments.ts';
import { growToImage, growWindow } from './windows.ts';

export function createCopyMemory(): MemoryPort {
  return {
    kind: 'copy',
    canMapSegments: false,
    capture: captureImage,
    prepare: (image) => {
      checkImage(image);
      const { byteLength, runs } = image;
      return { kind: 'copy', byteLength, fd: -1, identity: '', runs, pages: toShared(image.pages) };
    },
    discard() {},
    attach,
    createSegment: createPlainSegment,
    discardSegment() {},
  };
}

function attach(memory: WebAssembly.Memory, prepared: PreparedImage): CopiedFaaslet {
  assert(prepared.kind === 'copy', 'the image was prepared to be mapped, not copied');
  growToImage(memory, prepared.byteLength);
  const attached = new CopiedFaaslet(memory, prepared);
  attached.reset();
  return attached;
}

class CopiedFaaslet implements AttachedMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #runs: readonly { readonly byteOffset: number; readonly bytes: Uint8Array }[];
  #byteLength: number;
  #view: Uint8Array;

  constructor(memory: WebAssembly.Memory, prepared: PreparedImage) {
    this.#memory = memory;
    this.#byteLength = memory.buffer.byteLength;
    this.#view = new Uint8Array(memory.buffer);
    const runs: { byteOffset: number; bytes: Uint8Array }[] = [];
    eachRun(prepared.runs, (byteOffset, pagesOffset, byteLength) => {
      runs.push({ byteOffset, bytes: prepared.pages.subarray(pagesOffset, pagesOffset + byteLength) });
    });
    this.#runs = runs;
  }

  reset(): boolean {
    const { buffer } = this.#memory;
    if (buffer.byteLength !== this.#byteLength) return false;
    if (this.#view.buffer !== buffer) this.#view = new Uint8Array(buffer);
    let end = 0;
    for (const { byteOffset, bytes } of this.#runs) {
      this.#view.fill(0, end, byteOffset);
      this.#view.set(bytes, byteOffset);
      end = byteOffset + bytes.length;
    }
    this.#view.fill(0, end);
    return true;
  }

  discard(): void {}

  residentBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  growForWindow(byteLength: number): number {
    const window = growWindow(this.#memory, byteLength);
    this.#byteLength += window.byteLength;
    return window.byteOffset;
  }

  mapSegment(_segment: Segment, _byteOffset: number): void {
    assert.fail('copied memory cannot show a segment: ask canMapSegments first');
  }

  unmapSegment(_byteOffset: number): void {}
}

/** The pages in memory that all threads share; as they are, when they are in such already. */
function toShared(pages: Uint8Array): Uint8Array {
  if (pages.buffer instanceof SharedArrayBuffer) return pages;
  const shared = new Uint8Array(new SharedArrayBuffer(pages.byteLength));
  shared.set(pages);
  return shared;
}
