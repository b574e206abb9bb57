import { hostname } from 'node:os';
import test from 'ava';
import { HostNames } from '../../src/http/host-names.ts';

const set = ['faasm.example', '*.apps.example'];

const accepts = test.macro<[string]>({
  exec(t, authority) {
    const names = new HostNames(set);
    t.notThrows(() => names.check(authority));
    t.notThrows(() => names.check(authority), 'a second time');
  },
  title: (_, authority) => `HostNames takes ${authority}`,
});

const refuses = test.macro<[string, string?]>({
  exec(t, authority, code = 'misdirected') {
    t.throws(() => new HostNames(set).check(authority), { code });
  },
  title: (_, authority) => `HostNames refuses ${JSON.stringify(authority)}`,
});

for (const one of [
  'localhost',
  'LOCALHOST:8001',
  'a.b.localhost:1',
  '127.0.0.1:8001',
  '10.1.2.3',
  '[::1]:8001',
  '[::ffff:127.0.0.1]',
])
  test(accepts, one);
for (const one of ['faasm', hostname(), 'faasm.example', 'Faasm.Example.:443', 'a.b.apps.example:1'])
  test(accepts, one);
for (const one of [
  'evil.example',
  'localhost.evil.example',
  'apps.example',
  'xapps.example',
  '127.0.0.1.nip.io:8001',
])
  test(refuses, one);
for (const one of ['', 'a b', 'a/b', 'a:b', 'user@localhost', '[::1', '[dead:beef]'])
  test(refuses, one, 'bad_request');

test('HostNames takes any name where that is set', (t) => {
  t.notThrows(() => new HostNames(['*']).check('evil.example'));
});
