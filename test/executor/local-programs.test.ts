import test from 'ava';
import type { CallEnd } from '../../proto/call.ts';
import { noSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { LocalPrograms } from '../../src/executor/local-programs.ts';
import type { Program } from '../../src/faaslet/program.ts';

const user = 'ada' as UserName;
const name = 'f' as FunctionName;
const program = (version: string): Program => ({
  key: `ada/f@${version}`,
  version,
  user,
  function: name,
  settings: noSettings,
  module: undefined as never,
  imports: [],
  layout: undefined as never,
  proto: undefined,
});

const success: CallEnd = { output: new Uint8Array(0), returnValue: 0 };

function afterRuns(durationsMs: readonly number[], end = success): LocalPrograms {
  const programs = new LocalPrograms();
  const one = program('1');
  programs.add(1, one);
  for (const durationMs of durationsMs) programs.record(one, durationMs, end);
  return programs;
}

test('quick() gives a program after some quick runs, not before', (t) => {
  t.is(afterRuns([0.01, 0.01]).quick(user, name), undefined);
  t.is(afterRuns([0.01, 0.01, 0.01]).quick(user, name)?.version, '1');
});

test('quick() does not give a program whose runs were long', (t) => {
  t.is(afterRuns([0.01, 0.01, 0.01, 50]).quick(user, name), undefined);
});

test('quick() gives a program again that was long once', (t) => {
  t.is(afterRuns([5, ...Array<number>(20).fill(0.01)]).quick(user, name)?.version, '1');
});

test('quick() never gives a program that failed or left chained calls', (t) => {
  const error = { code: 'guest_trapped', message: '', details: {} } as const;
  const chains = [{ handle: 1, function: name, input: new Uint8Array(0) }];
  for (const end of [
    { ...success, error },
    { ...success, chains },
  ]) {
    const programs = afterRuns([0.01, 0.01, 0.01], end);
    for (let at = 0; at < 100; at++) programs.record(program('1'), 0.01, success);
    t.is(programs.quick(user, name), undefined);
  }
});

test('remove() makes a program unknown, but not the version that took its place', (t) => {
  const programs = afterRuns([0.01, 0.01, 0.01]);
  const two = program('2');
  programs.add(2, two);
  for (let at = 0; at < 3; at++) programs.record(two, 0.01, success);
  t.is(programs.remove(1)?.version, '1');
  t.is(programs.get(1), undefined);
  t.is(programs.quick(user, name)?.version, '2');
  programs.remove(2);
  t.is(programs.quick(user, name), undefined);
});
