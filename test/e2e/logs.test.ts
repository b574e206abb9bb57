/** What functions write to standard error, where people look for it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { CallEvent } from '../../proto/messages.ts';
import { killAll, startCommand } from './_command.ts';
import { startTestHost, type TestHost, wasm } from './_host.ts';

test.after.always(killAll);

const complains = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "oh\\1b no\\n")
  (func (export "exec") (result i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 7))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.const 3)))`;
const quiet = '(module (func (export "exec")))';

async function follow(at: TestHost, name: string): Promise<AsyncIterator<CallEvent>> {
  const response = await fetch(`${at.url}/logs/${name}`);
  return eventsOf(response.body!.pipeThrough(new TextDecoderStream()));
}

async function* eventsOf(texts: AsyncIterable<string>): AsyncGenerator<CallEvent> {
  let rest = '';
  for await (const text of texts) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as CallEvent;
  }
}

test.serial('GET /logs gives the ended calls of a user or of a function, until the host stops', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', complains);
  await at.put('ada/g', quiet);
  await at.put('bob/f', quiet);
  const all = await follow(at, 'ada');
  const one = await follow(at, 'ada/g');
  await at.post('bob/f');
  const call = (await at.post('ada/f')).headers.get('faasm-call-id');
  await at.post('ada/g');
  t.like((await all.next()).value, {
    id: call,
    function: 'f',
    returnValue: 3,
    stderr: 'oh\u001b no\n',
    error: { code: 'guest_returned' },
  });
  for (const log of [all, one])
    t.like((await log.next()).value, { function: 'g', error: null, stderr: null });
  await at.host.stop();
  for (const log of [all, one]) t.true((await log.next()).done);
});

test.serial('faasm logs tells of them, and the log of the host has the standard error', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-logs-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const host = startCommand(['start', '--json'], folder);
  await host.said(/"http"/);
  const url = (JSON.parse(host.stdout) as { http: string[] }).http[0]!;
  await fetch(`${url}/f/ada/f`, { method: 'PUT', body: wasm(complains) });
  const log = startCommand(['logs', 'ada/f', '--url', url], folder);
  let id: string | null = null;
  const said = log.said(/guest_returned/);
  let heard = false;
  void said.finally(() => {
    heard = true;
  });
  // A call may end before its log is followed.
  do id = (await fetch(`${url}/f/ada/f`, { method: 'POST' })).headers.get('faasm-call-id');
  while (!heard);
  await said;
  t.regex(log.stdout, /^\S+Z {2}ada\/f {2}\S+ {2}\d+ ms {2}guest_returned: ada\/f returned 3\n {4}oh\? no\n/);
  await host.said(new RegExp(`"call":"${id}".*"function":"ada/f","stderr":"oh.* no\\\\n"`));
  host.kill('SIGTERM');
  t.is((await host.exit).status, 0);
  t.is((await log.exit).status, 0);
});
