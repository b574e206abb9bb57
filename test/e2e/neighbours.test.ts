/** What the calls of one user may take from those of another. */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { getPriority } from 'node:os';
import test from 'ava';
import { guests, startTestHost } from './_host.ts';

if (process.platform === 'linux') {
  test('an executor that computes for long gives way to the other threads of its host', async (t) => {
    await using at = await startTestHost();
    await at.put('eve/loop', guests.loop);
    const leaving = new AbortController();
    const { signal } = leaving;
    const late = fetch(`${at.url}/f/eve/loop`, { method: 'POST', signal }).catch(() => {});
    const demoted = Math.min(getPriority() + 10, 19);
    while (!threadNices().includes(demoted)) await new Promise((resolve) => setTimeout(resolve, 10));
    t.true(threadNices().includes(getPriority()));
    leaving.abort();
    await late;
  });
}

/** Chains itself so many times, and then does what the code says. */
const chainsItself = (times: number, code: string): string => `(module
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "tree\\00")
  (func (export "exec") (result i32) (local $left i32) (local $id i32)
    (local.set $left (i32.const ${times}))
    (loop $more
      (local.set $id (call $chain (i32.const 16) (i32.const 0) (i32.const 0)))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    ${code}))`;

const growing = [
  ['without waiting', chainsItself(2, '(i32.const 0)')],
  ['and waits', chainsItself(10, '(call $await (local.get $id))')],
] as const;

for (const [how, wat] of growing) {
  test(`a function that chains itself ${how} is served beside others, and its tree ends`, async (t) => {
    await using at = await startTestHost({ FAASM_CALL_TREE_MAX: '3000' });
    await at.put('eve/tree', wat);
    await at.put('bob/echo', guests.echo);
    const root = at.post('eve/tree');
    do {
      t.is(await (await at.post('bob/echo', 'hi')).text(), 'hi');
      t.is((await fetch(`${at.url}/healthz`)).status, 200);
    } while ((await callsUnderWay(at.url)) > 0);
    await root;
    t.is((await fetch(`${at.url}/f/eve/tree`, { method: 'DELETE' })).status, 204);
  });
}

test('a call whose tree would have too many calls fails with the setting', async (t) => {
  await using at = await startTestHost({ FAASM_CALL_TREE_MAX: '5' });
  await at.put('eve/tree', chainsItself(6, '(call $await (local.get $id))'));
  const problem = (await (await at.post('eve/tree')).json()) as { code: string; detail: string };
  t.is(problem.code, 'chain_refused');
  t.regex(problem.detail, /FAASM_CALL_TREE_MAX/);
});

test('a tree of calls is dropped when the client of its root leaves', async (t) => {
  await using at = await startTestHost({ FAASM_CALL_TREE_MAX: '0' });
  await at.put('eve/tree', chainsItself(10, '(call $await (local.get $id))'));
  const leaving = new AbortController();
  const { signal } = leaving;
  const root = fetch(`${at.url}/f/eve/tree`, { method: 'POST', signal }).catch(() => {});
  while ((await callsUnderWay(at.url)) < 100) await turn();
  leaving.abort();
  await root;
  while ((await callsUnderWay(at.url)) > 0) await turn();
  t.pass();
});

test('calls that wait leave places for the calls of other users', async (t) => {
  await using at = await startTestHost({ FAASM_ACTIVE_CALLS_MAX: '20', FAASM_CALLS_PER_USER_MAX: '1000' });
  await at.put('eve/sleeper', sleeper);
  await at.put('bob/echo', guests.echo);
  const leaving = new AbortController();
  const { signal } = leaving;
  const sleepers = Array.from({ length: 60 }, () =>
    fetch(`${at.url}/f/eve/sleeper`, { method: 'POST', signal }).catch(() => {}),
  );
  while ((await callsUnderWay(at.url)) < 60) await turn();
  t.is(await (await at.post('bob/echo', 'hi')).text(), 'hi');
  leaving.abort();
  await Promise.all(sleepers);
});

test('an input of a chained call is refused before it is copied', async (t) => {
  await using at = await startTestHost({ FAASM_INPUT_MAX_BYTES: '1000' });
  await at.put('eve/echo', guests.echo);
  await at.put(
    'eve/chains',
    `(module
      (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "echo\\00")
      (func (export "exec") (result i32)
        (drop (call $chain (i32.const 16) (i32.const 0) (i32.const 1001)))
        (i32.const 0)))`,
  );
  const problem = (await (await at.post('eve/chains')).json()) as { detail: string };
  t.regex(problem.detail, /1001 bytes.*FAASM_INPUT_MAX_BYTES/);
});

test('calls begin while others of their user leave memory to them', async (t) => {
  await using at = await startTestHost({ FAASM_CALL_MEMORY_PER_USER_MAX_MIB: '40' });
  // 32 MiB, all of them written to.
  const greedy = sleeper
    .replace('"memory") 1)', '"memory") 512)')
    .replace(
      '(result i32)\n    (i32.store',
      '(result i32)\n    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 33000000))\n    (i32.store',
    );
  await at.put('eve/greedy', greedy);
  await at.put('bob/echo', guests.echo);
  const leaving = new AbortController();
  const { signal } = leaving;
  const calls = Array.from({ length: 4 }, () =>
    fetch(`${at.url}/f/eve/greedy`, { method: 'POST', signal }).catch(() => {}),
  );
  while ((await callsUnderWay(at.url, 'queued')) === 0) await turn();
  t.is(await (await at.post('bob/echo', 'hi')).text(), 'hi');
  leaving.abort();
  await Promise.all(calls);
});

test('outputs that nobody reads are bounded, and others are served meanwhile', async (t) => {
  await using at = await startTestHost({ FAASM_CALL_MEMORY_PER_USER_MAX_MIB: '64' });
  const outputBytes = 30_000_000;
  await at.put(
    'eve/large',
    `(module
      (import "env" "__faasm_write_output" (func $output (param i32 i32)))
      (memory (export "memory") 460)
      (func (export "exec") (result i32)
        (call $output (i32.const 0) (i32.const ${outputBytes}))
        (i32.const 0)))`,
  );
  await at.put('bob/echo', guests.echo);
  const socket = connect(Number(new URL(at.url).port), '127.0.0.1');
  socket.pause();
  socket.write('POST /f/eve/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'.repeat(10));
  while (!(await metricsOf(at.url)).includes('guest_out_of_memory')) await turn();
  t.is(await (await at.post('bob/echo', 'hi')).text(), 'hi');
  socket.destroy();
  let later: Response;
  do {
    later = await at.post('eve/large');
    await later.arrayBuffer();
  } while (later.status !== 200);
  t.pass();
});

/** Waits for a minute. */
const sleeper = `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "exec") (result i32)
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))
    (i32.const 0)))`;

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

/** Running, suspended or queued, as of the last time that the host told, which it does each second. */
async function callsUnderWay(url: string, state = 'active|queued'): Promise<number> {
  const counts = (await metricsOf(url)).matchAll(
    new RegExp(`^faasm_calls_(?:${state})(?:\\{.*\\})? (\\d+)$`, 'gm'),
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** Of all threads of this process: the 19th field, as `/proc` has it (proc_pid_stat(5)). */
function threadNices(): number[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      return [Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}
