import test from 'ava';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { type KeyedCall, KeyedCalls } from '../../src/scheduler/keyed-calls.ts';

const limits = { keptMs: 1000, perUserMax: 3, bytesPerUserMax: 100, bytesMax: 150 };
const call = (key: string, more: Partial<KeyedCall> = {}): KeyedCall => ({
  user: toUserName('ann'),
  function: toFunctionName('echo'),
  key,
  fingerprint: 'f',
  ...more,
});
const answer = (byteLength = 1) => ({ body: new Uint8Array(byteLength), headers: undefined });

test('KeyedCalls gives those that come again the answer of the first, before its end and after', async (t) => {
  const keyed = new KeyedCalls(limits);
  t.is(keyed.begin(call('a'), 0), undefined);
  const during = keyed.begin(call('a'), 1);
  const given = answer();
  keyed.end(call('a'), given, 2);
  t.is(await during, given);
  t.is(await keyed.begin(call('a'), 1001), given);
  t.is(keyed.begin(call('a'), 1002), undefined, 'it is forgotten in time');
});

test('KeyedCalls keeps users and functions apart, and refuses another call under a key', (t) => {
  const keyed = new KeyedCalls(limits);
  t.is(keyed.begin(call('a'), 0), undefined);
  t.is(keyed.begin(call('a', { user: toUserName('bob') }), 0), undefined);
  t.is(keyed.begin(call('a', { function: toFunctionName('other') }), 0), undefined);
  t.throws(() => keyed.begin(call('a', { fingerprint: 'g' }), 0), { code: 'idempotency_key_reused' });
});

test('KeyedCalls has a call run again that ended without an answer', async (t) => {
  const keyed = new KeyedCalls(limits);
  keyed.begin(call('a'), 0);
  const during = keyed.begin(call('a'), 1);
  keyed.end(call('a'), undefined, 2);
  t.is(await during, undefined);
  t.is(keyed.begin(call('a'), 3), undefined);
});

test('KeyedCalls forgets the oldest answers of a user that has too many, and of nobody else', (t) => {
  const keyed = new KeyedCalls(limits);
  const bob = call('b', { user: toUserName('bob') });
  keyed.begin(bob, 0);
  keyed.end(bob, answer(60), 0);
  for (const key of ['a', 'b', 'c', 'd']) {
    keyed.begin(call(key), 1);
    keyed.end(call(key), answer(40), 1);
  }
  t.is(keyed.begin(call('a'), 2), undefined);
  t.truthy(keyed.begin(call('d'), 2));
  t.truthy(keyed.begin(bob, 2));
});

test('KeyedCalls refuses more of one user than may run', (t) => {
  const keyed = new KeyedCalls(limits);
  for (const key of ['a', 'b', 'c']) keyed.begin(call(key), 0);
  t.throws(() => keyed.begin(call('d'), 0), { code: 'too_many_requests' });
  keyed.end(call('b'), answer(), 1);
  t.is(keyed.begin(call('d'), 2), undefined, 'one that has ended gives way');
});

test('KeyedCalls forgets old answers though a call that came before them still runs', (t) => {
  const keyed = new KeyedCalls(limits);
  keyed.begin(call('runs'), 0);
  keyed.begin(call('a'), 0);
  keyed.end(call('a'), answer(), 0);
  t.truthy(keyed.begin(call('a'), limits.keptMs - 1));
  t.is(keyed.begin(call('a'), limits.keptMs), undefined);
});

test('KeyedCalls forgets the oldest answers of anybody when all have too many bytes', (t) => {
  const keyed = new KeyedCalls(limits);
  const users = ['ann', 'bob', 'cy'].map((each) => call('a', { user: toUserName(each) }));
  for (const each of users) {
    keyed.begin(each, 0);
    keyed.end(each, answer(50), 0);
  }
  for (const each of users) t.truthy(keyed.begin(each, 1), 'just the limit is kept');
  const last = call('b');
  keyed.begin(last, 1);
  keyed.end(last, answer(1), 1);
  t.truthy(keyed.begin(last, 1));
  t.truthy(keyed.begin(users[1]!, 1));
  t.is(keyed.begin(users[0]!, 1), undefined);
});

test('KeyedCalls counts what it forgot no more', (t) => {
  const keyed = new KeyedCalls({ ...limits, perUserMax: 1, bytesPerUserMax: 10, bytesMax: 10 });
  for (let round = 0; round < 5; round++) {
    const each = call(`${round}`);
    t.is(keyed.begin(each, round * limits.keptMs), undefined);
    keyed.end(each, answer(10), round * limits.keptMs);
    t.truthy(keyed.begin(each, round * limits.keptMs), 'just the limit is kept');
  }
});
