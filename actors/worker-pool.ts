/**
 * The worker pool.
 *
 * In:   calls that are placed here, as `run` inside and as `host.<host>.call` from other hosts; `cancel.<user>.<id>`;
 *       inside, `initialize` with programs to initialise, `function.changed`
 * Out:  CallResult to the caller; `event.calls.<user>`, `host.<host>.status`; inside, `admit` for chained calls,
 *       `program`, `executor.gone`
 * Owns: the executors and the calls on them
 * Never: runs a guest itself, keeps a call's result, or decides whether a call is allowed
 *
 * What to do is decided in src/worker-pool/decide.ts, and done by src/worker-pool/steps.ts.
 */
import type { Call } from '../proto/call.ts';
import type { ControlSubjects } from '../proto/control-subjects.ts';
import type { CallId, UserName } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import type { PublicSubjects } from '../proto/public-subjects.ts';
import { queueGroup } from '../proto/subjects.ts';
import { type Bus, type BusMessage, readBody } from '../src/bus/port.ts';
import { callCodec } from '../src/calls/codec.ts';
import { withPlaced } from '../src/calls/placed-call.ts';
import type { StartExecutor } from '../src/executor/port.ts';
import type { FaasletTable } from '../src/faaslet/faaslet-budget.ts';
import { programKey } from '../src/faaslet/program.ts';
import { followCatalog } from '../src/functions/catalog.ts';
import type { Log } from '../src/log.ts';
import type { Powers } from '../src/power/port.ts';
import { within } from '../src/power/within.ts';
import { Arrivals } from '../src/worker-pool/arrivals.ts';
import { CallEvents } from '../src/worker-pool/call-events.ts';
import { ChainedCalls, type ChainLimits } from '../src/worker-pool/chained-calls.ts';
import type { PoolMessage } from '../src/worker-pool/decide.ts';
import { Executors } from '../src/worker-pool/executors.ts';
import { Jobs } from '../src/worker-pool/jobs.ts';
import { createPrograms } from '../src/worker-pool/programs.ts';
import { createProgress } from '../src/worker-pool/progress.ts';
import type { HostIdentity } from '../src/worker-pool/reports.ts';
import { createPoolState, type PoolLimits } from '../src/worker-pool/state.ts';
import { StatusReport } from '../src/worker-pool/status-report.ts';
import { Steps } from '../src/worker-pool/steps.ts';

export interface WorkerPoolConfig {
  /** As which it tells of its host. */
  readonly identity: HostIdentity;
  readonly limits: PoolLimits;
  readonly chains: ChainLimits;
}

export interface WorkerPoolOptions {
  readonly powers: Powers;
  readonly startExecutor: StartExecutor;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
  readonly config: WorkerPoolConfig;
  readonly log: Log;
  /** What all Faaslets and calls hold. */
  readonly memory: Pick<FaasletTable, 'hold' | 'use'>;
  newCallId(user: UserName): CallId;
}

export interface WorkerPool {
  callsUnderWay(): number;
  /** Tells the other hosts at once that this one takes nothing new. */
  leave(): void;
  /** Waits until no call is left, chained ones included, for at most so long. */
  drain(timeoutMs: number): Promise<void>;
  /** Stops the executors, whatever they do. */
  stop(): Promise<void>;
}

export async function startWorkerPool({
  powers,
  startExecutor,
  bus,
  privateBus,
  subjects,
  control,
  config: { identity, limits, chains },
  log,
  memory,
  newCallId,
}: WorkerPoolOptions): Promise<WorkerPool> {
  const { clock, timers } = powers;
  const { host } = identity;
  const state = createPoolState(limits);
  const step = (message: PoolMessage): void => steps.take(message);
  const catalog = followCatalog(privateBus, identity.stores.functions, (user, name, version) =>
    programs.forget(programKey(user, name, version)),
  );
  const executors = new Executors({ clock, privateBus, host, start: startExecutor, log, step });
  const programs = createPrograms(privateBus, (key) => executors.forget(key));
  const events = new CallEvents(bus, subjects, timers);
  const jobs = new Jobs({ clock, bus, host, programs, events, log });
  const chained = new ChainedCalls({
    timers,
    bus,
    privateBus,
    subjects,
    catalog,
    limits: chains,
    newCallId,
    hold: (user, bytes) => memory.hold(user, bytes),
    onIdle: () => steps.noteIdle(),
  });
  const progress = createProgress({ clock, jobs, chained, executors, newCallId, step });
  const steps = new Steps({ powers, state, jobs, chained, executors, progress, log });
  const arrivals = new Arrivals({ clock, bus, state, catalog, programs, jobs, chained, newCallId, step });

  const onCall = (message: BusMessage, call: Call) => arrivals.call(message, call);
  const subscriptions = [
    privateBus.subscribe(privateSubjects.run(), (message) => onCall(message, readBody(message, callCodec))),
    // In a queue group of one, so that other hosts cannot reach it any more when this one leaves.
    bus.subscribe(control.call(host), withPlaced(clock, onCall), { queue: queueGroup('worker-pool') }),
    privateBus.subscribe(privateSubjects.initialize(), (message) => arrivals.initialize(message)),
    bus.subscribe(subjects.cancel('*', '*'), (message) => arrivals.cancel(message)),
  ];
  const status = new StatusReport({ powers, bus, control, identity, state, memory, look: steps.look });
  status.tell();

  return {
    callsUnderWay: () => jobs.size,
    leave: () => status.tell('draining'),
    async drain(timeoutMs) {
      await within(timers, timeoutMs, steps.idle());
      const left = state.calls.size;
      if (left > 0) log.warn({ calls: left, timeoutMs }, 'calls did not end while draining and are stopped');
    },

    async stop() {
      status.stop();
      for (const subscription of subscriptions) subscription.unsubscribe();
      catalog.close();
      jobs.refuseWaiting(executors);
      await executors.stop(timers);
      jobs.refuseWaiting(executors);
      steps.stop();
      events.flush();
      status.tell('gone');
    },
  };
}
