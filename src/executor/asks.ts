/**
 * The port between a thread and its host for what guests ask. An answer wakes whoever blocks for it, since a call that
 * begins has to have some answers before its guest runs.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { type CallError, fromCallError, toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { UserName } from '../../proto/names.ts';
import type { AskHost } from '../guest/port.ts';

/** The thread's end, to be posted to it with its port. */
export interface AsksEnd {
  readonly port: MessagePort;
  /** Counts the answers. */
  readonly answered: SharedArrayBuffer;
}

interface Question {
  readonly ask: number;
  readonly service: string;
  readonly op: string;
  readonly user: UserName;
  readonly body: unknown;
}

interface Answer {
  readonly ask: number;
  readonly value?: unknown;
  readonly error?: CallError;
}

/** The main thread answers within a millisecond, if it is not overloaded. */
const answerTimeoutMs = 5000;

/** The host's end. */
export class AnsweredAsks {
  readonly end: AsksEnd;
  readonly #port: MessagePort;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  readonly #ask: AskHost;

  constructor(ask: AskHost) {
    const { port1, port2 } = new MessageChannel();
    this.#ask = ask;
    this.#port = port1;
    this.end = { port: port2, answered: this.#answered.buffer as SharedArrayBuffer };
    port1.on('message', (question: Question) => void this.#answer(question));
    port1.unref();
  }

  /** The thread has ended: what it had asked is asked before this returns, and nothing after. */
  close(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) break;
      void this.#answer(received.message as Question);
    }
    this.#port.close();
  }

  async #answer({ ask, service, op, user, body }: Question): Promise<void> {
    let answer: Answer;
    try {
      answer = { ask, value: await this.#ask(service, op, user, body) };
    } catch (thrown) {
      answer = { ask, error: toCallError(FaasmError.from(thrown)) };
    }
    this.#port.postMessage(answer);
    Atomics.add(this.#answered, 0, 1);
    Atomics.notify(this.#answered, 0);
  }
}

/** The thread's end. */
export class ThreadAsks {
  readonly #port: MessagePort;
  readonly #answered: Int32Array;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastAsk = 0;

  constructor({ port, answered }: AsksEnd) {
    this.#port = port;
    this.#answered = new Int32Array(answered);
    port.on('message', (answer: Answer) => this.#settle(answer));
  }

  readonly ask: AskHost = (service, op, user, body) => {
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#post(service, op, user, body), answer);
    return answer.promise;
  };

  /** Blocks the thread until the answer is there. @throws FaasmError that too where there is none in time */
  askNow(...[service, op, user, body]: Parameters<AskHost>): unknown {
    const ask = this.#post(service, op, user, body);
    const untilMs = performance.now() + answerTimeoutMs;
    for (;;) {
      const count = Atomics.load(this.#answered, 0);
      const answer = receiveMessageOnPort(this.#port)?.message as Answer | undefined;
      if (answer?.ask === ask) return toValue(answer);
      if (answer !== undefined) {
        this.#settle(answer);
        continue;
      }
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0)
        throw new FaasmError('storage_unavailable', `no answer of ${service} within ${answerTimeoutMs} ms`);
      Atomics.wait(this.#answered, 0, count, leftMs);
    }
  }

  #post(service: string, op: string, user: UserName, body: unknown): number {
    const ask = ++this.#lastAsk;
    this.#port.postMessage({ ask, service, op, user, body } satisfies Question);
    return ask;
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.ask);
    this.#waiting.delete(answer.ask);
    // Nobody waits for one that came too late for whoever blocked for it.
    if (waiting === undefined) return;
    try {
      waiting.resolve(toValue(answer));
    } catch (thrown) {
      waiting.reject(thrown);
    }
  }
}

function toValue({ value, error }: Answer): unknown {
  if (error === undefined) return value;
  throw fromCallError(error);
}
