/**
 * The bus inside one process. Publishing is calling the handlers, one after the other, before `publish` returns:
 * plain subscriptions first, then one member of each queue group, in turn. What a handler publishes is delivered
 * before the handler goes on. Bodies and headers are handed on as they are.
 *
 * A request is answered by a call of its sender's; where somebody listens in on `>` or `_INBOX.>`, by a message.
 * A subscription with an origin is of somebody outside this process, and never hears these answers.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { Powers } from '../power/port.ts';
import { Drops } from './drops.ts';
import { busClosed, noResponders, tooLarge } from './failures.ts';
import { headersSize } from './headers.ts';
import { Inbox, requestTimeoutMs, type Waiting } from './inbox.ts';
import {
  type Body,
  type BusMessage,
  Encodable,
  emptyBody,
  type Handler,
  type Headers,
  type HostBus,
  type HostPublishOptions,
  type HostSubscribeOptions,
  type RequestOptions,
  type Subscription,
  statusHeader,
  type TellOptions,
} from './port.ts';
import { closest, deliver, type Entry, type Interest, inboxRoot, interestOf, Routes } from './routes.ts';
import { checkQueue, parsePattern, parseSubject } from './subject.ts';

/** 64 MiB, as much as a NATS server can be set to. */
const payloadMaxBytes = 64 * 1024 * 1024;

export interface MemoryBusOptions {
  readonly powers: Powers;
  /** The largest body given as bytes, with its headers. @default 64 MiB */
  readonly maxPayloadBytes?: number;
  /** Where drops are counted. @default for this bus alone */
  readonly drops?: Drops;
  /** A handler threw, or its promise rejected. @default a process warning */
  readonly onError?: (error: unknown, message: BusMessage) => void;
}

/** The bus of a process, with what the bus of a cluster needs to know of it. */
export interface MemoryBus extends HostBus {
  /** Where the answers to this process's requests arrive. */
  readonly inbox: Inbox;
  /** Who in this process would get a message. @throws FaasmError `bad_request` for a bad subject */
  interest(subject: string, origin?: object): Interest;
  /** Calls a handler so that its failure is reported and goes no further. */
  call(handler: Handler, message: BusMessage): void;
}

const noRespondersHeaders: Headers = { [statusHeader]: ['503'] };

export function createMemoryBus(options: MemoryBusOptions): MemoryBus {
  return new InProcessBus(options);
}

type AnswerRequest = (waiting: Waiting, body: Body, headers: Headers | undefined) => void;

/** A request as its handlers see it. */
class RequestMessage implements BusMessage {
  readonly headers: Headers | undefined;
  readonly body: Body;
  readonly #waiting: Waiting;
  readonly #answer: AnswerRequest;

  constructor(waiting: Waiting, answer: AnswerRequest, headers: Headers | undefined, body: Body) {
    this.headers = headers;
    this.body = body;
    this.#waiting = waiting;
    this.#answer = answer;
  }

  get subject(): string {
    return this.#waiting.subject;
  }

  get reply(): string {
    return this.#waiting.reply;
  }

  answer(body: Body, headers: Headers | undefined): void {
    this.#answer(this.#waiting, body, headers);
  }
}

/** An answer as its request's sender sees it. */
class AnswerMessage implements BusMessage {
  readonly reply = undefined;
  readonly headers: Headers | undefined;
  readonly body: Body;
  readonly #waiting: Waiting;

  constructor(waiting: Waiting, headers: Headers | undefined, body: Body) {
    this.headers = headers;
    this.body = body;
    this.#waiting = waiting;
  }

  get subject(): string {
    return this.#waiting.reply;
  }
}

class InProcessBus implements MemoryBus {
  readonly maxPayloadBytes: number;
  readonly inbox: Inbox;
  readonly drops: Drops;
  readonly #onError: (error: unknown, message: BusMessage) => void;
  readonly #routes: Routes;
  readonly #callEntry = (entry: Entry, message: BusMessage): void => {
    if (entry.active) this.call(entry.handler, message);
  };
  /** Answers to this process's requests are not for those outside it. */
  readonly #callInside = (entry: Entry, message: BusMessage): void => {
    if (entry.origin === undefined) this.#callEntry(entry, message);
  };
  /** Subscriptions that may hear what goes to an inbox, and those of them that may hear what goes to the own one. */
  #listeningIn = 0;
  #listeningInside = 0;
  #closed = false;

  constructor(options: MemoryBusOptions) {
    this.inbox = new Inbox(options.powers);
    this.#routes = new Routes(options.powers.random);
    this.maxPayloadBytes = options.maxPayloadBytes ?? payloadMaxBytes;
    this.drops = options.drops ?? new Drops();
    this.#onError = options.onError ?? warn;
  }

  publish(subject: string, body: Body, options?: HostPublishOptions): void {
    const reply = options?.reply;
    if (reply !== undefined && !this.inbox.owns(reply)) parseSubject(reply);
    const message = { subject, reply, headers: options?.headers, body };
    const heard = this.#send(message, options?.origin);
    if (!heard && reply !== undefined) this.#answerNobody(reply);
  }

  tell(subject: string, body: Body, { reply, headers }: TellOptions = {}): void {
    try {
      this.publish(subject, body, { reply, headers });
    } catch (thrown) {
      this.drops.add(subject, FaasmError.from(thrown).code);
    }
  }

  subscribe(subject: string, handler: Handler, options?: HostSubscribeOptions): Subscription {
    if (this.#closed) throw busClosed();
    const tokens = parsePattern(subject);
    if (options?.queue !== undefined) checkQueue(options.queue);
    const entry = { tokens, handler, queue: options?.queue, origin: options?.origin, active: true };
    const listensIn = tokens[0] === '>' || tokens[0] === '*' || tokens[0] === '_INBOX';
    const listensInside = listensIn && options?.origin === undefined;
    if (listensIn) this.#listeningIn++;
    if (listensInside) this.#listeningInside++;
    this.#routes.add(entry);
    const unsubscribe = (): void => {
      if (!entry.active) return;
      entry.active = false;
      if (listensIn) this.#listeningIn--;
      if (listensInside) this.#listeningInside--;
      this.#routes.remove(entry);
    };
    return { unsubscribe, drain: async () => unsubscribe() };
  }

  request(subject: string, body: Body, options?: RequestOptions): Promise<BusMessage> {
    const waiting = this.inbox.open(subject, options?.timeoutMs ?? requestTimeoutMs);
    const message = new RequestMessage(waiting, this.#answerRequest, options?.headers, body);
    try {
      if (!this.#send(message, undefined)) this.inbox.fail(waiting, noResponders(subject));
    } catch (error) {
      this.inbox.fail(waiting, FaasmError.from(error));
    }
    return waiting.answer;
  }

  interest(subject: string, origin?: object): Interest {
    if (this.inbox.owns(subject)) return 'taken';
    if (this.#listeningIn === 0 && subject.startsWith(inboxRoot)) return 'none';
    return interestOf(this.#routes.find(subject), subject, origin);
  }

  call(handler: Handler, message: BusMessage): void {
    try {
      const done: unknown = handler(message);
      if (done instanceof Promise) done.catch((error) => this.#onError(error, message));
    } catch (error) {
      this.#onError(error, message);
    }
  }

  async leave(): Promise<void> {}

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.#closed = true;
    this.inbox.close();
  }

  readonly #answerRequest: AnswerRequest = (waiting, body, headers) => {
    if (this.#listeningInside > 0 || this.#closed) this.publish(waiting.reply, body, { headers });
    else {
      const message = new AnswerMessage(waiting, headers, body);
      this.#checkSize(message);
      this.inbox.answer(waiting, message);
    }
  };

  /** False when nobody got it. */
  #send(message: BusMessage, origin: object | undefined): boolean {
    if (this.#closed) throw busClosed();
    this.#checkSize(message);
    if (this.inbox.owns(message.subject)) {
      const answered = this.inbox.deliver(message);
      if (this.#listeningInside === 0) return answered;
      return deliver(this.#routes.find(message.subject), message, origin, this.#callInside) || answered;
    }
    return deliver(this.#routes.find(message.subject), message, origin, this.#callEntry);
  }

  #answerNobody(reply: string): void {
    const message = { subject: reply, reply: undefined, headers: noRespondersHeaders, body: emptyBody };
    if (this.inbox.owns(reply)) this.inbox.deliver(message);
    else {
      const entry = closest(this.#routes.find(reply));
      if (entry !== undefined) this.#callEntry(entry, message);
    }
  }

  #checkSize(message: BusMessage): void {
    const { body, headers } = message;
    const bodyBytes = body instanceof Encodable ? 0 : body.length;
    const bytes = headers === undefined ? bodyBytes : bodyBytes + headersSize(headers);
    if (bytes > this.maxPayloadBytes) throw tooLarge(message.subject, bytes, this.maxPayloadBytes);
  }
}

function warn(error: unknown, message: BusMessage): void {
  const why = error instanceof Error ? error.message : String(error);
  process.emitWarning(`The handler of ${message.subject} failed: ${why}`);
}
