/**
 * Calls that come as messages of faasm.proto, over whatever: each is made on the bus, and what became of it is a message
 * again, with the names, keys and id of the one that asked.
 */
import { toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import { type CallId, toCallId, toFunctionName, toUserName } from '../../proto/names.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, emptyBody, toBytes } from '../bus/port.ts';
import { toSettingsHeaders } from '../bus/settings-headers.ts';
import { foundingMessageCodec, toMessageError } from '../calls/codec.ts';
import type { Message } from '../calls/message.ts';

export interface MessageCallsOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** The longest that a call may take, in milliseconds. */
  readonly callTimeoutMs: number;
  newCallId(): CallId;
}

/** How much later than the call's own end the bus gives up. */
const answerMarginMs = 10_000;
const messageIdHeader = 'Nats-Msg-Id';

export class MessageCalls {
  readonly #options: MessageCallsOptions;

  constructor(options: MessageCallsOptions) {
    this.#options = options;
  }

  /**
   * What the message asks for is done. A failure is a result too: this never throws.
   * @param left aborted when nobody wants the result any more; the call is cancelled then
   */
  async answer(message: Message, left?: AbortSignal): Promise<Partial<Message>> {
    const { user, function: name, type, resultKey, statusKey, isAsync } = message;
    const id = message.id === '' ? this.#options.newCallId() : message.id;
    const echo: Partial<Message> = { user, function: name, type, resultKey, statusKey, isAsync, id };
    try {
      return { ...echo, success: true, ...(await this.#do({ ...message, id }, left)) };
    } catch (thrown) {
      return { ...echo, ...toFailure(thrown) };
    }
  }

  async #do(message: Message, left: AbortSignal | undefined): Promise<Partial<Message>> {
    switch (message.type) {
      case 'CALL':
        return message.isAsync ? await this.#keep(message) : await this.#call(message, left);
      case 'BIND':
        return await this.#bind(message);
      case 'KILL':
        return await this.#kill(message);
      case 'UNSET':
        throw new FaasmError('bad_message', 'A message has the type BIND, CALL or KILL, and not none');
    }
  }

  async #call(message: Message, left: AbortSignal | undefined): Promise<Partial<Message>> {
    const { bus, subjects, callTimeoutMs } = this.#options;
    const id = toCallId(message.id);
    const cancel = (): void => bus.publish(subjects.cancel(id), emptyBody);
    left?.addEventListener('abort', cancel, { once: true });
    try {
      const answer = await bus.request(subjects.invoke(...toTarget(message)), toInput(message), {
        headers: toHeaders(message),
        timeoutMs: callTimeoutMs + answerMarginMs,
      });
      return { outputData: toBytes(expectAnswer(answer).body) };
    } finally {
      left?.removeEventListener('abort', cancel);
    }
  }

  /** An asynchronous call: it is kept, and its id is the answer. */
  async #keep(message: Message): Promise<Partial<Message>> {
    const { bus, subjects } = this.#options;
    const headers = toHeaders(message);
    if (message.idempotencyKey !== '') headers[messageIdHeader] = [message.idempotencyKey];
    expectAnswer(await bus.request(subjects.async(...toTarget(message)), toInput(message), { headers }));
    return {};
  }

  /** A founding worker made itself ready for a function; here it is enough that the function is there. */
  async #bind(message: Message): Promise<Partial<Message>> {
    const { bus, subjects } = this.#options;
    expectAnswer(await bus.request(subjects.functions('describe', ...toTarget(message)), emptyBody));
    return {};
  }

  /** The call with this id, wherever it is: running, or kept for later. */
  async #kill({ id }: Message): Promise<Partial<Message>> {
    const { bus, subjects } = this.#options;
    bus.publish(subjects.cancel(toCallId(id)), emptyBody);
    const kept = await bus.request(subjects.calls('cancel', toCallId(id)), emptyBody);
    try {
      expectAnswer(kept);
    } catch (thrown) {
      // A call that is not kept was running, or has ended.
      if (!(thrown instanceof FaasmError) || thrown.code !== 'not_found') throw thrown;
    }
    return {};
  }
}

/** @throws FaasmError `bad_message`, `too_large` */
export function readMessage(bytes: Uint8Array): Message {
  return foundingMessageCodec.decode(bytes);
}

export function toFailure(thrown: unknown): Partial<Message> {
  const error = FaasmError.from(thrown);
  const { returnValue = 0 } = error.details;
  return { success: false, returnValue, error: toMessageError(toCallError(error)) };
}

function toTarget(message: Message) {
  return [toUserName(message.user), toFunctionName(message.function)] as const;
}

function toInput({ input, output, inputData }: Message): Uint8Array {
  if (input.kind === 'inline' && output.kind === 'inline') return inputData;
  throw new FaasmError('bad_message', 'Input and output are inline here');
}

function toHeaders({ id, deadlineMs, traceparent, given }: Message): Record<string, readonly string[]> {
  return {
    [names.callId]: [id],
    ...(deadlineMs > 0 && { [names.deadline]: [String(deadlineMs)] }),
    ...(traceparent !== '' && { [names.traceparent]: [traceparent] }),
    ...(given !== undefined && toSettingsHeaders(given)),
  };
}
