/**
 * A guest's linear memory as host functions see it: every access is checked, and the view is taken afresh after a
 * `memory.grow`, which detaches the buffer.
 */
import { GuestFault } from './guest-fault.ts';

const utf8 = new TextDecoder();

export class GuestMemory {
  #memory: WebAssembly.Memory | undefined;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));

  /** Until a memory is given, every access is a fault: a start function runs before its exports are known. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#refresh();
  }

  /** The live bytes themselves, not a copy. @throws GuestFault when any of them is outside */
  bytes(pointer: number, byteLength: number): Uint8Array {
    const start = pointer >>> 0;
    const length = byteLength >>> 0;
    const all = this.all();
    if (start + length > all.length) throw GuestFault.outOfBounds(start, length, all.length);
    return all.subarray(start, start + length);
  }

  /** The bytes before the first NUL, live. @throws GuestFault when there is none within `maxBytes` */
  cString(pointer: number, maxBytes: number): Uint8Array {
    const start = pointer >>> 0;
    const all = this.all();
    const limit = Math.min(all.length, start + maxBytes + 1);
    const end = start < limit ? all.subarray(start, limit).indexOf(0) : -1;
    if (end === -1)
      throw new GuestFault(`No end of string within ${maxBytes} bytes of address ${start}`, true);
    return all.subarray(start, start + end);
  }

  /** @throws GuestFault */
  cStringText(pointer: number, maxBytes: number): string {
    return utf8.decode(this.cString(pointer, maxBytes).slice());
  }

  /** A view of all of it, good until the guest runs again. */
  view(): DataView {
    if (this.#view.buffer !== this.#memory?.buffer) this.#refresh();
    return this.#view;
  }

  /** All of it, live, good until the guest runs again. */
  all(): Uint8Array {
    if (this.#bytes.buffer !== this.#memory?.buffer) this.#refresh();
    return this.#bytes;
  }

  /** False where it cannot have so many pages more. */
  grow(pages: number): boolean {
    try {
      this.#memory?.grow(pages);
      return this.#memory !== undefined;
    } catch {
      return false;
    }
  }

  #refresh(): void {
    if (this.#memory === undefined)
      throw new GuestFault('The module called the host before its memory was there');
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}
