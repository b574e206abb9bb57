/**
 * The bus: subjects, publish, subscribe, queue groups and request, with the semantics of NATS.
 * Actors know this port alone; `memory.ts` is the bus inside a process, `nats.ts` one of many processes.
 *
 * A body is bytes, or a value that knows how to become bytes. In one process the value itself is handed over,
 * uncopied and unencoded; it is encoded only for somebody outside. A body is never changed after it was published.
 *
 * Delivery may happen before `publish` returns; messages of one publisher on one subject keep their order.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { Drops } from './drops.ts';
import { toErrorHeaders, toShortErrorHeaders } from './to-error-headers.ts';

export type Headers = Readonly<Record<string, readonly string[]>>;

export interface Codec<T> {
  readonly name: string;
  encode(value: T): Uint8Array;
  /** @throws FaasmError `bad_message` or `too_large` */
  decode(bytes: Uint8Array): T;
}

/** A value on its way: the bytes are made when somebody first asks for them. */
export class Encodable<T> {
  readonly value: T;
  readonly codec: Codec<T>;
  #bytes: Uint8Array | undefined;

  constructor(value: T, codec: Codec<T>) {
    this.value = value;
    this.codec = codec;
  }

  get bytes(): Uint8Array {
    return (this.#bytes ??= this.codec.encode(this.value));
  }
}

export type Body = Uint8Array | Encodable<unknown>;

export interface BusMessage {
  readonly subject: string;
  /** Where an answer goes; nothing when none is wanted. */
  readonly reply: string | undefined;
  readonly headers: Headers | undefined;
  readonly body: Body;
  /** The short way to a sender in this process; use `respond`. */
  answer?(body: Body, headers: Headers | undefined): void;
}

export interface PublishOptions {
  readonly reply?: string | undefined;
  readonly headers?: Headers | undefined;
}

export interface TellOptions {
  /** Worth nothing later: while there is no connection it is dropped, and does not wait for one. @default false */
  readonly fleeting?: boolean;
  /** Where those who heard it may say so. */
  readonly reply?: string | undefined;
  readonly headers?: Headers | undefined;
}

export interface RequestOptions {
  readonly headers?: Headers | undefined;
  /** How long to wait for the answer, in milliseconds; 0 waits for ever. @default 5000 */
  readonly timeoutMs?: number;
}

export interface SubscribeOptions {
  /** Of all subscriptions with the same queue name, one gets each message. */
  readonly queue?: string;
}

export type Handler = (message: BusMessage) => void | Promise<void>;

export interface Subscription {
  unsubscribe(): void;
  /** As `unsubscribe`, for what is not on its way yet; resolves when what was has been handed over. */
  drain(): Promise<void>;
}

export interface Bus {
  /** The largest body plus headers, in bytes; read from the server where there is one. */
  readonly maxPayloadBytes: number;
  /**
   * A message with a reply subject that nobody hears is answered at once: the reply subject gets an empty message
   * whose `Status` header is `503` (see `isNoResponders`).
   * @throws FaasmError `bad_request` for a subject that cannot be published to, `too_large`, `draining` once closed
   */
  publish(subject: string, body: Body, options?: PublishOptions): void;
  /**
   * Publishes what nobody waits for, as news is: never throws. What cannot be sent is dropped, and counted in `drops`.
   */
  tell(subject: string, body: Body, options?: TellOptions): void;
  /** What `tell` and `respond` could not send, and messages that nobody could read. */
  readonly drops: Drops;
  /** A handler that throws is reported and harms nobody. @throws FaasmError `bad_request` for a bad subject */
  subscribe(subject: string, handler: Handler, options?: SubscribeOptions): Subscription;
  /**
   * Publishes with a reply subject of its own and gives the first answer, an error answer included.
   * @throws FaasmError `no_responders` at once where nobody subscribes, `deadline_exceeded`, `draining` when the bus closes
   */
  request(subject: string, body: Body, options?: RequestOptions): Promise<BusMessage>;
  /** Resolves when all that was published has left this process. */
  flush(): Promise<void>;
  /** Stops deliveries, fails what waits, flushes. */
  close(): Promise<void>;
}

export interface HostPublishOptions extends PublishOptions {
  /** Subscriptions made with the same origin do not get this message. */
  readonly origin?: object | undefined;
}

export interface HostSubscribeOptions extends SubscribeOptions {
  /** Whose subscription this is: what was published with the same origin does not come here. */
  readonly origin?: object | undefined;
}

/** The bus inside one host, alone or in a cluster: it knows which part of the process a message came from. */
export interface HostBus extends Bus {
  /**
   * Leaves the queue groups of other processes: work that they send goes to other members from now on, work from
   * this process stays here as before. Resolves when what was on its way here has been handed over.
   */
  leave(): Promise<void>;
  publish(subject: string, body: Body, options?: HostPublishOptions): void;
  subscribe(subject: string, handler: Handler, options?: HostSubscribeOptions): Subscription;
}

export const emptyBody = new Uint8Array(0);

/** The body as bytes. */
export function toBytes(body: Body): Uint8Array {
  return body instanceof Encodable ? body.bytes : body;
}

/** The body as a value of the codec. @throws FaasmError `bad_message` */
export function readBody<T>(message: Pick<BusMessage, 'body'>, codec: Codec<T>): T {
  const { body } = message;
  if (body instanceof Encodable) {
    if (body.codec === codec) return body.value as T;
    return codec.decode(body.bytes);
  }
  return codec.decode(body);
}

/** The first value of a header, if any. */
export function header(message: Pick<BusMessage, 'headers'>, name: string): string | undefined {
  return message.headers?.[name]?.[0];
}

/** The header that holds a message's status code, where it has one; its text is in `Description`. */
export const statusHeader = 'Status';

/** Whether this is the bus's own answer to a message that nobody heard. */
export function isNoResponders(message: Pick<BusMessage, 'headers' | 'body'>): boolean {
  return (
    message.headers !== undefined &&
    header(message, statusHeader) === '503' &&
    !(message.body instanceof Encodable) &&
    message.body.length === 0
  );
}

/**
 * Answers a message, if its sender wants an answer. Never throws: an answer that cannot be sent, as when the bus does
 * not take so large a one, becomes an answer that says so; where that cannot be sent either, it is dropped and counted.
 */
export function respond(bus: Bus, message: BusMessage, body: Body, headers?: Headers): void {
  try {
    send(bus, message, body, headers);
  } catch (thrown) {
    respondShort(bus, message, FaasmError.from(thrown));
  }
}

function respondShort(bus: Bus, message: BusMessage, error: FaasmError): void {
  bus.drops.add(message.reply ?? message.subject, error.code);
  for (const toHeaders of [toErrorHeaders, toShortErrorHeaders]) {
    try {
      send(bus, message, emptyBody, toHeaders(error));
      return;
    } catch {
      // Its sender hears of it by its own deadline.
    }
  }
}

function send(bus: Bus, message: BusMessage, body: Body, headers: Headers | undefined): void {
  if (message.answer !== undefined) message.answer(body, headers);
  else if (message.reply !== undefined) bus.publish(message.reply, body, { headers });
}

/** A subscription's subject made for exactly one server. @throws FaasmError `bad_request` */
export function badSubject(subject: string, why: string): FaasmError {
  return new FaasmError('bad_request', `Bad subject ${JSON.stringify(subject.slice(0, 120))}: ${why}`);
}
