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
