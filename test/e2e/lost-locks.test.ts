/** A host that stands still for longer than the lease of a lock that a call of it has, and goes on then. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startRedisServer } from '../_servers/redis-server.ts';
import { createRandom } from '../random.ts';
import { until } from './_cluster.ts';
import { wasm } from './_host.ts';
import { startHostProcess } from './_process.ts';

const imports = `
  (import "env" "__faasm_lock_state_write" (func $lock (param i32)))
  (import "env" "__faasm_unlock_state_write" (func $unlock (param i32)))
  (import "env" "__faasm_read_state" (func $read (param i32 i32 i32 i32)))
  (import "env" "__faasm_write_state" (func $write (param i32 i32 i32 i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "count\\00")
  (data (i32.const 32) "inside\\00")
  (data (i32.const 48) "open\\00")`;

const nap = `
  (i32.store (i32.const 256) (i32.const 1))
  (i64.store (i32.const 264) (i64.const 2000000))
  (drop (call $poll (i32.const 240) (i32.const 304) (i32.const 1) (i32.const 368)))`;

/** Until "open" is there; "inside" says that it waits. */
const waitAtGate = `
  (call $write (i32.const 32) (i32.const 16) (i32.const 4) (i32.const 0))
  (loop $wait
    ${nap}
    (call $read (i32.const 48) (i32.const 400) (i32.const 4) (i32.const 0))
    (br_if $wait (i32.eqz (i32.load (i32.const 400)))))`;

/** Adds 1 to "count" under a lock: what comes between reading and writing it, how it writes, and how it ends. */
const counter = (between: string, async: 0 | 1, end = '(call $unlock (i32.const 16))') => `(module ${imports}
  (func (export "exec") (result i32)
    (call $lock (i32.const 16))
    (call $read (i32.const 16) (i32.const 0) (i32.const 4) (i32.const 0))
    ${between}
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (call $write (i32.const 16) (i32.const 0) (i32.const 4) (i32.const ${async}))
    ${end}
    (i32.const 0)))`;

type Host = Awaited<ReturnType<typeof startHostProcess>>;

/** Hosts in processes of their own that share state in one Redis, each with these functions of `ada`. */
async function startHosts(
  t: ExecutionContext,
  count: number,
  leaseMs: number,
  functions: Record<string, string>,
) {
  const redis = await startRedisServer();
  const folder = await mkdtemp(join(tmpdir(), 'faasm-locks-'));
  const hosts: Host[] = [];
  t.teardown(async () => {
    for (const { process } of hosts) process.kill('SIGKILL');
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const settings = {
    FAASM_STATE: 'redis',
    FAASM_REDIS_URL: redis.url,
    FAASM_STATE_LOCK_LEASE_MS: String(leaseMs),
    FAASM_CALL_TIMEOUT_MS: '120000',
  };
  for (let at = 0; at < count; at++) {
    const host = await startHostProcess(join(folder, String(at)), [], settings);
    hosts.push(host);
    for (const [name, wat] of Object.entries(functions)) {
      const put = await fetch(`${host.url}/f/ada/${name}`, { method: 'PUT', body: wasm(wat) });
      t.is(put.status, 200);
    }
  }
  return hosts;
}

const call = (at: Host, name: string) => fetch(`${at.url}/f/ada/${name}`, { method: 'POST' });

async function toCount(at: Host): Promise<number> {
  const found = await fetch(`${at.url}/s/ada/count`);
  return new DataView(await found.arrayBuffer()).getInt32(0, true);
}

/** A call at `held` waits in the midst of its lock; its host stands still until a call at `next` has had the lock. */
async function stopInside(t: ExecutionContext, held: Host, next: Host): Promise<void> {
  await until(async () => (await fetch(`${next.url}/s/ada/inside`)).ok);
  held.process.kill('SIGSTOP');
  // Twice, so that the late write shows: it is 1 more than what was read before.
  for (let count = 0; count < 2; count++) t.is((await call(next, 'count')).status, 200);
  await fetch(`${next.url}/s/ada/open`, { method: 'PUT', body: 'open' });
  held.process.kill('SIGCONT');
}

const slow = {
  writes: counter(waitAtGate, 0),
  pushes: counter(waitAtGate, 1),
  keeps: counter(waitAtGate, 1, ''),
};

test.serial(
  'a call whose lease ended while its host was stopped changes nothing, and ends with lock_lost',
  async (t) => {
    const [held, next] = await startHosts(t, 2, 1000, { count: counter('', 0), ...slow });
    t.is((await call(held!, 'count')).status, 200);
    let counted = 1;
    for (const name of Object.keys(slow)) {
      for (const key of ['inside', 'open']) await fetch(`${next!.url}/s/ada/${key}`, { method: 'DELETE' });
      const late = call(held!, name);
      await stopInside(t, held!, next!);
      counted += 2;
      const refused = await late;
      const problem = (await refused.json()) as { code: string; detail: string };
      t.is(refused.status, 503, name);
      t.is(problem.code, 'lock_lost', name);
      t.regex(problem.detail, /lock on state ada\/count was lost.*FAASM_STATE_LOCK_LEASE_MS/);
      t.is(await toCount(next!), counted, name);
      t.is((await call(held!, 'count')).status, 200);
      counted++;
      t.is(await toCount(held!), counted, name);
    }
  },
);

test.serial('an asynchronous call that lost its lock is run again', async (t) => {
  const [held, next] = await startHosts(t, 2, 1000, {
    count: counter('', 0),
    slow: counter(waitAtGate, 0),
  });
  const accepted = await fetch(`${held!.url}/fa/ada/slow`, { method: 'POST' });
  t.is(accepted.status, 202);
  await stopInside(t, held!, next!);
  const status = async () => {
    const found = await fetch(`${held!.url}${accepted.headers.get('location')}`);
    return (await found.json()) as { state: string; attempts: number };
  };
  await until(async () => ['succeeded', 'failed', 'dead'].includes((await status()).state));
  t.like(await status(), { state: 'succeeded', attempts: 2 });
  t.is(await toCount(next!), 3);
});

test.serial(
  'calls of hosts of which one after the other is stopped and goes on count what they answer with 200',
  async (t) => {
    const seed = 5;
    t.log(`seed ${seed}`);
    const random = createRandom(seed);
    const hosts = await startHosts(t, 3, 300, { count: counter(nap, 0), later: counter(nap, 1) });
    let counted = 0;
    let lost = 0;
    const others: string[] = [];
    let isOver = false;
    const clients = hosts.flatMap((host) => ['count', 'later'].map((name) => ({ host, name })));
    const running = clients.map(async ({ host, name }) => {
      while (!isOver) {
        const answer = await call(host, name);
        const text = await answer.text();
        if (answer.status === 200) counted++;
        else if ((JSON.parse(text) as { code: string }).code === 'lock_lost') lost++;
        else others.push(text);
      }
    });
    for (let round = 0; round < 12; round++) {
      const { process } = hosts[random.below(hosts.length)]!;
      process.kill('SIGSTOP');
      const before = counted;
      // Where it had the lock, its lease has ended by then.
      await until(() => counted >= before + 4 || others.length > 0);
      process.kill('SIGCONT');
      const after = counted;
      await until(() => counted >= after + 4 || others.length > 0);
    }
    isOver = true;
    await Promise.all(running);
    t.deepEqual(others, []);
    const value = await toCount(hosts[0]!);
    t.log(`${counted} answered 200, ${lost} lock_lost, value ${value}`);
    // A call whose host is stopped after its write was kept, and before it gave the lock back, counts and is told.
    t.true(value >= counted && value <= counted + lost, `${counted} <= ${value} <= ${counted} + ${lost}`);
  },
);
