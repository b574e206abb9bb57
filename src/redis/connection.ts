/**
 * A connection to Redis that comes back by itself. While it is away every command fails at once, and a command that
 * was under way fails too: it may or may not have been done, and only its caller knows whether to ask again.
 */
import type { Redis, RedisOptions } from 'ioredis';
import { FaasmError } from '../../proto/errors.ts';
import { toRedisError } from './failure.ts';
import { toRedisAddress } from './url.ts';

export interface RedisConnectionOptions {
  /** As in `redis://user:password@host:6379/0`; `rediss:` with TLS. */
  readonly url: string;
  /** As `CLIENT LIST` of the server shows it. */
  readonly name: string;
  /** For commands that wait, such as BLMOVE: none of them times out. */
  readonly blocking?: true;
  /** Called when the connection is there, with nothing, and when it is not, with the reason; not twice with the same. */
  onChange(why: string | undefined): void;
}

const connectTimeoutMs = 5000;
/** Of a command, with an answer or a body of 16 MiB. */
const commandTimeoutMs = 15_000;
const retryMinMs = 50;
const retryMaxMs = 5000;
const retryDoublingsMax = Math.ceil(Math.log2(retryMaxMs / retryMinMs));

export class RedisConnection {
  readonly #client: Redis;
  readonly #address: string;
  readonly #options: RedisConnectionOptions;
  #why: string | undefined = 'not connected yet';

  constructor(client: Redis, address: string, options: RedisConnectionOptions) {
    this.#client = client;
    this.#address = address;
    this.#options = options;
    client.on('ready', () => this.#changed(undefined));
    client.on('error', (error: Error) => this.#changed(error));
    client.on('close', () => this.#changed(new Error('the connection was closed')));
  }

  /** Commands, whose failures are told as this system's. @throws FaasmError `storage_unavailable` */
  async run<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    if (this.#why !== undefined) throw new FaasmError('storage_unavailable', this.#why);
    try {
      return await work(this.#client);
    } catch (error) {
      throw toRedisError(error, this.#address);
    }
  }

  /**
   * Messages of a channel, also after the connection was lost and came back; it can do nothing else from now on.
   * `onSubscribed` is called each time: what was said before that was not heard.
   */
  subscribe(channel: string, onMessage: (text: string) => void, onSubscribed: () => void): void {
    const client = this.#client;
    const ask = (): void => {
      client.subscribe(channel).then(onSubscribed, (error: Error) => this.#changed(error));
    };
    client.on('message', (_channel: string, text: string) => onMessage(text));
    client.on('ready', ask);
    if (client.status === 'ready') ask();
  }

  /** Another one to the same server. */
  another(options: Omit<RedisConnectionOptions, 'url'>): Promise<RedisConnection> {
    return connectRedis({ ...options, url: this.#options.url });
  }

  /** Commands that are under way fail. */
  close(): void {
    this.#client.disconnect();
  }

  #changed(error: Error | undefined): void {
    // An error says more than the closing that follows it.
    if (error !== undefined && this.#why !== undefined && this.#client.status !== 'ready') {
      if (error.message === 'the connection was closed') return;
    }
    const why = error && toRedisError(error, this.#address).message;
    if (why === this.#why) return;
    this.#why = why;
    this.#options.onChange(why);
  }
}

/**
 * Resolves when the connection is there or the first try has failed, which `onChange` was told; it goes on trying.
 * @throws FaasmError `bad_request` when the URL is none
 */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  const address = toRedisAddress(options.url);
  const { Redis } = await import('ioredis');
  const client = new Redis(options.url, toRedisOptions(options));
  const connection = new RedisConnection(client, address, options);
  await client.connect().catch(() => {});
  return connection;
}

function toRedisOptions({ name, blocking }: RedisConnectionOptions): Omit<RedisOptions, 'replyMapping'> {
  return {
    connectionName: name,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: connectTimeoutMs,
    ...(blocking === undefined && { commandTimeout: commandTimeoutMs }),
    retryStrategy: (attempt) => Math.min(retryMinMs * 2 ** Math.min(attempt, retryDoublingsMax), retryMaxMs),
  };
}
