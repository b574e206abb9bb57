/**
 * A host: its buses and the actors on them, started one after the other and stopped in the reverse order. It takes
 * nothing new first, then waits for what runs, and ends what serves that at last.
 */
import { createControlSubjects } from '../proto/control-subjects.ts';
import { toHostId } from '../proto/names.ts';
import { createPublicSubjects } from '../proto/public-subjects.ts';
import { createCallIds } from '../src/calls/call-id.ts';
import type { Config } from '../src/config/config.ts';
import { FaasletTable } from '../src/faaslet/faaslet-budget.ts';
import { createHostClient } from '../src/host/client.ts';
import { Closers } from '../src/host/closers.ts';
import type { Host, HostOptions } from '../src/host/port.ts';
import { tellOfStore } from '../src/host/tell-of-store.ts';
import { toHostStores } from '../src/hosts/stores.ts';
import { detectMemoryPort } from '../src/memory/detect.ts';
import type { WaysIn } from '../src/power/host.ts';
import { Readiness } from '../src/readiness.ts';
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

/** @throws FaasmError when a port is in use, a folder cannot be written or a server cannot be reached */
export async function startHost(config: Config, options: HostOptions): Promise<Host> {
  const closers = new Closers(options.powers.clock, config.drain);
  return await closers.unlessAllStarts(() => startActors(config, options, closers));
}

async function startActors(
  config: Config,
  { powers, log, pipe, coming, stopping = new AbortController().signal }: HostOptions,
  closers: Closers,
): Promise<Host> {
  const { clock, timers, random } = powers;
  const host = config.hostName ?? toHostId(`host-${random.bytes(4).toString('hex')}`);
  const instance = random.bytes(8).toString('hex');
  const identity = { host, instance, stores: toHostStores(config), cores: config.cores };
  const { functions: store } = identity.stores;
  allowTables(config.modules.tableMaxElements);
  const subjects = createPublicSubjects(config.prefix);
  const control = createControlSubjects(config.prefix);
  const readiness = new Readiness();
  coming?.watch((why) => readiness.set('dev', why));
  /** Told whether the other hosts can be reached. */
  let onReach: (reachable: boolean) => void = () => {};

  const outside = { powers, clock, host, subjects, control, readiness };
  const { bus, privateBus } = await openHostBuses({
    ...outside,
    config,
    log: log('bus'),
    signal: stopping,
    onReach: (reachable) => onReach(reachable),
  });
  closers.defer(() => privateBus.close());
  closers.defer(() => bus.close());
  const onNamesake = (why: string): void => readiness.set('membership', why);
  const membership = await joinCluster({ bus, control, identity, onNamesake, log: log('membership') });
  closers.defer(() => membership.leave());
  const common = { ...outside, bus, privateBus, newCallId: createCallIds(random) };
  const { port: memory, why } = detectMemoryPort(config.memory);
  log('host').info({ host, memory: memory.kind, why }, 'memory of Faaslets');

  const stores = await powers.openStores({ config, host, readiness, log });
  closers.defer(() => stores.close());
  closers.use(startConsole({ ...common, storage: stores, log: log('console') }));
  closers.use(
    await startState({
      ...common,
      store: stores.state,
      config: config.state,
      log: log('state'),
      allocate: (byteLength) => ({ byteOffset: 0, ...memory.createSegment(byteLength) }),
      release: (segment) => memory.discardSegment(segment),
    }),
  );
  closers.use(startObjects({ privateBus, objects: stores.objects }));
  let waysIn: WaysIn | undefined;
  // Clients hear of every call that they made, also of those that were stopped just now.
  closers.defer(() => waysIn?.end());
  closers.defer(() => new Promise<void>((resolve) => timers.soon(resolve)));
  const { limits, chains, executor } = config.pool;
  const faaslets = new FaasletTable(2 * limits.executorsMax, executor.faasletLimits);
  const settings = { ...executor, memory: memory.kind, chainDepthMax: chains.depthMax, ...stores.folders };
  const pool = closers.use(
    await startWorkerPool({
      ...common,
      startExecutor: powers.createExecutors({ settings, faaslets, privateBus }),
      memory: faaslets,
      config: { identity, limits, chains },
      log: log('worker-pool'),
    }),
  );
  const schedulerConfig = { ...config.scheduler, self: { host, instance, store } };
  const scheduler = closers.use(startScheduler({ ...common, config: schedulerConfig, data: stores.data }));
  onReach = scheduler.reach;
  const filesConfig = { ...config.files, host };
  closers.use(await startFiles({ ...common, store: stores.files, config: filesConfig, log: log('files') }));
  closers.use(
    await startFunctions({
      ...common,
      memory,
      store: stores.functions,
      onStore: tellOfStore('functions', readiness, log('functions')),
      coming,
      preparer: powers.createPreparer(config.modules),
      asyncify: powers.createAsyncify(),
      config: { ...config.functions, host, store },
      log: log('functions'),
    }),
  );
  // What runs may still chain and start functions, so those actors stop after it has ended.
  closers.defer((leftMs) => pool.drain(leftMs));
  const { calls: queue, begun } = stores;
  closers.use(await startCalls({ ...common, queue, begun, config: config.calls, log: log('calls') }));

  closers.defer((leftMs) => waysIn?.close(leftMs));
  // What the ways in have taken is placed until they are stopped; then only what runs may make calls.
  closers.defer(() => scheduler.drain());
  closers.defer((leftMs) => waysIn?.leave(leftMs));
  waysIn = await powers.openWaysIn({ ...common, config, memory: faaslets, redis: stores.redis, pipe, log });
  closers.defer(() => timers.sleep(config.drain.delayMs));
  closers.defer(() => bus.leave());
  closers.defer(() => pool.leave());
  closers.defer(() => readiness.set('host', 'draining'));

  // Others reach this host from now on.
  await bus.flush();
  return {
    ...createHostClient({ ...common, callTimeoutMs: config.callTimeoutMs }),
    id: host,
    httpPorts: waysIn.httpPorts,
    natsPort: waysIn.natsPort,
    socket: waysIn.socket,
    pipeEnded: waysIn.pipeEnded,
    unreadyWhy: () => readiness.why,
    whenReady: () => readiness.whenReady(),
    callsUnderWay: () => pool.callsUnderWay(),
    stop: () => closers.close(),
  };
}
