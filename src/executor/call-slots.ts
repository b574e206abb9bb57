/**
 * Which calls a thread has, each in a slot that both threads know: the control block, which they share, says how far
 * the call in a slot is (guest-gate.ts).
 */
import type { CallId } from '../../proto/names.ts';
import { claim, controlWords } from './guest-gate.ts';

/** The most calls that one executor holds at once, running, suspended or posted: the size of its claim table. */
export const executorSlots = 16_384;

export class CallSlots {
  readonly control = new SharedArrayBuffer(4 * (controlWords.claims + executorSlots));
  readonly #words = new Int32Array(this.control);
  readonly #slots = new Map<CallId, number>();
  readonly #ids: (CallId | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #withdrawn: number[] = [];

  constructor() {
    Atomics.store(this.#words, controlWords.current, -1);
  }

  take(id: CallId): number {
    const slot = this.#free.pop() ?? this.#passed() ?? this.#ids.length;
    this.#ids[slot] = id;
    this.#slots.set(id, slot);
    Atomics.store(this.#words, controlWords.claims + slot, claim.posted);
    return slot;
  }

  slotOf(id: CallId): number | undefined {
    return this.#slots.get(id);
  }

  /** Nothing when it has ended. */
  idOf(slot: number): CallId | undefined {
    return this.#ids[slot];
  }

  /** The thread is done with the call in it. */
  free(slot: number): CallId {
    const id = this.#ids[slot]!;
    this.#clear(id, slot);
    Atomics.store(this.#words, controlWords.claims + slot, claim.free);
    this.#free.push(slot);
    return id;
  }

  /** False when the call has begun, or is not here. */
  withdraw(id: CallId): boolean {
    const slot = this.#slots.get(id);
    if (slot === undefined || !this.#withdraw(slot)) return false;
    this.#clear(id, slot);
    this.#withdrawn.push(slot);
    return true;
  }

  /** All that have not begun; when the thread has ended. */
  withdrawAll(): CallId[] {
    return [...this.#slots.keys()].filter((id) => this.withdraw(id));
  }

  /** What the thread is doing. */
  sample(): { readonly turn: number; readonly current: CallId | undefined } {
    const current = Atomics.load(this.#words, controlWords.current);
    const turn = Atomics.load(this.#words, controlWords.turn);
    return { turn, current: current === -1 ? undefined : this.#ids[current] };
  }

  #clear(id: CallId, slot: number): void {
    this.#slots.delete(id);
    this.#ids[slot] = undefined;
  }

  /** A withdrawn slot that the thread has passed over, so that no message with it is under way any more. */
  #passed(): number | undefined {
    const at = this.#withdrawn.findIndex(
      (slot) => Atomics.load(this.#words, controlWords.claims + slot) === claim.free,
    );
    return at === -1 ? undefined : this.#withdrawn.splice(at, 1)[0];
  }

  #withdraw(slot: number): boolean {
    const { posted, withdrawn } = claim;
    const at = controlWords.claims + slot;
    return Atomics.compareExchange(this.#words, at, posted, withdrawn) === posted;
  }
}
