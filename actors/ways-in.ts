/** The ways in that a host is set to have, opened and ended together. */
import assert from 'node:assert/strict';
import type { WaysIn, WaysInOptions } from '../src/power/host.ts';
import { MessageCalls } from '../src/receive/message-calls.ts';
import { RedisQueue } from '../src/redis-queue/queue.ts';
import { startHttpBridge } from './http-bridge.ts';
import { startNatsListenerActor } from './nats-listener.ts';
import { startPipe } from './pipe.ts';
import { type RedisAdapter, startRedisAdapter } from './redis-adapter.ts';
import { startSocket } from './socket.ts';

/** @throws FaasmError when a port is in use */
export async function openWaysIn(options: WaysInOptions): Promise<WaysIn> {
  const { powers, config, bus, privateBus, subjects, readiness, memory, log } = options;
  const { waysIn, socket: streams } = config;
  await using opened = new AsyncDisposableStack();
  const bridge = await startHttpBridge({
    random: powers.random,
    bus,
    privateBus,
    subjects,
    config: config.http,
    log: log('http-bridge'),
    memory,
    readiness,
  });
  opened.defer(() => bridge.close(0));
  const { limits } = streams;
  const socket = waysIn.includes('socket')
    ? await startSocket({
        createCalls: () => createCalls(options),
        address: streams.address,
        limits,
        log: log('socket'),
      })
    : undefined;
  opened.defer(async () => socket?.stop(0));
  const pipe =
    waysIn.includes('pipe') && options.pipe !== undefined
      ? startPipe({ calls: createCalls(options), ...options.pipe, limits, log: log('pipe') })
      : undefined;
  opened.defer(async () => pipe?.stop(0));
  const redis = waysIn.includes('redis') ? await openRedisAdapter(options) : undefined;
  opened.defer(async () => redis?.stop(0));
  const listener =
    config.nats === undefined
      ? await startNatsListenerActor({ bus, config: config.natsListener, log: log('nats-listener') })
      : undefined;
  opened.move();
  return {
    httpPorts: bridge.ports,
    natsPort: listener?.port,
    socket: socket?.address,
    pipeEnded: pipe?.ended ?? new Promise(() => {}),
    async leave(timeoutMs) {
      await listener?.leave();
      await Promise.all([socket, pipe, redis].map((way) => way?.stop(timeoutMs)));
    },
    close: (timeoutMs) => bridge.close(timeoutMs),
    async end() {
      await listener?.close();
    },
  };
}

function createCalls({ powers, config, bus, subjects, newCallId }: WaysInOptions): MessageCalls {
  const { callTimeoutMs } = config;
  return new MessageCalls({ clock: powers.clock, bus, subjects, callTimeoutMs, newCallId });
}

async function openRedisAdapter(options: WaysInOptions): Promise<RedisAdapter> {
  const { powers, config, host, redis, log } = options;
  assert(redis !== undefined, 'calls from Redis need a connection to it');
  await using opened = new AsyncDisposableStack();
  const waiting = await redis.another({ name: `faasm ${host} waits`, blocking: true, onChange: () => {} });
  opened.defer(() => waiting.close());
  const listening = await redis.another({ name: `faasm ${host} listens`, onChange: () => {} });
  opened.defer(() => listening.close());
  const adapter = startRedisAdapter({
    powers,
    calls: createCalls(options),
    listening,
    reservedPrefix: config.redisQueue.reservedPrefix,
    queue: new RedisQueue({ redis, waiting, key: config.redisQueue.key }),
    closeWaiting: () => waiting.close(),
    limits: config.redisQueue.limits,
    log: log('redis-adapter'),
  });
  const connections = opened.move();
  return {
    async stop(timeoutMs) {
      await adapter.stop(timeoutMs);
      await connections.disposeAsync();
    },
  };
}
