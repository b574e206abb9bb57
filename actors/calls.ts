/**
 * Asynchronous calls.
 *
 * In:   `async.<user>.<function>`; `calls.status|output|cancel.<user>.<id>`
 * Out:  `functions.describe.<user>.<function>`, `cancel.<user>.<id>`; inside, `admit` for each attempt
 * Owns: the durable queue, and the results until they expire
 * Never: runs a function itself, or answers before what it answers is durable
 *
 * A call runs at least once: what had not ended when the host did is run again, and that counts as an attempt where the
 * call had begun on this host. What runs next, and what becomes of
 * a call that failed, is decided in src/calls/decide.ts; here it is done.
 */
import { type Call, type CallError, fromCallError, toCallError } from '../proto/call.ts';
import { FaasmError } from '../proto/errors.ts';
import { headers as names } from '../proto/headers.ts';
import type { CallStatus } from '../proto/messages.ts';
import {
  type CallId,
  type HostId,
  toCallId,
  toFunctionName,
  toUserName,
  type UserName,
  userOfCall,
} from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import { type CallOp, callOps, type PublicSubjects } from '../proto/public-subjects.ts';
import { tokensAfter } from '../proto/subjects.ts';
import { expectAnswer } from '../src/bus/error-headers.ts';
import {
  type Bus,
  type BusMessage,
  Encodable,
  emptyBody,
  header,
  respond,
  toBytes,
} from '../src/bus/port.ts';
import { askInside } from '../src/bus/private.ts';
import { readPart, respondPart } from '../src/bus/resource-headers.ts';
import { serve } from '../src/bus/serve.ts';
import { readCallArguments } from '../src/bus/settings-headers.ts';
import type { BegunCalls } from '../src/calls/begun-marks.ts';
import {
  type CallsEffect,
  type CallsMessage,
  createCallsState,
  decide,
  nextTickMs,
} from '../src/calls/decide.ts';
import { parseDurationMs } from '../src/calls/duration.ts';
import { toFingerprint } from '../src/calls/fingerprint.ts';
import { readIdempotencyKey } from '../src/calls/idempotency-key.ts';
import { toPlaces } from '../src/calls/invocation.ts';
import { showPlace, toPlace } from '../src/calls/place.ts';
import type { CallsConfig } from '../src/calls/queue-config.ts';
import { callStatusCodec } from '../src/calls/queue-messages.ts';
import type { Attempt, CallEnd, CallQueue, Enqueued, NewCall } from '../src/calls/queue-port.ts';
import { readRequestHead } from '../src/calls/request-head.ts';
import type { Log } from '../src/log.ts';
import type { Powers, Timer } from '../src/power/port.ts';
import { within } from '../src/power/within.ts';
import { admitTopic } from '../src/scheduler/messages.ts';

export interface CallsOptions {
  readonly powers: Powers;
  readonly host: HostId;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  /** Closed by whoever opened it, after `stop`. */
  readonly queue: CallQueue;
  /** Which calls had begun on this host. */
  readonly begun: BegunCalls;
  readonly config: CallsConfig;
  readonly log: Log;
  newCallId(user: UserName): CallId;
}

export interface CallsActor {
  /** Takes and runs nothing more, and waits for what runs, for at most so long; the rest runs again after a restart. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** Who runs the call says that it is late; so long after, it is taken to be lost. */
const answerMarginMs = 5000;
const sweepMs = 60_000;
const sweptAtOnce = 500;
/** Between two tries to keep a result that could not be stored. */
const storeRetryMs = 1000;
/** A timer takes 31 bits. */
const timerMaxMs = 2 ** 31 - 1;

/** What an attempt gave. */
type Result = Pick<CallEnd, 'output' | 'returnValue'> & { readonly error: CallError | undefined };

const noResult: Result = { output: emptyBody, returnValue: null, error: undefined };

export async function startCalls(options: CallsOptions): Promise<CallsActor> {
  const {
    bus,
    privateBus,
    subjects,
    queue,
    begun,
    config,
    log,
    newCallId,
    powers: { clock, timers },
  } = options;
  /** Unix milliseconds, whole ones as the queue keeps them. */
  const now = (): number => Math.floor(clock.steadyMs());
  const state = createCallsState(config);
  const working = new Set<Promise<void>>();
  let timer: Timer | undefined;
  let stopped = false;
  /** What still runs is left to the next run of the host. */
  let left = false;

  async function submit(message: BusMessage): Promise<void> {
    const call = toNewCall(message);
    const { user, function: fn, dedupeKey } = call;
    expectAnswer(await bus.request(subjects.functions('describe', user, fn), emptyBody));
    const [refused] = step({ type: 'arrived', user });
    if (refused?.type === 'refuse') {
      const known = dedupeKey === null ? undefined : await queue.find(call);
      if (known === undefined) throw refused.error;
      answerStatus(message, known);
      return;
    }
    let enqueued: Enqueued;
    try {
      enqueued = await queue.enqueue(call);
    } catch (error) {
      step({ type: 'notQueued', user });
      throw error;
    }
    answerStatus(message, enqueued.status);
    perform(step(enqueued.isNew ? { type: 'queued', id: call.id, user } : { type: 'notQueued', user }));
  }

  function toNewCall(message: BusMessage): NewCall {
    const [userToken = '', fn = ''] = tokensAfter(message.subject, 1);
    const user = toUserName(userToken);
    const input = toBytes(message.body);
    if (input.length > config.inputMaxBytes) {
      const why = `The input has ${input.length} bytes and may have ${config.inputMaxBytes}; put it into state`;
      throw new FaasmError('too_large', why);
    }
    const id = header(message, names.callId);
    const dedupeKey = readIdempotencyKey(message) ?? null;
    const request = header(message, names.request);
    const timeout = header(message, names.timeout);
    const timeoutMs = timeout === undefined ? config.callTimeoutMs : parseDurationMs(timeout, names.timeout);
    return {
      id: id === undefined ? newCallId(user) : toCallId(id, user),
      user,
      function: toFunctionName(fn),
      input,
      createdAtMs: now(),
      timeoutMs: Math.min(timeoutMs, config.callTimeoutMs),
      dedupeKey,
      fingerprint: dedupeKey === null ? null : toFingerprint(message),
      request: request === undefined ? null : readRequestHead(request),
      traceparent: header(message, names.traceparent) ?? null,
      given: readCallArguments(message.headers) ?? null,
      inputPlace: toPlaceText(header(message, names.input)),
      outputPlace: toPlaceText(header(message, names.output)),
    };
  }

  const handlers: Record<CallOp, (message: BusMessage) => Promise<void>> = {
    async status(message) {
      const id = idOf(message);
      answerStatus(message, found(await queue.status(id), id));
    },

    async cancel(message) {
      const id = idOf(message);
      const status = found(await queue.cancel(id, now()), id);
      if (status.state === 'cancelled') perform(step({ type: 'cancelled', id }));
      answerStatus(message, status);
    },

    output: (message) => answerOutput(message, idOf(message)),
  };

  async function answerOutput(message: BusMessage, id: CallId): Promise<void> {
    const { offset, length } = readPart(message, bus);
    const { status, bytes, sizeBytes } = found(await queue.output(id, offset, length), id);
    if (status.endedAtMs === null) {
      throw new FaasmError(
        'conflict',
        `Call ${id} is ${status.state}; its output is there when it has ended`,
      );
    }
    // What a failed call had put out is its output.
    if (status.error !== null && sizeBytes === 0) throw fromCallError(status.error);
    if (status.state === 'cancelled') throw new FaasmError('cancelled', `Call ${id} was cancelled`);
    const headers = {
      [names.callId]: [id],
      [names.returnValue]: [String(status.returnValue ?? 0)],
      ...(status.error !== null && { [names.errorCode]: [status.error.code] }),
    };
    respondPart(bus, message, { what: `The output of call ${id}`, bytes, sizeBytes }, headers);
  }

  function answerStatus(message: BusMessage, status: CallStatus): void {
    respond(bus, message, new Encodable(status, callStatusCodec), { [names.callId]: [status.id] });
  }

  function step(message: CallsMessage): CallsEffect[] {
    const effects = decide(state, message);
    arm();
    return effects;
  }

  /** @param result what the attempt gave that these effects are about */
  function perform(effects: readonly CallsEffect[], result: Result = noResult): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'run':
          follow(run(effect.id));
          break;
        case 'finish': {
          const { id, error = null } = effect;
          const { output, returnValue } = result;
          const end: CallEnd = { state: effect.state, output, returnValue, error, endedAtMs: now() };
          follow(keep(id, () => queue.finish(id, end)));
          break;
        }
        case 'retry': {
          const { id, error, notBeforeMs } = effect;
          log.info(
            { call: id, code: error.code, message: error.message, notBeforeMs },
            'call is tried again',
          );
          follow(keep(id, () => queue.retry(id, error, notBeforeMs)));
          break;
        }
        case 'interrupt':
          bus.tell(subjects.cancel(userOfCall(effect.id), effect.id), emptyBody);
          break;
        case 'refuse':
          throw effect.error;
      }
    }
  }

  async function run(id: CallId): Promise<void> {
    let attempts = 1;
    let result: Result;
    try {
      const attempt = await queue.claim(id, now());
      if (attempt === undefined) {
        perform(step({ type: 'vanished', id }));
        return;
      }
      attempts = attempt.attempts;
      result = await invoke(attempt);
    } catch (thrown) {
      const error = FaasmError.from(thrown);
      const { output = emptyBody } = error;
      result = { output, returnValue: error.details.returnValue ?? null, error: toCallError(error) };
    }
    if (left) return;
    perform(step({ type: 'ended', id, attempts, error: result.error, nowMs: now() }), result);
  }

  async function invoke(attempt: Attempt): Promise<Result> {
    const { id, user, function: fn, input, timeoutMs, attempts, traceparent, given, request } = attempt;
    const call: Call = {
      id,
      user,
      function: fn,
      input,
      rootId: id,
      depth: 0,
      deadlineMs: now() + timeoutMs,
      attempt: attempts,
      ...(traceparent !== null && { traceparent }),
      ...(given !== null && { given }),
      ...(request !== null && { request }),
    };
    const places = toPlaces(attempt.inputPlace ?? undefined, attempt.outputPlace ?? undefined);
    const { output, returnValue } = await askInside(
      privateBus,
      privateSubjects.admit(),
      admitTopic,
      { call, places },
      timeoutMs + answerMarginMs,
    );
    return { output, returnValue, error: undefined };
  }

  /** Stores what became of a call. While it cannot be stored, the call counts as running, and so is run again after a restart. */
  async function keep(id: CallId, store: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await store();
        return;
      } catch (err) {
        log.error({ call: id, err }, 'the end of a call could not be stored');
        if (stopped || FaasmError.from(err).code === 'storage_corrupt') return;
        await timers.sleep(storeRetryMs);
      }
    }
  }

  function follow(work: Promise<void>): void {
    const followed = work
      .catch((err) => log.error({ err }, 'asynchronous call'))
      .finally(() => working.delete(followed));
    working.add(followed);
  }

  async function idle(): Promise<void> {
    while (working.size > 0) await Promise.all(working);
  }

  function arm(): void {
    timers.cancel(timer);
    const atMs = nextTickMs(state);
    if (stopped || !Number.isFinite(atMs)) return;
    const waitMs = Math.min(Math.max(1, atMs - now()), timerMaxMs);
    timer = timers.after(waitMs, () => perform(step({ type: 'tick', nowMs: now() })));
  }

  async function sweep(): Promise<void> {
    try {
      while (!stopped && (await queue.sweep(now() - config.resultKeptMs, sweptAtOnce)) === sweptAtOnce);
    } catch (err) {
      log.warn({ err }, 'old results could not be forgotten');
    }
  }

  const pending = await queue.recover(await begun.read());
  await begun.forget();
  if (pending.length > 0) log.info({ calls: pending.length }, 'calls of the last run go on');
  perform(step({ type: 'recovered', calls: pending, nowMs: now() }));
  const served = serve(bus, {
    clock,
    actor: 'calls',
    id: options.host,
    description: 'Asynchronous calls: submit, status, output, cancel',
    endpoints: [
      { name: 'async', subject: subjects.async('*', '*'), handler: submit },
      ...callOps.map((op) => ({
        name: op,
        subject: subjects.calls(op, '*', '*'),
        handler: handlers[op],
      })),
    ],
    onFailure(error, { subject }) {
      if (error.http >= 500) log.warn({ err: error, subject }, 'request about a call failed');
    },
  });
  const sweeper = timers.every(sweepMs, () => follow(sweep()));
  follow(sweep());

  return {
    async stop(drainTimeoutMs) {
      served.unsubscribe();
      step({ type: 'stop' });
      stopped = true;
      timers.cancel(timer);
      timers.cancel(sweeper);
      await within(timers, drainTimeoutMs, idle());
      left = true;
      if (working.size > 0)
        log.warn({ calls: working.size }, 'calls are still running; they run again after a restart');
    },
  };
}

/** @throws FaasmError `bad_name` */
function idOf(message: BusMessage): CallId {
  const [, user = '', id = ''] = tokensAfter(message.subject, 1);
  return toCallId(id, toUserName(user));
}

function found<T>(value: T | undefined, id: CallId): T {
  if (value !== undefined) return value;
  throw new FaasmError('not_found', `No call ${id}: it never was, or its result has expired`, {
    details: { component: 'calls' },
  });
}

/** @throws FaasmError `bad_request` */
function toPlaceText(text: string | undefined): string | null {
  return text === undefined ? null : showPlace(toPlace(text));
}
