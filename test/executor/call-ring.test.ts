import test from 'ava';
import { CallRing, callRingBytes, followCallRing } from '../../src/executor/call-ring.ts';
import { createRandom } from '../random.ts';

interface Written {
  readonly numbers: readonly [number, number, number];
  readonly body: Uint8Array;
}

function drained(ring: CallRing): Written[] {
  const all: Written[] = [];
  ring.drain((first, second, third, body) => all.push({ numbers: [first, second, third], body }));
  return all;
}

test('drain() gives what write() took, in order, over many turns of the ring', (t) => {
  const seed = 20261123;
  const random = createRandom(seed);
  const ring = new CallRing(new SharedArrayBuffer(callRingBytes));
  let waiting: Written[] = [];
  let refused = 0;
  for (let step = 0; step < 4_000; step++) {
    const body = random.bytes(random.below(8) === 0 ? random.below(8192) : random.below(64));
    const numbers = [random.below(16_384), step, -1] as const;
    if (ring.write(...numbers, body)) waiting.push({ numbers, body });
    else refused++;
    if (random.below(20) !== 0) continue;
    t.deepEqual(drained(ring), waiting, `seed ${seed}, step ${step}`);
    waiting = [];
  }
  t.deepEqual(drained(ring), waiting);
  t.true(refused > 0, 'the ring was never full');
});

test('write() goes on when its positions pass 2^31 and 2^32', (t) => {
  const buffer = new SharedArrayBuffer(callRingBytes);
  const positions = new Int32Array(buffer, 0, 32);
  const body = new Uint8Array(5000).fill(7);
  for (const start of [2 ** 31 - 65_536, -65_536]) {
    positions.fill(start);
    const ring = new CallRing(buffer);
    for (let step = 0; step < 40; step++) {
      t.true(ring.write(step, 0, 0, body));
      t.deepEqual(drained(ring), [{ numbers: [step, 0, 0], body }]);
    }
  }
});

test('write() leaves what is unread where a record would begin anew at the start of the ring', (t) => {
  const ring = new CallRing(new SharedArrayBuffer(callRingBytes));
  const [headBytes, capacityBytes] = [16, 64 * 1024];
  ring.write(0, 0, 0, new Uint8Array(0));
  drained(ring);
  // So many bytes are left at the end, fewer than the record takes, and one empty record's at the start.
  const leftBytes = 24;
  const written: Written[] = [];
  for (let room = capacityBytes - headBytes - leftBytes; room > 0; ) {
    const size = room <= 8192 ? room : 4096;
    const body = new Uint8Array(size - headBytes).fill(written.length);
    t.true(ring.write(written.length, 1, 2, body));
    written.push({ numbers: [written.length, 1, 2], body });
    room -= size;
  }
  t.false(ring.write(9, 9, 9, new Uint8Array(leftBytes + 8 - headBytes)));
  t.deepEqual(drained(ring), written);
  t.true(ring.write(9, 9, 9, new Uint8Array(leftBytes + 8 - headBytes)));
});

test('write() refuses a body over 8 KiB, and writes nothing', (t) => {
  const ring = new CallRing(new SharedArrayBuffer(callRingBytes));
  t.false(ring.write(1, 2, 3, new Uint8Array(8193)));
  t.deepEqual(drained(ring), []);
});

test('followCallRing() reads what is written after it began to wait, until it is closed', async (t) => {
  const ring = new CallRing(new SharedArrayBuffer(callRingBytes));
  const read: number[] = [];
  let closed = false;
  const following = followCallRing(
    ring,
    (first) => void read.push(first),
    () => closed,
  );
  for (let turn = 0; turn < 3; turn++) {
    ring.write(turn, 0, 0, new Uint8Array(1));
    ring.wake();
    while (read.length <= turn) await new Promise((resolve) => setImmediate(resolve));
  }
  closed = true;
  ring.wake();
  await following;
  t.deepEqual(read, [0, 1, 2]);
});
