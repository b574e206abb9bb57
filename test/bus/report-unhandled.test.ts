import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { Drops } from '../../src/bus/drops.ts';
import { reportUnhandled } from '../../src/bus/report-unhandled.ts';
import type { Log } from '../../src/log.ts';

function report(thrown: unknown): { lines: [string, object][]; drops: Drops } {
  const lines: [string, object][] = [];
  const log = Object.fromEntries(
    ['warn', 'error'].map((level) => [level, (fields: object) => lines.push([level, fields])]),
  ) as unknown as Log;
  const drops = new Drops();
  reportUnhandled(log, drops, thrown, 'faasm.host.a.status');
  return { lines, drops };
}

test('reportUnhandled() says of a malformed message what is wrong, without a stack, and counts it', (t) => {
  const { lines, drops } = report(new FaasmError('bad_message', 'Not a host status message: no host'));
  const fields = {
    subject: 'faasm.host.a.status',
    code: 'bad_message',
    why: 'Not a host status message: no host',
  };
  t.deepEqual(lines, [['warn', fields]]);
  t.deepEqual(drops.list(), [{ kind: 'host', code: 'bad_message', count: 1 }]);
});

test('reportUnhandled() says of a bug all that is known', (t) => {
  const bug = new TypeError('x is not a function');
  const { lines, drops } = report(bug);
  t.is(lines[0]![0], 'error');
  t.is((lines[0]![1] as { err: Error }).err.cause, bug);
  t.deepEqual(drops.list(), [{ kind: 'host', code: 'internal', count: 1 }]);
});

test('Drops counts kinds that come from outside together where they are many', (t) => {
  const drops = new Drops();
  for (let each = 0; each < 1000; each++) drops.add(`x.kind${each}.y`, 'bad_message');
  t.is(drops.list().length, 65);
  t.is(
    drops.list().reduce((sum, { count }) => sum + count, 0),
    1000,
  );
});
