/**
 * Memory as real pages, on Linux.
 *
 * A Proto-Faaslet is a memfd with the image at the same offsets as in the linear memory, holes where there is nothing,
 * sealed against every change. A Faaslet maps its runs private over its linear memory: copy-on-write, nothing is
 * copied at the start. A reset drops the dirty pages of the whole memory with one `madvise`: where the memfd is mapped
 * the image shows again, everywhere else zeros.
 *
 * V8 reserves a linear memory once, grows it in place and unmaps the reservation when the memory is collected, our
 * mappings with it. It may also move a memory that it could not reserve room for: then nothing of the above holds any
 * more, and the Faaslet can no longer be reset.
 */
import assert from 'node:assert';
import { fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { FaasmError } from '../../../proto/errors.ts';
import {
  adviceDontNeed,
  adviceNoHugePage,
  kernelRefused,
  type Libc,
  loadLibc,
  mapAnonymous,
  mapFixed,
  mapNoReserve,
  mapPrivate,
  memfdAllowSealing,
  memfdCloexec,
  mremapFixed,
  mremapMayMove,
  protRead,
  protWrite,
  sealGrow,
  sealSeal,
  sealShrink,
  sealWrite,
} from './libc.ts';
import { type MappingBudget, processMappingBudget } from './mapping-budget.ts';
import type { AttachedMemory, MemoryImage, MemoryPort, PreparedImage, Segment } from './port.ts';
import { readPrivateBytes } from './resident.ts';
import { captureImage, checkImage, eachRun, type Mapping, toMappings } from './runs.ts';
import { createMappedSegment, discardMappedSegment } from './segments.ts';
import { assertFits, findWindow, growToImage, growWindow, type Window } from './windows.ts';

const readWrite = protRead | protWrite;
const noPages = new Uint8Array(0);
/** V8's own for a linear memory: what can be accessed, and what is reserved. */
const reservationMappings = 2;
/** The window, and the rest of it behind a segment that is smaller. */
const windowMappings = 2;

/** @throws Error on a platform that cannot */
export function createMappedMemory(): MemoryPort {
  const libc = loadLibc();
  const budget = processMappingBudget();
  return {
    kind: 'mapped',
    canMapSegments: true,
    capture: captureImage,
    prepare: (image) => prepare(libc, image),
    discard: (prepared) => {
      if (isStillOpen(prepared)) libc.close(prepared.fd);
    },
    attach: (memory, prepared) => attach(libc, budget, memory, prepared),
    createSegment: (byteLength) => {
      budget.take(1);
      return createMappedSegment(libc, byteLength);
    },
    discardSegment: (segment) => discardMappedSegment(libc, segment),
  };
}

function prepare(libc: Libc, image: MemoryImage): PreparedImage {
  checkImage(image);
  const fd = libc.memfdCreate('faasm-proto', memfdCloexec | memfdAllowSealing);
  if (fd === -1) throw kernelRefused(libc, 'make a Proto-Faaslet');
  try {
    const last = toMappings(image.runs).at(-1);
    ftruncateSync(fd, last === undefined ? 0 : last.byteOffset + last.byteLength);
    eachRun(image.runs, (memoryOffset, pagesOffset, byteLength) => {
      writeAll(fd, image.pages.subarray(pagesOffset, pagesOffset + byteLength), memoryOffset);
    });
    if (libc.addSeals(fd, sealWrite | sealShrink | sealGrow | sealSeal) === -1) {
      throw kernelRefused(libc, 'seal a Proto-Faaslet');
    }
    const { byteLength, runs } = image;
    return { kind: 'mapped', byteLength, fd, identity: identify(fd), runs, pages: noPages };
  } catch (thrown) {
    libc.close(fd);
    if (thrown instanceof FaasmError) throw thrown;
    throw new FaasmError(
      'no_capacity',
      `Cannot fill a Proto-Faaslet: ${(thrown as Error).message}; add memory`,
      {
        cause: thrown,
      },
    );
  }
}

function attach(
  libc: Libc,
  budget: MappingBudget,
  memory: WebAssembly.Memory,
  prepared: PreparedImage,
): MappedFaaslet {
  assert(prepared.kind === 'mapped', 'the image was prepared to be copied, not mapped');
  growToImage(memory, prepared.byteLength);
  const mappings = toMappings(prepared.runs);
  budget.take(reservationMappings + 2 * mappings.length);
  const attached = new MappedFaaslet(libc, budget, memory);
  attached.lay(prepared, mappings);
  return attached;
}

class MappedFaaslet implements AttachedMemory {
  readonly #libc: Libc;
  readonly #budget: MappingBudget;
  readonly #memory: WebAssembly.Memory;
  readonly #address: number;
  readonly #windows: Window[] = [];
  #byteLength: number;
  #shownWindows = 0;
  #lost = false;

  constructor(libc: Libc, budget: MappingBudget, memory: WebAssembly.Memory) {
    this.#libc = libc;
    this.#budget = budget;
    this.#memory = memory;
    this.#address = libc.address(memory.buffer);
    this.#byteLength = memory.buffer.byteLength;
  }

  /** Puts the image under the memory, whatever instantiation has written into it. */
  lay(prepared: PreparedImage, mappings: readonly Mapping[]): void {
    const libc = this.#libc;
    // Huge pages would make the first byte of a heap cost 2 MiB; a kernel without them refuses, which is as good.
    libc.madvise(this.#address, this.#byteLength, adviceNoHugePage);
    const flags = mapPrivate | mapFixed | mapNoReserve;
    for (const { byteOffset, byteLength } of mappings) {
      const at = this.#address + byteOffset;
      if (libc.mmap(at, byteLength, readWrite, flags, prepared.fd, byteOffset) === -1) {
        if (libc.errno() === 'EBADF') throw discarded();
        throw this.#refused(byteOffset, byteLength, `map a Faaslet's memory`);
      }
    }
    // Asked after mapping: a number that is still the right file now was so before.
    if (!isStillOpen(prepared)) throw discarded();
    if (!this.reset()) throw kernelRefused(libc, `clear a Faaslet's memory`);
  }

  reset(): boolean {
    if (this.#memory.buffer.byteLength !== this.#byteLength || this.#lost) return false;
    if (this.#shownWindows > 0 && !this.#emptyWindows()) return false;
    return this.#libc.madvise(this.#address, this.#byteLength, adviceDontNeed) === 0;
  }

  residentBytes(): number {
    const { buffer } = this.#memory;
    return (
      readPrivateBytes(this.#libc.address(buffer), buffer.byteLength, this.#libc.pageBytes) ??
      buffer.byteLength
    );
  }

  growForWindow(byteLength: number): number {
    this.#budget.take(windowMappings);
    const window = growWindow(this.#memory, byteLength);
    this.#windows.push(window);
    this.#byteLength += window.byteLength;
    this.#lost ||= this.#libc.address(this.#memory.buffer) !== this.#address;
    return window.byteOffset;
  }

  mapSegment(segment: Segment, byteOffset: number): void {
    const window = findWindow(this.#windows, byteOffset);
    assertFits(segment, window);
    if (window.shownBytes > segment.byteLength) this.#empty(window);
    const from = this.#libc.address(segment.buffer);
    const to = this.#libc.address(this.#memory.buffer) + byteOffset;
    // A shared mapping whose old length is 0 is duplicated (mremap(2)).
    if (this.#libc.mremap(from, 0, segment.byteLength, mremapMayMove | mremapFixed, to) === -1) {
      throw this.#refused(byteOffset, segment.byteLength, 'map a state value');
    }
    if (window.shownBytes === 0) this.#shownWindows++;
    window.shownBytes = segment.byteLength;
  }

  unmapSegment(byteOffset: number): void {
    const window = findWindow(this.#windows, byteOffset);
    if (window.shownBytes > 0) this.#empty(window);
  }

  #emptyWindows(): boolean {
    try {
      for (const window of this.#windows) if (window.shownBytes > 0) this.#empty(window);
      return true;
    } catch {
      return false;
    }
  }

  #empty(window: Window): void {
    if (!this.#mapZeros(window.byteOffset, window.shownBytes)) {
      throw this.#refused(window.byteOffset, window.shownBytes, 'empty a window on state');
    }
    window.shownBytes = 0;
    this.#shownWindows--;
  }

  #mapZeros(byteOffset: number, byteLength: number): boolean {
    const flags = mapPrivate | mapAnonymous | mapFixed | mapNoReserve;
    const at = this.#libc.address(this.#memory.buffer) + byteOffset;
    return this.#libc.mmap(at, byteLength, readWrite, flags, -1, 0) !== -1;
  }

  /**
   * A fixed mapping that failed may have taken away what was there before. A hole in a linear memory would be filled
   * by the next thing that this process maps, for the guest to write to: so it is filled with zeros at once.
   */
  #refused(byteOffset: number, byteLength: number, what: string): FaasmError {
    const error = kernelRefused(this.#libc, `${what} (${byteLength} bytes)`);
    this.#mapZeros(byteOffset, byteLength);
    this.#lost = true;
    return error;
  }
}

function isStillOpen(prepared: PreparedImage): boolean {
  try {
    return identify(prepared.fd) === prepared.identity;
  } catch {
    return false;
  }
}

function identify(fd: number): string {
  const { dev, ino } = fstatSync(fd);
  return `${dev}:${ino}`;
}

function discarded(): FaasmError {
  return new FaasmError('internal', 'The Proto-Faaslet was discarded: ask for the function again');
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}
