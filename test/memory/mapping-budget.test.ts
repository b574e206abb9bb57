import test from 'ava';
import { createMappingBudget } from '../../src/memory/mapping-budget.ts';

function start(max: number) {
  const kernel = { mappings: 0, counted: 0, nowMs: 0 };
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const create = () =>
    createMappingBudget({
      taken,
      max,
      count: () => {
        kernel.counted++;
        return kernel.mappings;
      },
      nowMs: () => kernel.nowMs,
    });
  return { kernel, create, budget: create() };
}

test('take() counts nothing before the estimate reaches the limit', (t) => {
  const { kernel, budget } = start(100);
  for (let turn = 0; turn < 25; turn++) budget.take(4);
  t.is(kernel.counted, 0);
  kernel.mappings = 100;
  t.throws(() => budget.take(1), { code: 'no_capacity', message: /vm\.max_map_count/ });
  t.is(kernel.counted, 1);
});

test('take() goes on when a count shows that mappings went away', (t) => {
  const { kernel, budget } = start(100);
  budget.take(100);
  kernel.mappings = 20;
  for (let turn = 0; turn < 20; turn++) budget.take(4);
  t.is(kernel.counted, 1);
  kernel.mappings = 100;
  kernel.nowMs = 1000;
  t.throws(() => budget.take(1), { code: 'no_capacity' });
});

test('take() counts once a second at the limit, and what it refused is not taken', (t) => {
  const { kernel, budget } = start(100);
  budget.take(98);
  kernel.mappings = 98;
  for (let turn = 0; turn < 50; turn++) t.throws(() => budget.take(4), { code: 'no_capacity' });
  t.is(kernel.counted, 1);
  budget.take(2);
  kernel.mappings = 0;
  kernel.nowMs = 1000;
  budget.take(4);
  t.is(kernel.counted, 2);
});

test('take() sees what other threads have taken', (t) => {
  const { kernel, create, budget } = start(100);
  create().take(60);
  budget.take(40);
  kernel.mappings = 100;
  t.throws(() => budget.take(1), { code: 'no_capacity' });
});

test('take() leaves to others what it is told to, and giveBack() gives back', (t) => {
  const { kernel, budget } = start(100);
  budget.take(80);
  kernel.mappings = 80;
  t.throws(() => budget.take(2, 20), { code: 'no_capacity' });
  budget.take(2);
  budget.giveBack(12);
  budget.take(2, 20);
  t.is(kernel.counted, 1);
});
