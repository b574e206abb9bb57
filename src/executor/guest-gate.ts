/**
 * One guest at a time: which call is inside its guest on this executor, and who enters next.
 *
 * A guest leaves when it ends or waits, and comes back when what it waited for is there. Coming back takes a few
 * microtasks, so whoever wants in meanwhile queues here; that way the control block always names the call that
 * really computes, and the worker pool stops the right one.
 *
 * The control block is shared with the main thread: word 0 counts entries, word 1 is the slot of the call that is
 * inside or -1, and word 2 + slot says how far a posted call is.
 */
export const controlWords = { turn: 0, current: 1, claims: 2 } as const;

/** How far a posted call is; whoever changes `posted` first, by compare-and-exchange, has it. */
export const claim = { free: 0, posted: 1, started: 2, withdrawn: 3 } as const;

export class GuestGate {
  readonly #control: Int32Array;
  #inside = -1;
  readonly #queue: { id: number; slot: number; enter: () => void }[] = [];

  constructor(control: Int32Array) {
    this.#control = control;
    Atomics.store(control, controlWords.current, -1);
  }

  /**
   * Lets the call in at once, or when whoever is inside has left.
   * @param slot of the posted call that it is, or is a part of
   */
  enter(id: number, slot: number, enter: () => void): void {
    if (this.#inside === -1) this.#admit(id, slot, enter);
    else this.#queue.push({ id, slot, enter });
  }

  /** The call has ended or waits. Leaving twice is as leaving once. */
  leave(id: number): void {
    if (this.#inside !== id) return;
    this.#inside = -1;
    Atomics.store(this.#control, controlWords.current, -1);
    if (this.#queue.length > 0) queueMicrotask(() => this.#next());
  }

  #next(): void {
    if (this.#inside !== -1) return;
    const waiting = this.#queue.shift();
    if (waiting !== undefined) this.#admit(waiting.id, waiting.slot, waiting.enter);
  }

  #admit(id: number, slot: number, enter: () => void): void {
    this.#inside = id;
    Atomics.add(this.#control, controlWords.turn, 1);
    Atomics.store(this.#control, controlWords.current, slot);
    enter();
  }
}
