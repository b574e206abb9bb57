/**
 * A Redis list of calls that several hosts take from. A call that was taken is kept until its result is pushed: when
 * the taker's lease ends before, the call is in the queue again, at the front.
 */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../redis/connection.ts';
import { endScript, giveBackScript, renewScript, takeScript } from './scripts.ts';

export interface TakenCall {
  readonly bytes: Uint8Array;
  /** How many takers have died while they had it. */
  readonly attempts: number;
  readonly taker: string;
  readonly number: number;
  /** Of the server's data, when it was taken. */
  readonly epoch: string;
}

export interface CallEnding {
  readonly result: Uint8Array;
  /** The list that the result is pushed to; empty for none. */
  readonly resultKey: string;
  /** The key where the result can be read for longer; empty for none. */
  readonly statusKey: string;
  /** It is kept in the dead-letter list. */
  readonly dead: boolean;
}

export interface RedisQueueOptions {
  readonly redis: RedisConnection;
  /** For the command that waits. */
  readonly waiting: RedisConnection;
  readonly key: string;
}

/** A taker that has not renewed its lease for so long is dead. */
const leaseMs = 10_000;
export const renewMs = leaseMs / 4;
const resultKeptSeconds = 30;
const statusKeptSeconds = 300;
const reclaimedKeptMs = 24 * 3600 * 1000;
const waitSeconds = 5;

export class RedisQueue {
  readonly #options: RedisQueueOptions;
  #taker = randomUUID();
  #last = 0;

  constructor(options: RedisQueueOptions) {
    this.#options = options;
  }

  /** Those that are there, up to so many. @throws FaasmError `storage_unavailable` */
  async take(count: number): Promise<TakenCall[]> {
    const taker = this.#taker;
    const first = this.#last + 1;
    this.#last += count;
    const { key } = this.#options;
    const keys = [key, this.#of('arrived', taker), this.#of('running', taker), `${key}:attempts`];
    const found = (await this.#run(takeScript, keys, [first, count])) as (Buffer | number)[];
    const calls: TakenCall[] = [];
    const epoch = String(found[0]);
    for (let at = 1; at < found.length; at += 2) {
      const bytes = found[at] as Buffer;
      calls.push({ bytes, attempts: found[at + 1] as number, taker, number: first + (at - 1) / 2, epoch });
    }
    return calls;
  }

  /** Resolves when a call has come, for the next `take`, or after a while. @throws FaasmError `storage_unavailable` */
  async wait(): Promise<void> {
    const { waiting, key } = this.#options;
    const arrived = this.#of('arrived', this.#taker);
    await waiting.run((client) => client.blmoveBuffer(key, arrived, 'LEFT', 'RIGHT', waitSeconds));
  }

  /** Pushes the result, once for each call. @returns what went wrong with the result key @throws FaasmError `storage_unavailable` */
  async end({ taker, number, epoch }: TakenCall, ending: CallEnding): Promise<string | undefined> {
    const { result, resultKey, statusKey, dead } = ending;
    const { key } = this.#options;
    const ownKeys = [this.#of('running', taker), this.#of('reclaimed', taker), `${key}:attempts`];
    const keys = [...ownKeys, resultKey, statusKey, `${key}:dead`];
    const flags = [resultKey !== '', statusKey !== '', dead].map(Number);
    const bytes = Buffer.from(result.buffer as ArrayBuffer, result.byteOffset, result.length);
    const args = [number, bytes, resultKeptSeconds, statusKeptSeconds, ...flags, epoch];
    const ended = String(await this.#run(endScript, keys, args));
    return ended === 'ended' || ended === 'reclaimed' ? undefined : ended;
  }

  /**
   * Says that this host lives, and gives the calls of takers that do not back to the queue.
   * @returns how many calls that were
   * @throws FaasmError `storage_unavailable`
   */
  async renew(): Promise<number> {
    const { redis, key } = this.#options;
    const taker = this.#taker;
    const keys = [this.#of('lease', taker), `${key}:takers`, this.#of('reclaimed', taker)];
    // This host was away for so long that others took it for dead: it goes on as a new taker.
    if ((await this.#run(renewScript, keys, [taker, leaseMs])) === 1) this.#taker = randomUUID();
    let count = 0;
    for (const other of await redis.run((client) => client.smembers(`${key}:takers`))) {
      if (other !== this.#taker) count += await this.#giveBack(other, false);
    }
    return count;
  }

  /** What this host has taken and not ended is in the queue again. @throws FaasmError `storage_unavailable` */
  async leave(): Promise<number> {
    return await this.#giveBack(this.#taker, true);
  }

  async #giveBack(taker: string, itself: boolean): Promise<number> {
    const { key } = this.#options;
    const own = ['arrived', 'running', 'lease'].map((what) => this.#of(what, taker));
    const keys = [key, ...own, `${key}:takers`, this.#of('reclaimed', taker), `${key}:attempts`];
    return (await this.#run(giveBackScript, keys, [taker, reclaimedKeptMs, itself ? 1 : 0])) as number;
  }

  #run(
    script: string,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    return this.#options.redis.run((client) =>
      client.callBuffer('EVAL', script, keys.length, ...keys, ...args),
    );
  }

  #of(what: string, taker: string): string {
    return `${this.#options.key}:${what}:${taker}`;
  }
}
