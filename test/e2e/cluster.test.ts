/** Several hosts on one NATS system: where calls run, and what becomes of them when hosts stop, die or are cut off. */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { connect, type NatsConnection } from 'nats';
import type { HostStatus } from '../../proto/messages.ts';
import { toHostId } from '../../proto/names.ts';
import { decodeMessage, encodeMessage } from '../../src/calls/message.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import { hostStatusCodec } from '../../src/scheduler/messages.ts';
import { startRedisServer } from '../_servers/redis-server.ts';
import { countCalls, saying, startCluster, until, untilTheyMeet } from './_cluster.ts';
import { guests, type TestHost } from './_host.ts';

async function client(t: ExecutionContext, url: string): Promise<NatsConnection> {
  const connection = await connect({ servers: url });
  t.teardown(() => connection.close());
  return connection;
}

const milliseconds = (count: number) => new Uint8Array(Uint32Array.of(count).buffer);
/** A host that sends its calls to others once it runs one. */
const oneCall = { FAASM_ACTIVE_CALLS_MAX: '1' };
const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;

/** The host has no room, and knows that. @returns what gives it room again */
async function fill(at: TestHost): Promise<() => void> {
  const full = new AbortController();
  const body = milliseconds(50_000);
  void fetch(`${at.url}/f/ada/nap`, { method: 'POST', body, signal: full.signal }).catch(() => {});
  await until(async () => (await hostRow(at, at.host.id))?.activeCalls === 1);
  return () => full.abort();
}

async function hostRow(at: { readonly url: string }, host: string) {
  const data = await (await fetch(`${at.url}/console/data`)).json();
  const { hosts } = data as { hosts: { host: string; activeCalls: number; draining: boolean }[] };
  return hosts.find((each) => each.host === host);
}

test('calls that are sent to several hosts in turn run where they arrive', async (t) => {
  const cluster = await startCluster(t);
  const hosts = [await cluster.host('a'), await cluster.host('b'), await cluster.host('c')];
  await untilTheyMeet(hosts);
  t.is((await hosts[0]!.put('ada/echo', guests.echo)).status, 200);
  for (let at = 0; at < 20; at++) await hosts[0]!.post('ada/echo', 'warm');
  for (let at = 0; at < 90; at++) t.is(await (await hosts[at % 3]!.post('ada/echo', 'x')).text(), 'x');
  await until(async () => (await countCalls(hosts, 'echo')).reduce((sum, each) => sum + each, 0) === 110);
  // A host that is slow at the moment may send some on.
  for (const count of await countCalls(hosts, 'echo')) t.true(count >= 10, `${count}`);
});

test('a host that has no room sends its calls to the others', async (t) => {
  const cluster = await startCluster(t);
  const full = await cluster.host('a', oneCall);
  const others = [await cluster.host('b'), await cluster.host('c')];
  await untilTheyMeet([full, ...others]);
  await full.put('ada/nap', guests.nap);
  const free = await fill(full);
  const answers = await Promise.all(Array.from({ length: 40 }, () => full.post('ada/nap', milliseconds(20))));
  t.true(answers.every(({ status }) => status === 200));
  await until(async () => (await countCalls(others, 'nap')).reduce((sum, each) => sum + each, 0) === 40);
  for (const count of await countCalls(others, 'nap')) t.true(count > 0);
  free();
});

test('a call that nobody takes on the host where it was placed runs on another', async (t) => {
  const cluster = await startCluster(t);
  const full = await cluster.host('a', oneCall);
  await full.put('ada/nap', guests.nap);
  const free = await fill(full);
  const nats = await client(t, cluster.nats.url);
  const seen = nats.subscribe('faasm.host.a.status', { max: 1 });
  for await (const { data } of seen) {
    const own = hostStatusCodec.decode(data);
    const ghost: HostStatus = {
      ...own,
      host: toHostId('ghost'),
      instance: 'none',
      activeCalls: 0,
    };
    nats.publish('faasm.host.ghost.status', hostStatusCodec.encode(ghost));
  }
  await untilTheyMeet([full], 2);
  const asked = full.post('ada/nap', milliseconds(1));
  free();
  t.is((await asked).status, 200);
});

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`calls on a host that gets ${signal} are lost soon, and asynchronous ones run again`, async (t) => {
    const cluster = await startCluster(t);
    const full = await cluster.host('a', oneCall);
    const other = await cluster.process('b');
    await untilTheyMeet([full, other]);
    await full.put('ada/nap', guests.nap);
    const free = await fill(full);
    const waiting = full.post('ada/nap', milliseconds(40_000));
    const kept = await fetch(`${full.url}/fa/ada/nap`, { method: 'POST', body: milliseconds(10_000) });
    await until(async () => (await hostRow(full, 'b'))?.activeCalls === 2);
    other.process.kill(signal);
    const lost = await waiting;
    t.is(lost.status, 503);
    t.is(await codeOf(lost), 'executor_lost');
    free();
    let status = { state: '', attempts: 0 };
    await until(async () => {
      status = (await (await fetch(`${full.url}${kept.headers.get('location')}`)).json()) as typeof status;
      return !['queued', 'running'].includes(status.state);
    });
    t.like(status, { state: 'succeeded', attempts: 2 });
  });
}

test('calls end within their limit when NATS goes away', async (t) => {
  const cluster = await startCluster(t);
  const full = await cluster.host('a', oneCall);
  const other = await cluster.host('b');
  await untilTheyMeet([full, other]);
  await full.put('ada/nap', guests.nap);
  const free = await fill(full);
  const limited = { 'X-Faasm-Timeout': '15s' };
  const there = full.post('ada/nap', milliseconds(40_000), limited);
  await until(async () => (await hostRow(other, 'b'))?.activeCalls === 1);
  await cluster.nats.stop();
  const here = full.post('ada/nap', milliseconds(40_000), limited);
  // The one that began first ends first: it is not waited for beyond its limit.
  const ended = await Promise.race([there.then(() => 'there'), here.then(() => 'here')]);
  t.is(ended, 'there');
  t.is((await there).status, 504);
  t.is((await here).status, 504);
  free();
});

test('a host that stops says so, leaves its work to others, and serves HTTP until its delay is over', async (t) => {
  const cluster = await startCluster(t);
  const stopping = await cluster.process('a', { FAASM_DRAIN_DELAY_MS: '4000' });
  const staying = await cluster.host('b', oneCall);
  await untilTheyMeet([stopping, staying]);
  await staying.put('ada/nap', guests.nap);
  await staying.put('ada/echo', guests.echo);
  const nats = await client(t, cluster.nats.url);
  const free = await fill(staying);
  const placed = staying.post('ada/nap', milliseconds(3000));
  await until(async () => (await hostRow(staying, 'a'))?.activeCalls === 1);
  free();
  let isOver = false;
  const asking = (async () => {
    for (let count = 0; ; count++) {
      const answer = await nats.request('faasm.invoke.ada.echo', 'x', { timeout: 30_000 });
      if (answer.headers?.get('Faasm-Error')) return answer.headers.get('Faasm-Error');
      if (isOver) return count;
    }
  })();
  stopping.process.kill('SIGTERM');
  await until(async () => (await fetch(`${stopping.url}/readyz`)).status === 503);
  t.is((await fetch(`${stopping.url}/f/ada/echo`, { method: 'POST', body: 'x' })).status, 200);
  await until(async () => (await hostRow(staying, 'a'))?.draining === true);
  await once(stopping.process, 'exit');
  t.is((await placed).status, 200);
  // It said that it is gone.
  await until(async () => (await hostRow(staying, 'a')) === undefined);
  isOver = true;
  const asked = await asking;
  t.true(typeof asked === 'number', `a client was told ${asked}`);
});

test('calls of a Redis list all succeed while its hosts are stopped and started in turn', async (t) => {
  const redis = await startRedisServer();
  t.teardown(() => redis.stop());
  const receive = { FAASM_RECEIVE: 'redis', FAASM_REDIS_URL: redis.url, FAASM_STATE: 'redis' };
  const cluster = await startCluster(t, receive);
  const staying = await cluster.host('a', oneCall);
  const others = [await cluster.process('b'), await cluster.process('c')];
  await untilTheyMeet([staying, ...others]);
  await staying.put('ada/nap', guests.nap);
  const free = await fill(staying);
  const connection = await connectRedis({
    url: redis.url,
    name: 'client',
    blocking: true,
    onChange: () => {},
  });
  t.teardown(() => connection.close());
  const count = 300;
  for (let id = 0; id < count; id++) {
    const message = { user: 'ada', function: 'nap', resultKey: `r${id}`, inputData: milliseconds(300) };
    const bytes = Buffer.from(encodeMessage({ ...message, type: 'CALL' }));
    await connection.run((client) => client.rpush('all_incoming', bytes));
  }
  // At once: a result is kept for half a minute.
  const collecting = (async () => {
    for (let id = 0; id < count; id++) {
      const [, bytes] = (await connection.run((client) => client.blpopBuffer(`r${id}`, 0)))!;
      t.like(decodeMessage(bytes!, 'result'), { success: true });
    }
  })();
  for (const [at, name] of ['b', 'c'].entries()) {
    const { process: stopping } = others[at]!;
    const ended = once(stopping, 'exit');
    stopping.kill('SIGTERM');
    await ended;
    others[at] = await cluster.process(name);
  }
  await collecting;
  t.deepEqual(await connection.run((client) => client.keys('r*')), []);
  free();
});

test('no host starts a version after another one was put', async (t) => {
  const cluster = await startCluster(t);
  const hosts = [await cluster.host('a'), await cluster.host('b'), await cluster.host('c')];
  await untilTheyMeet(hosts);
  let newest = 0;
  t.is((await hosts[0]!.put('ada/f', saying('100'))).status, 200);
  const old: string[] = [];
  let isOver = false;
  let calls = 0;
  const callers = hosts.map(async (at) => {
    while (!isOver) {
      const least = 100 + newest;
      const said = Number(await (await at.post('ada/f')).text());
      calls++;
      if (!(said >= least)) old.push(`${said} where ${least} was put`);
    }
  });
  for (let at = 1; at <= 25; at++) {
    t.is((await hosts[at % 3]!.put('ada/f', saying(String(100 + at)))).status, 200);
    newest = at;
  }
  t.is((await fetch(`${hosts[1]!.url}/f/ada/f`, { method: 'DELETE' })).status, 204);
  for (const at of hosts) t.is((await at.post('ada/f')).status, 404);
  isOver = true;
  await Promise.all(callers);
  t.log(`${calls} calls`);
  t.deepEqual(
    old.filter((each) => !each.startsWith('NaN')),
    [],
  );
});

test('a host finds at once what another was given while it looked in vain', async (t) => {
  const cluster = await startCluster(t);
  const hosts = [await cluster.host('a'), await cluster.host('b')] as const;
  await untilTheyMeet(hosts);
  for (let at = 0; at < 10; at++) {
    const name = `ada/f${at}`;
    const early = Array.from({ length: 5 }, () => hosts[1].post(name));
    t.is((await hosts[0].put(name, saying('there'))).status, 200);
    t.is(await (await hosts[1].post(name)).text(), 'there');
    await Promise.all(early);
  }
});

test('a host does not take a name that another host has', async (t) => {
  const cluster = await startCluster(t);
  await cluster.host('a');
  await t.throwsAsync(cluster.host('a'), { code: 'conflict', message: /FAASM_HOST_NAME/ });
});

test('functions that a host keeps for itself run there, whichever host is asked', async (t) => {
  const cluster = await startCluster(t);
  const one = await cluster.host('a', { FAASM_FUNCTIONS: '' });
  const two = await cluster.host('b', { FAASM_FUNCTIONS: '' });
  await untilTheyMeet([one, two]);
  t.is((await one.put('ada/f', saying('one'))).status, 200);
  t.is(await (await two.post('ada/f')).text(), 'one');
  t.is((await two.put('ada/f', saying('two'))).status, 200);
  t.is(await (await two.post('ada/f')).text(), 'two');
  t.is(await (await one.post('ada/f')).text(), 'one');
});
