/**
 * Two hosts that share a value of 64 MiB through Redis: one changes 1% of it and pushes, the other pulls. Beside it, the
 * whole value by SET and GET of the same client, in turns. The other host begins to fetch as soon as it hears of the
 * change, so some of its bytes are counted with the push; together they are twice what was changed.
 */
import { spawn } from 'node:child_process';
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { buildFunction, upload } from '../functions/build.ts';
import { median } from '../load/summary.ts';
import { freePort, startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const size = 64 * 1024 * 1024;
const rounds = 15;

interface Taken {
  readonly ms: number;
  /** To and from Redis together. */
  readonly bytes: number;
}

export async function sharedState(): Promise<Row[]> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const server = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  const redis = await connectedTo(url);
  try {
    const environment = { FAASM_STATE: 'redis', FAASM_REDIS_URL: url };
    await using one = await startHost(environment);
    await using two = await startHost(environment);
    const wasm = await buildFunction('share_state.cpp');
    for (const { http } of [one, two]) await upload(http, 'bench/share_state', wasm);
    const call = async (http: string, input: string): Promise<number> => {
      const answer = await fetch(`${http}/f/bench/share_state`, { method: 'POST', body: input });
      if (!answer.ok) throw new Error(await answer.text());
      const [nanoseconds, wrong] = (await answer.text()).split(' ');
      if (wrong !== '0') throw new Error(`${wrong} chunks are not as they were pushed`);
      return Number(nanoseconds) / 1e6;
    };
    const whole = Buffer.alloc(size, 7);
    await redis.run((client) => client.set('whole', whole));
    const pushes: Taken[] = [];
    const pulls: Taken[] = [];
    const sets: Taken[] = [];
    const gets: Taken[] = [];
    for (let round = 1; round <= rounds; round++) {
      pushes.push(await measured(redis, () => call(one.http, `push ${round}`)));
      pulls.push(await measured(redis, () => call(two.http, `pull ${round}`)));
      sets.push(await measured(redis, () => timed(() => redis.run((client) => client.set('whole', whole)))));
      gets.push(await measured(redis, () => timed(() => redis.run((client) => client.getBuffer('whole')))));
    }
    return [row('push', pushes, 'SET', sets), row('pull', pulls, 'GET', gets)];
  } finally {
    redis.close();
    server.kill();
  }
}

function row(what: string, ours: readonly Taken[], command: string, theirs: readonly Taken[]): Row {
  const told = (all: readonly Taken[]): string =>
    `${median(all.map(({ ms }) => ms)).toFixed(1)} ms, ${Math.round(median(all.map(({ bytes }) => bytes)) / 1024)} KiB on the wire`;
  return {
    what: `${what} of state of 64 MiB with 1% changed, over Redis`,
    value: told(ours),
    baseline: `all of it by ${command}: ${told(theirs)}`,
    ratio: median(theirs.map(({ ms }) => ms)) / median(ours.map(({ ms }) => ms)),
  };
}

async function measured(redis: RedisConnection, run: () => Promise<number>): Promise<Taken> {
  const before = await wireBytes(redis);
  const ms = await run();
  return { ms, bytes: (await wireBytes(redis)) - before };
}

async function wireBytes(redis: RedisConnection): Promise<number> {
  const text = await redis.run((client) => client.info('stats'));
  const count = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(text)?.[1]);
  return count('total_net_input_bytes') + count('total_net_output_bytes');
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function connectedTo(url: string): Promise<RedisConnection> {
  const ready = Promise.withResolvers<void>();
  const onChange = (why: string | undefined): void => {
    if (why === undefined) ready.resolve();
  };
  const connection = await connectRedis({ url, name: 'bench', onChange });
  await ready.promise;
  return connection;
}
