/** The segments that one executor has open, so that using them again asks nobody. */
import type { StateKey, UserName } from '../../../proto/names.ts';
import type { Timers } from '../../power/port.ts';
import { nameOf } from '../core/value-name.ts';
import type { OpenAnswer } from './messages.ts';
import { isRetired, markUsed, removeMapping, type SegmentView, viewSegment } from './segment.ts';

export interface OpenSegment {
  readonly view: SegmentView;
  readonly mutexOwner: number;
  readonly exclusive: boolean;
  readonly immutable: boolean;
}

/** The oldest is closed when there are more; opening it again costs one message. */
const openMax = 1024;
/** A retired segment's memory is free only when no executor has it open. */
const sweepMs = 1000;

export class OpenSegments {
  readonly #open = new Map<string, OpenSegment>();
  /** How many calls of this executor have a segment mapped, and as whom. */
  readonly #mappings = new Map<SegmentView, { count: number; readonly mutexOwner: number }>();

  constructor(timers: Timers) {
    timers.every(sweepMs, () => this.#sweep()).unref();
  }

  /** Nothing: it has to be asked for. */
  get(user: UserName, key: StateKey): OpenSegment | undefined {
    const name = nameOf(user, key);
    const open = this.#open.get(name);
    if (open === undefined) return undefined;
    if (isRetired(open.view)) {
      this.#open.delete(name);
      return undefined;
    }
    markUsed(open.view);
    return open;
  }

  /** Whether there is a value. */
  put(user: UserName, key: StateKey, answer: OpenAnswer): boolean {
    const { segment, mutexOwner, exclusive, immutable } = answer;
    const name = nameOf(user, key);
    // One that is not retired is the present one. It stays, for its mappings are counted by its view.
    if (segment !== undefined && this.get(user, key) !== undefined) return true;
    this.#open.delete(name);
    if (segment === undefined) return false;
    this.#open.set(name, { view: viewSegment(segment), mutexOwner, exclusive, immutable });
    if (this.#open.size > openMax) this.#closeOldest();
    return true;
  }

  countMapping(view: SegmentView, mutexOwner: number): void {
    const known = this.#mappings.get(view);
    if (known === undefined) this.#mappings.set(view, { count: 1, mutexOwner });
    else known.count++;
  }

  dropMapping(view: SegmentView): void {
    const known = this.#mappings.get(view);
    if (known === undefined || --known.count > 0) return;
    this.#mappings.delete(view);
    removeMapping(view, known.mutexOwner);
  }

  #closeOldest(): void {
    for (const [name, { view }] of this.#open) {
      if (this.#mappings.has(view)) continue;
      this.#open.delete(name);
      return;
    }
  }

  #sweep(): void {
    for (const [name, { view }] of this.#open) if (isRetired(view)) this.#open.delete(name);
  }
}
