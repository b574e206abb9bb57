import test from 'ava';
import { checkMounts, toMount } from '../../src/run/mounts.ts';

const places = test.macro((t, text: string, folder: string, at: string) => {
  t.deepEqual(toMount(text, false), { folder, at, writable: false });
});

test('toMount() takes what is behind :: as the place', places, './in::/guest/x/', './in', 'guest/x');
test('toMount() takes / and . as the root', places, '/srv::/', '/srv', '');
test('toMount() has a folder where it is, when no place is given', places, './a/b', './a/b', 'a/b');
test('toMount() has the present folder as the root', places, '.', '.', '');

for (const text of ['', '::/x', 'a::', 'a::/x/../y', '../a', 'a\0::/x']) {
  test(`toMount() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => toMount(text, true), { code: 'bad_request', message: /\.\/folder::\/guest/ });
  });
}

const checks = test.macro((t, mounts: readonly [text: string, writable: boolean][], message?: RegExp) => {
  const check = () => checkMounts(mounts.map(([text, writable]) => toMount(text, writable)));
  if (message === undefined) t.notThrows(check);
  else t.throws(check, { code: 'bad_request', message });
});

test('checkMounts() lets a folder be in another that is not written back', checks, [
  ['a::/', false],
  ['b::/lib', true],
]);
test(
  'checkMounts() refuses two folders in one place',
  checks,
  [
    ['a::/x', false],
    ['b::x', false],
  ],
  /\/x/,
);
test(
  'checkMounts() refuses one in another that is written back',
  checks,
  [
    ['a::/x', true],
    ['b::/x/y', false],
  ],
  /\/x\/y is in \/x/,
);
test(
  'checkMounts() refuses one in the root that is written back',
  checks,
  [
    ['a::/', true],
    ['b::/y', false],
  ],
  /\/y is in/,
);
test('checkMounts() knows a name from what it begins with', checks, [
  ['a::/x', true],
  ['b::/xy', true],
]);
