import test from 'ava';
import type { FunctionChanged } from '../../proto/messages.ts';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { LiveVersions, recordCost } from '../../src/functions/live-versions.ts';

const name = 'ada/f';

/** A change as `store revision version`, where `-` is a deletion. */
function toChange(text: string): FunctionChanged {
  const [store = '', revision, version = ''] = text.split(' ');
  return {
    user: toUserName('ada'),
    name: toFunctionName('f'),
    version: version === '-' ? null : version,
    revision: Number(revision),
    store,
  };
}

const hears = test.macro({
  title: (_, changes: string, expected: string) => `LiveVersions that heard ${changes} has ${expected}`,
  exec(t, changes: string, expected: string) {
    const versions = new LiveVersions('own');
    const news = changes.split(', ').map((each) => versions.hear(toChange(each)));
    const live = versions.get(name);
    t.is(live === undefined ? 'nothing' : `${live.store} ${live.version}`, expected);
    const count = new Set(changes.split(', ')).size;
    t.true(news.filter((isNews) => isNews).length <= count);
    t.false(versions.hear(toChange(changes.split(', ').at(-1)!)), 'what was heard already is no news');
  },
});
test(hears, 'own 1 a', 'own a');
test(hears, 'own 1 a, own 2 b', 'own b');
test(hears, 'own 2 b, own 1 a', 'own b');
test(hears, 'own 1 a, own 1 b', 'own a');
test(hears, 'own 1 a, own 2 -', 'nothing');
test(hears, 'own 2 -, own 1 a', 'nothing');
test(hears, 'own 2 -, own 3 b', 'own b');
test(hears, 'own 1 a, theirs 9 b', 'own a');
test(hears, 'own 1 a, own 2 -, theirs 1 b', 'theirs b');
test(hears, 'theirs 1 a, others 1 -, others 2 b', 'others b');

test('LiveVersions lets a function of its own store go before one of others', (t) => {
  const versions = new LiveVersions('own');
  t.true(versions.hear(toChange('theirs 9 a')));
  t.true(versions.hear(toChange('own 1 b')));
  t.is(versions.get(name)?.version, 'b');
  t.false(versions.hear(toChange('theirs 10 c')));
  t.is(versions.get(name)?.version, 'b');
});

test('LiveVersions keeps what a call costs while the version is the same', (t) => {
  const versions = new LiveVersions('own');
  versions.hear(toChange('own 1 a'));
  t.is(versions.get(name)?.costUs, undefined);
  recordCost(versions.get(name)!, 100);
  t.is(versions.get(name)?.costUs, 100);
  recordCost(versions.get(name)!, 200);
  t.is(versions.get(name)?.costUs, 125);
  versions.hear(toChange('own 2 a'));
  t.is(versions.get(name)?.costUs, 125);
  versions.hear(toChange('own 3 b'));
  t.is(versions.get(name)?.costUs, undefined);
});

test('LiveVersions remembers so many deleted functions, and forgets the oldest', (t) => {
  const versions = new LiveVersions('own');
  const deleted = (at: number, revision: number, version: string | null = null) => ({
    ...toChange(`own ${revision} a`),
    name: toFunctionName(`f${at}`),
    version,
  });
  for (let at = 0; at <= 10_000; at++) versions.hear(deleted(at, 2));
  t.false(versions.hear(deleted(1, 1, 'a')));
  t.true(versions.hear(deleted(0, 1, 'a')));
});
