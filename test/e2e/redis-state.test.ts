/** State in Redis: whole hosts that share it, and what becomes of it when Redis fails. */
import test, { type ExecutionContext } from 'ava';
import { connectRedis } from '../../src/redis/connection.ts';
import { type RedisServer, startRedisServer } from '../_servers/redis-server.ts';
import { startCommand } from './_command.ts';
import { startTestHost, type TestHost } from './_host.ts';

/** Adds 1 to an i32 under a lock, `async` or not, and gives it as 4 bytes. */
const counter = (async: 0 | 1) => `(module
  (import "env" "__faasm_lock_state_write" (func $lock (param i32)))
  (import "env" "__faasm_unlock_state_write" (func $unlock (param i32)))
  (import "env" "__faasm_read_state" (func $read (param i32 i32 i32 i32)))
  (import "env" "__faasm_write_state" (func $write (param i32 i32 i32 i32)))
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "count\\00")
  (func (export "exec") (result i32)
    (call $lock (i32.const 16))
    (call $read (i32.const 16) (i32.const 0) (i32.const 4) (i32.const ${async}))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (call $write (i32.const 16) (i32.const 0) (i32.const 4) (i32.const ${async}))
    (call $unlock (i32.const 16))
    (call $output (i32.const 0) (i32.const 4))
    (i32.const 0)))`;

/** Writes its input to "kept", asynchronously. */
const keep = `(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_write_state" (func $write (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "kept\\00")
  (func (export "exec") (result i32)
    (call $write (i32.const 16) (i32.const 64) (call $input (i32.const 64) (i32.const 1000)) (i32.const 1))
    (i32.const 0)))`;

/** The same in the present form, which does not say how. */
const keepPresent = keep
  .replace(
    '"__faasm_write_state" (func $write (param i32 i32 i32 i32))',
    '"__faasm_write_state" (func $write (param i32 i32 i32))',
  )
  .replace(' (i32.const 1))\n    (i32.const 0)', ')\n    (i32.const 0)');

const settingsFor = (server: RedisServer) => ({ FAASM_STATE: 'redis', FAASM_REDIS_URL: server.url });

async function toCount(response: Response): Promise<number> {
  return new DataView(await response.arrayBuffer()).getInt32(0, true);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const isReady = (at: TestHost) => fetch(`${at.url}/readyz`).then((response) => response.ok);

async function metric(at: TestHost, name: string): Promise<number> {
  const text = await (await fetch(`${at.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

async function inRedis(t: ExecutionContext, server: RedisServer, key: string): Promise<Buffer | null> {
  const redis = await connectRedis({ url: server.url, name: 'test', onChange: () => {} });
  t.teardown(() => redis.close());
  return await redis.run((client) => client.getBuffer(`faasm:state:${key}`));
}

for (const async of [0, 1] as const) {
  test(`functions on two hosts count together, with async ${async}`, async (t) => {
    await using server = await startRedisServer();
    await using one = await startTestHost(settingsFor(server));
    await using two = await startTestHost(settingsFor(server));
    for (const at of [one, two]) t.is((await at.put('ada/count', counter(async))).status, 200);
    const calls = Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? one : two).post('ada/count'));
    const counts = await Promise.all(calls.map(async (call) => toCount(await call)));
    t.deepEqual(
      counts.toSorted((a, b) => a - b),
      Array.from({ length: 60 }, (_, at) => at + 1),
    );
    const value = await fetch(`${one.url}/s/ada/count`);
    t.is(await toCount(value), 60);
  });
}

test('state put by HTTP at one host is there at the other, with its version', async (t) => {
  await using server = await startRedisServer();
  await using one = await startTestHost(settingsFor(server));
  await using two = await startTestHost(settingsFor(server));
  const put = await fetch(`${one.url}/s/ada/key`, { method: 'PUT', body: 'value' });
  const got = await fetch(`${two.url}/s/ada/key`);
  t.is(await got.text(), 'value');
  t.is(got.headers.get('etag'), put.headers.get('etag'));
  const stale = { 'If-Match': put.headers.get('etag')! };
  await fetch(`${two.url}/s/ada/key`, { method: 'PUT', body: 'newer' });
  const refused = await fetch(`${one.url}/s/ada/key`, { method: 'PUT', body: 'lost', headers: stale });
  t.is(refused.status, 412);
  t.is(await (await fetch(`${one.url}/s/ada/key`)).text(), 'newer');
  await fetch(`${one.url}/s/ada/key`, { method: 'DELETE' });
  t.is((await fetch(`${two.url}/s/ada/key`)).status, 404);
});

test('a large value goes up and down in parts', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  const body = Buffer.alloc(40 * 1024 * 1024, 'abcdefgh');
  t.true((await fetch(`${at.url}/s/ada/large`, { method: 'PUT', body })).ok);
  const got = Buffer.from(await (await fetch(`${at.url}/s/ada/large`)).arrayBuffer());
  t.true(got.equals(body));
});

test('asynchronous writes wait while Redis is away, are counted, and pushed when it is back', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  await at.put('ada/keep', keep);
  t.is((await at.post('ada/keep', 'before')).status, 200);
  await until(async () => (await inRedis(t, server, 'ada:kept'))?.toString() === 'before');
  await server.kill();
  await until(async () => !(await isReady(at)));
  const why = await (await fetch(`${at.url}/readyz`)).text();
  t.regex(why, /redis: Redis at 127\.0\.0\.1:\d+: (the connection was|connect ECONN)/);
  t.is((await at.post('ada/keep', 'during')).status, 200);
  const refused = await fetch(`${at.url}/s/ada/other`);
  t.is(refused.status, 503);
  t.regex(await refused.text(), /storage_unavailable/);
  await until(async () => (await metric(at, 'faasm_state_failing_values')) === 1);
  t.is(await metric(at, 'faasm_state_unpushed_values'), 1);
  await server.start();
  await until(async () => (await inRedis(t, server, 'ada:kept'))?.toString() === 'during');
  await until(async () => (await metric(at, 'faasm_state_unpushed_values')) === 0);
  t.true(await isReady(at));
});

test('access to state is as the call says, else the function, else the host', async (t) => {
  await using server = await startRedisServer();
  const settings = { ...settingsFor(server), FAASM_STATE_ACCESS: 'asynchronous' };
  await using at = await startTestHost(settings);
  await using byDefault = await startTestHost(settingsFor(server));
  const put = (host: TestHost, name: string, module: string, access?: string) => {
    const headers = { 'X-Faasm-Settings': JSON.stringify({ stateAccess: access }) };
    return host.put(name, module, access === undefined ? {} : headers);
  };
  await put(at, 'ada/host', keepPresent);
  await put(at, 'ada/async', keepPresent, 'asynchronous');
  await put(at, 'ada/sync', keepPresent, 'synchronous');
  await put(at, 'ada/call', keep, 'synchronous');
  await put(byDefault, 'ada/host', keepPresent);
  for (const name of ['host', 'async', 'sync', 'call']) await at.post(`ada/${name}`, 'before');
  await byDefault.post('ada/host', 'before');
  await server.kill();
  await until(async () => !(await isReady(at)) && !(await isReady(byDefault)));
  for (const name of ['host', 'async', 'call']) t.is((await at.post(`ada/${name}`, 'x')).status, 200, name);
  t.is((await at.post('ada/sync', 'x')).status, 503);
  t.is((await byDefault.post('ada/host', 'x')).status, 503);
  await server.start();
});

test('a host starts while Redis is away, says so, and is ready when it is there', async (t) => {
  await using server = await startRedisServer({ stopped: true });
  await using at = await startTestHost(settingsFor(server));
  t.false(await isReady(at));
  t.is((await fetch(`${at.url}/s/ada/key`, { method: 'PUT', body: 'x' })).status, 503);
  await server.start();
  await until(() => isReady(at));
  t.true((await fetch(`${at.url}/s/ada/key`, { method: 'PUT', body: 'x' })).ok);
});

test('a host says that Redis refuses its password', async (t) => {
  await using server = await startRedisServer({ password: 'right' });
  const url = server.url.replace('right', 'wrong');
  await using at = await startTestHost({ FAASM_STATE: 'redis', FAASM_REDIS_URL: url });
  const answer = await fetch(`${at.url}/readyz`);
  t.is(answer.status, 503);
  t.regex(await answer.text(), /refuses the user and password; correct FAASM_REDIS_URL/);
  const refused = await fetch(`${at.url}/s/ada/key`);
  t.is(refused.status, 503);
  t.regex(await refused.text(), /refuses the user and password/);
});

test('a write that does not fit into the memory of Redis is refused, and changes nothing', async (t) => {
  await using server = await startRedisServer({ settings: ['--maxmemory', '6mb'] });
  await using at = await startTestHost(settingsFor(server));
  t.true((await fetch(`${at.url}/s/ada/key`, { method: 'PUT', body: 'small' })).ok);
  let refused: Response | undefined;
  for (let count = 0; refused === undefined; count++) {
    const put = await fetch(`${at.url}/s/ada/k${count}`, { method: 'PUT', body: Buffer.alloc(1_000_000) });
    if (!put.ok) refused = put;
  }
  t.is(refused.status, 503);
  t.regex(await refused.text(), /its memory is used up; raise its maxmemory/);
  t.is(await (await fetch(`${at.url}/s/ada/key`)).text(), 'small');
});

test('drain waits for what is not saved, and says what it could not save', async (t) => {
  await using server = await startRedisServer();
  const at = await startTestHost({ ...settingsFor(server), FAASM_DRAIN_TIMEOUT_MS: '1500' });
  await at.put('ada/keep', keep);
  await at.post('ada/keep', 'first');
  await until(async () => (await inRedis(t, server, 'ada:kept'))?.toString() === 'first');
  await server.kill();
  await at.post('ada/keep', 'second');
  const stopping = at.host.stop();
  await t.throwsAsync(stopping, {
    code: 'storage_unavailable',
    message: /^NOT SAVED: state ada\/kept, values of 6 bytes together: Redis at /,
  });
});

test('faasm start fails at once where the settings do not fit', async (t) => {
  for (const [args, said] of [
    [['--state', 'redis'], /FAASM_STATE is redis, which needs FAASM_REDIS_URL/],
    [['--state', 'postgres'], /FAASM_STATE \(--state\) is sqlite or redis or s3:.*, not "postgres"/],
    [['--redis-url', 'localhost'], /FAASM_REDIS_URL \(--redis-url\) is a URL such as redis:/],
  ] as const) {
    const command = startCommand(['start', ...args], '/tmp');
    t.not((await command.exit).status, 0);
    t.regex(command.stderr, said);
  }
});
