import { Worker } from 'node:worker_threads';
import test from 'ava';
import { steadyMs } from '../src/clock.ts';
import { guests, startTestHost } from './e2e/_host.ts';

test('steadyMs() is the same in all threads, and does not follow the wall clock', async (t) => {
  const clock = new URL('../src/clock.ts', import.meta.url);
  const source = `
    Date.now = () => 0;
    import('${clock}').then(({ steadyMs }) => require('node:worker_threads').parentPort.postMessage(steadyMs()));`;
  const beforeMs = steadyMs();
  const thread = new Worker(source, { eval: true });
  const seenMs = await new Promise<number>((resolve) => thread.once('message', resolve));
  t.true(beforeMs < seenMs && seenMs < steadyMs());
});

test.serial('a call ends at its time limit when the wall clock is put back meanwhile', async (t) => {
  await using at = await startTestHost();
  await at.put('eve/loop', guests.loop);
  const late = at.post('eve/loop', '', { 'x-faasm-timeout': '5s' });
  while (!/^faasm_calls_active(?:{.*})? 1$/m.test(await (await fetch(`${at.url}/metrics`)).text()));
  const wallMs = Date.now;
  Date.now = () => wallMs() - 7_200_000;
  t.teardown(() => {
    Date.now = wallMs;
  });
  const problem = (await (await late).json()) as { status: number; detail: string };
  t.is(problem.status, 504);
  t.regex(problem.detail, /did not end within its time limit/);
});
