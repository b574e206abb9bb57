/**
 * The Redis adapter: calls from a Redis list that several hosts share, results to the lists that the calls name.
 *
 * In:   messages of faasm.proto on the list
 * Out:  `invoke`, `functions.describe`, `cancel`; the results on lists of Redis; to the other hosts of the list, what
 *       is to be killed
 * Owns: what this host has taken from the list
 * Never: takes more than may be under way; forgets a call that it has taken
 */
import { FaasmError } from '../proto/errors.ts';
import { encodeMessage, type Message } from '../src/calls/message.ts';
import type { Log } from '../src/log.ts';
import type { Powers } from '../src/power/port.ts';
import { type MessageCalls, readMessage, toFailure } from '../src/receive/message-calls.ts';
import type { RedisConnection } from '../src/redis/connection.ts';
import { type CallEnding, type RedisQueue, renewMs, type TakenCall } from '../src/redis-queue/queue.ts';

export interface RedisAdapterOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly calls: MessageCalls;
  readonly queue: RedisQueue;
  /** For what is to be killed. */
  readonly listening: RedisConnection;
  /** What keys begin with that no result may go to, beside those of the queue. */
  readonly reservedPrefix: string;
  /** Closes the connection for the command that waits. */
  closeWaiting(): void;
  readonly limits: {
    readonly callsMax: number;
    /** Of the calls under way together. */
    readonly heldMaxBytes: number;
    /** How long a call is kept that this host has no room for. */
    readonly roomTimeoutMs: number;
  };
  readonly log: Log;
}

export interface RedisAdapter {
  /** Takes no more calls; what is not answered by then is in the queue again. */
  stop(timeoutMs: number): Promise<void>;
}

/** A call that so many takers, or so many executors, died with is not tried again. */
const attemptsMax = 3;
/** While Redis is away. */
const retryMs = 250;
/** Until a call is tried again that this host had no room for. */
const refusedMs = 500;
const refusals: ReadonlySet<string> = new Set([
  'too_many_requests',
  'no_capacity',
  'no_responders',
  'draining',
]);
/** Taken in one step at most. */
const batchMax = 64;

export function startRedisAdapter(options: RedisAdapterOptions): RedisAdapter {
  const { calls, queue, limits, log } = options;
  const { clock, timers } = options.powers;
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
        await timers.sleep(retryMs);
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
    for (let tries = 1; ; tries++) {
      try {
        const refused = await queue.end(call, ending);
        if (refused !== undefined)
          log.warn({ why: refused, resultKey: ending.resultKey }, 'result not pushed');
        return;
      } catch (err) {
        if (left.signal.aborted) throw err;
        if (tries === 1)
          log.warn({ err, resultKey: ending.resultKey }, 'result not pushed yet; trying again');
        await timers.sleep(retryMs);
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
    const reserved = [resultKey, statusKey].find(isReserved);
    if (reserved !== undefined) {
      log.warn({ key: reserved }, 'no result may go to this key; the call is in the dead-letter list');
      return { result: new Uint8Array(0), resultKey: '', statusKey: '', dead: true };
    }
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
    const result = message.type === 'KILL' ? await kill(message) : await call(message);
    return { result: encodeMessage({ ...result, isAsync }), resultKey, statusKey, dead: false };
  }

  /**
   * The queue keeps it until it is done, so an asynchronous one needs no other place to be kept in.
   * One that was lost with the executor or the host that it ran on is run again, as one whose taker died.
   */
  async function call(message: Message): Promise<Partial<Message>> {
    const latestMs = clock.monotonicMs() + limits.roomTimeoutMs;
    let losses = 0;
    for (;;) {
      const result = await calls.answer({ ...message, isAsync: false });
      const code = result.error?.code ?? '';
      const isLost = code === 'executor_lost' && ++losses < attemptsMax;
      if (!isLost && !refusals.has(code)) return result;
      if (clock.monotonicMs() > latestMs) return result;
      if (stopping) throw new FaasmError('draining', 'This host has no room for it and is stopping');
      await timers.sleep(refusedMs);
    }
  }

  /** Another host may have the call: those are told, and there is no answer to whether one had. */
  async function kill(message: Message): Promise<Partial<Message>> {
    const result = await calls.answer(message);
    if (result.error?.code !== 'not_found') return result;
    await queue.kill(message);
    const { error: _, ...rest } = result;
    return { ...rest, success: true };
  }

  function isReserved(key: string): boolean {
    return queue.owns(key) || key.startsWith(options.reservedPrefix);
  }

  async function renew(): Promise<void> {
    try {
      const count = await queue.renew();
      if (count > 0) log.warn({ calls: count }, 'calls of hosts that ended are in the queue again');
    } catch (err) {
      log.debug({ err }, 'lease not renewed');
    }
  }

  queue.onKill(options.listening, (call) => void calls.kill(call));
  const timer = timers.every(renewMs, () => void renew());
  const taking = renew().then(takeAll);
  log.info('taking calls from Redis');
  return {
    async stop(timeoutMs) {
      stopping = true;
      stopped.resolve();
      options.closeWaiting();
      await taking;
      const late = timers.sleep(timeoutMs, { ref: false });
      await Promise.race([Promise.allSettled(underWay), late]);
      timers.cancel(timer);
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
