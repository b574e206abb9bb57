import test from 'ava';
import { Guest, memoryBytes, out } from './guest.ts';

const clocks = ['realtime', 'monotonic', 'process cputime', 'thread cputime'];

for (const [id, name] of clocks.entries()) {
  test(`clock_res_get() knows the ${name} clock`, (t) => {
    const guest = new Guest();
    t.is(guest.call('clock_res_get', id, out), 'success');
    t.true(guest.u64() > 0n);
  });

  test(`clock_time_get() tells the ${name} clock`, (t) => {
    const guest = new Guest();
    const expected = [guest.realtimeNs, guest.monotonicNs, 0n, 0n][id]!;
    t.is(guest.call('clock_time_get', id, 0n, out), 'success');
    t.is(guest.u64(), expected);
    guest.pass(123n);
    guest.call('clock_time_get', id, 0n, out);
    t.is(guest.u64(), expected + 123n);
  });
}

test('clock_time_get() starts processor time anew for every call', (t) => {
  const guest = new Guest();
  guest.pass(1000n);
  guest.wasi.reset();
  guest.begin();
  guest.pass(5n);
  guest.call('clock_time_get', 2, 0n, out);
  t.is(guest.u64(), 5n);
});

for (const id of [4, -1]) {
  test(`clock_time_get() and clock_res_get() refuse clock ${id}`, (t) => {
    const guest = new Guest();
    t.is(guest.call('clock_time_get', id, 0n, out), 'inval');
    t.is(guest.call('clock_res_get', id, out), 'inval');
  });
}

test('clock_time_get() and clock_res_get() answer fault outside the memory', (t) => {
  const guest = new Guest();
  t.is(guest.call('clock_time_get', 0, 0n, memoryBytes - 7), 'fault');
  t.is(guest.call('clock_res_get', 0, memoryBytes - 7), 'fault');
});
