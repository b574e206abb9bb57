/** Durations counted in buckets, as a histogram has them. */

/** The upper bound of each bucket, in milliseconds, inclusive; one more bucket takes what is longer. */
export const boundsMs = [
  0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000,
] as const;

export class Durations {
  /** How many fell into each bucket. */
  readonly counts = new Array<number>(boundsMs.length + 1).fill(0);
  count = 0;
  sumMs = 0;

  add(durationMs: number): void {
    let bucket = 0;
    while (bucket < boundsMs.length && durationMs > boundsMs[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.count++;
    this.sumMs += durationMs;
  }
}
