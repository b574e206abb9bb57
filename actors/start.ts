/** A host: one bus and the actors on it, started and stopped in the right order. */
import { createControlSubjects } from '../proto/control-subjects.ts';
import type { FunctionSettings } from '../proto/function-settings.ts';
import type { FunctionDescription } from '../proto/messages.ts';
import { type FunctionName, type HostId, toHostId, type UserName } from '../proto/names.ts';
import { createPublicSubjects } from '../proto/public-subjects.ts';
import { expectAnswer } from '../src/bus/error-headers.ts';
import { readBody } from '../src/bus/port.ts';
import { toSettingsHeaders } from '../src/bus/settings-headers.ts';
import { createCallIds } from '../src/calls/call-id.ts';
import { type InvokeOptions, invoke } from '../src/calls/invoke.ts';
import type { Config } from '../src/config/config.ts';
import { FaasletTable } from '../src/faaslet/faaslet-budget.ts';
import type { ComingFunctions } from '../src/functions/coming.ts';
import { functionDescriptionCodec } from '../src/functions/messages.ts';
import { toHostStores } from '../src/hosts/stores.ts';
import type { Log } from '../src/log.ts';
import { detectMemoryPort } from '../src/memory/detect.ts';
import type { HostPowers, WaysIn, WaysInOptions } from '../src/power/host.ts';
import { Readiness } from '../src/readiness.ts';
import type { HostIdentity } from '../src/worker-pool/reports.ts';
import { startCalls } from './calls.ts';
import { startConsole } from './console.ts';
import { startFiles } from './files.ts';
import { startFunctions } from './functions.ts';
import { openHostBuses } from './host-bus.ts';
import { joinCluster } from './membership.ts';
import { startObjects } from './objects.ts';
import { startScheduler } from './scheduler.ts';
import { startState } from './state.ts';
import { allowTables } from './v8-flags.ts';
import { startWorkerPool } from './worker-pool.ts';

export interface Host extends Pick<WaysIn, 'httpPorts' | 'natsPort' | 'socket' | 'pipeEnded'> {
  readonly id: HostId;
  upload(
    user: UserName,
    name: FunctionName,
    module: Uint8Array,
    settings?: Partial<FunctionSettings>,
  ): Promise<FunctionDescription>;
  describe(user: UserName, name: FunctionName): Promise<FunctionDescription>;
  /** @returns the output */
  invoke(user: UserName, name: FunctionName, input: Uint8Array, options?: InvokeOptions): Promise<Uint8Array>;
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
  readonly powers: HostPowers;
  log(component: string): Log;
  /** @default none, and there can be no pipe */
  readonly pipe?: WaysInOptions['pipe'];
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
  { powers, log, pipe, coming, stopping = new AbortController().signal }: HostOptions,
): Promise<Host> {
  const { clock, timers, random } = powers;
  const id = config.hostName ?? toHostId(`host-${random.bytes(4).toString('hex')}`);
  allowTables(config.modules.tableMaxElements);
  const subjects = createPublicSubjects(config.prefix);
  const control = createControlSubjects(config.prefix);
  const identity: HostIdentity = {
    host: id,
    instance: random.bytes(8).toString('hex'),
    stores: toHostStores(config),
    cores: config.cores,
  };
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

    const stores = await powers.openStores({ config, host: id, readiness, log });
    closers.push(() => stores.close());
    const board = startConsole({
      clock,
      bus,
      privateBus,
      subjects,
      control,
      host: id,
      readiness,
      storage: stores,
      log: log('console'),
    });
    closers.push(() => board.stop());
    const state = await startState({
      powers,
      host: id,
      bus,
      privateBus,
      subjects,
      store: stores.state,
      log: log('state'),
      config: config.state,
      allocate(byteLength) {
        const { buffer, byteLength: allocated } = memory.createSegment(byteLength);
        return { buffer, byteOffset: 0, byteLength: allocated };
      },
      release: (segment) => memory.discardSegment(segment),
    });
    closers.push(() => state.stop(drainLeftMs()));
    const objects = startObjects({ privateBus, objects: stores.objects });
    closers.push(() => objects.stop());
    const { limits: poolLimits, chains, executor } = config.pool;
    const held = new FaasletTable(2 * poolLimits.executorsMax, executor.faasletLimits);
    const pool = await startWorkerPool({
      powers,
      startExecutor: powers.createExecutors({
        settings: {
          ...executor,
          memory: memory.kind,
          chainDepthMax: chains.depthMax,
          ...stores.folders,
        },
        faaslets: held,
        privateBus,
      }),
      memory: held,
      bus,
      privateBus,
      subjects,
      control,
      config: { identity, limits: poolLimits, chains },
      newCallId,
      log: log('worker-pool'),
    });
    let waysIn: WaysIn | undefined;
    // Clients hear of every call that they made, also of those that were stopped just now.
    closers.push(async () => {
      await new Promise<void>((resolve) => timers.soon(resolve));
      await waysIn?.end();
    });
    closers.push(() => pool.stop());
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
      data: stores.data,
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
      store: stores.files,
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
      store: stores.functions,
      onStore(why) {
        if (why !== undefined) log('functions').warn({ why }, 'function storage is away; trying again');
        // What was read once goes on running; before, the host does not know what it has.
        if (why === undefined) wasRead = true;
        if (wasRead) readiness.degrade('functions', why);
        else readiness.set('functions', why);
      },
      coming,
      preparer: powers.createPreparer(config.modules),
      asyncify: powers.createAsyncify(),
      config: { ...config.functions, host: id, store: identity.stores.functions },
      log: log('functions'),
    });
    closers.push(() => functions.stop(drainLeftMs()));
    // What runs may still chain and start functions, so those actors stop after it has ended.
    closers.push(() => pool.drain(drainLeftMs()));
    const calls = await startCalls({
      powers,
      host: id,
      bus,
      privateBus,
      subjects,
      queue: stores.calls,
      begun: stores.begun,
      config: config.calls,
      newCallId,
      log: log('calls'),
    });
    closers.push(() => calls.stop(drainLeftMs()));

    closers.push(() => waysIn?.close(drainLeftMs()));
    // What the ways in have taken is placed until they are stopped; then only what runs may make calls.
    closers.push(() => scheduler.drain());
    closers.push(() => waysIn?.leave(drainLeftMs()));
    waysIn = await powers.openWaysIn({
      powers,
      config,
      host: id,
      bus,
      privateBus,
      subjects,
      readiness,
      memory: held,
      redis: stores.redis,
      pipe,
      newCallId,
      log,
    });

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
      httpPorts: waysIn.httpPorts,
      natsPort: waysIn.natsPort,
      socket: waysIn.socket,
      pipeEnded: waysIn.pipeEnded,
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
}
