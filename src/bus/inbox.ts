/**
 * The requests of one bus that wait for their answers. All share one inbox prefix. A request gets a reply subject when
 * somebody asks for it: an answer from outside finds its request by that, one from this process needs none.
 * Deadlines are looked at by one timer for all, which runs while somebody waits with a deadline: a request is given up
 * at its deadline or up to `sweepEveryMs` later.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { Powers, Timer } from '../power/port.ts';
import { noResponders } from './failures.ts';
import { type Body, type Bus, type BusMessage, isNoResponders, type RequestOptions } from './port.ts';

const sweepEveryMs = 25;

/** How long a request waits when nothing else is said, in milliseconds. */
export const requestTimeoutMs = 5000;

/** 16 random bytes: nobody guesses where another's answers go. */
const inboxTokenBytes = 16;

export interface Waiting {
  readonly subject: string;
  /** The reply subject. */
  readonly reply: string;
  /** @throws FaasmError `no_responders`, `deadline_exceeded`, `draining` */
  readonly answer: Promise<BusMessage>;
}

class Request implements Waiting {
  readonly subject: string;
  readonly timeoutMs: number;
  readonly dueMs: number;
  readonly answer: Promise<BusMessage>;
  readonly resolve: (message: BusMessage) => void;
  readonly reject: (error: FaasmError) => void;
  readonly #register: (request: Request) => string;
  named: string | undefined;

  constructor(subject: string, timeoutMs: number, dueMs: number, register: (request: Request) => string) {
    this.subject = subject;
    this.timeoutMs = timeoutMs;
    this.dueMs = dueMs;
    const { promise, resolve, reject } = Promise.withResolvers<BusMessage>();
    this.answer = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.#register = register;
  }

  get reply(): string {
    return (this.named ??= this.#register(this));
  }
}

export class Inbox {
  /** Every reply subject of this inbox is the prefix and one token. */
  readonly prefix: string;
  readonly #powers: Powers;
  readonly #open = new Set<Request>();
  readonly #named = new Map<string, Request>();
  readonly #register = (request: Request): string => {
    const reply = this.prefix + (++this.#lastName).toString(36);
    // One that was answered already only needs a name that nobody else has.
    if (this.#open.has(request)) this.#named.set(reply, request);
    return reply;
  };
  #lastName = 0;
  #sweeper: Timer | undefined;
  /** Nobody is due before. */
  #nextDueMs = Number.POSITIVE_INFINITY;

  /** @param root the tokens before the random one; no dot at its end */
  constructor(powers: Powers, root = '_INBOX') {
    this.#powers = powers;
    this.prefix = `${root}.${powers.random.bytes(inboxTokenBytes).toString('base64url')}.`;
  }

  owns(subject: string): boolean {
    return subject.startsWith(this.prefix);
  }

  /** @param timeoutMs 0 waits for ever */
  open(subject: string, timeoutMs: number): Waiting {
    const dueMs = timeoutMs > 0 ? this.#powers.clock.monotonicMs() + timeoutMs : Number.POSITIVE_INFINITY;
    const request = new Request(subject, timeoutMs, dueMs, this.#register);
    this.#open.add(request);
    if (request.dueMs < this.#nextDueMs) {
      this.#nextDueMs = request.dueMs;
      this.#sweeper ??= this.#powers.timers.every(sweepEveryMs, () => this.#sweep());
    }
    return request;
  }

  /** Publishes with a reply subject of this inbox. */
  request(
    bus: Pick<Bus, 'publish'>,
    subject: string,
    body: Body,
    { headers, timeoutMs = requestTimeoutMs }: RequestOptions = {},
  ): Promise<BusMessage> {
    const waiting = this.open(subject, timeoutMs);
    try {
      bus.publish(subject, body, { reply: waiting.reply, headers });
    } catch (error) {
      this.fail(waiting, FaasmError.from(error));
    }
    return waiting.answer;
  }

  /** Hands a message to the request whose reply subject it came on; false when nobody waits for it. */
  deliver(message: BusMessage): boolean {
    const request = this.#named.get(message.subject);
    return request !== undefined && this.answer(request, message);
  }

  /** Whether a request waits for an answer on this subject. */
  waits(subject: string): boolean {
    return this.#named.has(subject);
  }

  /** Hands a message to its request, whatever subject it came on; false when that has an answer already. */
  answer(waiting: Waiting, message: BusMessage): boolean {
    const request = waiting as Request;
    if (!this.#forget(request)) return false;
    if (message.headers !== undefined && isNoResponders(message))
      request.reject(noResponders(request.subject));
    else request.resolve(message);
    return true;
  }

  fail(waiting: Waiting, error: FaasmError): void {
    const request = waiting as Request;
    if (this.#forget(request)) request.reject(error);
  }

  failSubject(subject: string, error: FaasmError): void {
    for (const request of this.#open) if (request.subject === subject) this.fail(request, error);
  }

  close(): void {
    for (const request of this.#open) {
      this.fail(request, new FaasmError('draining', `The bus closed before ${request.subject} answered`));
    }
    this.#stopSweeping();
  }

  #forget(request: Request): boolean {
    if (request.named !== undefined) this.#named.delete(request.named);
    return this.#open.delete(request);
  }

  #sweep(): void {
    const now = this.#powers.clock.monotonicMs();
    if (now >= this.#nextDueMs) {
      this.#nextDueMs = Number.POSITIVE_INFINITY;
      for (const request of this.#open) {
        if (request.dueMs <= now) {
          const why = `No answer on ${request.subject} within ${request.timeoutMs} ms`;
          this.fail(request, new FaasmError('deadline_exceeded', why));
        } else if (request.dueMs < this.#nextDueMs) {
          this.#nextDueMs = request.dueMs;
        }
      }
    }
    if (this.#open.size === 0 || this.#nextDueMs === Number.POSITIVE_INFINITY) this.#stopSweeping();
  }

  #stopSweeping(): void {
    this.#powers.timers.cancel(this.#sweeper);
    this.#sweeper = undefined;
    this.#nextDueMs = Number.POSITIVE_INFINITY;
  }
}
