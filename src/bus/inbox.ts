/**
 * The requests of one bus that wait for their answers. All share one inbox prefix; an answer finds its request by
 * its subject. Deadlines are looked at by one timer for all, which runs while somebody waits with a deadline: a
 * request is given up at its deadline or up to `sweepEveryMs` later.
 */
import { randomBytes } from 'node:crypto';
import { FaasmError } from '../../proto/errors.ts';
import { noResponders } from './failures.ts';
import { type BusMessage, isNoResponders } from './port.ts';

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
  readonly resolve: (message: BusMessage) => void;
  readonly reject: (error: FaasmError) => void;
  readonly timeoutMs: number;
  readonly dueMs: number;
}

export class Inbox {
  /** Every reply subject of this inbox is the prefix and one token. */
  readonly prefix: string;
  readonly #waiting = new Map<string, Waiting>();
  #opened = 0;
  #sweeper: NodeJS.Timeout | undefined;
  /** Nobody is due before. */
  #nextDueMs = Number.POSITIVE_INFINITY;

  /** @param root the tokens before the random one; no dot at its end */
  constructor(root = '_INBOX') {
    this.prefix = `${root}.${randomBytes(inboxTokenBytes).toString('base64url')}.`;
  }

  owns(subject: string): boolean {
    return subject.startsWith(this.prefix);
  }

  /** @param timeoutMs 0 waits for ever */
  open(subject: string, timeoutMs: number): Waiting {
    const { promise, resolve, reject } = Promise.withResolvers<BusMessage>();
    const reply = this.prefix + (++this.#opened).toString(36);
    const dueMs = timeoutMs > 0 ? performance.now() + timeoutMs : Number.POSITIVE_INFINITY;
    const waiting = { subject, reply, answer: promise, resolve, reject, timeoutMs, dueMs };
    this.#waiting.set(reply, waiting);
    if (dueMs < this.#nextDueMs) {
      this.#nextDueMs = dueMs;
      this.#sweeper ??= setInterval(() => this.#sweep(), sweepEveryMs);
    }
    return waiting;
  }

  /** Hands the answer to its request; false when nobody waits for it. */
  deliver(message: BusMessage): boolean {
    const waiting = this.#waiting.get(message.subject);
    if (waiting === undefined) return false;
    this.#waiting.delete(message.subject);
    if (message.headers !== undefined && isNoResponders(message))
      waiting.reject(noResponders(waiting.subject));
    else waiting.resolve(message);
    return true;
  }

  fail(waiting: Waiting, error: FaasmError): void {
    if (this.#waiting.delete(waiting.reply)) waiting.reject(error);
  }

  failSubject(subject: string, error: FaasmError): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.subject === subject) this.fail(waiting, error);
    }
  }

  close(): void {
    for (const waiting of this.#waiting.values()) {
      this.fail(waiting, new FaasmError('draining', `The bus closed before ${waiting.subject} answered`));
    }
    this.#stopSweeping();
  }

  #sweep(): void {
    const now = performance.now();
    if (now >= this.#nextDueMs) {
      this.#nextDueMs = Number.POSITIVE_INFINITY;
      for (const waiting of this.#waiting.values()) {
        if (waiting.dueMs <= now) {
          const why = `No answer on ${waiting.subject} within ${waiting.timeoutMs} ms`;
          this.fail(waiting, new FaasmError('deadline_exceeded', why));
        } else if (waiting.dueMs < this.#nextDueMs) {
          this.#nextDueMs = waiting.dueMs;
        }
      }
    }
    if (this.#waiting.size === 0 || this.#nextDueMs === Number.POSITIVE_INFINITY) this.#stopSweeping();
  }

  #stopSweeping(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    this.#nextDueMs = Number.POSITIVE_INFINITY;
  }
}
