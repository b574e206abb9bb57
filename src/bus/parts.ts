/**
 * A message between hosts that is larger than the NATS server takes travels in parts, which its receiver fetches:
 *
 *     sender                                     receiver
 *     the message without its body        ──▶    header Faasm-Parts: <subject> <bytes> <part bytes>
 *                                         ◀──    request on <subject>: an offset; `windowParts` at once
 *     the part that begins there          ──▶
 *                                         ◀──    on <subject>: done
 *
 * So the receiver sets the pace and nothing piles up at the server. The sender holds the body until it is fetched, or
 * until nobody has fetched of it for `idleMs`; either side holds `heldMaxBytes` at most. A part that does not come
 * fails the message, and who waits for it is told.
 */
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import type { Powers, Timer } from '../power/port.ts';
import { expectAnswer, respondError } from './error-headers.ts';
import { tooLarge } from './failures.ts';
import { type Bus, type BusMessage, type Headers, header, respond, toBytes } from './port.ts';

/** 1 MiB: a server that takes more is not made to. */
const partMaxBytes = 1024 * 1024;
/** So many are asked for at once: enough to fill a fast network between answers. */
const windowParts = 4;
/** 256 MiB: four messages of the largest size that there is without settings. */
const heldMaxBytes = 256 * 1024 * 1024;
const idleMs = 10_000;
const done = 'done';

export interface Offer {
  readonly subject: string;
  readonly bytes: number;
  readonly partBytes: number;
}

interface Held {
  readonly body: Uint8Array;
  readonly partBytes: number;
  readonly idle: Timer;
}

/** What an offer says, where a message is one. */
export function readOffer(message: Pick<BusMessage, 'headers'>): Offer | undefined {
  if (message.headers === undefined) return undefined;
  const text = header(message, names.parts);
  const [, subject, bytes, partBytes] =
    /^(_INBOX\.[\w-]+\.\w+) (\d{1,10}) ([1-9]\d{0,9})$/.exec(text ?? '') ?? [];
  if (subject === undefined) return undefined;
  return { subject, bytes: Number(bytes), partBytes: Number(partBytes) };
}

/** The headers of the message itself. */
export function withoutOffer({ [names.parts]: _, ...rest }: Headers): Headers | undefined {
  return Object.keys(rest).length === 0 ? undefined : rest;
}

export class PartsSender {
  readonly #bus: Bus;
  readonly #powers: Powers;
  readonly #prefix: string;
  readonly #held = new Map<string, Held>();
  #heldBytes = 0;
  #lastName = 0;
  #isListening = false;

  constructor(bus: Bus, powers: Powers) {
    this.#bus = bus;
    this.#powers = powers;
    this.#prefix = `_INBOX.${powers.random.bytes(16).toString('base64url')}.`;
  }

  /** Holds the body until it is fetched. @returns the offer, as a header says it @throws FaasmError `no_capacity` */
  offer(body: Uint8Array): string {
    if (this.#heldBytes + body.length > heldMaxBytes) {
      const why = `${this.#heldBytes} bytes of messages already wait to be fetched by other hosts`;
      throw new FaasmError('no_capacity', `Cannot send ${body.length} bytes: ${why}`);
    }
    this.#listen();
    const partBytes = Math.min(partMaxBytes, this.#bus.maxPayloadBytes);
    const name = (++this.#lastName).toString(36);
    const idle = this.#powers.timers.after(idleMs, () => this.#forget(name));
    this.#held.set(name, { body, partBytes, idle });
    this.#heldBytes += body.length;
    return `${this.#prefix}${name} ${body.length} ${partBytes}`;
  }

  close(): void {
    for (const name of this.#held.keys()) this.#forget(name);
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.#bus.subscribe(`${this.#prefix}*`, (message) => this.#onFetch(message));
  }

  #onFetch(message: BusMessage): void {
    const name = message.subject.slice(this.#prefix.length);
    const held = this.#held.get(name);
    const asked = Buffer.from(toBytes(message.body)).toString('latin1');
    if (asked === done) {
      this.#forget(name);
      return;
    }
    const offset = Number(asked);
    if (held === undefined || !Number.isSafeInteger(offset) || offset < 0) {
      respondError(
        this.#bus,
        message,
        new FaasmError('not_found', 'Nothing is held here that could be fetched'),
      );
      return;
    }
    held.idle.refresh();
    respond(this.#bus, message, held.body.subarray(offset, offset + held.partBytes));
  }

  #forget(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#powers.timers.cancel(held.idle);
    this.#held.delete(name);
    this.#heldBytes -= held.body.length;
  }
}

export class PartsReceiver {
  readonly #bus: Bus;
  readonly #messageMaxBytes: number;
  #heldBytes = 0;

  constructor(bus: Bus, messageMaxBytes: number) {
    this.#bus = bus;
    this.#messageMaxBytes = messageMaxBytes;
  }

  /** The body that an offer is about. @throws FaasmError `too_large`, `no_capacity`, `no_responders` */
  async fetch({ subject, bytes, partBytes }: Offer): Promise<Uint8Array> {
    if (bytes > this.#messageMaxBytes) throw tooLarge('this host', bytes, this.#messageMaxBytes);
    if (this.#heldBytes + bytes > heldMaxBytes) {
      const why = `${this.#heldBytes} bytes of messages are already being fetched`;
      throw new FaasmError('no_capacity', `Cannot take a message of ${bytes} bytes: ${why}`);
    }
    this.#heldBytes += bytes;
    try {
      const body = new Uint8Array(bytes);
      let next = 0;
      const fetchOn = async (): Promise<void> => {
        while (next < bytes) {
          const at = next;
          next += partBytes;
          body.set(await this.#fetchPart(subject, at, Math.min(partBytes, bytes - at)), at);
        }
      };
      try {
        await Promise.all(Array.from({ length: windowParts }, fetchOn));
      } finally {
        next = bytes;
        this.#bus.tell(subject, Buffer.from(done));
      }
      return body;
    } finally {
      this.#heldBytes -= bytes;
    }
  }

  async #fetchPart(subject: string, at: number, bytes: number): Promise<Uint8Array> {
    const request = this.#bus.request(subject, Buffer.from(String(at)), { timeoutMs: idleMs });
    const part = toBytes(expectAnswer(await request).body);
    if (part.length === bytes) return part;
    throw new FaasmError('bad_message', `A part of a message has ${part.length} bytes in place of ${bytes}`);
  }
}
