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
  /** Whether the call is kept in the dead-letter list. */
  readonly dead: boolean;
}

/** Of its user, by its id, or where it is empty, by its result key. */
export interface KilledCall {
  readonly user: string;
  readonly id: string;
  readonly resultKey: string;
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
  readonly #host = randomUUID();
  #generation = 1;
  #registered = false;
  #last = 0;
  /** Calls were asked for, and whether they were taken is not known. */
  #unsure = false;

  constructor(options: RedisQueueOptions) {
    this.#options = options;
  }

  get #taker(): string {
    return `${this.#host}.${this.#generation}`;
  }

  /**
   * Calls that are there, up to so many. After a failure this gives first what the failed take may have taken, so
   * `count` must not be less then.
   * @throws FaasmError `storage_unavailable`
   */
  async take(count: number): Promise<TakenCall[]> {
    const found = await this.#takeAs(this.#taker, count);
    if (found !== undefined) return found;
    await this.#register();
    return (await this.#takeAs(this.#taker, count)) ?? [];
  }

  /** Nothing where this taker is none, or no more. */
  async #takeAs(taker: string, count: number): Promise<TakenCall[] | undefined> {
    const { key } = this.#options;
    const first = this.#last + 1;
    const own = [this.#of('arrived', this.#host), this.#of('running', taker)];
    const keys = [key, ...own, `${key}:attempts`, `${key}:takers`];
    const again = this.#unsure ? 1 : 0;
    this.#unsure = true;
    const found = (await this.#run(takeScript, keys, [first, count, taker, again])) as unknown;
    this.#unsure = false;
    if (!Array.isArray(found)) return undefined;
    const calls: TakenCall[] = [];
    const epoch = String(found[0]);
    for (let at = 1; at < found.length; at += 2) {
      const number = first + (at - 1) / 2;
      calls.push({ bytes: found[at], attempts: found[at + 1], taker, number, epoch });
    }
    this.#last += calls.length;
    return calls;
  }

  /** Resolves when a call has come, for the next `take`, or after a while. @throws FaasmError `storage_unavailable` */
  async wait(): Promise<void> {
    const { waiting, key } = this.#options;
    const arrived = this.#of('arrived', this.#host);
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
    await this.#register();
    let count = 0;
    for (const other of await redis.run((client) => client.smembers(`${key}:takers`))) {
      if (other !== this.#taker) count += await this.#giveBack(other, false);
    }
    return count;
  }

  /** As a new taker, where this one has been away for so long that others took it for dead. */
  async #register(): Promise<void> {
    const taker = this.#taker;
    const keys = [this.#of('lease', taker), `${this.#options.key}:takers`];
    const gone = (await this.#run(renewScript, keys, [taker, leaseMs, this.#registered ? 1 : 0])) === 1;
    this.#registered = true;
    if (!gone) return;
    if (taker === this.#taker) {
      this.#generation++;
      this.#registered = false;
    }
    await this.#register();
  }

  /** To all hosts that have called `onKill`, this one too. @throws FaasmError `storage_unavailable` */
  async kill(call: KilledCall): Promise<void> {
    const { redis, key } = this.#options;
    const text = JSON.stringify({
      user: call.user,
      id: call.id,
      resultKey: call.resultKey,
    } satisfies KilledCall);
    await redis.run((client) => client.publish(`${key}:kill`, text));
  }

  /** @param listening a connection for nothing else */
  onKill(listening: RedisConnection, handle: (call: KilledCall) => void): void {
    const onMessage = (text: string): void => {
      const { user, id, resultKey } = parse(text);
      handle({ user: String(user ?? ''), id: String(id ?? ''), resultKey: String(resultKey ?? '') });
    };
    listening.subscribe(`${this.#options.key}:kill`, onMessage, () => {});
  }

  /** Whether this is a key of the queue itself, where no result may go. */
  owns(key: string): boolean {
    return key === this.#options.key || key.startsWith(`${this.#options.key}:`);
  }

  /** What this host has taken and not ended is in the queue again. @throws FaasmError `storage_unavailable` */
  async leave(): Promise<number> {
    return await this.#giveBack(this.#taker, true);
  }

  async #giveBack(taker: string, itself: boolean): Promise<number> {
    const { key } = this.#options;
    const arrived = this.#of('arrived', taker.slice(0, taker.lastIndexOf('.')));
    const own = ['running', 'lease'].map((what) => this.#of(what, taker));
    const keys = [key, arrived, ...own, `${key}:takers`, this.#of('reclaimed', taker), `${key}:attempts`];
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

  #of(what: string, whose: string): string {
    return `${this.#options.key}:${what}:${whose}`;
  }
}

/** What anybody may have published. */
function parse(text: string): Partial<Record<keyof KilledCall, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
