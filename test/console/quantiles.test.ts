import test from 'ava';
import { Quantiles } from '../../src/console/quantiles.ts';
import { createRandom } from '../random.ts';

test('Quantiles of one duration are that duration', (t) => {
  for (const ms of [0, 0.0004, 0.07, 70, 12_345.678]) {
    const quantiles = new Quantiles();
    quantiles.add(ms);
    t.deepEqual([quantiles.atMs(0.5), quantiles.atMs(0.95)], [ms, ms]);
  }
});

test('Quantiles are within 1.1% of the true ones', (t) => {
  const random = createRandom(99);
  for (let round = 0; round < 100; round++) {
    const quantiles = new Quantiles();
    const all = Array.from({ length: 1 + random.below(50) }, () => 10 ** (random.below(5000) / 1000 - 1.5));
    for (const ms of all) quantiles.add(ms);
    all.sort((left, right) => left - right);
    for (const share of [0.01, 0.5, 0.95, 1]) {
      const exact = all[Math.ceil(all.length * share) - 1]!;
      const found = quantiles.atMs(share)!;
      t.true(Math.abs(found / exact - 1) < 0.011, `${found} of ${exact}`);
    }
  }
});

test('Quantiles of nothing are nothing', (t) => {
  const quantiles = new Quantiles();
  quantiles.add(1);
  quantiles.clear();
  t.is(quantiles.atMs(0.5), null);
  t.is(quantiles.count, 0);
});
