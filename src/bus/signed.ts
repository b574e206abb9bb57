/**
 * What hosts say to each other over a NATS system that others are on as well: with a key that all hosts have and nobody
 * else, such a message is signed by who sends it, and is not believed without that.
 *
 *     Faasm-Signature: <Unix milliseconds> <base64url of HMAC-SHA256(key, subject \n time \n offer of parts \n body)>
 *
 * One that was heard is of no use on another subject, or later than `ageMaxMs`. Answers go to reply subjects that
 * nobody guesses and are not signed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import type { Clock } from '../power/port.ts';
import type { Drops } from './drops.ts';
import { respondError } from './error-headers.ts';
import {
  type Body,
  type Bus,
  type BusMessage,
  type Handler,
  type Headers,
  header,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
  type TellOptions,
  toBytes,
} from './port.ts';

/** Five minutes: as much as clocks of hosts, and the way of a message, may take. */
const ageMaxMs = 5 * 60_000;

/** What a signature adds to a message: its header and the frame of headers, 100 bytes and some to spare. */
const signatureMaxBytes = 160;

/** @param isOfHosts whether hosts alone may say it */
export function signHosts(bus: Bus, key: string, isOfHosts: (subject: string) => boolean, clock: Clock): Bus {
  return new SignedBus(bus, key, isOfHosts, clock);
}

class SignedBus implements Bus {
  readonly #bus: Bus;
  readonly #key: string;
  readonly #isOfHosts: (subject: string) => boolean;
  readonly #clock: Clock;

  constructor(bus: Bus, key: string, isOfHosts: (subject: string) => boolean, clock: Clock) {
    this.#bus = bus;
    this.#key = key;
    this.#isOfHosts = isOfHosts;
    this.#clock = clock;
  }

  get maxPayloadBytes(): number {
    return this.#bus.maxPayloadBytes - signatureMaxBytes;
  }

  get drops(): Drops {
    return this.#bus.drops;
  }

  publish(subject: string, body: Body, options?: PublishOptions): void {
    this.#bus.publish(subject, body, this.#sign(subject, body, options));
  }

  tell(subject: string, body: Body, options?: TellOptions): void {
    this.#bus.tell(subject, body, this.#sign(subject, body, options));
  }

  request(subject: string, body: Body, options?: RequestOptions): Promise<BusMessage> {
    return this.#bus.request(subject, body, this.#sign(subject, body, options));
  }

  subscribe(subject: string, handler: Handler, options?: SubscribeOptions): Subscription {
    return this.#bus.subscribe(
      subject,
      (message) => {
        if (!this.#isOfHosts(message.subject) || this.#isGenuine(message)) return handler(message);
        this.drops.add(message.subject, 'forbidden');
        const why = `${message.subject} is said by hosts, and this message has no signature of one`;
        respondError(this.#bus, message, new FaasmError('forbidden', why));
      },
      options,
    );
  }

  flush(): Promise<void> {
    return this.#bus.flush();
  }

  close(): Promise<void> {
    return this.#bus.close();
  }

  #sign<Options extends { readonly headers?: Headers | undefined }>(
    subject: string,
    body: Body,
    options: Options | undefined,
  ): Options | { readonly headers: Headers } | undefined {
    if (!this.#isOfHosts(subject)) return options;
    const time = String(this.#clock.wallMs());
    const headers = options?.headers ?? {};
    const mac = this.#macOf(subject, time, headers, toBytes(body)).toString('base64url');
    return { ...options, headers: { ...headers, [names.signature]: [`${time} ${mac}`] } };
  }

  #isGenuine(message: BusMessage): boolean {
    const { subject, headers = {}, body } = message;
    const [time = '', given = ''] = (header(message, names.signature) ?? '').split(' ');
    if (!(Math.abs(this.#clock.wallMs() - Number(time)) <= ageMaxMs)) return false;
    const mac = Buffer.from(given, 'base64url');
    const expected = this.#macOf(subject, time, headers, toBytes(body));
    return mac.length === expected.length && timingSafeEqual(mac, expected);
  }

  #macOf(subject: string, time: string, headers: Headers, body: Uint8Array): Buffer {
    const offer = headers[names.parts]?.[0] ?? '';
    return createHmac('sha256', this.#key).update(`${subject}\n${time}\n${offer}\n`).update(body).digest();
  }
}
