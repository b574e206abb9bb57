/**
 * Virtual time: what is to happen, in the order in which it happens, and a hash of all that did.
 *
 * Everything that happens belongs to a life, as the run of one host is: what belongs to a life that has ended does not
 * happen, and what belongs to one that stands still happens when it goes on. Between two events all that follows from
 * the first happens, so that a seed gives the same run each time.
 */
import { createSimRandom, type SimRandom } from './random.ts';

/** When virtual time begins, in Unix milliseconds. */
export const epochMs = 1_800_000_000_000;

/** Of one run of a host, a client, or of the world itself. */
export class Life {
  readonly name: string;
  isAlive = true;
  /** What happens to it while it stands still, in order. */
  frozen: Event[] | undefined;
  /** Its timers and messages that have not happened. */
  readonly pending = new Set<Event>();

  constructor(name: string) {
    this.name = name;
  }
}

export interface Event {
  readonly life: Life;
  atMs: number;
  order: number;
  readonly what: string;
  work: (() => void) | undefined;
  /** Where in the program it was set, where that is asked for. */
  by?: string | undefined;
}

const turn = setImmediate;

export class World {
  readonly random: SimRandom;
  readonly own = new Life('world');
  readonly #heap: Event[] = [];
  #order = 0;
  #hash = 0x811c9dc5;
  #hash2 = 0;
  /** Since the world began; with fractions. */
  nowMs = 0;
  events = 0;
  /** What was promised and not kept. */
  readonly violations: string[] = [];
  /** Whether it is kept where timers were set: that takes long. */
  tracksTimers = false;
  /** Told of everything that happens. */
  onEvent: (text: string) => void = () => {};

  constructor(seed: number) {
    this.random = createSimRandom(seed);
  }

  /** @param what it is, for the trace */
  after(delayMs: number, life: Life, what: string, work: () => void): Event {
    const atMs = this.nowMs + Math.max(0, delayMs);
    const event: Event = { life, atMs, order: ++this.#order, what, work };
    life.pending.add(event);
    this.#push(event);
    return event;
  }

  cancel(event: Event): void {
    if (event.work === undefined) return;
    event.work = undefined;
    event.life.pending.delete(event);
  }

  sleep(delayMs: number, life: Life = this.own): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, life, 'sleep', resolve));
  }

  /** @returns whether it is so, by then */
  async until(isSo: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.nowMs + withinMs;
    while (!isSo()) {
      if (this.violations.length > 0 || !(await this.#step(endMs))) return isSo();
    }
    return true;
  }

  async run(forMs: number): Promise<void> {
    await this.until(() => false, forMs);
  }

  freeze(life: Life): void {
    life.frozen ??= [];
  }

  thaw(life: Life): void {
    const events = life.frozen ?? [];
    life.frozen = undefined;
    for (const event of events) {
      event.atMs = this.nowMs;
      event.order = ++this.#order;
      this.#push(event);
    }
  }

  violated(what: string): void {
    this.#mix('violation');
    this.onEvent(`VIOLATION ${what}`);
    this.violations.push(`${(this.nowMs / 1000).toFixed(3)} s: ${what}`);
  }

  /** Two runs of one seed have traces that are the same. */
  trace(text: string): void {
    this.#mix(text);
    this.onEvent(text);
  }

  get hash(): string {
    return [this.#hash, this.#hash2].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  async #step(endMs: number): Promise<boolean> {
    const event = this.#pop();
    if (event === undefined || event.atMs > endMs) {
      if (event !== undefined) this.#push(event);
      this.nowMs = endMs;
      return false;
    }
    const { life, work } = event;
    if (work === undefined) return true;
    if (!life.isAlive) {
      this.cancel(event);
      return true;
    }
    if (life.frozen !== undefined) {
      life.frozen.push(event);
      return true;
    }
    this.nowMs = Math.max(this.nowMs, event.atMs);
    this.events++;
    this.cancel(event);
    this.#mix(event.what);
    this.#mix(life.name);
    this.#mixNumber(Math.round(event.atMs * 1000));
    try {
      work();
    } catch (thrown) {
      this.violated(`${life.name}: ${thrown instanceof Error ? thrown.stack : thrown}`);
    }
    await new Promise((resolve) => turn(resolve));
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(event, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }

  #mix(text: string): void {
    for (let at = 0; at < text.length; at++) this.#mixNumber(text.charCodeAt(at));
  }

  /** FNV-1a, twice, the second over a rotation of the first. */
  #mixNumber(number: number): void {
    this.#hash = Math.imul(this.#hash ^ (number | 0), 0x01000193);
    this.#hash2 = Math.imul((this.#hash2 << 5) ^ (this.#hash2 >>> 27) ^ this.#hash, 0x9e3779b1);
  }
}

function isBefore(left: Event, right: Event): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
