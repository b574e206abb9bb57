/**
 * The Faaslets of an executor. One that has ended its call waits, reset, for the next call of its program; when the
 * host has too many, or they hold too much, the longest unused goes first.
 */
import { FaasmError } from '../../proto/errors.ts';
import { Faaslet, type FaasletPowers } from './faaslet.ts';
import type { FaasletBudget } from './faaslet-budget.ts';
import type { Program } from './program.ts';

export interface FaasletPoolParts {
  readonly powers: FaasletPowers;
  readonly budget: FaasletBudget;
  /** There is no room left, and nothing idle here: other executors may have some. */
  onCrowded(): void;
}

/** How many of the idle ones make room at once: one of so many. */
const evictedShare = 8;

export class FaasletPool {
  readonly #parts: FaasletPoolParts;
  /** In order of use, the longest unused first. */
  readonly #idle = new Set<Faaslet>();
  readonly #idleByProgram = new Map<string, Faaslet[]>();
  /** Pages that a Faaslet was counted with. */
  readonly #counted = new WeakMap<Faaslet, number>();

  constructor(parts: FaasletPoolParts) {
    this.#parts = parts;
  }

  /** An idle one, or a new one that shows the program's snapshot. @throws what instantiation throws, `no_capacity` */
  take(program: Program): Faaslet {
    const idle = this.#idleByProgram.get(program.key)?.pop();
    if (idle === undefined) return this.#create(program);
    this.#idle.delete(idle);
    return idle;
  }

  /** Its call has ended. @param wanted whether its program may be called again */
  giveBack(faaslet: Faaslet, wanted: boolean): void {
    if (!faaslet.reset() || !wanted) {
      this.#close(faaslet);
      return;
    }
    const { key } = faaslet.program;
    const same = this.#idleByProgram.get(key);
    if (same === undefined) this.#idleByProgram.set(key, [faaslet]);
    else same.push(faaslet);
    this.#idle.add(faaslet);
    if (faaslet.heldPages !== this.#counted.get(faaslet)) this.#count(faaslet);
  }

  /** No call of this program will come any more. */
  forget(program: string): void {
    const faaslets = this.#idleByProgram.get(program) ?? [];
    this.#idleByProgram.delete(program);
    for (const faaslet of faaslets) {
      this.#idle.delete(faaslet);
      this.#close(faaslet);
    }
  }

  /** Throws some idle ones away, at least one; false when there is none. */
  evictSome(): boolean {
    const count = Math.ceil(this.#idle.size / evictedShare);
    for (let at = 0; at < count; at++) this.#evictOldest();
    return count > 0;
  }

  #create(program: Program): Faaslet {
    const { powers, budget } = this.#parts;
    for (;;) {
      try {
        const faaslet = new Faaslet(program, powers);
        if (program.proto !== undefined) faaslet.attach(program.proto);
        budget.change(1, 0);
        this.#counted.set(faaslet, 0);
        if (budget.isExceeded) this.#makeRoom();
        return faaslet;
      } catch (thrown) {
        const noRoom =
          thrown instanceof RangeError || (thrown instanceof FaasmError && thrown.code === 'no_capacity');
        if (!noRoom) throw thrown;
        if (this.evictSome()) continue;
        this.#parts.onCrowded();
        throw thrown;
      }
    }
  }

  #count(faaslet: Faaslet): void {
    const { budget } = this.#parts;
    budget.change(0, faaslet.heldPages - this.#counted.get(faaslet)!);
    this.#counted.set(faaslet, faaslet.heldPages);
    if (budget.isExceeded) this.#makeRoom();
  }

  #makeRoom(): void {
    const { budget, onCrowded } = this.#parts;
    while (budget.isExceeded) {
      if (this.#evictOldest()) continue;
      onCrowded();
      return;
    }
  }

  #evictOldest(): boolean {
    const [oldest] = this.#idle;
    if (oldest === undefined) return false;
    this.#idle.delete(oldest);
    const same = this.#idleByProgram.get(oldest.program.key)!;
    same.splice(same.indexOf(oldest), 1);
    this.#close(oldest);
    return true;
  }

  #close(faaslet: Faaslet): void {
    this.#parts.budget.change(-1, -(this.#counted.get(faaslet) ?? 0));
    faaslet.close();
  }
}
