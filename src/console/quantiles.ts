/** Quantiles of durations, to one in a hundred: those that are about as long are counted together. */

/** A duration is counted at the nearest power of 2 ** (1 / 32). */
const stepsPerDoubling = 32;
/** Shorter ones are as long as this. */
const leastMs = 0.001;

export class Quantiles {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #shortestMs = Number.POSITIVE_INFINITY;
  #longestMs = 0;

  get count(): number {
    return this.#count;
  }

  add(durationMs: number): void {
    const step = Math.round(Math.log2(Math.max(durationMs, leastMs)) * stepsPerDoubling);
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1);
    this.#count++;
    this.#shortestMs = Math.min(this.#shortestMs, durationMs);
    this.#longestMs = Math.max(this.#longestMs, durationMs);
  }

  clear(): void {
    this.#counts.clear();
    this.#count = 0;
    this.#shortestMs = Number.POSITIVE_INFINITY;
    this.#longestMs = 0;
  }

  /** The duration that this share of all is no longer than, in milliseconds; nothing when there are none. */
  atMs(share: number): number | null {
    if (this.#count === 0) return null;
    let left = Math.ceil(this.#count * share);
    for (const [step, count] of [...this.#counts].sort(([one], [other]) => one - other)) {
      left -= count;
      if (left > 0) continue;
      const aboutMs = 2 ** (step / stepsPerDoubling);
      return Math.min(Math.max(aboutMs, this.#shortestMs), this.#longestMs);
    }
    return this.#longestMs;
  }
}
