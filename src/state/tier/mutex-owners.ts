/** The numbers by which executors own the mutexes of segments. A number is never given twice. */
import { stateActorOwner } from './segment-mutex.ts';

export class MutexOwners {
  readonly #numbers = new Map<string, number>();
  #last = stateActorOwner;

  numberOf(owner: string): number {
    const known = this.#numbers.get(owner);
    if (known !== undefined) return known;
    this.#numbers.set(owner, ++this.#last);
    return this.#last;
  }

  /** The owner is gone. @returns its number, if it had one */
  forget(owner: string): number | undefined {
    const number = this.#numbers.get(owner);
    this.#numbers.delete(owner);
    return number;
  }
}
