/**
 * The Redis adapter: calls from a Redis list that several hosts share, results to the lists that the calls name.
 *
 * In:   messages of faasm.proto on the list
 * Out:  `invoke`, `functions.describe`, `cancel`; the results on lists of Redis
 * Owns: what this host has taken from the list
 * Never: takes more than may be under way; forgets a call that it has taken
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FaasmError } from '../proto/errors.ts';
import { encodeMessage, type Message } from '../src/calls/message.ts';
import type { Log } from '../src/log.ts';
import { type MessageCalls, readMessage, toFailure } from '../src/receive/message-calls.ts';
import { type CallEnding, type RedisQueue, renewMs, type TakenCall } from '../src/redis-queue/queue.ts';

export interface RedisAdapterOptions {
  readonly calls: MessageCalls;
  readonly queue: RedisQueue;
  /** Closes the connection for the command that waits. */
  closeWaiting(): void;
  readonly limits: {
    readonly callsMax: number;
    /** Of the calls under way together. */
    readonly heldMaxBytes: number;
  };
  readonly log: Log;
}

export interface RedisAdapter {
  /** Takes no more calls; what is not answered by then is in the queue again. */
  stop(timeoutMs: number): Promise<void>;
}

/** A call that so many takers died with is not tried again. */
const attemptsMax = 3;
/** While Redis is away. */
const retryMs = 250;
/** Taken in one step at most. */
const batchMax = 64;

export function startRedisAdapter(options: RedisAdapterOptions): RedisAdapter {
  const { calls, queue, limits, log } = options;
  const underWay = new Set<Promise<void>>();
  const left = new AbortController();
  let heldBytes = 0;
  let stopping = false;
  const stopped = Promise.withResolvers<void>();

  async function takeAll(): Promise<void> {
    while (!stopping) {
      try {
        const free = limits.callsMax - underWay.size;
        if (free <= 0 || (underWay.size > 0 && heldBytes >= limits.heldMaxBytes)) {
          await Promise.race([...underWay, stopped.promise]);
          continue;
        }
        const taken = await queue.take(Math.min(free, batchMax));
        for (const call of taken) begin(call);
        if (taken.length === 0) await queue.wait();
      } catch (err) {
        if (stopping) return;
        log.debug({ err }, 'no calls can be taken');
        await delay(retryMs);
      }
    }
  }

  function begin(call: TakenCall): void {
    heldBytes += call.bytes.length;
    const done: Promise<void> = run(call)
      .catch((err: unknown) =>
        log.error({ err }, 'a call of the queue was not ended; it is in the queue again later'),
      )
      .finally(() => {
        heldBytes -= call.bytes.length;
        underWay.delete(done);
      });
    underWay.add(done);
  }

  async function run(call: TakenCall): Promise<void> {
    const ending = await answer(call);
    for (;;) {
      try {
        const refused = await queue.end(call, ending);
        if (refused !== undefined)
          log.warn({ why: refused, resultKey: ending.resultKey }, 'result not pushed');
        return;
      } catch (err) {
        if (left.signal.aborted) throw err;
        await delay(retryMs);
      }
    }
  }

  async function answer({ bytes, attempts }: TakenCall): Promise<CallEnding> {
    let message: Message;
    try {
      message = readMessage(bytes);
    } catch (err) {
      log.warn({ err, sizeBytes: bytes.length }, 'not a call; it is in the dead-letter list');
      return { result: new Uint8Array(0), resultKey: '', statusKey: '', dead: true };
    }
    const { resultKey, statusKey, isAsync } = message;
    if (attempts >= attemptsMax) {
      const lost = new FaasmError(
        'executor_lost',
        `${attempts} hosts ended while they ran it; it is not tried again`,
      );
      log.error({ user: message.user, function: message.function, attempts }, 'call given up');
      const { user, function: name, type, id } = message;
      const result = { user, function: name, type, id, resultKey, statusKey, isAsync, ...toFailure(lost) };
      return { result: encodeMessage(result), resultKey, statusKey, dead: true };
    }
    // The queue keeps it until it is done, so there is no other place to keep it in.
    const result = await calls.answer({ ...message, isAsync: false });
    return { result: encodeMessage({ ...result, isAsync }), resultKey, statusKey, dead: false };
  }

  async function renew(): Promise<void> {
    try {
      const count = await queue.renew();
      if (count > 0) log.warn({ calls: count }, 'calls of hosts that ended are in the queue again');
    } catch (err) {
      log.debug({ err }, 'lease not renewed');
    }
  }

  const timer = setInterval(() => void renew(), renewMs);
  const taking = renew().then(takeAll);
  log.info('taking calls from Redis');
  return {
    async stop(timeoutMs) {
      stopping = true;
      stopped.resolve();
      options.closeWaiting();
      await taking;
      const late = new Promise((resolve) => setTimeout(resolve, timeoutMs).unref());
      await Promise.race([Promise.allSettled(underWay), late]);
      clearInterval(timer);
      try {
        // First, so that a call that is cut off is not answered as one that was cancelled.
        const count = await queue.leave();
        if (count > 0) log.warn({ calls: count }, 'calls that did not end are in the queue again');
      } catch (err) {
        log.error({ err }, 'calls that were taken are in the queue again when the lease ends');
      }
      left.abort();
      calls.abandon();
    },
  };
}
