import test from 'ava';
import { filetype } from '../../../src/guest/wasi/layout.ts';
import { Guest, memoryBytes, out, root } from './guest.ts';

const module = 'wasi_unstable';
const files = { 'a.txt': '0123456789' };

const seek = test.macro({
  title: (_, whence: number, expected: bigint | string) =>
    `fd_seek() of wasi_unstable from ${whence} goes to ${expected}`,
  exec(t, whence: number, expected: bigint | string) {
    const guest = new Guest({ files, module });
    const fd = guest.open('a.txt');
    guest.read(fd, 4);
    const answered = guest.call('fd_seek', fd, 1n, whence, out);
    t.is(answered === 'success' ? guest.u64() : answered, expected);
  },
});

test(seek, 0, 5n);
test(seek, 1, 11n);
test(seek, 2, 1n);
test(seek, 3, 'inval');
test(seek, -1, 'inval');

for (const name of ['fd_filestat_get', 'path_filestat_get']) {
  test(`${name}() of wasi_unstable counts links in 32 bits`, (t) => {
    const guest = new Guest({ files, module });
    guest.call('path_link', root, 0, 'a.txt', root, 'b.txt');
    const ask = (at: number) =>
      name === 'fd_filestat_get'
        ? guest.call(name, guest.open('a.txt'), at)
        : guest.call(name, root, 0, 'a.txt', at);
    guest.memory.all().fill(0xff, 2048, 2048 + 60);
    t.is(ask(2048), 'success');
    t.is(guest.u32(2048 + 16), filetype.regularFile);
    t.is(guest.u32(2048 + 20), 2);
    t.is(guest.u64(2048 + 24), 10n);
    t.is(guest.u64(2048 + 48), guest.realtimeNs);
    t.is(guest.u32(2048 + 56), 0xffff_ffff, 'nothing is written after it');
    t.is(ask(memoryBytes - 55), 'fault');
  });
}

test('poll_oneoff() of wasi_unstable reads a clock after its identifier', async (t) => {
  const guest = new Guest({ module });
  const view = guest.memory.view();
  for (const [index, timeoutNs] of [9_000_000n, 4_000_000n].entries()) {
    const at = 2048 + index * 56;
    view.setBigUint64(at, 100n + BigInt(index), true);
    view.setBigUint64(at + 16, 999n, true);
    view.setUint32(at + 24, 1, true);
    view.setBigUint64(at + 32, timeoutNs, true);
  }
  t.is(await guest.wait('poll_oneoff', 2048, 3072, 2, out), 'success');
  t.deepEqual(guest.sleptMs, [4]);
  t.deepEqual([guest.u32(), guest.u64(3072)], [1, 101n]);
});

test('poll_oneoff() of wasi_unstable finds a descriptor', (t) => {
  const guest = new Guest({ module, stdin: 'abc' });
  guest.memory.view().setUint8(2048 + 8, 1);
  t.is(guest.call('poll_oneoff', 2048, 3072, 1, out), 'success');
  t.is(guest.u64(3072 + 16), 3n);
});
