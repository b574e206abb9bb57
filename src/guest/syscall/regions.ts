/**
 * Memory as `brk` and `mmap` give it: at the end of the linear memory, which grows for it. What was given back is given
 * out again. A page of the guest's libc has 64 KiB, as WebAssembly's has.
 */
import type { GuestMemory } from '../guest-memory.ts';

export const pageBytes = 65_536;

interface Region {
  readonly start: number;
  readonly length: number;
}

export class MemoryRegions {
  readonly #memory: GuestMemory;
  /** Where it is, and up to where the memory before it goes. */
  #break: { at: number; end: number } | undefined;
  #free: Region[] = [];

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Another call begins. */
  reset(): void {
    this.#break = undefined;
    this.#free = [];
  }

  /** Moves the break, or gives it where it cannot be there. @param address 0 asks for it */
  moveBreak(address: number): number {
    const end = this.#memory.all().length;
    this.#break ??= { at: end, end };
    if (address === 0) return this.#break.at;
    if (address > this.#break.end) {
      // Something else may be behind it by now.
      if (end !== this.#break.end || !this.#grow(address - end)) return this.#break.at;
      this.#break.end = this.#memory.all().length;
    }
    this.#break.at = address;
    return address;
  }

  /** Moves the break by so much and gives where it was: elsewhere, if something is behind it. Nothing where there is no room. */
  extend(byteLength: number): number | undefined {
    const end = this.#memory.all().length;
    this.#break ??= { at: end, end };
    if (end !== this.#break.end && this.#break.at + byteLength > this.#break.end)
      this.#break = { at: end, end };
    const { at } = this.#break;
    return this.moveBreak(at + byteLength) === at + byteLength ? at : undefined;
  }

  /** So many bytes of zeros; nothing where there is no room. */
  map(length: number): number | undefined {
    const wanted = roundUp(length);
    const at = this.#free.findIndex((region) => region.length >= wanted);
    if (at !== -1) {
      const [region] = this.#free.splice(at, 1);
      const { start } = region!;
      if (region!.length > wanted)
        this.#free.push({ start: start + wanted, length: region!.length - wanted });
      this.#memory.bytes(start, wanted).fill(0);
      return start;
    }
    const end = this.#memory.all().length;
    return this.#grow(wanted) ? end : undefined;
  }

  unmap(start: number, length: number): void {
    if (length > 0) this.#free.push({ start, length: roundUp(length) });
  }

  #grow(byteLength: number): boolean {
    return this.#memory.grow(Math.ceil(byteLength / pageBytes));
  }
}

function roundUp(byteLength: number): number {
  return Math.ceil(byteLength / pageBytes) * pageBytes;
}
