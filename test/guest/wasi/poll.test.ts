import test from 'ava';
import { GuestFault } from '../../../src/guest/guest-fault.ts';
import { right } from '../../../src/guest/wasi/rights.ts';
import { everyRight, Guest, memoryBytes, out } from './guest.ts';

const subscriptions = 8192;
const events = 16_384;

type Wanted =
  | { clock: number; timeoutNs: bigint; absolute?: boolean; flags?: number }
  | { read: number }
  | { write: number };

interface Happened {
  userdata: bigint;
  errno: number;
  type: number;
  bytes?: bigint;
  hangup?: boolean;
}

function subscribe(guest: Guest, wanted: readonly Wanted[]): void {
  const view = guest.memory.view();
  for (const [index, one] of wanted.entries()) {
    const at = subscriptions + index * 48;
    view.setBigUint64(at, 100n + BigInt(index), true);
    if ('clock' in one) {
      view.setUint8(at + 8, 0);
      view.setUint32(at + 16, one.clock, true);
      view.setBigUint64(at + 24, BigInt.asUintN(64, one.timeoutNs), true);
      view.setUint16(at + 40, one.flags ?? (one.absolute ? 1 : 0), true);
    } else {
      view.setUint8(at + 8, 'read' in one ? 1 : 2);
      view.setUint32(at + 16, 'read' in one ? one.read : one.write, true);
    }
  }
}

function happened(guest: Guest): Happened[] {
  const view = guest.memory.view();
  return Array.from({ length: guest.u32() }, (_, index) => {
    const at = events + index * 32;
    const type = view.getUint8(at + 10);
    const happening = { userdata: view.getBigUint64(at, true), errno: view.getUint16(at + 8, true), type };
    if (type === 0 || happening.errno !== 0) return happening;
    return {
      ...happening,
      bytes: view.getBigUint64(at + 16, true),
      hangup: view.getUint16(at + 24, true) === 1,
    };
  });
}

const atOnce = test.macro({
  title: (_, what: string) => `poll_oneoff() answers ${what} at once`,
  exec(t, _what: string, wanted: Wanted[], expected: Happened[], open: (guest: Guest) => unknown = () => {}) {
    const guest = new Guest({ stdin: 'hello', files: { f: '0123456789' } });
    open(guest);
    subscribe(guest, wanted);
    const answered = guest.answer('poll_oneoff', subscriptions, events, wanted.length, out);
    t.is(answered, 0);
    t.deepEqual(happened(guest), expected);
    t.deepEqual(guest.sleptMs, []);
  },
});

const second = 1_000_000_000n;
test(atOnce, 'the input', [{ read: 0 }], [{ userdata: 100n, errno: 0, type: 1, bytes: 5n, hangup: false }]);
test(
  atOnce,
  'the end of the input',
  [{ read: 0 }],
  [{ userdata: 100n, errno: 0, type: 1, bytes: 0n, hangup: true }],
  (guest) => guest.read(0, 10),
);
test(
  atOnce,
  'the outputs but no clock',
  [{ clock: 1, timeoutNs: second }, { write: 1 }, { write: 2 }],
  [
    { userdata: 101n, errno: 0, type: 2, bytes: 65_536n, hangup: false },
    { userdata: 102n, errno: 0, type: 2, bytes: 65_536n, hangup: false },
  ],
);
test(
  atOnce,
  'a file',
  [{ read: 4 }],
  [{ userdata: 100n, errno: 0, type: 1, bytes: 6n, hangup: false }],
  (guest) => guest.read(guest.open('f'), 4),
);
test(atOnce, 'a descriptor that is not open', [{ read: 9 }], [{ userdata: 100n, errno: 8, type: 1 }]);
test(
  atOnce,
  'the wrong direction',
  [{ read: 1 }, { write: 0 }],
  [
    { userdata: 100n, errno: 76, type: 1 },
    { userdata: 101n, errno: 76, type: 2 },
  ],
);
test(
  atOnce,
  'a lack of the right to poll',
  [{ read: 4 }],
  [{ userdata: 100n, errno: 76, type: 1 }],
  (guest) => guest.open('f', { rights: everyRight & ~right.pollFdReadwrite }),
);
test(
  atOnce,
  'a clock of no time',
  [
    { clock: 0, timeoutNs: 0n },
    { clock: 1, timeoutNs: second },
  ],
  [{ userdata: 100n, errno: 0, type: 0 }],
);
test(
  atOnce,
  'a time that has passed',
  [{ clock: 1, timeoutNs: 1n, absolute: true }],
  [{ userdata: 100n, errno: 0, type: 0 }],
);
test(
  atOnce,
  'an unknown clock',
  [
    { clock: 7, timeoutNs: 1n },
    { clock: 1, timeoutNs: second },
  ],
  [{ userdata: 100n, errno: 28, type: 0 }],
);
test(
  atOnce,
  'a clock of processor time',
  [
    { clock: 2, timeoutNs: 1n },
    { clock: 3, timeoutNs: 1n },
  ],
  [
    { userdata: 100n, errno: 58, type: 0 },
    { userdata: 101n, errno: 58, type: 0 },
  ],
);

const waits = test.macro({
  title: (_, what: string) => `poll_oneoff() waits ${what}`,
  async exec(t, _what: string, wanted: Wanted[], sleptMs: number[], userdata: bigint[]) {
    const guest = new Guest();
    subscribe(guest, wanted);
    const answered = guest.answer('poll_oneoff', subscriptions, events, wanted.length, out);
    t.true(answered instanceof Promise);
    t.is(await answered, 0);
    t.deepEqual(guest.sleptMs, sleptMs);
    t.deepEqual(
      happened(guest),
      userdata.map((id) => ({ userdata: id, errno: 0, type: 0 })),
    );
  },
});

test(waits, 'for a clock', [{ clock: 1, timeoutNs: 3_000_000n }], [3], [100n]);
test(waits, 'a whole millisecond for less', [{ clock: 0, timeoutNs: 1n }], [1], [100n]);
test(
  waits,
  'for the earliest',
  [
    { clock: 1, timeoutNs: second },
    { clock: 0, timeoutNs: 2_000_000n },
  ],
  [2],
  [101n],
);
test(
  waits,
  'once for all that come together',
  [
    { clock: 1, timeoutNs: 1_500_000n },
    { clock: 1, timeoutNs: 2_000_000n },
  ],
  [2],
  [100n, 101n],
);
test(
  waits,
  'until a time',
  [{ clock: 0, timeoutNs: 1_000_000_000_000n + 5_000_000n, absolute: true }],
  [5],
  [100n],
);
test(
  waits,
  'longer than a timer can',
  [{ clock: 1, timeoutNs: 2n ** 31n * 1_000_000n }],
  [2 ** 31 - 1, 1],
  [100n],
);

test('poll_oneoff() sleeps again when it was woken too early', async (t) => {
  const guest = new Guest();
  let wakes = 0;
  const pass = guest.pass.bind(guest);
  guest.pass = (durationNs) => pass(wakes++ === 0 ? durationNs / 2n : durationNs);
  subscribe(guest, [{ clock: 1, timeoutNs: 10_000_000n }]);
  t.is(await guest.wait('poll_oneoff', subscriptions, events, 1, out), 'success');
  t.deepEqual(guest.sleptMs, [10, 5]);
});

test('poll_oneoff() does not count its sleep as processor time', async (t) => {
  const guest = new Guest();
  guest.pass(7n);
  subscribe(guest, [{ clock: 1, timeoutNs: 10_000_000n }]);
  await guest.wait('poll_oneoff', subscriptions, events, 1, out);
  guest.call('clock_time_get', 2, 0n, out);
  t.is(guest.u64(), 7n);
});

test('poll_oneoff() writes into a memory that grew while it slept', async (t) => {
  const guest = new Guest();
  subscribe(guest, [{ clock: 1, timeoutNs: 10_000_000n }]);
  const answered = guest.answer('poll_oneoff', subscriptions, events, 1, out);
  guest.linearMemory.grow(1);
  t.is(await answered, 0);
  t.is(guest.u32(), 1);
});

for (const end of ['reset', 'begin'] as const) {
  test(`poll_oneoff() never writes to the next call: ${end}`, async (t) => {
    const guest = new Guest();
    subscribe(guest, [{ clock: 1, timeoutNs: 10_000_000n }]);
    const answered = guest.answer('poll_oneoff', subscriptions, events, 1, out) as Promise<number>;
    if (end === 'reset') guest.wasi.reset();
    else guest.begin();
    await t.throwsAsync(answered, { instanceOf: GuestFault });
    t.is(guest.u32(), 0);
  });
}

const refuses = test.macro({
  title: (_, expected: string, what: string) => `poll_oneoff() answers ${expected} for ${what}`,
  exec(
    t,
    expected: string,
    _what: string,
    parameters: [number, number, number, number],
    prepare: (guest: Guest) => void = () => {},
  ) {
    const guest = new Guest();
    subscribe(guest, [{ clock: 1, timeoutNs: 0n }]);
    prepare(guest);
    t.is(guest.call('poll_oneoff', ...parameters), expected);
  },
});

test(refuses, 'inval', 'no subscriptions', [subscriptions, events, 0, out]);
test(refuses, 'inval', 'too many subscriptions', [subscriptions, events, 4097, out]);
test(refuses, 'inval', 'a negative number of them', [subscriptions, events, -1, out]);
test(refuses, 'inval', 'an unknown type', [subscriptions, events, 1, out], (guest) =>
  guest.memory.view().setUint8(subscriptions + 8, 3),
);
test(refuses, 'inval', 'an unknown flag', [subscriptions, events, 1, out], (guest) =>
  subscribe(guest, [{ clock: 1, timeoutNs: 0n, flags: 2 }]),
);
test(refuses, 'fault', 'subscriptions outside', [memoryBytes - 47, events, 1, out]);
test(refuses, 'fault', 'events outside', [subscriptions, memoryBytes - 31, 1, out]);
test(refuses, 'fault', 'an answer outside', [subscriptions, events, 1, memoryBytes - 3]);
