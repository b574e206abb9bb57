/**
 * The programs that have a warm Faaslet on a host, as its heartbeats tell of them: what changed since the one before,
 * and now and then all of them, for hosts that came later or missed one.
 */
import type { WarmChange } from '../../proto/messages.ts';

/** All are told in one of so many heartbeats. */
const wholeEvery = 30;
/** A host tells of so many programs at most, which are some 80 KB. */
export const warmMax = 1000;

export class WarmReport {
  #told: ReadonlySet<string> = new Set();
  #sinceWhole = wholeEvery;

  /** What to tell in the next heartbeat. */
  next(warm: Iterable<string>): WarmChange {
    const now = new Set(warm);
    const before = this.#told;
    this.#told = now;
    if (++this.#sinceWhole >= wholeEvery) {
      this.#sinceWhole = 0;
      return { whole: true, added: [...now], removed: [] };
    }
    return {
      whole: false,
      added: [...now].filter((key) => !before.has(key)),
      removed: [...before].filter((key) => !now.has(key)),
    };
  }
}

/** What a host that heard this knows: which programs came and went. */
export function hearWarm(known: Set<string>, change: WarmChange): void {
  if (change.whole) known.clear();
  for (const key of change.removed) known.delete(key);
  for (const key of change.added) if (known.size < warmMax) known.add(key);
}
