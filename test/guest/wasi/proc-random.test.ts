import test from 'ava';
import { GuestExit } from '../../../src/guest/guest-fault.ts';
import { Guest, memoryBytes, out } from './guest.ts';

for (const code of [0, 7, -1, 0x7fff_ffff]) {
  test(`proc_exit() ends the guest with ${code}`, (t) => {
    const thrown = t.throws(() => new Guest().call('proc_exit', code), { any: true });
    t.true((thrown as unknown) instanceof GuestExit);
    t.is((thrown as unknown as GuestExit).code, code);
  });
}

test('proc_raise() has no signals', (t) => {
  t.is(new Guest().call('proc_raise', 6), 'nosys');
});

test('sched_yield() goes on', (t) => {
  t.is(new Guest().call('sched_yield'), 'success');
});

for (const byteLength of [0, 1, 65_536, 65_537, 200_000]) {
  test(`random_get() fills ${byteLength} bytes and no more`, (t) => {
    const guest = new Guest();
    t.is(guest.call('random_get', out, byteLength), 'success');
    t.is(guest.memory.bytes(out, byteLength).indexOf(0), -1);
    t.is(guest.memory.all()[out - 1], 0);
    t.is(guest.memory.all()[out + byteLength], 0);
  });
}

test('random_get() answers fault outside the memory', (t) => {
  t.is(new Guest().call('random_get', memoryBytes - 3, 4), 'fault');
});
