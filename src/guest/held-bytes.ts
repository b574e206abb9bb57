/** What one call holds in the host's own memory, counted against what all calls may hold together. */

/** Of all calls together. */
export interface HeldMemory {
  /** Before the memory is taken. @throws FaasmError `guest_out_of_memory` */
  hold(bytes: number): void;
  release(bytes: number): void;
}

const anyAmount: HeldMemory = { hold() {}, release() {} };
/** Less than this is not counted. */
const heldMinBytes = 4096;

export class HeldBytes {
  readonly #memory: HeldMemory;
  #held = 0;

  constructor(memory: HeldMemory = anyAmount) {
    this.#memory = memory;
  }

  /** @returns what was counted @throws FaasmError `guest_out_of_memory` */
  hold(bytes: number): number {
    if (bytes < heldMinBytes) return 0;
    const counted = Math.ceil(bytes / heldMinBytes) * heldMinBytes;
    this.#memory.hold(counted);
    this.#held += counted;
    return counted;
  }

  /** @param counted that `hold` gave */
  release(counted: number): void {
    if (counted === 0) return;
    this.#memory.release(counted);
    this.#held -= counted;
  }

  /** The call is over. */
  reset(): void {
    this.release(this.#held);
  }
}
