import test from 'ava';
import { wasiTable, wasiUnstableTable } from '../../../src/guest/wasi/table.ts';
import { Guest } from './guest.ts';

test('wasiTable has the 46 functions, and Wasi all of them', (t) => {
  t.is(Object.keys(wasiTable).length, 46);
  t.deepEqual(Object.keys(new Guest().wasi.functions).sort(), Object.keys(wasiTable).sort());
});

test('wasiTable lets only poll_oneoff wait', (t) => {
  const waiting = Object.entries(wasiTable).filter(([, { waits }]) => waits);
  t.deepEqual(
    waiting.map(([name]) => name),
    ['poll_oneoff'],
  );
});

test('wasiUnstableTable lacks sock_accept only', (t) => {
  t.deepEqual([...Object.keys(wasiUnstableTable), 'sock_accept'].sort(), Object.keys(wasiTable).sort());
  t.deepEqual(
    Object.keys(new Guest().wasi.pick(Object.keys(wasiTable), 'wasi_unstable')),
    Object.keys(wasiUnstableTable),
  );
});
