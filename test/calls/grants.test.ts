import test from 'ava';
import { toUserName } from '../../proto/names.ts';
import { checkGrant, toGrants } from '../../src/calls/grants.ts';
import { showPlace, toPlace } from '../../src/calls/place.ts';

const grants = toGrants(
  '{"ada": ["s3://data/ada/", "redis:in:", "s3://own"], "*": ["s3://shared/{user}/", "redis:{user}:"]}',
);

const may = test.macro((t, user: string, place: string, granted: boolean) => {
  const check = () => checkGrant(grants, toUserName(user), place);
  if (granted) t.notThrows(check);
  else t.throws(check, { code: 'forbidden', message: /grant it in FAASM_GRANTS/ });
});

for (const [user, place, granted] of [
  ['ada', 's3://data/ada/x', true],
  ['ada', 's3://data/bob/x', false],
  ['ada', 's3://own/anything', true],
  ['ada', 's3://own2/anything', false],
  ['ada', 'redis:in:1', true],
  ['ada', 'redis:out:1', false],
  ['ada', 's3://shared/ada/x', true],
  ['ada', 's3://shared/bob/x', false],
  ['bob', 's3://shared/bob/x', true],
  ['bob', 's3://data/ada/x', false],
  ['bob', 'redis:bob:x', true],
] as const) {
  test(`checkGrant() lets ${user} ${granted ? 'use' : 'not use'} ${place}`, may, user, place, granted);
}

for (const text of ['{', '[]', '{"a": "s3://x"}', '{"a": [1]}', '{"a": ["http://x"]}']) {
  test(`toGrants() refuses ${text}`, (t) => {
    t.throws(() => toGrants(text), { code: 'bad_request' });
  });
}

test('toPlace() and showPlace() are each other’s opposite', (t) => {
  for (const text of ['redis:a b/c', 's3://bucket/a/b.c', 's3://b-1.c/é'])
    t.is(showPlace(toPlace(text)), text);
});

for (const text of [
  '',
  'x',
  'redis:',
  's3://b/',
  's3://B/x',
  's3://bucket',
  's3://bu/../x',
  's3://bu/a/../b',
  'redis:\n',
]) {
  test(`toPlace() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => toPlace(text), { code: 'bad_request' });
  });
}
