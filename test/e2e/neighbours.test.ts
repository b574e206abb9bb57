/** What the calls of one user may take from those of another. */
import { readdirSync, readFileSync } from 'node:fs';
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
async function callsUnderWay(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const counts = metrics.matchAll(/^faasm_calls_(?:active|queued)(?:\{.*\})? (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
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
