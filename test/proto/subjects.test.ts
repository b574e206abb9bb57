import { readFileSync } from 'node:fs';
import test from 'ava';
import { createSubjects, mayHearSystem, zoneOf } from '../../proto/subjects.ts';

const zone = test.macro({
  title: (_, subject: string, expected: string | undefined) =>
    `zoneOf() finds ${subject} ${expected ?? 'no part of the system'}`,
  exec: (t, subject: string, expected: string | undefined) =>
    t.is(zoneOf('faasm', subject), expected as never),
});
test(zone, 'faasm.invoke.ada.echo', 'public');
test(zone, 'faasm.state.get.ada.k', 'public');
test(zone, 'faasm.state.nonsense.ada.k', 'public');
test(zone, 'faasm.state.lock.ada.k', 'private');
test(zone, 'faasm.functions.upload.ada.f', 'public');
test(zone, 'faasm.functions.program.ada.f', 'private');
test(zone, 'faasm.call.host1', 'control');
test(zone, 'faasm.host.host1.status', 'control');
test(zone, 'faasm.event.calls', 'control');
test(zone, 'faasm.executor.gone', 'private');
test(zone, 'faasm.toString.x', undefined);
test(zone, 'faasm', undefined);
test(zone, 'other.call.host1', undefined);
test(zone, '_INBOX.a.b', undefined);

const hears = test.macro({
  title: (_, pattern: string, expected: boolean) => `mayHearSystem() is ${expected} of ${pattern}`,
  exec: (t, pattern: string, expected: boolean) => t.is(mayHearSystem('faasm', pattern), expected),
});
test(hears, '>', true);
test(hears, '*.>', true);
test(hears, '*.invoke.*.*', true);
test(hears, 'faasm.>', true);
test(hears, 'faasm.*.x', true);
test(hears, 'faasm.event.calls', true);
test(hears, 'faasm.own.x', false);
test(hears, 'faasm', false);
test(hears, '*', false);
test(hears, '_INBOX.a.*', false);
test(hears, 'chat.*', false);

test('zoneOf() knows every subject there is', (t) => {
  const source = readFileSync(new URL('../../proto/subjects.ts', import.meta.url), 'utf8');
  const names = [...source.matchAll(/^ {2}(\w+)\(/gm)].map((match) => match[1]!);
  const subjects = createSubjects() as unknown as Record<string, (...tokens: string[]) => string>;
  t.true(names.length > 10);
  t.deepEqual(
    names.filter((name) => zoneOf('faasm', subjects[name]!('a', 'b', 'c')) === undefined),
    [],
  );
});
