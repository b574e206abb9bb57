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
 * What to do is decided in src/worker-pool/decide.ts; here it is done.
 */
import {
  type Call,
  type CallEnd,
  type CallError,
  type CallResult,
  failedEnd,
  fromCallError,
} from '../proto/call.ts';
import type { ControlSubjects } from '../proto/control-subjects.ts';
import { FaasmError } from '../proto/errors.ts';
import type { CallEvent, HostStatus } from '../proto/messages.ts';
import { type CallId, toCallId, toUserName, type UserName } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import type { PublicSubjects } from '../proto/public-subjects.ts';
import { queueGroup, tokensAfter } from '../proto/subjects.ts';
import { respondError } from '../src/bus/error-headers.ts';
import { type Bus, type BusMessage, Encodable, readBody, respond } from '../src/bus/port.ts';
import { callCodec, callResultCodec } from '../src/calls/codec.ts';
import { withPlaced } from '../src/calls/placed-call.ts';
import type { Executor, Initialized, RanBeside, StartExecutor, WantedChains } from '../src/executor/port.ts';
import type { FaasletTable } from '../src/faaslet/faaslet-budget.ts';
import { type Program, programKey } from '../src/faaslet/program.ts';
import { followCatalog } from '../src/functions/catalog.ts';
import { toOutputDetails } from '../src/guest/left-output.ts';
import { WarmReport } from '../src/hosts/warm.ts';
import type { Log } from '../src/log.ts';
import type { Powers, Timer } from '../src/power/port.ts';
import { within } from '../src/power/within.ts';
import { hostStatusCodec } from '../src/scheduler/messages.ts';
import { CallEvents } from '../src/worker-pool/call-events.ts';
import { ChainedCalls, type ChainLimits, type Tree } from '../src/worker-pool/chained-calls.ts';
import { decide, type PoolEffect, type PoolMessage } from '../src/worker-pool/decide.ts';
import { cancelled, neverBegun } from '../src/worker-pool/endings.ts';
import { executorGoneCodec, initializeTopic } from '../src/worker-pool/messages.ts';
import { createPrograms } from '../src/worker-pool/programs.ts';
import { type HostIdentity, toCallEvent, toChainedEvent, toHostStatus } from '../src/worker-pool/reports.ts';
import { createPoolState, type PoolLimits } from '../src/worker-pool/state.ts';

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

/** A call, or an initialisation, and who wants to hear of its end. */
interface Job {
  readonly call: Call;
  readonly program: Program;
  readonly message: BusMessage;
  /** On the clock that never goes back. */
  readonly arrivedMs: number;
  readonly initializes: boolean;
  executor: number | undefined;
  /** Of chained calls, where it is in one. */
  tree?: Tree | undefined;
}

/** How often late calls and busy executors are looked for, while there are calls. */
const tickMs = 5;
const statusMs = 1000;
/** What executors may take to end when the host stops. */
const executorEndMs = 5000;

export async function startWorkerPool({
  powers: { clock, timers },
  startExecutor,
  bus,
  privateBus,
  subjects,
  control,
  config,
  log,
  memory,
  newCallId,
}: WorkerPoolOptions): Promise<WorkerPool> {
  const { host, stores } = config.identity;
  const state = createPoolState(config.limits);
  const jobs = new Map<CallId, Job>();
  const executors = new Map<number, Executor>();
  let ticking: Timer | undefined;
  let whenIdle: (() => void) | undefined;
  let whenStopped: (() => void) | undefined;
  let stopping = false;
  let isStepping = false;
  const saidMeanwhile: PoolMessage[] = [];
  let phase: HostStatus['phase'] = 'serving';
  const warmReport = new WarmReport();

  const catalog = followCatalog(privateBus, stores.functions, ({ user, name, version }) => {
    const old = lastVersions.get(`${user}/${name}`);
    if (old !== undefined && old !== version) programs.forget(programKey(user, name, old));
    if (version === null) lastVersions.delete(`${user}/${name}`);
    else lastVersions.set(`${user}/${name}`, version);
  });
  const lastVersions = new Map<string, string>();
  /** Calls whose program is being loaded. */
  const coming = new Map<CallId, 'wanted' | 'cancelled'>();
  const programs = createPrograms(privateBus, (key) => {
    for (const executor of executors.values()) executor.forget(key);
  });
  const events = new CallEvents(bus, subjects, timers);
  const chained = new ChainedCalls({
    timers,
    bus,
    privateBus,
    subjects,
    catalog,
    limits: config.chains,
    newCallId,
    hold: (user, bytes) => memory.hold(user, bytes),
    onIdle: tellIfIdle,
  });

  const subscriptions = [
    privateBus.subscribe(privateSubjects.run(), (message) => onCall(message, readBody(message, callCodec))),
    // In a queue group of one, so that other hosts cannot reach it any more when this one leaves.
    bus.subscribe(control.call(host), withPlaced(clock, onCall), { queue: queueGroup('worker-pool') }),
    privateBus.subscribe(privateSubjects.initialize(), onInitialize),
    bus.subscribe(subjects.cancel('*', '*'), ({ subject }) => {
      const [user = '', token = ''] = tokensAfter(subject, 1);
      const id = toCallId(token, toUserName(user));
      if (coming.has(id)) coming.set(id, 'cancelled');
      step({ type: 'cancel', id, nowMs: clock.steadyMs() });
      chained.cancelTree(id);
    }),
  ];
  const statusTimer = timers.every(statusMs, publishStatus);
  step({ type: 'tick', samples: [], nowMs: clock.steadyMs() });
  publishStatus();

  return {
    callsUnderWay: () => jobs.size,
    leave() {
      phase = 'draining';
      publishStatus();
    },
    drain,
    stop,
  };

  function onCall(message: BusMessage, call: Call): void | Promise<void> {
    const version = call.version ?? catalog.version(call.user, call.function);
    if (version === undefined) {
      respondError(
        bus,
        message,
        new FaasmError('not_found', `There is no function ${call.user}/${call.function}`),
      );
      return;
    }
    const program = programs.get(call.user, call.function, version);
    if (!(program instanceof Promise)) return accept(call, program, message, false);
    coming.set(call.id, 'wanted');
    return program
      .then(
        (ready) => {
          if (coming.get(call.id) === 'wanted') accept(call, ready, message, false);
          else {
            programs.ended(ready);
            respondError(bus, message, fromCallError(cancelled({ name: `${call.user}/${call.function}` })));
          }
        },
        (error: unknown) => respondError(bus, message, error),
      )
      .finally(() => coming.delete(call.id));
  }

  function onInitialize(message: BusMessage): void {
    const { program, deadlineMs } = readBody(message, initializeTopic.question);
    const id = newCallId(program.user);
    const input = new Uint8Array(0);
    const call: Call = {
      id,
      user: program.user,
      function: program.function,
      input,
      rootId: id,
      depth: 0,
      deadlineMs,
    };
    accept(call, program, message, true);
  }

  function accept(call: Call, program: Program, message: BusMessage, initializes: boolean): void {
    // One that was answered already, as when it was cancelled, is on its executor until that lets go of it.
    if (state.calls.has(call.id)) {
      if (!initializes) programs.ended(program);
      respondError(bus, message, new FaasmError('conflict', `A call with id ${call.id} is running already`));
      return;
    }
    const nowMs = clock.steadyMs();
    const arrivedMs = clock.monotonicMs();
    jobs.set(call.id, { call, program, message, arrivedMs, initializes, executor: undefined });
    step({
      type: 'call',
      nowMs,
      work: {
        id: call.id,
        user: call.user,
        name: `${call.user}/${call.function}`,
        version: program.key,
        deadlineMs: call.deadlineMs,
        root: call.rootId,
        chained: call.depth > 0,
      },
    });
  }

  /** What is said while effects are performed, as of what a call that ends had chained, is decided on after them. */
  function step(message: PoolMessage): void {
    if (isStepping) {
      saidMeanwhile.push(message);
      return;
    }
    isStepping = true;
    try {
      for (let next: PoolMessage | undefined = message; next !== undefined; next = saidMeanwhile.shift()) {
        for (const effect of decide(state, next)) perform(effect);
      }
    } finally {
      isStepping = false;
    }
    if (state.calls.size > 0 && ticking === undefined) ticking = timers.every(tickMs, tick);
    if (state.calls.size === 0 && ticking !== undefined) {
      timers.cancel(ticking);
      ticking = undefined;
    }
    tellIfIdle();
  }

  function tellIfIdle(): void {
    if (state.calls.size === 0 && chained.pending === 0) whenIdle?.();
  }

  function perform(effect: PoolEffect): void {
    switch (effect.type) {
      case 'start':
        if (!stopping) executors.set(effect.executor, start(effect.executor));
        return;
      case 'stop':
      case 'kill': {
        const why = effect.type === 'kill' ? effect.why : 'it was idle';
        if (effect.type === 'kill') log.warn({ executor: effect.executor, why }, 'executor killed');
        executors.get(effect.executor)?.kill(why);
        return;
      }
      case 'demote':
        executors.get(effect.executor)?.demote(effect.demoted);
        return;
      case 'post': {
        const job = jobs.get(effect.id)!;
        const executor = executors.get(effect.executor)!;
        job.executor = effect.executor;
        if (job.initializes) executor.initialize(job.call, job.program);
        else executor.run(job.call, job.program);
        return;
      }
      case 'withdraw': {
        const ids = executors.get(effect.executor)?.withdraw(effect.ids) ?? [];
        if (ids.length > 0) step({ type: 'withdrawn', ids, nowMs: clock.steadyMs() });
        return;
      }
      case 'cancel':
        executors.get(effect.executor)?.cancel(effect.id);
        return;
      case 'finish': {
        const call = jobs.get(effect.id)?.call;
        finish(effect.id, failedEnd(effect.error));
        if (call !== undefined) chained.abandoned(call);
        return;
      }
    }
  }

  function start(id: number): Executor {
    const owner = `${host}-executor-${id}`;
    return startExecutor(id, owner, {
      ready(how) {
        log.debug({ executor: id, memory: how }, 'executor ready');
        step({ type: 'ready', executor: id, nowMs: clock.steadyMs() });
      },
      ended: onEnded,
      initialized: onInitialized,
      chain: onChain,
      chained: onChained,
      full: (call, error) => step({ type: 'full', id: call, error, nowMs: clock.steadyMs() }),
      crowded() {
        for (const other of executors.values()) if (other.id !== id) other.evict();
      },
      gone(why, notBegun, exhausted) {
        executors.delete(id);
        if (executors.size === 0) whenStopped?.();
        privateBus.tell(privateSubjects.executorGone(), new Encodable({ owner }, executorGoneCodec));
        step({ type: 'gone', executor: id, why, exhausted, notBegun, nowMs: clock.steadyMs() });
      },
    });
  }

  function onEnded(id: CallId, end: CallEnd): void {
    const job = jobs.get(id);
    if (job !== undefined) {
      const { chains } = end;
      const refusal = chains && chained.refusal(job, job.call.depth, chains);
      if (chains !== undefined && refusal === undefined) chained.make(job, job.call.depth, chains);
      finish(id, refusal === undefined ? end : refused(end, refusal));
    }
    step({ type: 'ended', id, ranUs: end.ranUs, nowMs: clock.steadyMs() });
  }

  function onInitialized(id: CallId, { state: left, error }: Initialized): void {
    const job = jobs.get(id);
    jobs.delete(id);
    if (job !== undefined) {
      if (error === undefined) respond(bus, job.message, new Encodable(left, initializeTopic.answer));
      else respondError(bus, job.message, fromCallError(error));
    }
    step({ type: 'ended', id, ranUs: undefined, nowMs: clock.steadyMs() });
  }

  function onChain(id: CallId, { run, depth, calls }: WantedChains): void {
    const job = jobs.get(id);
    const executor = job?.executor === undefined ? undefined : executors.get(job.executor);
    if (job === undefined || executor === undefined) return;
    const refusal = chained.refusal(job, depth, calls);
    if (refusal !== undefined) {
      executor.refuse(id, run, refusal);
      return;
    }
    step({ type: 'waits', id, nowMs: clock.steadyMs() });
    chained.waits(id);
    chained.make(job, depth, calls, ({ handle }, end) => executor.settle(id, run, handle, end));
  }

  function onChained(parent: CallId, ran: RanBeside): void {
    const job = jobs.get(parent);
    if (job === undefined) return;
    const event = toChainedEvent(host, job.call, newCallId(job.call.user), ran, clock.wallMs());
    tellOf(event);
    const refusal = chained.ranBeside(job);
    if (refusal !== undefined) step({ type: 'refused', id: parent, error: refusal, nowMs: clock.steadyMs() });
  }

  function finish(id: CallId, end: CallEnd): void {
    const job = jobs.get(id);
    if (job === undefined) return;
    jobs.delete(id);
    if (job.initializes) {
      if (end.error !== undefined) respondError(bus, job.message, fromCallError(end.error));
      return;
    }
    programs.ended(job.program);
    const result: CallResult = { id, ...end };
    respond(bus, job.message, new Encodable(result, callResultCodec));
    const durationMs = clock.monotonicMs() - job.arrivedMs;
    tellOf(toCallEvent(host, { call: job.call, durationMs }, end, clock.wallMs()));
  }

  function tellOf(event: CallEvent): void {
    const { id, user, function: name, stderr, traceparent } = event;
    if (stderr !== null) {
      const about = { call: id, function: `${user}/${name}`, ...(traceparent !== null && { traceparent }) };
      log.info({ ...about, stderr }, 'standard error of a call');
    }
    events.add(event);
  }

  function tick(): void {
    const samples = [...executors.values()].map((executor) => executor.sample());
    step({ type: 'tick', samples, nowMs: clock.steadyMs() });
  }

  function publishStatus(): void {
    if (state.calls.size === 0 && phase !== 'gone') tick();
    const status = toHostStatus(config.identity, phase, state, memory.use(), warmReport, clock.steadyMs());
    bus.tell(control.status(host), new Encodable(status, hostStatusCodec), { fleeting: true });
  }

  async function drain(timeoutMs: number): Promise<void> {
    if (state.calls.size === 0 && chained.pending === 0) return;
    const idle = new Promise<void>((resolve) => {
      whenIdle = resolve;
    });
    await within(timers, timeoutMs, idle);
    const left = state.calls.size;
    if (left > 0) log.warn({ calls: left, timeoutMs }, 'calls did not end while draining and are stopped');
  }

  async function stop(): Promise<void> {
    timers.cancel(statusTimer);
    stopping = true;
    for (const subscription of subscriptions) subscription.unsubscribe();
    catalog.close();
    const stopped = new Promise<void>((resolve) => {
      whenStopped = resolve;
    });
    for (const [id, { call, executor }] of jobs) {
      if (executor !== undefined) continue;
      finish(id, failedEnd(neverBegun({ name: `${call.user}/${call.function}` })));
    }
    for (const executor of executors.values()) executor.kill('the host is stopping');
    if (executors.size > 0) await within(timers, executorEndMs, stopped);
    if (executors.size > 0)
      log.error({ executors: executors.size }, 'executors cannot be stopped, and are left');
    timers.cancel(ticking);
    ticking = undefined;
    events.flush();
    phase = 'gone';
    publishStatus();
  }
}

/** A call that succeeded, but for the calls that it left to be made. */
function refused(end: CallEnd, { code, message, details }: CallError): CallEnd {
  const error = { code, message, details: { ...details, ...toOutputDetails(end.output) } };
  return { ...end, returnValue: 1, error };
}
