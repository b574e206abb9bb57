import test from 'ava';
import { fromStat, processorTimeMs } from '../../src/build/processor-time.ts';

test('fromStat() adds what was computed for the program and for the system', (t) => {
  t.is(fromStat('42 (node) S 1 1 1 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 7 0 1 2 3'), 2_000);
});

test('fromStat() reads past a name with parentheses and spaces', (t) => {
  t.is(fromStat('42 (a ) b (c) R 1 1 1 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 7 0 1 2 3'), 30);
});

test('processorTimeMs() has nothing of a process that is not there', async (t) => {
  t.is(await processorTimeMs(2 ** 30), undefined);
});

test('processorTimeMs() goes forward', async (t) => {
  const before = await processorTimeMs(process.pid);
  if (before === undefined) return t.pass('this system does not say');
  for (let after = before; after <= before; after = (await processorTimeMs(process.pid))!) {
    for (let n = 0; n < 1e7; n++) Math.sqrt(n);
  }
  t.pass();
});
