import test from 'ava';
import type { HostStatus } from '../../proto/messages.ts';
import { toFunctionName, toHostId, toUserName } from '../../proto/names.ts';
import { Board } from '../../src/console/board.ts';
import type { SeenCall } from '../../src/console/seen-call.ts';

const here = toHostId('here');
const user = toUserName('demo');
const name = toFunctionName('echo');

const call = (change: Partial<SeenCall> = {}): SeenCall => ({
  id: 'c',
  user,
  function: name,
  host: here,
  endedAtMs: 100_000,
  durationMs: 3,
  outputBytes: 1,
  returnValue: 0,
  code: 'ok',
  message: null,
  stderr: null,
  ...change,
});

const whole = (...added: string[]) => ({ whole: true, added, removed: [] });

const status = (host: string, change: Partial<HostStatus> = {}): HostStatus => ({
  host: toHostId(host),
  instance: host,
  phase: 'serving',
  stores: { functions: 'a', state: 'b' },
  cores: 2,
  backlogUs: 0,
  executors: 2,
  activeCalls: 1,
  faaslets: 2,
  faasletBytes: 8192,
  queuedCalls: 0,
  capacity: 10,
  warmPrograms: 0,
  warm: whole(),
  ...change,
});

test('Board shows the newest calls first, and none older than five minutes', (t) => {
  const board = new Board(here);
  for (let n = 0; n < 450; n++) board.onCall(call({ id: String(n), endedAtMs: n * 1000 }), n * 1000);
  const ids = board.data(449_000).calls.map(({ id }) => id);
  t.is(ids.length, 200);
  t.deepEqual(ids.slice(0, 2), ['449', '448']);
  t.is(board.data(449_000 + 299_500).calls.length, 1);
  t.is(board.data(449_000 + 300_001).calls.length, 0);
});

test('Board counts calls by second, and forgets a second that comes round again', (t) => {
  const board = new Board(here);
  board.onCall(call({ durationMs: 0.2 }), 100_000);
  board.onCall(call({ durationMs: 40, code: 'guest_trapped' }), 100_900);
  board.onCall(call(), 101_000);
  const { seconds } = board.data(101_500);
  t.is(seconds.length, 120);
  t.like(seconds.at(-1), { calls: 2, failed: 1 });
  t.is(seconds.at(-1)!.p50Ms!.toFixed(1), '0.2');
  t.is(Math.round(seconds.at(-1)!.p95Ms!), 40);
  t.is(board.data(102_000).seconds.at(-1)!.calls, 1);
  t.is(
    board.data(300_000).seconds.reduce((sum, each) => sum + each.calls, 0),
    0,
  );
  board.onCall(call(), 221_000);
  t.is(board.data(222_000).seconds.at(-1)!.calls, 1);
});

test('Board drops a host that has said nothing for ten seconds', (t) => {
  const board = new Board(here);
  board.onHost(status('here', { warmPrograms: 2 }), 1000);
  board.onHost(status('there'), 8000);
  t.deepEqual(
    board.data(9000).hosts.map(({ host, silentMs, warmFunctions }) => [host, silentMs, warmFunctions]),
    [
      ['here', 8000, 2],
      ['there', 1000, 0],
    ],
  );
  t.deepEqual(
    board.data(11_001).hosts.map(({ host }) => String(host)),
    ['there'],
  );
  t.is(board.ownStatus(), undefined);
  board.onHost(status('there', { phase: 'gone' }), 11_002);
  t.deepEqual(board.data(11_003).hosts, []);
});

test('Board knows functions from calls, changes and what hosts have warm', (t) => {
  const board = new Board(here);
  board.onHost(status('here', { warm: whole('demo/echo@v1', 'demo/other@v1') }), 1000);
  board.onHost(status('there', { warm: whole('demo/echo@v1') }), 1000);
  board.onCall(call(), 1000);
  board.onCall(call({ code: 'guest_returned' }), 1000);
  board.onFunction({ user, name, version: 'v1' });
  t.deepEqual(board.data(1000).functions, [
    { user, name, version: 'v1', calls: 2, failed: 1, lastCallAtMs: 100_000, warmHosts: 2 },
  ]);
  board.onFunction({ user, name, version: null });
  t.deepEqual(board.data(1000).functions, []);
});

test('Board asks for the version of each function once', (t) => {
  const board = new Board(here);
  for (const each of ['a', 'b', 'c']) board.onCall(call({ function: each }), 1000);
  t.deepEqual(
    board.takeUnknown(2).map((each) => each.name),
    ['a', 'b'],
  );
  t.deepEqual(
    board.takeUnknown(2).map((each) => each.name),
    ['c'],
  );
  t.deepEqual(board.takeUnknown(2), []);
});

test('Board holds so many functions and hosts and no more', (t) => {
  const board = new Board(here);
  for (let n = 0; n < 1100; n++) {
    board.onCall(call({ function: `f${n}` }), 1000);
    board.onHost(status(`h${n}`), 1000);
  }
  const { functions, hosts } = board.data(1000);
  t.is(functions.length, 1000);
  t.is(hosts.length, 1000);
  t.true(functions.some((each) => each.name === 'f1099'));
});
