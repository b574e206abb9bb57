import test from 'ava';
import { boundsMs, Durations } from '../../src/console/durations.ts';

test('Durations counts a duration in the first bucket that is as large', (t) => {
  const durations = new Durations();
  for (const ms of [0, 0.025, 0.026, 60_000, 60_001, 1e9]) durations.add(ms);
  t.is(durations.counts[0], 2);
  t.is(durations.counts[1], 1);
  t.is(durations.counts[boundsMs.length - 1], 1);
  t.is(durations.counts[boundsMs.length], 2);
  t.is(durations.count, 6);
});
