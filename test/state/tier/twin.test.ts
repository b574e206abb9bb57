import test from 'ava';
import { Twin } from '../../../src/state/tier/twin.ts';
import { createRandom } from '../../random.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const told = (pieces: readonly { offset: number; bytes: Uint8Array }[]) =>
  pieces.map((piece) => `${piece.offset}:${Buffer.from(piece.bytes).toString('latin1')}`);

test('differences() gives the runs of bytes that were written here, in order', (t) => {
  const twin = new Twin();
  twin.set({ offset: 0, bytes: bytes('0123456789') });
  t.deepEqual(told(twin.differences({ offset: 0, bytes: bytes('0123456789') })), []);
  t.deepEqual(told(twin.differences({ offset: 0, bytes: bytes('x1xx4567 9') })), ['0:x', '2:xx', '8: ']);
  t.deepEqual(told(twin.differences({ offset: 4, bytes: bytes('4x') })), ['5:x']);
  t.deepEqual(told(twin.differences({ offset: 8, bytes: bytes('89ab') })), ['10:ab']);
});

test('cut() makes zeros of what is beyond', (t) => {
  const twin = new Twin();
  twin.set({ offset: 0, bytes: bytes('abcd') });
  twin.cut(2);
  t.deepEqual(told(twin.differences({ offset: 0, bytes: bytes('ab\0\0') })), []);
  t.deepEqual(told(twin.differences({ offset: 0, bytes: bytes('abcd') })), ['2:cd']);
});

test('merge() brings in what others wrote, where nothing was written here', (t) => {
  const twin = new Twin();
  twin.set({ offset: 0, bytes: bytes('aaaa') });
  const value = bytes('aXaa');
  twin.merge({ offset: 1, bytes: bytes('bbb') }, value);
  t.deepEqual(value, bytes('aXbb'));
  t.deepEqual(told(twin.differences({ offset: 0, bytes: value })), ['1:X']);
});

for (const seed of [31, 32, 33]) {
  test(`differences() and merge() lose nothing that either side wrote (seed ${seed})`, (t) => {
    const random = createRandom(seed);
    const size = 5000;
    const twin = new Twin();
    const global = random.bytes(size);
    twin.set({ offset: 0, bytes: global });
    const local = global.slice();
    const isMine = new Set<number>();
    for (let round = 0; round < 60; round++) {
      for (let writes = random.below(5); writes > 0; writes--) {
        const at = random.below(size);
        const own = random.below(2) === 0;
        // Both sides write, and never what the other has written and not told yet.
        if (own) isMine.add(at);
        else if (isMine.has(at)) continue;
        (own ? local : global)[at]!++;
      }
      const offset = random.below(size);
      const length = 1 + random.below(size - offset);
      twin.merge({ offset, bytes: global.slice(offset, offset + length) }, local);
      for (let at = offset; at < offset + length; at++) {
        if (!isMine.has(at) && local[at] !== global[at])
          t.fail(`round ${round}: byte ${at} was not brought in`);
      }
      if (round < 59 && random.below(4) > 0) continue;
      const pushed = twin.differences({ offset: 0, bytes: local });
      let last = -1;
      for (const piece of pushed) {
        t.true(piece.offset > last, 'runs have something between them');
        last = piece.offset + piece.bytes.length;
        global.set(piece.bytes, piece.offset);
        twin.set(piece);
      }
      for (const at of isMine)
        if (global[at] !== local[at]) t.fail(`round ${round}: byte ${at} was not pushed`);
      isMine.clear();
    }
    twin.merge({ offset: 0, bytes: global }, local);
    t.is(Buffer.compare(local, global), 0);
  });
}
