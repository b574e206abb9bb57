import test from 'ava';
import {
  bytes,
  choice,
  count,
  duration,
  type Kind,
  list,
  optional,
  Refusal,
  text,
} from '../../src/config/kinds.ts';
import { place, url } from '../../src/config/places.ts';
import { settingNames, settings } from '../../src/config/settings.ts';

const reads = test.macro({
  title: (about = '', _kind: Kind<unknown>, given: string) => `${about} reads ${JSON.stringify(given)}`,
  exec(t, kind: Kind<unknown>, given: string, value: unknown, shown: string = given) {
    t.deepEqual(kind.read(given), value);
    t.is(kind.show(value), shown);
    t.deepEqual(kind.read(shown), value, 'what is shown reads as the same');
  },
});

const refuses = test.macro({
  title: (about = '', _kind: Kind<unknown>, given: string) => `${about} refuses ${JSON.stringify(given)}`,
  exec(t, kind: Kind<unknown>, given: string) {
    t.throws(() => kind.read(given), { instanceOf: Refusal });
  },
});

test('count()', reads, count(), '1', 1);
test('count()', reads, count(), ' 7 ', 7, '7');
test('count()', reads, count({ zero: 'none' }), '0', 0);
test('count()', reads, count({ max: 9 }), '9', 9);
test('count()', reads, count(), '9007199254740991', Number.MAX_SAFE_INTEGER);
for (const given of [
  '',
  ' ',
  '0',
  '-1',
  '1.5',
  '1e3',
  '0x10',
  '+1',
  '1_000',
  'many',
  'Infinity',
  '9007199254740992',
])
  test('count()', refuses, count(), given);
test('count() with a range', refuses, count({ min: 2, max: 9 }), '1');
test('count() with a range', refuses, count({ min: 2, max: 9 }), '10');

test('bytes()', reads, bytes(), '1', 1, '1B');
test('bytes()', reads, bytes(), '67108864', 64 * 2 ** 20, '64MiB');
test('bytes()', reads, bytes(), '64MiB', 64 * 2 ** 20);
test('bytes()', reads, bytes(), '1GiB', 2 ** 30);
test('bytes()', reads, bytes(), '1.5GiB', 1.5 * 2 ** 30, '1536MiB');
test('bytes()', reads, bytes(), '1000B', 1000);
test('bytes()', reads, bytes({ zero: 'none' }), '0', 0);
test('bytes() of MiB', reads, bytes({}, 'MiB'), '512', 512 * 2 ** 20, '512MiB');
test('bytes() of MiB', reads, bytes({}, 'MiB'), '512KiB', 512 * 2 ** 10);
test('bytes() of MiB', reads, bytes({}, 'MiB'), '1000B', 1000);
for (const given of [
  '',
  '0',
  '64MB',
  '64mib',
  '64 MiB',
  'MiB',
  '-1MiB',
  '0.3B',
  '1.0000001KiB',
  '8388608TiB',
])
  test('bytes()', refuses, bytes(), given);
test('bytes() with a range', refuses, bytes({ max: 2 ** 20 }), '1025KiB');

test('duration()', reads, duration(), '30s', 30_000);
test('duration()', reads, duration(), '2m', 120_000);
test('duration()', reads, duration(), '500ms', 500);
test('duration()', reads, duration(), '1h', 3_600_000);
test('duration()', reads, duration(), '1.5s', 1500, '1500ms');
test('duration()', reads, duration(), '60000', 60_000, '1m');
test('duration()', reads, duration({ zero: 'never' }), '0', 0);
test('duration()', reads, duration({ zero: 'never' }), '0s', 0, '0');
for (const given of ['', '0', '0.5ms', '30sec', '2 m', '-1s', '1d', 's', '25000h', '2147483648'])
  test('duration()', refuses, duration(), given);
test('duration() of what is no timer', reads, duration({ max: 1e12 }), '1000h', 3.6e9);

test('choice()', reads, choice('auto', 'copy'), 'copy', 'copy');
for (const given of ['', 'Copy', ' copy', 'mapped']) test('choice()', refuses, choice('auto', 'copy'), given);

test('list()', reads, list(choice('a', 'b')), '', []);
test('list()', reads, list(choice('a', 'b')), 'a,b', ['a', 'b']);
test('list()', reads, list(choice('a', 'b')), ' b , ,a,', ['b', 'a'], 'b,a');
test('list()', refuses, list(choice('a', 'b')), 'a,c');

test('text()', reads, text(), 'x y', 'x y');
test('text()', refuses, text(), '');
test('optional()', reads, optional(text()), '', undefined);
test('optional()', reads, optional(text()), 'x', 'x');

const anywhere = place('folder', 's3', 'nats');
test('place()', reads, anywhere, '/srv/f', { kind: 'folder', path: '/srv/f' });
test('place()', reads, anywhere, 'file:///srv/f', { kind: 'folder', path: '/srv/f' }, '/srv/f');
test('place()', reads, anywhere, 's3://bucket', { kind: 's3', bucket: 'bucket', prefix: '' });
test(
  'place()',
  reads,
  anywhere,
  's3://bucket/a//b/',
  { kind: 's3', bucket: 'bucket', prefix: 'a/b/' },
  's3://bucket/a/b',
);
test('place()', reads, anywhere, 'nats://functions', { kind: 'nats', bucket: 'functions' });
for (const given of ['', 's3://', 's3://B', 'ftp://x', 'nats://a/b', 'nats://', 'file://host/x', 'redis://x'])
  test('place()', refuses, anywhere, given);
test('place() by words', reads, place('sqlite', 'redis'), 'redis', { kind: 'redis' });
test('place() by words', refuses, place('sqlite', 'redis'), 's3://bucket');

const server = url({ schemes: ['nats', 'tls'], form: 'nats://host:4222', byDefault: 'nats' });
test('url()', reads, server, 'nats://me:secret@host:4222', 'nats://me:secret@host:4222');
test('url()', reads, server, 'host:4222', 'host:4222');
test('url()', reads, server, '[::1]:4222', '[::1]:4222');
for (const given of ['', 'http://x', 'nats://', 'a b']) test('url()', refuses, server, given);
test('url() without a scheme', refuses, url({ schemes: ['http'], form: 'http://host' }), 'host:80');

for (const name of settingNames) {
  const { kind, default: byDefault, reason } = settings[name];
  test(`${name} has a default that it takes, and a reason for it`, (t) => {
    t.notThrows(() => kind.read(byDefault));
    t.is(reason === undefined, byDefault === '');
  });
  if (kind.zero !== undefined)
    test(`${name} takes the 0 that it explains`, (t) => void t.is(kind.read('0'), 0));
}
