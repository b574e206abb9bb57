/** What of libc the host provides by name: all that its table says, and each of what is only there to be imported says so. */
import test from 'ava';
import { GuestFault } from '../../../src/guest/guest-fault.ts';
import { GuestMemory } from '../../../src/guest/guest-memory.ts';
import { findImport } from '../../../src/guest/imports.ts';
import { absentFunctions } from '../../../src/guest/libc/absent.ts';
import { createLibc, libcTable } from '../../../src/guest/libc/libc.ts';

const memory = new GuestMemory();
memory.attach(new WebAssembly.Memory({ initial: 1 }));

test('createLibc() has a function for every name of its table, and no other', (t) => {
  const libc = createLibc(memory, { call: () => 0 });
  t.deepEqual(Object.keys(libc).sort(), Object.keys(libcTable).sort());
});

test('createLibc() gives -1 for what failed, and an address of the upper half as it is', (t) => {
  const failing = createLibc(memory, { call: () => -12 });
  t.is(failing.__sbrk!(1), -1);
  t.is(failing.mmap!(0, 1, 3, 0x22, -1, 0n), -1);
  t.is(failing.getcwd!(8, 0), 0);
  t.is(failing.__wasi_fd_dup!(1, 8), 33);
  const high = createLibc(memory, { call: () => 0x9000_0000 });
  t.is(high.__sbrk!(1), 0x9000_0000);
});

test('absentFunctions end the call by their own name', (t) => {
  t.true(Object.keys(absentFunctions).length > 50);
  for (const [name, absent] of Object.entries(absentFunctions))
    t.throws(() => absent(), { instanceOf: GuestFault, message: `${name} is not provided to functions` });
});

for (const [name, signature] of [
  ['__sbrk', 'i:i'],
  ['mmap', 'iiiiiI:i'],
  ['__cxa_throw', 'iii:'],
  ['_Exit', 'i:'],
  ['__syscall_cp', 'iiiiiii:i'],
  ['__faasm_read_config', 'ii:'],
  ['__faasm_read_config', 'iii:i'],
  ['__faasm_read_state', 'iii:'],
  ['__faasm_read_state', 'iiii:'],
  ['__faasm_lock_state_global', 'i:'],
  ['__faasm_sm_reduce', 'iii:'],
  ['__faasm_sm_reduce', 'iiii:'],
] as const) {
  test(`findImport() knows ${name} of type (${signature})`, (t) => {
    t.is(findImport({ module: 'env', name, signature })?.signature, signature);
  });
}
