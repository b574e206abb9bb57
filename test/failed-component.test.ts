import test from 'ava';
import { FaasmError } from '../proto/errors.ts';
import { failedComponent } from '../src/failed-component.ts';

const failed = test.macro({
  title: (_, where: string, expected: string) => `failedComponent() is ${expected} for an error at ${where}`,
  exec(t, where: string, expected: string) {
    const error = new Error('x');
    error.stack = `Error: x\n    at JSON.parse (<anonymous>)\n    at f (${where}:10:3)\n    at g (file:///app/src/http/invoke.ts:1:1)`;
    t.is(failedComponent(error), expected);
  },
});
test(failed, 'file:///app/actors/worker-pool.ts', 'worker-pool');
test(failed, '/app/src/bus/nats.ts', 'bus');
test(failed, '/app/src/readiness.ts', 'readiness');
test(failed, 'node:internal/timers', 'http');
test(failed, '/app/node_modules/koffi/src/index.js', 'http');

test('failedComponent() looks at the cause where the error itself says nothing', (t) => {
  const cause = new Error('x');
  cause.stack = 'Error: x\n    at f (/app/actors/state.ts:1:1)';
  const error = new FaasmError('internal', 'x', { cause });
  error.stack = 'FaasmError: x';
  t.is(failedComponent(error), 'state');
  t.is(failedComponent('text'), 'host');
  t.is(failedComponent(undefined), 'host');
});
