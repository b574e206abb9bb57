/**
 * The bus over a NATS server. Subscriptions survive a reconnect, and so do waiting requests, until their deadline;
 * what is published meanwhile is held, up to a limit, and sent after it.
 */
import { connect, type NatsConnection } from 'nats';
import { FaasmError } from '../../proto/errors.ts';
import { nodePowers } from '../power/node.ts';
import { Drops } from './drops.ts';
import { busClosed, tooLarge } from './failures.ts';
import { headersSize } from './headers.ts';
import { Inbox } from './inbox.ts';
import { fromNatsMessage, toNatsHeaders } from './nats-messages.ts';
import { type NatsBusOptions, toConnectError, toConnectionOptions } from './nats-options.ts';
import { watchStatus } from './nats-status.ts';
import {
  type Body,
  type Bus,
  type BusMessage,
  type Handler,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
  type TellOptions,
  toBytes,
} from './port.ts';
import { checkQueue, checkSubject, parsePattern } from './subject.ts';

export type { BusStatus, NatsBusOptions } from './nats-options.ts';

/** 16 MiB: what is published while there is no connection; more is refused. */
const heldMaxBytes = 16 * 1024 * 1024;

/** So many messages, each with about 500 bytes beside its body, are 10 MB. */
const heldMax = 20_000;

/** What the server may take to acknowledge the last messages when something is closed, in milliseconds. */
const flushTimeoutMs = 2000;

/** @throws FaasmError `unauthorized`, or `no_responders` when no server can be reached */
export async function connectNatsBus(options: NatsBusOptions): Promise<Bus> {
  const settings = await toConnectionOptions(options);
  try {
    return new NatsBus(await connect(settings), options);
  } catch (cause) {
    throw toConnectError(cause, options.url);
  }
}

/** Also where the connection is lost before it is done. */
async function withinFlushTime(work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, flushTimeoutMs);
  await Promise.race([work.catch(() => {}), late.promise]);
  clearTimeout(timer);
}

class NatsBus implements Bus {
  readonly drops: Drops;
  readonly #connection: NatsConnection;
  readonly #inbox: Inbox;
  readonly #onError: (error: unknown, message?: BusMessage) => void;
  #maxPayloadBytes: number;
  #connected = true;
  /** What was published while there was no connection; the client itself drops that at each attempt. */
  #held: { readonly subject: string; readonly send: () => void }[] = [];
  #heldBytes = 0;
  #closed = false;

  constructor(connection: NatsConnection, options: NatsBusOptions) {
    this.drops = options.drops ?? new Drops();
    this.#connection = connection;
    this.#maxPayloadBytes = connection.info!.max_payload;
    this.#onError =
      options.onError ?? ((error) => process.emitWarning(`NATS: ${FaasmError.from(error).message}`));
    this.#inbox = new Inbox(nodePowers, options.inboxPrefix);
    connection.subscribe(`${this.#inbox.prefix}*`, {
      callback: (error, message) => {
        if (error === null) this.#inbox.deliver(fromNatsMessage(message));
      },
    });
    options.onStatus?.('connected', connection.getServer());
    watchStatus(connection, {
      onStatus: (status, detail) => {
        this.#connected = status === 'connected';
        if (this.#connected) this.#sendHeld();
        if (!this.#closed) options.onStatus?.(status, detail);
      },
      onRefused: (error, subject) => {
        if (subject !== undefined) this.#inbox.failSubject(subject, error);
        this.#onError(error);
      },
    }).catch((error) => this.#onError(error));
  }

  get maxPayloadBytes(): number {
    return (this.#maxPayloadBytes = this.#connection.info?.max_payload ?? this.#maxPayloadBytes);
  }

  publish(subject: string, body: Body, options?: PublishOptions): void {
    checkSubject(subject);
    if (options?.reply !== undefined) checkSubject(options.reply);
    this.#send(subject, body, options);
  }

  tell(subject: string, body: Body, { fleeting = false, reply, headers }: TellOptions = {}): void {
    try {
      if (fleeting && !this.#connected) throw notConnected();
      this.publish(subject, body, { reply, headers });
    } catch (thrown) {
      this.drops.add(subject, FaasmError.from(thrown).code);
    }
  }

  subscribe(subject: string, handler: Handler, options?: SubscribeOptions): Subscription {
    parsePattern(subject);
    if (options?.queue !== undefined) checkQueue(options.queue);
    if (this.#closed) throw busClosed();
    const subscription = this.#connection.subscribe(subject, {
      ...(options?.queue !== undefined && { queue: options.queue }),
      callback: (error, message) => {
        if (error === null) this.#call(handler, fromNatsMessage(message));
      },
    });
    return {
      unsubscribe: () => subscription.unsubscribe(),
      drain: async () => {
        if (this.#connected) await withinFlushTime(subscription.drain());
        else subscription.unsubscribe();
      },
    };
  }

  request(subject: string, body: Body, options?: RequestOptions): Promise<BusMessage> {
    return this.#inbox.request(this, subject, body, options);
  }

  async flush(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#connection.flush();
    } catch (cause) {
      throw new FaasmError('no_responders', 'The connection to NATS was lost before all was sent', { cause });
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.close();
    if (this.#connected) await withinFlushTime(this.#connection.flush());
    await this.#connection.close();
  }

  #send(subject: string, body: Body, options: PublishOptions | undefined): void {
    if (this.#closed) throw busClosed();
    const bytes = toBytes(body);
    const headers = options?.headers;
    const size = bytes.length + (headers === undefined ? 0 : headersSize(headers));
    if (size > this.maxPayloadBytes) throw tooLarge(subject, size, this.maxPayloadBytes);
    const settings = {
      ...(options?.reply !== undefined && { reply: options.reply }),
      ...(headers !== undefined && { headers: toNatsHeaders(headers) }),
    };
    if (this.#connected) this.#connection.publish(subject, bytes, settings);
    else this.#hold(subject, size, () => this.#connection.publish(subject, bytes, settings));
  }

  #hold(subject: string, bytes: number, send: () => void): void {
    if (this.#heldBytes + bytes > heldMaxBytes || this.#held.length >= heldMax) {
      throw notConnected(` and ${this.#held.length} messages already wait for the connection to come back`);
    }
    this.#heldBytes += bytes;
    this.#held.push({ subject, send });
  }

  #sendHeld(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { subject, send } of held) {
      try {
        send();
      } catch (thrown) {
        // The server that came back may take less than the one before.
        this.drops.add(subject, FaasmError.from(thrown).code);
      }
    }
  }

  #call(handler: Handler, message: BusMessage): void {
    if (this.#closed) return;
    try {
      const done: unknown = handler(message);
      if (done instanceof Promise) done.catch((error) => this.#onError(error, message));
    } catch (error) {
      this.#onError(error, message);
    }
  }
}

function notConnected(more = ''): FaasmError {
  return new FaasmError('no_capacity', `Cannot publish: NATS is not connected${more}`);
}
