/** Calls from a Redis list: the founding exchange, and what becomes of calls when hosts or Redis end in the middle. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { decodeMessage, encodeMessage, type Message } from '../../src/calls/message.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import { type RedisServer, startRedisServer } from '../_servers/redis-server.ts';
import { guests, startTestHost, wasm } from './_host.ts';

const program = join(import.meta.dirname, '../../actors/faasm.ts');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const settingsFor = (server: RedisServer) => ({ FAASM_RECEIVE: 'redis', FAASM_REDIS_URL: server.url });

const { nap } = guests;

async function client(t: ExecutionContext, server: RedisServer) {
  const redis = await connectRedis({ url: server.url, name: 'client', blocking: true, onChange: () => {} });
  t.teardown(() => redis.close());
  const push = (message: Partial<Message>, key = 'all_incoming') =>
    redis.run((client) => client.rpush(key, Buffer.from(encodeMessage({ type: 'CALL', ...message }))));
  const result = async (key: string): Promise<Message> => {
    const [, bytes] = (await redis.run((client) => client.blpopBuffer(key, 30)))!;
    return decodeMessage(bytes!, 'result');
  };
  return { redis, push, result };
}

test('a founding client pushes a call and pops its result, which expires', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  await at.put('demo/echo', guests.echo);
  const { push, result, redis } = await client(t, server);
  await push({ user: 'demo', function: 'echo', resultKey: 'Result_1', inputData: text('hi') });
  const answer = await result('Result_1');
  t.like(answer, { user: 'demo', function: 'echo', type: 'CALL', success: true, resultKey: 'Result_1' });
  t.is(Buffer.from(answer.outputData).toString(), 'hi');

  await push({ user: 'demo', function: 'echo', resultKey: 'Result_2', statusKey: 'Status_2', isAsync: true });
  let ttl = -2;
  while (ttl < 0) ttl = await redis.run((one) => one.ttl('Result_2'));
  t.true(ttl > 20 && ttl <= 30, `${ttl} s`);
  const status = await redis.run((one) => one.getBuffer('Status_2'));
  t.like(decodeMessage(status!, 'status'), { success: true, isAsync: true });
  t.is((await redis.run((one) => one.ttl('Status_2'))) > 100, true);
});

test('failures, BIND and a function that is not there are answered', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  await at.put('demo/echo', guests.echo);
  await at.put(
    'demo/trap',
    '(module (memory (export "memory") 1) (func (export "exec") (result i32) unreachable))',
  );
  const { push, result } = await client(t, server);
  await push({ user: 'demo', function: 'trap', resultKey: 'a' });
  t.like(await result('a'), { success: false, error: { code: 'guest_trapped' } });
  await push({ user: 'demo', function: 'nobody', resultKey: 'b' });
  t.like(await result('b'), { success: false, error: { code: 'not_found' } });
  await push({ user: 'demo', function: 'echo', type: 'BIND', resultKey: 'c' });
  t.like(await result('c'), { success: true, type: 'BIND' });
});

test('what is no call goes to the dead-letter list, and a result key that is no list harms nobody', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  await at.put('demo/echo', guests.echo);
  const { push, result, redis } = await client(t, server);
  await redis.run((one) => one.rpush('all_incoming', 'rubbish'));
  await redis.run((one) => one.set('taken', 'a string'));
  await push({ user: 'demo', function: 'echo', resultKey: 'taken' });
  await push({ user: 'demo', function: 'echo', resultKey: 'after' });
  t.true((await result('after')).success);
  const [, dead] = (await redis.run((one) => one.blpop('all_incoming:dead', 10)))!;
  t.is(dead, 'rubbish');
  t.is(await redis.run((one) => one.get('taken')), 'a string');
  const [running] = await redis.run((one) => one.keys('all_incoming:running:*'));
  t.deepEqual(await redis.run((one) => one.hkeys(running!)), ['epoch']);
});

test('what can be read and not be run is answered', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  const { push, result } = await client(t, server);
  await push({ user: 'a b', function: 'echo', id: '1', resultKey: 'a' });
  t.like(await result('a'), { id: '1', user: 'a b', success: false, error: { code: 'bad_name' } });
  await push({ type: 'UNSET', user: 'demo', function: 'echo', resultKey: 'b' });
  t.like(await result('b'), { success: false, error: { code: 'bad_message' } });
  t.true((await fetch(`${at.url}/readyz`)).ok);
});

test('no result goes to a key of the queue or of the host', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  await at.put('demo/echo', guests.echo);
  const { push, result, redis } = await client(t, server);
  const echo = { user: 'demo', function: 'echo' };
  await push({ ...echo, resultKey: 'all_incoming' });
  await push({ ...echo, statusKey: 'all_incoming' });
  await push({ ...echo, resultKey: 'all_incoming:takers' });
  await push({ ...echo, statusKey: 'faasm:state:ada:key' });
  await push({ ...echo, resultKey: 'after' });
  t.true((await result('after')).success);
  while ((await redis.run((one) => one.llen('all_incoming:dead'))) < 4) await new Promise(setImmediate);
  t.is(await redis.run((one) => one.exists('all_incoming', 'faasm:state:ada:key')), 0);
});

test('KILL ends a call by id or result key, whichever host of the list has either', async (t) => {
  await using server = await startRedisServer();
  const settings = { ...settingsFor(server), FAASM_REDIS_CALLS_MAX: '2' };
  await using one = await startTestHost(settings);
  await using two = await startTestHost(settings);
  for (const at of [one, two]) await at.put('demo/loop', guests.loop);
  const { push, result, redis } = await client(t, server);
  // Which host takes what is chance, so there are some of each.
  for (let id = 0; id < 6; id++) {
    const loop = { user: 'demo', function: 'loop', id: `loop-${id}`, resultKey: `r${id}` };
    await push(loop);
    while ((await redis.run((each) => each.llen('all_incoming'))) > 0) await new Promise(setImmediate);
    const meant = id % 2 === 0 ? { id: loop.id } : { resultKey: loop.resultKey };
    const kill = { type: 'KILL', user: 'demo', ...meant } as const;
    if (id % 2 === 0) await push({ ...kill, resultKey: `k${id}` });
    else await push({ ...kill, statusKey: `k${id}` });
    let ended = await result(`r${id}`);
    while (ended.type === 'KILL') ended = await result(`r${id}`);
    t.like(ended, { id: loop.id, error: { code: 'cancelled' } });
  }
});

test('a call that the host has no room for waits, and is not failed', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost({ ...settingsFor(server), FAASM_CALLS_PER_USER_MAX: '1' });
  await at.put('demo/nap', nap);
  const { push, result } = await client(t, server);
  const inputData = new Uint8Array(Uint32Array.of(100).buffer);
  for (let id = 0; id < 4; id++)
    await push({ user: 'demo', function: 'nap', resultKey: `r${id}`, inputData });
  for (let id = 0; id < 4; id++) t.true((await result(`r${id}`)).success);
});

test('every call is answered when one of two hosts is killed in the middle', async (t) => {
  await using server = await startRedisServer();
  const startProcess = async () => {
    const data = await mkdtemp(join(tmpdir(), 'faasm-killed-'));
    t.teardown(() => rm(data, { recursive: true, force: true }));
    const port = await freePort();
    const ports = ['--http-port', String(port), '--upload-port', '0', '--nats-port', '0'];
    const receive = ['--receive', 'redis', '--redis-key', 'later', '--redis-calls-max', '10'];
    const flags = ['--data', data, '--redis-url', server.url, ...ports, ...receive];
    const child = spawn(process.execPath, [program, 'start', ...flags], { stdio: 'ignore' });
    t.teardown(() => child.kill('SIGKILL'));
    const url = `http://127.0.0.1:${port}`;
    while (!(await fetch(`${url}/readyz`).catch(() => undefined))?.ok) {
      await new Promise((go) => setTimeout(go, 50));
    }
    await fetch(`${url}/f/demo/nap`, { method: 'PUT', body: wasm(nap) });
    return child;
  };
  const [one] = await Promise.all([startProcess(), startProcess()]);
  const { result, redis } = await client(t, server);
  const count = 60;
  const inputData = new Uint8Array(Uint32Array.of(1000).buffer);
  const calls = Array.from({ length: count }, (_, id) =>
    Buffer.from(
      encodeMessage({
        type: 'CALL',
        user: 'demo',
        function: 'nap',
        id: `${id}`,
        resultKey: `r${id}`,
        inputData,
      }),
    ),
  );
  await redis.run((each) => each.rpush('later', ...calls));
  const running = async (): Promise<number[]> => {
    const keys = await redis.run((each) => each.keys('later:running:*'));
    return await Promise.all(keys.map((key) => redis.run((each) => each.hlen(key))));
  };
  while ((await running()).length < 2) await new Promise(setImmediate);
  one.kill('SIGKILL');
  for (let id = 0; id < count; id++) {
    t.like(await result(`r${id}`), { id: `${id}`, success: true });
  }
  t.is(await redis.run((each) => each.exists('later')), 0);
  // Of the one that lives, since when it takes.
  t.deepEqual(await running(), [1]);
  t.deepEqual(await redis.run((each) => each.keys('r*')), []);
});

test('two hosts share a list', async (t) => {
  await using server = await startRedisServer();
  const settings = { ...settingsFor(server), FAASM_REDIS_CALLS_MAX: '2' };
  await using one = await startTestHost(settings);
  await using two = await startTestHost(settings);
  for (const at of [one, two]) await at.put('demo/nap', nap);
  const { push, result } = await client(t, server);
  const inputData = new Uint8Array(Uint32Array.of(50).buffer);
  for (let id = 0; id < 20; id++)
    await push({ user: 'demo', function: 'nap', resultKey: `r${id}`, inputData });
  for (let id = 0; id < 20; id++) t.true((await result(`r${id}`)).success);
  const counts = await Promise.all(
    [one, two].map(async (at) => {
      const text = await (await fetch(`${at.url}/metrics`)).text();
      return Number(/faasm_calls_total\{.*"nap",code="ok"\} (\d+)/.exec(text)?.[1] ?? 0);
    }),
  );
  t.true(
    counts.every((count) => count > 0),
    counts.join(' and '),
  );
});

test('Redis that is killed in the middle loses no call, and each has one result', async (t) => {
  await using server = await startRedisServer();
  await using at = await startTestHost(settingsFor(server));
  await at.put('demo/nap', nap);
  const { push, result, redis } = await client(t, server);
  const count = 30;
  for (let id = 0; id < count; id++) {
    const inputData = new Uint8Array(Uint32Array.of(400 + id * 10).buffer);
    await push({ user: 'demo', function: 'nap', resultKey: `r${id}`, inputData });
  }
  while ((await redis.run((one) => one.llen('all_incoming'))) > 0)
    await new Promise((go) => setTimeout(go, 5));
  await server.kill();
  await new Promise((go) => setTimeout(go, 900));
  await server.start();
  const again = await client(t, server);
  for (let id = 0; id < count; id++) t.true((await again.result(`r${id}`)).success);
  t.deepEqual(await again.redis.run((one) => one.keys('r*')), []);
  await again.push({ user: 'demo', function: 'nap', resultKey: 'on', inputData: new Uint8Array(4) });
  t.true((await again.result('on')).success);
  void result;
});

test('a host takes no more calls than it may run, and one that stops gives back what it did not end', async (t) => {
  await using server = await startRedisServer();
  const settings = { ...settingsFor(server), FAASM_REDIS_CALLS_MAX: '2', FAASM_DRAIN_TIMEOUT_MS: '200' };
  const at = await startTestHost(settings);
  await at.put('demo/nap', nap);
  const { push, redis } = await client(t, server);
  const inputData = new Uint8Array(Uint32Array.of(20_000).buffer);
  for (let id = 0; id < 5; id++) await push({ user: 'demo', function: 'nap', id: `c${id}`, inputData });
  while ((await redis.run((one) => one.llen('all_incoming'))) > 3)
    await new Promise((go) => setTimeout(go, 5));
  t.is(await redis.run((one) => one.llen('all_incoming')), 3);
  await at.host.stop();
  const all = await redis.run((one) => one.lrangeBuffer('all_incoming', 0, -1));
  t.deepEqual(
    all.map((bytes) => decodeMessage(bytes, 'call').id),
    ['c0', 'c1', 'c2', 'c3', 'c4'],
  );
  t.deepEqual(await redis.run((one) => one.keys('all_incoming:running:*')), []);
  await rm(at.data, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
