/** A host in which something goes wrong that nobody provided for, put in by a module that is loaded before it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { killAll, type RunningCommand, startCommand } from './_command.ts';
import { wasm } from './_host.ts';

test.after.always(killAll);

interface Started {
  readonly command: RunningCommand;
  readonly url: string;
}

/** @param before JavaScript that runs in the main thread of the host before it */
async function startWith(t: ExecutionContext, before: string): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-net-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const source = `import { isMainThread } from 'node:worker_threads'; if (isMainThread) { ${before} }`;
  const command = startCommand(['start', '--json', '--data', join(folder, 'data')], folder, {
    environment: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}`,
      FAASM_DRAIN_TIMEOUT_MS: '20000',
    },
  });
  await command.said(/"http":/);
  const { http } = JSON.parse(command.stdout.split('\n')[0]!) as { http: string[] };
  return { command, url: http[0]! };
}

/** Sleeps for a second, then puts out "ok". */
const naps = wasm(`(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1) (data (i32.const 0) "ok")
  (func (export "exec") (result i32)
    (i32.store (i32.const 2016) (i32.const 1)) (i64.store (i32.const 2024) (i64.const 1000000000))
    (drop (call $poll (i32.const 2000) (i32.const 2256) (i32.const 1) (i32.const 2512)))
    (call $output (i32.const 0) (i32.const 2))
    (i32.const 0)))`);

test('an error that nobody caught is told with its component, calls end, and the host ends with 1', async (t) => {
  const { command, url } = await startWith(
    t,
    `process.on('SIGUSR2', () => setImmediate(() => {
      const error = new Error('put in');
      error.stack = 'Error: put in\\\\n    at f (/app/actors/state.ts:1:1)';
      setInterval(() => { throw error; }, 5);
    }));`,
  );
  await fetch(`${url}/f/ada/naps`, { method: 'PUT', body: naps });
  await fetch(`${url}/f/ada/naps`, { method: 'POST' });
  const call = fetch(`${url}/f/ada/naps`, { method: 'POST' });
  while (!/^faasm_calls_active [1-9]/m.test(await (await fetch(`${url}/metrics`)).text()));
  command.kill('SIGUSR2');
  t.is(await (await call).text(), 'ok');
  t.deepEqual(await command.exit, { status: 1, signal: null });
  const lines = command.stderr
    .split('\n')
    .filter((line) => line.includes('put in') && line.includes('"err"'));
  t.is((JSON.parse(lines[0]!) as { component: string }).component, 'state');
  t.is(lines.length, 10);
  t.regex(command.stderr, /"msg":"stopped"/);
});

test('a promise that nobody handled ends the host in the same way', async (t) => {
  const { command } = await startWith(
    t,
    `process.on('SIGUSR2', () => { Promise.reject(new Error('rejected')); });`,
  );
  command.kill('SIGUSR2');
  t.deepEqual(await command.exit, { status: 1, signal: null });
  t.regex(command.stderr, /rejected/);
});

test('a host with a thread that cannot be stopped ends when it is told to', async (t) => {
  const koffi = createRequire(import.meta.url).resolve('koffi');
  const sleeps = `require(${JSON.stringify(koffi)}).load(null).func('unsigned int sleep(unsigned int s)')(3600)`;
  const { command } = await startWith(
    t,
    `const { Worker } = await import('node:worker_threads'); new Worker(${JSON.stringify(sleeps)}, { eval: true });`,
  );
  command.kill('SIGTERM');
  t.deepEqual(await command.exit, { status: null, signal: 'SIGALRM' });
  t.regex(command.stderr, /"msg":"stopped"/);
});
