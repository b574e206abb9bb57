/**
 * The scheduler.
 *
 * In:   `invoke.<user>.<function>`, from anybody; `function.changed.*.*`; `host.*.status`
 * Out:  `call.<host>` with a placed call, and its output or its error to whoever invoked; `functions.describe` of a function
 *       that is not known here
 * Owns: which calls of which user are under way through this host
 * Never: runs a call, queues one, or keeps a result
 *
 * Whether and where is decided in src/scheduler/decide.ts.
 */
import { type Call, type CallError, fromCallError, type ResponseHead } from '../proto/call.ts';
import { FaasmError } from '../proto/errors.ts';
import { headers as names } from '../proto/headers.ts';
import type { CallId, HostId, UserName } from '../proto/names.ts';
import type { Subjects } from '../proto/subjects.ts';
import { expectAnswer, fromErrorHeaders } from '../src/bus/error-headers.ts';
import {
  type Body,
  type Bus,
  type BusMessage,
  Encodable,
  emptyBody,
  type Headers,
  readBody,
  respond,
  toBytes,
} from '../src/bus/port.ts';
import { toResponseHeaders } from '../src/bus/response-headers.ts';
import { serve } from '../src/bus/serve.ts';
import type { CallData } from '../src/calls/call-data.ts';
import { callCodec, callResultCodec } from '../src/calls/codec.ts';
import { type Places, readPlaces, toCall } from '../src/calls/invocation.ts';
import { showPlace } from '../src/calls/place.ts';
import { functionChangedCodec, functionDescriptionCodec } from '../src/functions/messages.ts';
import { createSchedulerState, decide, type SchedulerLimits } from '../src/scheduler/decide.ts';
import { hostStatusCodec } from '../src/scheduler/messages.ts';

export interface SchedulerOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly config: {
    readonly host: HostId;
    readonly limits: SchedulerLimits;
    /** The longest that a call may take. */
    readonly callTimeoutMs: number;
  };
  /** Where input and output of calls may be. */
  readonly data: CallData;
  newCallId(user: UserName): CallId;
}

export interface Scheduler {
  /** From now on only what is under way may make calls. */
  drain(): void;
  stop(): void;
}

/** Another host answers a late call itself; when it does not, it is given up after so much longer. */
const otherHostGraceMs = 5000;

export function startScheduler({ bus, subjects, config, data, newCallId }: SchedulerOptions): Scheduler {
  const state = createSchedulerState(config.host, config.limits);

  const subscriptions = [
    bus.subscribe(subjects.functionChanged('*', '*'), (message) => {
      decide(state, { type: 'changed', ...readBody(message, functionChangedCodec) });
    }),
    bus.subscribe(subjects.hostStatus('*'), (message) => {
      decide(state, { type: 'status', status: readBody(message, hostStatusCodec), nowMs: Date.now() });
    }),
    serve(bus, {
      actor: 'scheduler',
      id: config.host,
      description: 'Invoke a function: raw input in, raw output out',
      endpoints: [{ name: 'invoke', subject: subjects.invoke('*', '*'), handler: onInvoke }],
    }),
  ];

  return {
    drain: () => void decide(state, { type: 'drain' }),
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };

  function onInvoke(message: BusMessage): Promise<void> {
    const nowMs = Date.now();
    const call = toCall(message, { nowMs, timeoutMs: config.callTimeoutMs, newCallId });
    const places = message.headers && readPlaces(message.headers);
    if (places !== undefined) return runElsewhere(message, call, places);
    return run(message, call);
  }

  /** Its input is brought first, and its output is put where it goes before the call is answered. */
  async function runElsewhere(message: BusMessage, call: Call, { input, output }: Places): Promise<void> {
    const { user } = call;
    if (input !== undefined && call.input.length > 0) {
      throw new FaasmError(
        'bad_request',
        `A call has its input in the body or at ${showPlace(input)}, not both`,
      );
    }
    if (output !== undefined) data.check(user, output);
    const brought = input === undefined ? call : { ...call, input: await data.read(user, input) };
    if (output === undefined) return await run(message, brought);
    const ended = Promise.withResolvers<{ body: Body; headers: Headers | undefined }>();
    const answer = (body: Body, headers: Headers | undefined): void => ended.resolve({ body, headers });
    await run({ ...message, answer }, brought);
    const { body, headers = {} } = await ended.promise;
    if (headers[names.errorCode] !== undefined) return respond(bus, message, body, headers);
    await data.write(user, output, toBytes(body));
    respond(bus, message, emptyBody, { ...headers, [names.output]: [showPlace(output)] });
  }

  function run(message: BusMessage, call: Call): Promise<void> {
    const nowMs = Date.now();
    const effect = decide(state, { type: 'invoke', call, nowMs });
    if (effect.type === 'place') return place(message, effect.call, effect.host);
    if (effect.error.code === 'not_found') return lookFirst(message, call, effect.error);
    throw fromCallError(effect.error);
  }

  /** Another host may have put the function where all hosts have theirs: it is known here once it was found. */
  async function lookFirst(message: BusMessage, call: Call, error: CallError): Promise<void> {
    const { user, function: name } = call;
    const answer = await bus.request(subjects.functions('describe', user, name), emptyBody);
    const failure = fromErrorHeaders(answer);
    if (failure !== undefined) throw failure.code === 'not_found' ? fromCallError(error) : failure;
    const { live } = readBody(answer, functionDescriptionCodec);
    decide(state, { type: 'changed', user, name, version: live });
    const effect = decide(state, { type: 'invoke', call, nowMs: Date.now() });
    if (effect.type === 'refuse') throw fromCallError(effect.error);
    return await place(message, effect.call, effect.host);
  }

  async function place(message: BusMessage, call: Call, host: HostId): Promise<void> {
    const timeoutMs = host === config.host ? 0 : call.deadlineMs - Date.now() + otherHostGraceMs;
    try {
      const answer = await bus.request(subjects.call(host), new Encodable(call, callCodec), { timeoutMs });
      const { output, returnValue, error, response } = readBody(expectAnswer(answer), callResultCodec);
      if (error !== undefined) throw fromCallError(error, output);
      // Who sends no headers reads none: over NATS they are the dearest part of a small answer.
      const isPlain = message.headers === undefined && returnValue === 0;
      const headers = isPlain ? undefined : toAnswerHeaders(call.id, returnValue, response);
      respond(bus, message, output, headers);
    } finally {
      decide(state, { type: 'ended', id: call.id });
    }
  }
}

function toAnswerHeaders(id: CallId, returnValue: number, response: ResponseHead | undefined): Headers {
  return {
    [names.callId]: [id],
    ...(returnValue !== 0 && { [names.returnValue]: [String(returnValue)] }),
    ...(response && toResponseHeaders(response)),
  };
}
