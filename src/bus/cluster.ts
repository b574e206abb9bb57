/**
 * The bus of one host in a cluster: the memory bus of this process with a NATS connection beside it, somewhat as a
 * leaf node has it. The connection must be one with `noEcho`: what this host publishes does not come back to it.
 *
 * Where a publish or a request goes:
 *
 *     who subscribes in this process      delivered here          sent to NATS
 *     a member of a queue group           yes                     no
 *     the owner of an inbox (_INBOX.x.*)  yes                     no
 *     plain subscriptions only            yes                     yes
 *     nobody                              no                      yes
 *
 * So work that can be done where it arrived never travels, and what is meant for all is heard by all. Hence too:
 * other hosts do not hear what a queue group here has taken; to be heard everywhere, a subject must have plain
 * subscriptions only. `_INBOX.` subjects do not know queue groups.
 *
 * Every subscription is made here and, once for each subject and queue group, on NATS. A message from there goes to
 * the subscriptions of that subject and group here: to all plain ones, to one member of a group. Its answer goes to
 * its reply subject, by the same table: nobody owns it here, so it travels.
 * The reply subject of a request is in the memory bus's inbox, which NATS may publish to as well.
 *
 * What is said between hosts, or answers that, and is larger than the server takes travels in parts (see parts.ts).
 * To anybody else such an answer becomes `too_large`.
 *
 * NATS says "no responders" of a message that nobody else subscribes to. That is dropped where somebody here heard it.
 * A body stays a value here and becomes bytes when it is sent.
 */
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import type { Powers } from '../power/port.ts';
import type { Drops } from './drops.ts';
import { respondError } from './error-headers.ts';
import { tooLarge } from './failures.ts';
import { headersSize } from './headers.ts';
import type { MemoryBus } from './memory.ts';
import { PartsReceiver, PartsSender, readOffer, withoutOffer } from './parts.ts';
import {
  type Body,
  type Bus,
  type BusMessage,
  emptyBody,
  type Handler,
  type HostBus,
  type HostPublishOptions,
  type HostSubscribeOptions,
  isNoResponders,
  type PublishOptions,
  type RequestOptions,
  type Subscription,
  type TellOptions,
  toBytes,
} from './port.ts';
import { toErrorHeaders } from './to-error-headers.ts';

/** Reply subjects of messages that were heard here and sent as well; the oldest is forgotten first. */
const heardHereMax = 10_000;

/** The handlers of this host behind one subscription on NATS. */
interface Share {
  readonly handlers: Set<Handler>;
  readonly grouped: boolean;
  readonly remote: Subscription;
  turn: number;
}

/** Owns both buses: closing it closes them. @param isControl whether a subject is one between hosts */
export function createClusterBus(
  local: MemoryBus,
  remote: Bus,
  isControl: (subject: string) => boolean,
  powers: Powers,
): HostBus {
  return new ClusterBus(local, remote, isControl, powers);
}

class ClusterBus implements HostBus {
  readonly #local: MemoryBus;
  readonly #remote: Bus;
  readonly #isControl: (subject: string) => boolean;
  readonly #sender: PartsSender;
  readonly #receiver: PartsReceiver;
  readonly #shares = new Map<string, Share>();
  readonly #heardHere = new Set<string>();

  constructor(local: MemoryBus, remote: Bus, isControl: (subject: string) => boolean, powers: Powers) {
    this.#local = local;
    this.#remote = remote;
    this.#isControl = isControl;
    this.#sender = new PartsSender(remote, powers);
    this.#receiver = new PartsReceiver(remote, local.maxPayloadBytes);
    remote.subscribe(`${local.inbox.prefix}*`, (message) => {
      if (!this.#isMistaken(message)) this.#onAnswer(message);
    });
  }

  /** What certainly goes through, wherever it goes. What stays here may be as large as the memory bus allows. */
  get maxPayloadBytes(): number {
    return Math.min(this.#local.maxPayloadBytes, this.#remote.maxPayloadBytes);
  }

  publish(subject: string, body: Body, options?: HostPublishOptions): void {
    this.#publish(subject, body, options, false);
  }

  /** @param betweenHosts also where the subject does not say so, as for an answer */
  #publish(
    subject: string,
    body: Body,
    options: HostPublishOptions | undefined,
    betweenHosts: boolean,
  ): void {
    const interest = this.#local.interest(subject, options?.origin);
    if (interest === 'taken') {
      this.#local.publish(subject, body, options);
      return;
    }
    const reply = options?.reply;
    if (interest === 'shared' && reply !== undefined) this.#rememberHeard(reply);
    const inParts = betweenHosts || this.#isControl(subject);
    this.#send(subject, body, { reply, headers: options?.headers }, inParts);
    if (interest === 'shared') this.#local.publish(subject, body, options);
  }

  #send(subject: string, body: Body, options: PublishOptions, inParts: boolean): void {
    const { reply, headers = {} } = options;
    const bytes = inParts ? toBytes(body) : emptyBody;
    const size = bytes.length + headersSize(headers);
    if (size <= this.#remote.maxPayloadBytes) {
      this.#remote.publish(subject, body, options);
      return;
    }
    if (size > this.#local.maxPayloadBytes) throw tooLarge(subject, size, this.#local.maxPayloadBytes);
    const offer = { ...headers, [names.parts]: [this.#sender.offer(bytes)] };
    this.#remote.publish(subject, emptyBody, { reply, headers: offer });
  }

  /** What NATS does not take is heard here all the same. */
  tell(subject: string, body: Body, options?: TellOptions): void {
    if (!this.#staysHere(subject)) {
      if (options?.reply !== undefined) this.#rememberHeard(options.reply);
      this.#remote.tell(subject, body, options);
    }
    this.#local.tell(subject, body, options);
  }

  get drops(): Drops {
    return this.#local.drops;
  }

  subscribe(subject: string, handler: Handler, options?: HostSubscribeOptions): Subscription {
    const queue = options?.queue;
    const key = queue === undefined ? subject : `${subject} ${queue}`;
    const here = this.#local.subscribe(subject, handler, options);
    // A handler may be subscribed twice; each subscription counts.
    const own: Handler = (message) => handler(message);
    const share = this.#shares.get(key) ?? this.#share(key, subject, queue);
    share.handlers.add(own);
    const unsubscribe = (): void => {
      here.unsubscribe();
      if (!share.handlers.delete(own) || share.handlers.size > 0) return;
      this.#shares.delete(key);
      share.remote.unsubscribe();
    };
    return {
      unsubscribe,
      async drain() {
        if (share.handlers.size === 1) await share.remote.drain();
        unsubscribe();
      },
    };
  }

  async leave(): Promise<void> {
    const grouped = [...this.#shares.values()].filter((share) => share.grouped);
    await Promise.all(grouped.map((share) => share.remote.drain()));
  }

  request(subject: string, body: Body, options?: RequestOptions): Promise<BusMessage> {
    if (this.#staysHere(subject)) return this.#local.request(subject, body, options);
    return this.#local.inbox.request(this, subject, body, options);
  }

  flush(): Promise<void> {
    return this.#remote.flush();
  }

  async close(): Promise<void> {
    this.#sender.close();
    await this.#local.close();
    await this.#remote.close();
  }

  /** A subject that nothing can be sent to stays here too, to be refused. */
  #staysHere(subject: string): boolean {
    try {
      return this.#local.interest(subject) === 'taken';
    } catch {
      return true;
    }
  }

  #share(key: string, subject: string, queue: string | undefined): Share {
    const share: Share = {
      handlers: new Set(),
      grouped: queue !== undefined,
      remote: this.#remote.subscribe(
        subject,
        (message) => this.#onMessage(share, message),
        queue === undefined ? {} : { queue },
      ),
      turn: 0,
    };
    this.#shares.set(key, share);
    return share;
  }

  #onAnswer(message: BusMessage): void {
    const { inbox } = this.#local;
    const offer = readOffer(message);
    if (offer === undefined) {
      inbox.deliver(message);
      return;
    }
    if (!inbox.waits(message.subject)) return;
    this.#receiver.fetch(offer).then(
      (body) => inbox.deliver(toWhole(message, body)),
      (thrown: unknown) => {
        const headers = toErrorHeaders(FaasmError.from(thrown));
        inbox.deliver({ ...message, headers, body: emptyBody });
      },
    );
  }

  #onMessage(share: Share, message: BusMessage): void {
    if (this.#isMistaken(message)) return;
    if (!this.#isControl(message.subject)) {
      this.#deliver(share, message);
      return;
    }
    const offer = readOffer(message);
    const answered = this.#answeredInParts(message);
    if (offer === undefined) {
      this.#deliver(share, answered);
      return;
    }
    this.#receiver.fetch(offer).then(
      (body) => this.#deliver(share, toWhole(answered, body)),
      (thrown: unknown) => {
        this.drops.add(message.subject, FaasmError.from(thrown).code);
        respondError(this, message, thrown);
      },
    );
  }

  #answeredInParts(message: BusMessage): BusMessage {
    const { reply } = message;
    if (reply === undefined) return message;
    return { ...message, answer: (body, headers) => this.#publish(reply, body, { headers }, true) };
  }

  #deliver(share: Share, message: BusMessage): void {
    const handlers = [...share.handlers];
    if (share.grouped) {
      this.#local.call(handlers[share.turn++ % handlers.length]!, message);
      return;
    }
    for (const handler of handlers) {
      if (share.handlers.has(handler)) this.#local.call(handler, message);
    }
  }

  #rememberHeard(reply: string): void {
    this.#heardHere.add(reply);
    if (this.#heardHere.size > heardHereMax) this.#heardHere.delete(this.#heardHere.values().next().value!);
  }

  /** "No responders" for a message that was heard here. */
  #isMistaken(message: BusMessage): boolean {
    return isNoResponders(message) && this.#heardHere.delete(message.subject);
  }
}

function toWhole(message: BusMessage, body: Uint8Array): BusMessage {
  return { ...message, headers: withoutOffer(message.headers ?? {}), body };
}
