import test from 'ava';
import { boundsMs, Durations } from '../../src/console/durations.ts';

test('Durations counts a duration in the first bucket that is as large', (t) => {
  const durations = new Durations();
  for (const ms of [0, 0.1, 0.11, 60_000, 60_001, 1e9]) durations.add(ms);
  t.is(durations.counts[0], 2);
  t.is(durations.counts[1], 1);
  t.is(durations.counts[boundsMs.length - 1], 1);
  t.is(durations.counts[boundsMs.length], 2);
  t.is(durations.count, 6);
});

test('percentileMs() is never below the true percentile and at most a bucket above', (t) => {
  let seed = 99;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  for (let round = 0; round < 100; round++) {
    const durations = new Durations();
    const all = Array.from({ length: 1 + Math.floor(random() * 50) }, () => 10 ** (random() * 5 - 1.5));
    for (const ms of all) durations.add(ms);
    all.sort((left, right) => left - right);
    for (const share of [0.5, 0.95, 1]) {
      const exact = all[Math.ceil(all.length * share) - 1]!;
      t.is(durations.percentileMs(share), boundsMs.find((bound) => bound >= exact)!);
    }
  }
});

test('percentileMs() of nothing is nothing', (t) => {
  const durations = new Durations();
  durations.add(1);
  durations.clear();
  t.is(durations.percentileMs(0.5), null);
});
