import test from 'ava';
import { toCallId, toUserName, userOfCall } from '../../proto/names.ts';
import { createCallIds } from '../../src/calls/call-id.ts';
import { nodePowers } from '../../src/power/node.ts';
import { createRandomIds } from '../../src/random-ids.ts';

test('createCallIds() makes ids that name their user and are never the same', (t) => {
  const newCallId = createCallIds(nodePowers.random);
  const users = ['demo', '-', 'a-b_c', '0123456789abcdefghijkl', 'x'.repeat(64)].map(toUserName);
  const ids = users.flatMap((user) => Array.from({ length: 1000 }, () => ({ user, id: newCallId(user) })));
  t.true(ids.every(({ user, id }) => toCallId(id, user) === id && userOfCall(id) === user));
  t.is(new Set(ids.map(({ id }) => id)).size, ids.length);
});

test('createRandomIds() has every character of base64url in every place', (t) => {
  const newId = createRandomIds(nodePowers.random);
  const seen = Array.from({ length: 22 }, () => new Set<string>());
  for (let count = 0; count < 4000; count++) {
    const id = newId();
    for (const [at, characters] of seen.entries()) characters.add(id[at]!);
  }
  t.deepEqual(
    seen.map(({ size }) => size),
    seen.map(() => 64),
  );
});
