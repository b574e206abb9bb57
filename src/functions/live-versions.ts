/**
 * Which version of each function is live, as far as this host has heard. Changes have revisions, so one that comes
 * late never puts an older version back.
 */
import type { FunctionChanged } from '../../proto/messages.ts';

export interface LiveVersion {
  /** Nothing: the function is deleted. */
  readonly version: string | null;
  readonly revision: number;
  /** Where it is kept, as in HostStores. */
  readonly store: string;
  /** What a call of it computes, in microseconds; recent ones count most. Nothing until one has ended. */
  costUs: number | undefined;
}

/** Of deleted functions so many are remembered, so that an older change cannot bring them back. */
const deletedMax = 10_000;
/** How much the latest call counts in what a call costs. */
const latestWeight = 0.25;

export class LiveVersions {
  readonly #store: string;
  readonly #live = new Map<string, LiveVersion>();
  readonly #deleted = new Map<string, LiveVersion>();

  /** @param store where this host has its functions */
  constructor(store: string) {
    this.#store = store;
  }

  /** @param name as `user/name` */
  get(name: string): LiveVersion | undefined {
    return this.#live.get(name);
  }

  /** @returns whether it is news */
  hear({ user, name, version, revision, store }: FunctionChanged): boolean {
    const key = `${user}/${name}`;
    const known = this.#live.get(key) ?? this.#deleted.get(key);
    if (known !== undefined && !this.#replaces(known, { revision, store })) return false;
    const costUs = known?.version === version ? known.costUs : undefined;
    this.#live.delete(key);
    this.#deleted.delete(key);
    (version === null ? this.#deleted : this.#live).set(key, { version, revision, store, costUs });
    if (this.#deleted.size > deletedMax) this.#deleted.delete(this.#deleted.keys().next().value!);
    return true;
  }

  /** A function of this host's own store goes before one of the same name that others have in theirs. */
  #replaces(known: LiveVersion, heard: Pick<LiveVersion, 'revision' | 'store'>): boolean {
    if (known.store === heard.store) return heard.revision > known.revision;
    return heard.store === this.#store || known.store !== this.#store || known.version === null;
  }
}

/** One more call of it has ended. */
export function recordCost(live: LiveVersion, ranUs: number): void {
  live.costUs = live.costUs === undefined ? ranUs : live.costUs + (ranUs - live.costUs) * latestWeight;
}
