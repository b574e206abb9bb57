/**
 * Calls that come as messages of faasm.proto, over whatever: each is made on the bus, and what became of it is a message
 * again, with the names, keys and id of the one that asked.
 *
 * The id is the client's own: it says which result is whose, and what a KILL of the same user means. On the bus a call
 * has another id, which no client can guess, so that clients that count their calls do not meet; that of an
 * asynchronous call is its output, by which its status can be asked for.
 */
import { toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import {
  type CallId,
  isCallId,
  quote,
  toFunctionName,
  toUserName,
  type UserName,
  userOfCall,
} from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, emptyBody, header, readBody, toBytes } from '../bus/port.ts';
import { toSettingsHeaders } from '../bus/settings-headers.ts';
import { toMessageError, traceparentPattern } from '../calls/codec.ts';
import { messageIdHeader, toIdempotencyKey } from '../calls/idempotency-key.ts';
import { payloadMaxBytes } from '../calls/limits.ts';
import { decodeMessage, type Message } from '../calls/message.ts';
import { showPlace } from '../calls/place.ts';
import { callStatusCodec } from '../calls/queue-messages.ts';
import type { Clock } from '../power/port.ts';

export interface MessageCallsOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: PublicSubjects;
  /** The longest that a call may take, in milliseconds. */
  readonly callTimeoutMs: number;
  newCallId(user: UserName): CallId;
}

/** By its id, or where it is empty, by its result key. */
export type KilledCall = Pick<Message, 'user' | 'id' | 'resultKey'>;

/** How much later than the call's own end the bus gives up. */
const answerMarginMs = 10_000;

/** The calls of one client: of a connection, of the pipe, of a queue. */
export class MessageCalls {
  readonly #options: MessageCallsOptions;
  readonly #underWay = new Map<CallId, Message>();

  constructor(options: MessageCallsOptions) {
    this.#options = options;
  }

  /** What the message asks for is done. A failure is a result too: this never throws. */
  async answer(message: Message): Promise<Partial<Message>> {
    const { user, function: name, type, resultKey, statusKey, isAsync, id, output, traceparent } = message;
    const echo: Partial<Message> = {
      user,
      function: name,
      type,
      resultKey,
      statusKey,
      isAsync,
      id,
      output,
      traceparent,
    };
    try {
      const callId = this.#options.newCallId(toUserName(user));
      if (id === '') echo.id = callId;
      return { ...echo, success: true, ...(await this.#do(message, callId)) };
    } catch (thrown) {
      return { ...echo, ...toFailure(thrown) };
    }
  }

  /**
   * Cancels what the user has under way with this id, or where there is none, this result key.
   * @returns whether there was any
   */
  kill({ user, id, resultKey }: KilledCall): boolean {
    const meant = [...this.#underWay].filter(
      ([, call]) =>
        call.user === user && (id === '' ? resultKey !== '' && call.resultKey === resultKey : call.id === id),
    );
    for (const [callId] of meant) this.#cancel(callId);
    return meant.length > 0;
  }

  /** Nobody wants the results any more. */
  abandon(): void {
    for (const callId of this.#underWay.keys()) this.#cancel(callId);
  }

  #cancel(callId: CallId): void {
    const { bus, subjects } = this.#options;
    bus.tell(subjects.cancel(userOfCall(callId), callId), emptyBody);
  }

  async #do(message: Message, callId: CallId): Promise<Partial<Message>> {
    switch (message.type) {
      case 'CALL':
        return message.isAsync ? await this.#keep(message) : await this.#call(message, callId);
      case 'BIND':
        return await this.#bind(message);
      case 'KILL':
        return await this.#kill(message);
      case 'UNSET':
        throw new FaasmError('bad_message', 'A message has the type BIND, CALL or KILL, and not none');
    }
  }

  async #call(message: Message, callId: CallId): Promise<Partial<Message>> {
    const { bus, subjects, callTimeoutMs } = this.#options;
    const { deadlineMs } = message;
    const subject = subjects.invoke(...toTarget(message));
    this.#underWay.set(callId, message);
    try {
      const answer = await bus.request(subject, message.inputData, {
        headers: {
          ...toHeaders(message),
          [names.callId]: [callId],
          ...(deadlineMs > 0 && { [names.deadline]: [String(deadlineMs)] }),
        },
        timeoutMs: callTimeoutMs + answerMarginMs,
      });
      return {
        outputData: toOutput(toBytes(expectAnswer(answer).body)),
        returnValue: Number(header(answer, names.returnValue) ?? 0),
      };
    } finally {
      this.#underWay.delete(callId);
    }
  }

  /** An asynchronous call: it is kept, and its id is the output. */
  async #keep(message: Message): Promise<Partial<Message>> {
    const { clock, bus, subjects } = this.#options;
    const { deadlineMs, idempotencyKey } = message;
    const answer = await bus.request(subjects.async(...toTarget(message)), message.inputData, {
      headers: {
        ...toHeaders(message),
        ...(deadlineMs > 0 && { [names.timeout]: [toTimeout(deadlineMs, clock)] }),
        ...(idempotencyKey !== '' && { [messageIdHeader]: [toIdempotencyKey(idempotencyKey)] }),
      },
    });
    const { id } = readBody(expectAnswer(answer), callStatusCodec);
    return { outputData: Buffer.from(id), ...(message.id === '' && { id }) };
  }

  /** A founding worker made itself ready for a function; here it is enough that the function is there. */
  async #bind(message: Message): Promise<Partial<Message>> {
    const { bus, subjects } = this.#options;
    expectAnswer(await bus.request(subjects.functions('describe', ...toTarget(message)), emptyBody));
    return {};
  }

  /** A call of this client that is under way, or one that is kept for later. */
  async #kill(message: Message): Promise<Partial<Message>> {
    const { id, resultKey } = message;
    const user = toUserName(message.user);
    if (id === '' && resultKey === '') {
      throw new FaasmError('bad_message', 'A KILL names a call, by its id or its result key');
    }
    if (this.kill(message)) return {};
    if (!isCallId(id, user)) {
      const which = id === '' ? `result key ${quote(resultKey)}` : `id ${quote(id)}`;
      throw new FaasmError('not_found', `No call of ${user} with the ${which} is under way`);
    }
    const { bus, subjects } = this.#options;
    expectAnswer(await bus.request(subjects.calls('cancel', user, id), emptyBody));
    return {};
  }
}

/** @throws FaasmError `bad_message`, `too_large` */
export function readMessage(bytes: Uint8Array): Message {
  return decodeMessage(bytes, 'message');
}

export function toFailure(thrown: unknown): Partial<Message> {
  const error = FaasmError.from(thrown);
  const { returnValue = 0 } = error.details;
  return {
    success: false,
    returnValue,
    error: toMessageError(toCallError(error)),
    ...(error.output !== undefined && error.output.length <= payloadMaxBytes && { outputData: error.output }),
  };
}

function toTarget(message: Message) {
  return [toUserName(message.user), toFunctionName(message.function)] as const;
}

function toOutput(output: Uint8Array): Uint8Array {
  if (output.length <= payloadMaxBytes) return output;
  throw new FaasmError(
    'too_large',
    `The output has ${output.length} bytes and a message ${payloadMaxBytes}; put it into state`,
  );
}

function toHeaders({ traceparent, given, input, output }: Message) {
  return {
    ...(traceparentPattern.test(traceparent) && { [names.traceparent]: [traceparent] }),
    ...(given !== undefined && toSettingsHeaders(given)),
    ...(input.kind !== 'inline' && { [names.input]: [showPlace(input)] }),
    ...(output.kind !== 'inline' && { [names.output]: [showPlace(output)] }),
  };
}

/** A call that is kept has its time from when it begins. */
function toTimeout(deadlineMs: number, clock: Clock): string {
  return `${Math.max(1, Math.ceil(deadlineMs - clock.wallMs()))}ms`;
}
