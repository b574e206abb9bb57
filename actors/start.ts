/** A host: one bus and the actors on it, started and stopped in the right order. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createControlSubjects } from '../proto/control-subjects.ts';
import type { FunctionSettings } from '../proto/function-settings.ts';
import type { FunctionDescription } from '../proto/messages.ts';
import { type CallId, type FunctionName, type HostId, toHostId, type UserName } from '../proto/names.ts';
import { createPublicSubjects } from '../proto/public-subjects.ts';
import { expectAnswer } from '../src/bus/error-headers.ts';
import { type HostBus, readBody } from '../src/bus/port.ts';
import { toSettingsHeaders } from '../src/bus/settings-headers.ts';
import { CallData } from '../src/calls/call-data.ts';
import { createCallIds } from '../src/calls/call-id.ts';
import { type InvokeOptions, invoke } from '../src/calls/invoke.ts';
import { openSqliteCallQueue } from '../src/calls/sqlite-queue.ts';
import type { Config } from '../src/config/config.ts';
import { FaasletTable } from '../src/faaslet/faaslet-budget.ts';
import { openDiskStore } from '../src/files/disk-store.ts';
import { createAsyncify } from '../src/functions/asyncify.ts';
import type { ComingFunctions } from '../src/functions/coming.ts';
import { functionDescriptionCodec } from '../src/functions/messages.ts';
import { openFunctionStore, ownFolder } from '../src/functions/open-store.ts';
import { createPreparer } from '../src/functions/preparer.ts';
import { toHostStores } from '../src/hosts/stores.ts';
import type { Log } from '../src/log.ts';
import { detectMemoryPort } from '../src/memory/detect.ts';
import type { NatsListener } from '../src/nats-listener/server.ts';
import { UserObjects } from '../src/objects/user-objects.ts';
import type { Powers } from '../src/power/port.ts';
import { Readiness } from '../src/readiness.ts';
import { MessageCalls } from '../src/receive/message-calls.ts';
import type { SocketAddress } from '../src/receive/socket-address.ts';
import { connectRedis, type RedisConnection } from '../src/redis/connection.ts';
import { RedisQueue } from '../src/redis-queue/queue.ts';
import { openS3Bucket } from '../src/s3/bucket.ts';
import { createS3Client } from '../src/s3/client.ts';
import { openStateStore } from '../src/state/stores/open-store.ts';
import { openDataFolder } from '../src/storage/data-folder.ts';
import { DiskRoom } from '../src/storage/disk-room.ts';
import { StorageWatch } from '../src/storage/storage-watch.ts';
import type { HostIdentity } from '../src/worker-pool/reports.ts';
import { startCalls } from './calls.ts';
import { startConsole } from './console.ts';
import { startFiles } from './files.ts';
import { startFunctions } from './functions.ts';
import { openHostBuses } from './host-bus.ts';
import { startHttpBridge } from './http-bridge.ts';
import { joinCluster } from './membership.ts';
import { startNatsListenerActor } from './nats-listener.ts';
import { startObjects } from './objects.ts';
import { startPipe } from './pipe.ts';
import { type RedisAdapter, startRedisAdapter } from './redis-adapter.ts';
import { startScheduler } from './scheduler.ts';
import { startSocket } from './socket.ts';
import { startState } from './state.ts';
import { allowTables } from './v8-flags.ts';
import { startWorkerPool } from './worker-pool.ts';

export interface Host {
  readonly id: HostId;
  /** The port to invoke at, then the port to upload at. */
  readonly httpPorts: readonly number[];
  /** Of the host's own NATS listener; none where the host is part of a NATS system. */
  readonly natsPort: number | undefined;
  upload(
    user: UserName,
    name: FunctionName,
    module: Uint8Array,
    settings?: Partial<FunctionSettings>,
  ): Promise<FunctionDescription>;
  describe(user: UserName, name: FunctionName): Promise<FunctionDescription>;
  /** @returns the output */
  invoke(user: UserName, name: FunctionName, input: Uint8Array, options?: InvokeOptions): Promise<Uint8Array>;
  /** Where the socket takes calls; nothing where there is none. */
  readonly socket: SocketAddress | undefined;
  /** Settles when the pipe has ended; never where there is none. */
  readonly pipeEnded: Promise<void>;
  /** What this host needs and does not have, for people; empty when it is ready. */
  unreadyWhy(): string;
  /** Resolves when the host is ready, at once where it is. */
  whenReady(): Promise<void>;
  /** Running, suspended and queued ones. */
  callsUnderWay(): number;
  /** Takes nothing new, finishes what runs, saves what is to be saved. */
  stop(): Promise<void>;
}

export interface HostOptions {
  readonly powers: Powers;
  log(component: string): Log;
  /** What the pipe reads and writes. @default none, and there can be no pipe */
  readonly pipe?: { readonly input: Readable; readonly output: Writable };
  /** Functions that are being made for it: it is not ready before they are there. @default none */
  readonly coming?: ComingFunctions | undefined;
  /** Ends what a start waits for. @default never */
  readonly stopping?: AbortSignal;
}

/** A module this host serves takes so long at the most from upload to live. */
const uploadTimeoutMs = 120_000;

/** @throws FaasmError when a port is in use, a folder cannot be written or a server cannot be reached */
export async function startHost(
  config: Config,
  { powers, log, pipe: streams, coming, stopping = new AbortController().signal }: HostOptions,
): Promise<Host> {
  const { clock, timers, random } = powers;
  const id = config.hostName ?? toHostId(`host-${random.bytes(4).toString('hex')}`);
  allowTables(config.modules.tableMaxElements);
  const subjects = createPublicSubjects(config.prefix);
  const control = createControlSubjects(config.prefix);
  const data = config.dataFolder;
  const identity: HostIdentity = {
    host: id,
    instance: random.bytes(8).toString('hex'),
    stores: toHostStores(config),
    cores: config.cores,
  };
  const begunFolder = join(data, 'begun-calls');
  await openDataFolder(data);
  const readiness = new Readiness();
  coming?.watch((why) => readiness.set('dev', why));
  /** Told whether the other hosts can be reached. */
  let onReach: (reachable: boolean) => void = () => {};

  /** What to undo, the last first. */
  const closers: (() => unknown)[] = [];
  let drainEndsMs = Number.POSITIVE_INFINITY;
  /** All that waits for calls, and for state to be saved, waits no longer than the drain together. */
  const drainLeftMs = (): number => Math.max(0, Math.ceil(drainEndsMs - clock.monotonicMs()));
  /** Also when one of them fails. @throws what the first of them failed with */
  const stopAll = async (): Promise<void> => {
    drainEndsMs = clock.monotonicMs() + config.drain.delayMs + config.drain.timeoutMs;
    const failures: unknown[] = [];
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };

  try {
    return await startActors();
  } catch (error) {
    await stopAll().catch(() => {});
    throw error;
  }

  async function startActors(): Promise<Host> {
    const { bus, privateBus } = await openHostBuses({
      powers,
      config,
      host: id,
      subjects,
      control,
      readiness,
      log: log('bus'),
      signal: stopping,
      onReach: (reachable) => onReach(reachable),
    });
    closers.push(() => privateBus.close());
    closers.push(() => bus.close());
    const membership = await joinCluster({
      bus,
      control,
      identity,
      onNamesake: (why) => readiness.set('membership', why),
      log: log('membership'),
    });
    closers.push(() => membership.leave());
    const newCallId = createCallIds(random);
    const { port: memory, why } = detectMemoryPort(config.memory);
    log('host').info({ host: id, memory: memory.kind, why }, 'memory of Faaslets');

    const room = await DiskRoom.open({
      folder: data,
      onChange(why) {
        readiness.set('disk', why);
        if (why === undefined) log('storage').info('there is room on the disk again');
        else log('storage').error({ why }, 'no room on the disk');
      },
    });
    closers.push(() => room.close());
    const storage = new StorageWatch(room, log);
    const redis = await openRedis();
    const board = startConsole({
      clock,
      bus,
      privateBus,
      subjects,
      control,
      host: id,
      readiness,
      storage,
      log: log('console'),
    });
    closers.push(() => board.stop());
    const { s3 } = config;
    const opened = await openStateStore({
      place: config.statePlace,
      redisKeys: config.stateRedisKeys,
      dataFolder: data,
      redis,
      prefix: config.prefix,
      s3,
    });
    const isHere = config.statePlace.kind === 'sqlite';
    const store = storage.watch({
      component: 'state',
      store: opened,
      grows: isHere ? ['write', 'append', 'stage', 'commit'] : [],
    });
    closers.push(() => store.close());
    room.onShrink(async () => store.shrink?.());
    const damagedValues = (await store.damagedValues?.()) ?? [];
    if (damagedValues.length > 0)
      log('state').error({ values: damagedValues }, 'records of values are damaged');
    const state = await startState({
      powers,
      host: id,
      bus,
      privateBus,
      subjects,
      store,
      log: log('state'),
      config: config.state,
      allocate(byteLength) {
        const { buffer, byteLength: allocated } = memory.createSegment(byteLength);
        return { buffer, byteOffset: 0, byteLength: allocated };
      },
      release: (segment) => memory.discardSegment(segment),
    });
    closers.push(() => state.stop(drainLeftMs()));
    const objects = startObjects({ privateBus, objects: await openObjects() });
    closers.push(() => objects.stop());
    const openedFiles = await openDiskStore({
      root: join(data, 'files'),
      onDamaged: (file, error) => log('files').error({ file, err: error }, 'a shared file cannot be read'),
    });
    const fileStore = storage.watch({ component: 'files', store: openedFiles, grows: ['createDraft'] });
    const { limits: poolLimits, executor } = config.pool;
    const held = new FaasletTable(2 * poolLimits.executorsMax, executor.faasletLimits);
    const pool = await startWorkerPool({
      powers,
      memory: held,
      bus,
      privateBus,
      subjects,
      control,
      config: {
        ...config.pool,
        identity,
        executor: {
          ...executor,
          memory: memory.kind,
          contentFolder: fileStore.contentFolder,
          begunFolder,
          codeFolder: join(data, 'code'),
        },
      },
      newCallId,
      log: log('worker-pool'),
    });
    let listener: NatsListener | undefined;
    // Clients hear of every call that they made, also of those that were stopped just now.
    closers.push(async () => {
      await new Promise<void>((resolve) => timers.soon(resolve));
      await listener?.close();
    });
    closers.push(() => pool.stop());
    const { grants, inputMaxBytes } = config;
    const callData = new CallData({ redis, s3, grants, inputMaxBytes });
    const scheduler = startScheduler({
      powers,
      bus,
      privateBus,
      subjects,
      control,
      config: {
        ...config.scheduler,
        self: { host: id, instance: identity.instance, store: identity.stores.functions },
      },
      data: callData,
      newCallId,
    });
    closers.push(() => scheduler.stop());
    onReach = scheduler.reach;
    const files = await startFiles({
      powers,
      bus,
      privateBus,
      subjects,
      control,
      store: fileStore,
      config: { ...config.files, host: id },
      log: log('files'),
    });
    closers.push(() => files.stop());
    let wasRead = false;
    const functions = await startFunctions({
      powers,
      bus,
      privateBus,
      subjects,
      control,
      memory,
      store: storage.watch({
        component: 'functions',
        store: await openFunctionStore(config.functionsPlace ?? ownFolder(data), {
          s3,
          nats: config.nats && { ...config.nats, name: `faasm ${id} functions` },
        }),
        grows: config.functionsPlace === undefined ? ['write', 'writeModule', 'writeProto'] : [],
      }),
      onStore(why) {
        if (why !== undefined) log('functions').warn({ why }, 'function storage is away; trying again');
        // What was read once goes on running; before, the host does not know what it has.
        if (why === undefined) wasRead = true;
        if (wasRead) readiness.degrade('functions', why);
        else readiness.set('functions', why);
      },
      coming,
      preparer: createPreparer(config.modules),
      asyncify: createAsyncify(),
      config: { ...config.functions, host: id, store: identity.stores.functions },
      log: log('functions'),
    });
    closers.push(() => functions.stop());
    // What runs may still chain and start functions, so those actors stop after it has ended.
    closers.push(() => pool.drain(drainLeftMs()));
    const queue = storage.watch({
      component: 'calls',
      store: await openSqliteCallQueue(join(data, 'calls.db')),
      grows: ['enqueue'],
    });
    closers.push(() => queue.close());
    room.onShrink(() => queue.shrink());
    const calls = await startCalls({
      powers,
      host: id,
      bus,
      privateBus,
      subjects,
      queue,
      begunFolder,
      config: config.calls,
      newCallId,
      log: log('calls'),
    });
    closers.push(() => calls.stop(drainLeftMs()));

    const bridge = await startHttpBridge({
      random,
      bus,
      privateBus,
      subjects,
      config: { ...config.http, host: id },
      log: log('http-bridge'),
      memory: held,
      readiness,
    });
    closers.push(() => bridge.close(drainLeftMs()));
    // What the ways in have taken is placed until they are stopped; then only what runs may make calls.
    closers.push(() => scheduler.drain());
    const { socket, pipe } = await openWaysIn(bus, newCallId, redis);
    if (config.nats === undefined) listener = await openListener(bus);
    closers.push(() => listener?.leave());

    closers.push(async () => {
      readiness.set('host', 'draining');
      pool.leave();
      await bus.leave();
      await timers.sleep(config.drain.delayMs);
    });

    // Others reach this host from now on.
    await bus.flush();
    return {
      id,
      httpPorts: bridge.ports,
      natsPort: listener?.port,
      socket: socket?.address,
      pipeEnded: pipe?.ended ?? new Promise(() => {}),
      unreadyWhy: () => readiness.why,
      whenReady: () => readiness.whenReady(),
      callsUnderWay: () => pool.callsUnderWay(),
      stop: stopAll,
      async upload(user, name, module, settings = {}) {
        const answer = await bus.request(subjects.functions('upload', user, name), module, {
          headers: toSettingsHeaders(settings),
          timeoutMs: uploadTimeoutMs,
        });
        return readBody(expectAnswer(answer), functionDescriptionCodec);
      },
      async describe(user, name) {
        const answer = await bus.request(subjects.functions('describe', user, name), new Uint8Array(0));
        return readBody(expectAnswer(answer), functionDescriptionCodec);
      },
      invoke(user, name, input, options = {}) {
        const { callTimeoutMs } = config;
        const call = { id: newCallId(user), user, function: name, input, callTimeoutMs };
        return invoke(bus, subjects, call, options);
      },
    };
  }

  async function openObjects(): Promise<UserObjects | undefined> {
    if (config.objectsPlace === undefined) return undefined;
    const { bucket, prefix } = config.objectsPlace;
    const place = await openS3Bucket(await createS3Client(config.s3), bucket, prefix);
    return new UserObjects(place, config.inputMaxBytes);
  }

  async function openWaysIn(
    bus: HostBus,
    newCallId: (user: UserName) => CallId,
    redis: RedisConnection | undefined,
  ) {
    const { waysIn, callTimeoutMs } = config;
    const createCalls = () => new MessageCalls({ clock, bus, subjects, callTimeoutMs, newCallId });
    const { address, limits } = config.socket;
    const open: { stop(timeoutMs: number): Promise<void> }[] = [];
    closers.push(() => Promise.all(open.map((way) => way.stop(drainLeftMs()))));
    const socket = waysIn.includes('socket')
      ? await startSocket({
          createCalls,
          address,
          limits,
          log: log('socket'),
        })
      : undefined;
    if (socket !== undefined) open.push(socket);
    const pipe =
      waysIn.includes('pipe') && streams !== undefined
        ? startPipe({ calls: createCalls(), ...streams, limits, log: log('pipe') })
        : undefined;
    if (pipe !== undefined) open.push(pipe);
    if (waysIn.includes('redis')) open.push(await openRedisAdapter(createCalls(), redis));
    return { socket, pipe };
  }

  async function openRedisAdapter(
    calls: MessageCalls,
    redis: RedisConnection | undefined,
  ): Promise<RedisAdapter> {
    assert(redis !== undefined, 'calls from Redis need a connection to it');
    const waiting = await redis.another({ name: `faasm ${id} waits`, blocking: true, onChange: () => {} });
    closers.push(() => waiting.close());
    const listening = await redis.another({ name: `faasm ${id} listens`, onChange: () => {} });
    closers.push(() => listening.close());
    return startRedisAdapter({
      powers,
      calls,
      listening,
      reservedPrefix: config.redisQueue.reservedPrefix,
      queue: new RedisQueue({ redis, waiting, key: config.redisQueue.key }),
      closeWaiting: () => waiting.close(),
      limits: config.redisQueue.limits,
      log: log('redis-adapter'),
    });
  }

  /** Goes on connecting while the server is away: until it is there this host is not ready. */
  async function openRedis(): Promise<RedisConnection | undefined> {
    if (config.redisUrl === undefined) return undefined;
    const redis = await connectRedis({
      url: config.redisUrl,
      name: `faasm ${id}`,
      onChange(why) {
        readiness.set('redis', why);
        if (why === undefined) log('redis').info('connected');
        else log('redis').warn({ why }, 'not connected; trying again');
      },
    });
    closers.push(() => redis.close());
    return redis;
  }

  async function openListener(bus: HostBus): Promise<NatsListener> {
    return await startNatsListenerActor({
      bus,
      config: config.natsListener,
      log: log('nats-listener'),
    });
  }
}
