export interface LoadResult {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly failures: number;
}

export function summarize(latenciesUs: number[], seconds: number, failures: number): LoadResult {
  latenciesUs.sort((left, right) => left - right);
  const at = (part: number): number => latenciesUs[Math.floor(latenciesUs.length * part)] ?? 0;
  return { perSecond: latenciesUs.length / seconds, p50Us: at(0.5), p99Us: at(0.99), failures };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
