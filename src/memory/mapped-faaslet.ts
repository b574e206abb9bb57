/**
 * One linear memory over which a Proto-Faaslet's memfd is mapped.
 *
 * A reset drops the written pages of the whole memory with one `madvise`: where the memfd is mapped the image shows
 * again, everywhere else zeros. The next call then takes a page fault for each page that it writes, some 2.5 µs, and a
 * function tends to write the same few every time. So while they are few, a reset keeps the written pages and copies
 * the image into them, which takes a tenth of that; a Faaslet that is idle holds those pages, then.
 *
 * V8 reserves a linear memory once, grows it in place and unmaps the reservation when the memory is collected, our
 * mappings with it. It may also move a memory that it could not reserve room for: then nothing of the above holds any
 * more, and the Faaslet can no longer be reset.
 */
import type { FaasmError } from '../../proto/errors.ts';
import {
  adviceDontNeed,
  adviceNoHugePage,
  kernelRefused,
  type Libc,
  mapAnonymous,
  mapFixed,
  mapNoReserve,
  mapPrivate,
  mremapFixed,
  mremapMayMove,
  protRead,
  protWrite,
} from './libc.ts';
import type { MappingBudget } from './mapping-budget.ts';
import type { AttachedMemory, Segment } from './port.ts';
import { readPrivateBytes } from './resident.ts';
import type { Mapping } from './runs.ts';
import { assertFits, findWindow, growWindow, type Window } from './windows.ts';
import type { WrittenPages } from './written-pages.ts';

export interface MappedPowers {
  readonly libc: Libc;
  readonly budget: MappingBudget;
  /** Nothing when a reset drops all pages. */
  readonly written: WrittenPages | undefined;
}

const readWrite = protRead | protWrite;
/** The window, and the rest of it behind a segment that is smaller. */
const windowMappings = 2;

export class MappedFaaslet implements AttachedMemory {
  readonly #libc: Libc;
  readonly #budget: MappingBudget;
  readonly #written: WrittenPages | undefined;
  readonly #memory: WebAssembly.Memory;
  readonly #image: Uint8Array;
  readonly #mappings: readonly Mapping[];
  readonly #address: number;
  readonly #windows: Window[] = [];
  #byteLength: number;
  #bytes: Uint8Array;
  #shownWindows = 0;
  #lost = false;

  constructor(
    { libc, budget, written }: MappedPowers,
    memory: WebAssembly.Memory,
    image: Uint8Array,
    mappings: readonly Mapping[],
  ) {
    this.#libc = libc;
    this.#budget = budget;
    this.#written = written;
    this.#memory = memory;
    this.#image = image;
    this.#mappings = mappings;
    this.#address = libc.address(memory.buffer);
    this.#byteLength = memory.buffer.byteLength;
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** Puts the image under the memory, whatever instantiation has written into it. */
  lay(fd: number): void {
    const libc = this.#libc;
    // Huge pages would make the first byte of a heap cost 2 MiB; a kernel without them refuses, which is as good.
    libc.madvise(this.#address, this.#byteLength, adviceNoHugePage);
    const flags = mapPrivate | mapFixed | mapNoReserve;
    for (const { byteOffset, byteLength } of this.#mappings) {
      const at = this.#address + byteOffset;
      if (libc.mmap(at, byteLength, readWrite, flags, fd, byteOffset) === -1) {
        throw this.#refused(byteOffset, byteLength, `map a Faaslet's memory`);
      }
    }
    if (!this.#drop()) throw kernelRefused(libc, `clear a Faaslet's memory`);
  }

  reset(): boolean {
    const { buffer } = this.#memory;
    if (buffer.byteLength !== this.#byteLength || this.#lost) return false;
    if (this.#shownWindows > 0 && !this.#emptyWindows()) return false;
    const written = this.#written;
    const regions = written === undefined ? -1 : written.find(this.#address, this.#byteLength);
    if (written === undefined || regions === -1) return this.#drop();
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    for (let region = 0; region < regions; region++) {
      this.#restore(written.start(region) - this.#address, written.end(region) - this.#address);
    }
    return true;
  }

  discard(): void {
    const { buffer } = this.#memory;
    this.#libc.madvise(this.#libc.address(buffer), buffer.byteLength, adviceDontNeed);
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

  #drop(): boolean {
    return this.#libc.madvise(this.#address, this.#byteLength, adviceDontNeed) === 0;
  }

  /** Copies the image, and zeros where it has nothing, into pages that are this Faaslet's own already. */
  #restore(start: number, end: number): void {
    let at = start;
    for (const { byteOffset, byteLength } of this.#mappings) {
      const from = Math.max(at, byteOffset);
      const to = Math.min(end, byteOffset + byteLength);
      if (from >= to) continue;
      this.#bytes.fill(0, at, from);
      this.#bytes.set(this.#image.subarray(from, to), from);
      at = to;
    }
    this.#bytes.fill(0, at, end);
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
