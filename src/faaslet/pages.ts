/** The linear memory of a Faaslet: the snapshot under it, and how much real memory it holds. */
import { FaasmError } from '../../proto/errors.ts';
import type { GuestPages } from '../guest/port.ts';
import {
  type AttachedMemory,
  hostPageBytes,
  type MemoryImage,
  type MemoryPort,
  type PreparedImage,
} from '../memory/port.ts';

export class Pages implements GuestPages {
  readonly canMapSegments: boolean;
  readonly #port: MemoryPort;
  readonly #memory: WebAssembly.Memory | undefined;
  #attached: AttachedMemory | undefined;
  #resets = 0;
  #heldPages = 0;
  /** Since its last reset. */
  #counted = false;

  /** @param memory nothing of a module without one */
  constructor(port: MemoryPort, memory: WebAssembly.Memory | undefined) {
    this.canMapSegments = port.canMapSegments;
    this.#port = port;
    this.#memory = memory;
  }

  get byteLength(): number {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** From now on a reset shows this snapshot. @throws FaasmError `no_capacity` */
  attach(image: PreparedImage): void {
    if (this.#memory !== undefined) this.#attached = this.#port.attach(this.#memory, image);
  }

  /** One that no snapshot lies under is its own snapshot. */
  attached(): AttachedMemory {
    if (this.#attached !== undefined) return this.#attached;
    if (this.#memory === undefined) throw new FaasmError('guest_trapped', 'The module has no memory');
    const own = this.#port.prepare(this.#port.capture(this.#memory));
    this.#attached = this.#port.attach(this.#memory, own);
    this.#port.discard(own);
    return this.#attached;
  }

  capture(): MemoryImage | undefined {
    return this.#memory && this.#port.capture(this.#memory);
  }

  /** False when the snapshot cannot be shown again. */
  reset(): boolean {
    if (this.#attached !== undefined && !this.#attached.reset()) return false;
    this.#resets++;
    if (this.#counted || (this.#resets & (this.#resets - 1)) === 0) this.count();
    this.#counted = false;
    return true;
  }

  /** Looks how much real memory it holds. */
  count(): void {
    this.#heldPages = Math.ceil((this.#attached?.residentBytes() ?? 0) / hostPageBytes);
    this.#counted = true;
  }

  /** Pages of 4 KiB when they were last counted: after its 1st, 2nd, 4th, 8th … reset, or as it waited. */
  get held(): number {
    return this.#heldPages;
  }

  /** Frees them at once, whenever the instance is collected. */
  discard(): void {
    this.#attached?.discard();
  }
}
