/**
 * The scheduler.
 *
 * In:   `invoke.<user>.<function>`, from anybody; inside, `admit` of calls that calls chained and of attempts at
 *       asynchronous ones, and `function.changed`; `host.*.status` of other hosts
 * Out:  a placed call as `run` inside, or as `host.<host>.call` to another host; its output or its error to whoever
 *       invoked; `functions.describe` of a function that is not known here; `cancel.<user>.<id>` of a call that another
 *       host is given up on
 * Owns: which calls of which user are under way through this host
 * Never: runs a call, queues one, or keeps a result
 *
 * Whether and where is decided in src/scheduler/decide.ts.
 */
import { type Call, type CallError, type CallResult, fromCallError } from '../proto/call.ts';
import type { ControlSubjects } from '../proto/control-subjects.ts';
import { FaasmError } from '../proto/errors.ts';
import { headers as names } from '../proto/headers.ts';
import type { CallId, HostId, UserName } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import type { PublicSubjects } from '../proto/public-subjects.ts';
import { expectAnswer, fromErrorHeaders } from '../src/bus/error-headers.ts';
import {
  type Bus,
  type BusMessage,
  Encodable,
  emptyBody,
  type Headers,
  readBody,
  respond,
} from '../src/bus/port.ts';
import { answerInside } from '../src/bus/private.ts';
import { toResponseHeaders } from '../src/bus/response-headers.ts';
import { serve } from '../src/bus/serve.ts';
import type { CallData } from '../src/calls/call-data.ts';
import { callCodec, callResultCodec } from '../src/calls/codec.ts';
import { toFingerprint } from '../src/calls/fingerprint.ts';
import { readIdempotencyKey } from '../src/calls/idempotency-key.ts';
import { type Places, readPlaces, toCall } from '../src/calls/invocation.ts';
import { showPlace } from '../src/calls/place.ts';
import { functionChangedCodec, functionDescriptionCodec } from '../src/functions/messages.ts';
import type { Powers } from '../src/power/port.ts';
import {
  createSchedulerState,
  decide,
  type SchedulerLimits,
  type SchedulerMessage,
  type SchedulerSelf,
} from '../src/scheduler/decide.ts';
import { KeyedCalls, type KeyedLimits } from '../src/scheduler/keyed-calls.ts';
import { admitTopic, readHostStatus } from '../src/scheduler/messages.ts';
import { runOnce } from '../src/scheduler/run-once.ts';

export interface SchedulerOptions {
  readonly powers: Powers;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
  readonly config: {
    readonly self: SchedulerSelf;
    readonly limits: SchedulerLimits;
    /** The longest that a call may take. */
    readonly callTimeoutMs: number;
    /** Of calls with an idempotency key. */
    readonly keyed: KeyedLimits;
  };
  /** Where input and output of calls may be. */
  readonly data: CallData;
  newCallId(user: UserName): CallId;
}

export interface Scheduler {
  /** Whether other hosts can be reached at all. */
  reach(reachable: boolean): void;
  /** From now on only what is under way may make calls. */
  drain(): void;
  stop(): void;
}

/** Another host answers a late call itself; when it has not by so much later, the call is given up. */
const otherHostGraceMs = 100;
/** How often hosts are looked through for silent ones. */
const tickMs = 500;

export function startScheduler({
  powers: { clock, timers, random },
  bus,
  privateBus,
  subjects,
  control,
  config,
  data,
  newCallId,
}: SchedulerOptions): Scheduler {
  const { host: self } = config.self;
  const state = createSchedulerState(config.self, config.limits, random.unit);
  const keyed = new KeyedCalls(config.keyed);
  /** Calls that run on other hosts, and how to give each of them up. */
  const elsewhere = new Map<CallId, (error: FaasmError) => void>();

  const subscriptions = [
    privateBus.subscribe(privateSubjects.functionChanged(), (message) => {
      decide(state, { type: 'changed', change: readBody(message, functionChangedCodec) });
    }),
    bus.subscribe(control.status('*'), (message) => {
      step({ type: 'status', status: readHostStatus(message), nowMs: clock.monotonicMs() });
    }),
    serve(bus, {
      clock,
      actor: 'scheduler',
      id: self,
      description: 'Invoke a function: raw input in, raw output out',
      endpoints: [{ name: 'invoke', subject: subjects.invoke('*', '*'), handler: onInvoke }],
    }),
    answerInside(privateBus, privateSubjects.admit(), admitTopic, ({ call, places }) => {
      const latestMs = clock.steadyMs() + config.callTimeoutMs;
      return bringAndRun({ ...call, deadlineMs: Math.min(call.deadlineMs, latestMs) }, places);
    }),
  ];

  const ticking = timers.every(tickMs, () => step({ type: 'tick', nowMs: clock.monotonicMs() }));

  return {
    reach: (reachable) => step({ type: 'reach', reachable, nowMs: clock.monotonicMs() }),
    drain: () => step({ type: 'drain' }),
    stop() {
      timers.cancel(ticking);
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };

  function onInvoke(message: BusMessage): Promise<void> {
    const nowMs = clock.steadyMs();
    const call = toCall(message, { nowMs, timeoutMs: config.callTimeoutMs, newCallId });
    const places = message.headers && readPlaces(message.headers);
    const key = readIdempotencyKey(message);
    if (key === undefined) return invoke(message, call, places);
    const { user, function: name } = call;
    const keyedCall = { user, function: name, key, fingerprint: toFingerprint(message) };
    return runOnce({ clock, bus, keyed, call: keyedCall, message }, (asked) => invoke(asked, call, places));
  }

  async function invoke(message: BusMessage, call: Call, places: Places | undefined): Promise<void> {
    const result = await bringAndRun(call, places);
    // Who sends no headers reads none: over NATS they are the dearest part of a small answer.
    const isPlain = message.headers === undefined && result.returnValue === 0;
    const headers = isPlain ? undefined : toAnswerHeaders(call, result, places);
    respond(bus, message, result.output, headers);
  }

  function bringAndRun(call: Call, places: Places | undefined): Promise<CallResult> {
    return places === undefined ? run(call) : runElsewhere(call, places);
  }

  /** Its input is brought first, and its output is put where it goes before the call is answered. */
  async function runElsewhere(call: Call, { input, output }: Places): Promise<CallResult> {
    const { user } = call;
    if (input !== undefined && call.input.length > 0) {
      throw new FaasmError(
        'bad_request',
        `A call has its input in the body or at ${showPlace(input)}, not both`,
      );
    }
    if (output !== undefined) data.check(user, output);
    const result = await run(input === undefined ? call : { ...call, input: await data.read(user, input) });
    if (output === undefined) return result;
    await data.write(user, output, result.output);
    return { ...result, output: emptyBody };
  }

  /** @throws what it fails with, with what it had put out */
  function run(call: Call): Promise<CallResult> {
    const effect = decide(state, { type: 'invoke', call, nowMs: clock.monotonicMs() });
    if (effect.type === 'place') return place(effect.call, effect.host);
    if (effect.error.code === 'not_found') return lookFirst(call, effect.error);
    throw fromCallError(effect.error);
  }

  /** Another host may have put the function where all hosts have theirs: it is known here once it was found. */
  async function lookFirst(call: Call, error: CallError): Promise<CallResult> {
    const { user, function: name } = call;
    const answer = await bus.request(subjects.functions('describe', user, name), emptyBody);
    const failure = fromErrorHeaders(answer);
    if (failure === undefined) {
      const { live: version, revision } = readBody(answer, functionDescriptionCodec);
      const { store } = config.self;
      decide(state, { type: 'changed', change: { user, name, version, revision, store } });
    } else if (failure.code !== 'not_found') throw failure;
    // It may have been heard of meanwhile.
    const effect = decide(state, { type: 'invoke', call, nowMs: clock.monotonicMs() });
    if (effect.type === 'refuse')
      throw effect.error.code === 'not_found' ? fromCallError(error) : fromCallError(effect.error);
    return await place(effect.call, effect.host);
  }

  async function place(call: Call, host: HostId): Promise<CallResult> {
    let ranUs: number | undefined;
    try {
      const answer = await (host === self ? runHere(call) : placeElsewhere(call, host));
      const result = readBody(expectAnswer(answer), callResultCodec);
      ranUs = result.ranUs;
      if (result.error !== undefined) throw fromCallError(result.error, result.output);
      return result;
    } finally {
      decide(state, { type: 'ended', id: call.id, ranUs });
    }
  }

  function runHere(call: Call): Promise<BusMessage> {
    return privateBus.request(privateSubjects.run(), new Encodable(call, callCodec), { timeoutMs: 0 });
  }

  /** On other hosts, one after the other, until one of them takes it; else here. */
  async function placeElsewhere(call: Call, first: HostId): Promise<BusMessage> {
    for (let host = first; host !== self; ) {
      try {
        return await askOther(call, host);
      } catch (thrown) {
        const error = FaasmError.from(thrown);
        if (error.code !== 'no_responders') throw error;
      }
      const next = decide(state, { type: 'unreachable', call, host, nowMs: clock.monotonicMs() });
      if (next.type === 'refuse') throw fromCallError(next.error);
      host = next.host;
    }
    return await runHere(call);
  }

  async function askOther(call: Call, host: HostId): Promise<BusMessage> {
    const given = Promise.withResolvers<never>();
    elsewhere.set(call.id, given.reject);
    try {
      const timeoutMs = Math.max(1, Math.ceil(call.deadlineMs - clock.steadyMs()) + otherHostGraceMs);
      const asked = bus.request(control.call(host), new Encodable(call, callCodec), { timeoutMs });
      return await Promise.race([asked, given.promise]);
    } catch (thrown) {
      const error = FaasmError.from(thrown);
      const isGivenUp = error.code === 'deadline_exceeded' || error.code === 'executor_lost';
      if (isGivenUp) bus.tell(subjects.cancel(call.user, call.id), emptyBody);
      throw error.code === 'deadline_exceeded' ? unanswered(call, host) : error;
    } finally {
      elsewhere.delete(call.id);
    }
  }

  function step(message: Exclude<SchedulerMessage, { type: 'invoke' | 'unreachable' }>): void {
    const effect = decide(state, message);
    if (effect?.type !== 'lost') return;
    for (const id of effect.calls) elsewhere.get(id)?.(lostHost());
  }
}

function lostHost(): FaasmError {
  return new FaasmError(
    'executor_lost',
    'The host that ran it is gone; it may have run, or not: call it again if it may run twice',
    { details: { component: 'scheduler' } },
  );
}

function unanswered({ user, function: name }: Call, host: HostId): FaasmError {
  return new FaasmError(
    'deadline_exceeded',
    `${user}/${name} did not end within its time limit, and host ${host} where it ran did not answer`,
    { details: { component: 'scheduler' } },
  );
}

function toAnswerHeaders(
  { id, traceparent }: Call,
  { returnValue, response }: CallResult,
  places: Places | undefined,
): Headers {
  return {
    [names.callId]: [id],
    ...(traceparent !== undefined && { [names.traceparent]: [traceparent] }),
    ...(returnValue !== 0 && { [names.returnValue]: [String(returnValue)] }),
    ...(response && toResponseHeaders(response)),
    ...(places?.output && { [names.output]: [showPlace(places.output)] }),
  };
}
