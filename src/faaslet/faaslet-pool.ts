/**
 * The Faaslets of an executor. One that has ended its call waits, reset, for the next call of its program; when the
 * host has too many, or they hold too much, the longest unused goes first.
 */
import { FaasmError } from '../../proto/errors.ts';
import { canWait } from '../guest/imports.ts';
import type { MappingBudget } from '../memory/mapping-budget.ts';
import { hostPageBytes } from '../memory/port.ts';
import { Faaslet, type FaasletPowers } from './faaslet.ts';
import type { FaasletBudget } from './faaslet-budget.ts';
import type { Program } from './program.ts';

export interface FaasletPoolParts {
  readonly powers: FaasletPowers;
  readonly budget: FaasletBudget;
  readonly mappings: MappingBudget;
  /** There is no room left, and nothing idle here: other executors may have some. */
  onCrowded(): void;
}

/** Of the stack of a call that can be suspended: the stack, and the guard below it. */
const stackMappings = 2;
/** What calls that nobody chained leave to chained ones, as those wait for these: room for some hundreds. */
const leftToChained = 4096;

/** A call with a smaller memory is counted only when it holds much of it for long. */
const reservedMinBytes = 4 * 1024 * 1024;
/** Of its memory, a call can have touched one of so many parts before it is counted. */
const uncountedShare = 16;

/** A look at what all executors hold takes a microsecond, and a quick call not much more. */
const checkEveryMs = 1;

/** How many of the idle ones make room at once: one of so many. */
const evictedShare = 8;

export class FaasletPool {
  readonly #parts: FaasletPoolParts;
  /** In order of use, the longest unused first. */
  readonly #idle = new Set<Faaslet>();
  readonly #idleByProgram = new Map<string, Faaslet[]>();
  /** Mappings of the stack that a call of the program has. */
  readonly #stacks = new WeakMap<Program, number>();
  /** The most pages that a call of the program was seen to hold. */
  readonly #mostPages = new WeakMap<Program, number>();
  /** Pages that a Faaslet was counted with. */
  readonly #counted = new WeakMap<Faaslet, number>();

  /** When there was memory for another call. */
  #checkedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: FaasletPoolParts) {
    this.#parts = parts;
  }

  /**
   * An idle one, or a new one that shows the program's snapshot.
   * @param chained whether another call may wait for this one
   * @throws what instantiation throws; FaasmError `no_capacity` when this process has no room for it now
   */
  take(program: Program, chained: boolean): Faaslet {
    const { mappings } = this.#parts;
    this.#checkMemory(chained);
    const stack = this.#stackOf(program);
    if (stack > 0) this.#withRoom(() => mappings.take(stack, chained ? 0 : leftToChained));
    try {
      return this.#reserve(this.#idleOf(program) ?? this.#withRoom(() => this.#create(program)), chained);
    } catch (thrown) {
      mappings.giveBack(stack);
      throw thrown;
    }
  }

  #idleOf(program: Program): Faaslet | undefined {
    const idle = this.#idleByProgram.get(program.key)?.pop();
    if (idle !== undefined) this.#idle.delete(idle);
    return idle;
  }

  /** Counts what its call may come to hold before it is counted. @throws FaasmError `no_capacity` */
  #reserve(faaslet: Faaslet, chained: boolean): Faaslet {
    if (faaslet.memoryBytes < reservedMinBytes) return faaslet;
    const { budget } = this.#parts;
    const counted = this.#counted.get(faaslet)!;
    const pages = this.#mostPages.get(faaslet.program) ?? faaslet.memoryBytes / hostPageBytes;
    if (pages <= counted) return faaslet;
    budget.change(0, pages - counted);
    this.#counted.set(faaslet, pages);
    while (budget.isFull(chained)) {
      if (this.evictSome()) continue;
      this.#close(faaslet);
      throw this.#noMemory();
    }
    return faaslet;
  }

  #noMemory(): FaasmError {
    this.#parts.onCrowded();
    return new FaasmError(
      'no_capacity',
      'Calls hold all memory that they may; wait for some to end, or raise FAASM_CALL_MEMORY_PER_USER_MAX_MIB and FAASM_FAASLETS_MAX_MIB',
    );
  }

  /** Its call has ended. @param wanted whether its program may be called again */
  giveBack(faaslet: Faaslet, wanted: boolean): void {
    this.#parts.mappings.giveBack(this.#stackOf(faaslet.program));
    // It ran for too short a time to hold more, or it was counted.
    if (faaslet.memoryBytes >= reservedMinBytes) {
      this.#learn(faaslet, faaslet.memoryBytes / uncountedShare / hostPageBytes);
    }
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

  /** Counts the memory of one whose call waits, and may hold much of it for long. */
  recount(faaslet: Faaslet): void {
    faaslet.countPages();
    this.#count(faaslet);
    this.#learn(faaslet, faaslet.heldPages);
  }

  #learn({ program }: Faaslet, pages: number): void {
    if (pages > (this.#mostPages.get(program) ?? -1)) this.#mostPages.set(program, pages);
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

  /** @throws FaasmError `no_capacity` while other calls hold all memory that they may */
  #checkMemory(chained: boolean): void {
    const nowMs = performance.now();
    if (nowMs - this.#checkedMs < checkEveryMs) return;
    while (this.#parts.budget.isFull(chained)) {
      if (this.evictSome()) continue;
      throw this.#noMemory();
    }
    this.#checkedMs = nowMs;
  }

  #stackOf(program: Program): number {
    let stack = this.#stacks.get(program);
    if (stack === undefined)
      this.#stacks.set(program, (stack = canWait(program.imports) ? stackMappings : 0));
    return stack;
  }

  #create(program: Program): Faaslet {
    const { powers, budget } = this.#parts;
    const faaslet = new Faaslet(program, powers);
    budget.change(1, 0);
    this.#counted.set(faaslet, 0);
    if (budget.isExceeded) this.#makeRoom();
    return faaslet;
  }

  /** Does it again for as long as idle ones can be thrown away for it. */
  #withRoom<T>(work: () => T): T {
    for (;;) {
      try {
        return work();
      } catch (thrown) {
        const noRoom =
          thrown instanceof RangeError || (thrown instanceof FaasmError && thrown.code === 'no_capacity');
        if (!noRoom) throw thrown;
        if (this.evictSome()) continue;
        this.#parts.onCrowded();
        if (thrown instanceof FaasmError) throw thrown;
        throw new FaasmError('no_capacity', `No room for another Faaslet: ${thrown.message}`, {
          cause: thrown,
        });
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
