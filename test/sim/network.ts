/**
 * A NATS system that hosts are connected to, of one server: subjects, queue groups, no-responders, no echo. What one
 * connection sends arrives in its order, as over TCP; while there are faults, messages between hosts are late, are
 * lost, come twice, or overtake each other, and connections break.
 *
 *     publish ── up (in order) ──▶ server: who subscribes? ── down (in order) ──▶ handler
 */
import { FaasmError } from '../../proto/errors.ts';
import { Drops } from '../../src/bus/drops.ts';
import { busClosed, tooLarge } from '../../src/bus/failures.ts';
import { headersSize } from '../../src/bus/headers.ts';
import { Inbox } from '../../src/bus/inbox.ts';
import type { NatsBusOptions } from '../../src/bus/nats-options.ts';
import {
  type Body,
  type Bus,
  type BusMessage,
  emptyBody,
  type Handler,
  type Headers,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
  statusHeader,
  type TellOptions,
  toBytes,
} from '../../src/bus/port.ts';
import { checkQueue, checkSubject, parsePattern, parseSubject } from '../../src/bus/subject.ts';
import { SubjectTree } from '../../src/bus/subject-tree.ts';
import type { Powers } from '../../src/power/port.ts';
import type { SimRandom } from './random.ts';
import type { Life, World } from './world.ts';

export interface NetworkFaults {
  /** Of a message, each. */
  loss: number;
  repeat: number;
  overtake: number;
  /** The longest that a message is late, beside the fraction of a millisecond that it takes. */
  lateMs: number;
  lateness: number;
}

export const noNetworkFaults: NetworkFaults = { loss: 0, repeat: 0, overtake: 0, lateMs: 0, lateness: 0 };

interface Packet {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headers: Headers | undefined;
  readonly bytes: Uint8Array;
}

interface Entry {
  readonly connection: SimConnection;
  readonly tokens: readonly string[];
  readonly handler: Handler;
  readonly queue: string | undefined;
  active: boolean;
}

const payloadMaxBytes = 1024 * 1024;
/** What is published while there is no connection; more is refused, as src/bus/nats.ts does. */
const unsentMax = 20_000;
const noRespondersHeaders: Headers = { [statusHeader]: ['503'] };

export class SimNetwork {
  readonly world: World;
  readonly random: SimRandom;
  readonly faults: NetworkFaults = { ...noNetworkFaults };
  readonly #tree = new SubjectTree<Entry>();
  readonly #connections = new Set<SimConnection>();

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork();
  }

  connect(life: Life, powers: Powers, options: NatsBusOptions): SimConnection {
    const connection = new SimConnection(this, life, powers, options);
    this.#connections.add(connection);
    return connection;
  }

  connectionsOf(life: Life): SimConnection[] {
    return [...this.#connections].filter((connection) => connection.life === life);
  }

  forget(connection: SimConnection): void {
    this.#connections.delete(connection);
  }

  add(entry: Entry): void {
    this.#tree.add(entry.tokens, entry);
  }

  remove(entry: Entry): void {
    this.#tree.remove(entry.tokens, entry);
  }

  /** At the server. */
  route(from: SimConnection, packet: Packet): void {
    const { world, random } = this;
    const isHeard = this.#deliver(from, packet);
    world.trace(`${from.name} > ${packet.subject} ${packet.bytes.length}${isHeard ? '' : ' nobody'}`);
    if (isHeard || packet.reply === undefined) return;
    // Whoever asked hears at once that nobody does, by the reply subject.
    const answer = {
      subject: packet.reply,
      reply: undefined,
      headers: noRespondersHeaders,
      bytes: emptyBody,
    };
    const [entry] = this.#tree.match(parseSubject(packet.reply)).filter((one) => one.connection === from);
    if (entry !== undefined) from.down(entry, answer, random.between(0.05, 0.3));
  }

  #deliver(from: SimConnection, packet: Packet): boolean {
    const found = this.#tree.match(parseSubject(packet.subject)).filter((entry) => entry.connection !== from);
    const groups = new Map<string, Entry[]>();
    let isHeard = false;
    for (const entry of found) {
      if (entry.queue === undefined) {
        isHeard = true;
        this.#carry(entry, packet);
      } else {
        const members = groups.get(entry.queue) ?? [];
        groups.set(entry.queue, members);
        members.push(entry);
      }
    }
    for (const members of groups.values()) {
      isHeard = true;
      this.#carry(this.random.pick(members), packet);
    }
    return isHeard;
  }

  #carry(entry: Entry, packet: Packet): void {
    const { random, faults } = this;
    if (random.chance(faults.loss)) {
      this.world.trace(`lost ${packet.subject}`);
      return;
    }
    const late = random.chance(faults.lateness) ? random.between(0, faults.lateMs) : 0;
    const delayMs = random.between(0.05, 0.3) + late;
    if (random.chance(faults.repeat)) {
      this.world.trace(`twice ${packet.subject}`);
      entry.connection.down(entry, packet, delayMs + random.between(0, 20), true);
    }
    entry.connection.down(entry, packet, delayMs, random.chance(faults.overtake));
  }
}

/** As src/bus/nats.ts is: what is published while it is cut off is held, and subscriptions come back. */
export class SimConnection implements Bus {
  readonly life: Life;
  readonly drops: Drops;
  readonly maxPayloadBytes = payloadMaxBytes;
  readonly #network: SimNetwork;
  readonly #world: World;
  readonly #options: NatsBusOptions;
  readonly #inbox: Inbox;
  readonly #entries = new Set<Entry>();
  #unsent: Packet[] = [];
  #isConnected = true;
  #isClosed = false;
  /** Counts connections: what was under way on an earlier one is lost. */
  #generation = 0;
  #upFreeMs = 0;
  #downFreeMs = 0;

  constructor(network: SimNetwork, life: Life, powers: Powers, options: NatsBusOptions) {
    this.#network = network;
    this.#world = network.world;
    this.life = life;
    this.#options = options;
    this.drops = options.drops ?? new Drops();
    this.#inbox = new Inbox(powers);
    this.subscribe(`${this.#inbox.prefix}*`, (message) => void this.#inbox.deliver(message));
    options.onStatus?.('connected', 'sim');
  }

  get name(): string {
    return this.life.name;
  }

  publish(subject: string, body: Body, { reply, headers }: PublishOptions = {}): void {
    checkSubject(subject);
    if (reply !== undefined) checkSubject(reply);
    if (this.#isClosed) throw busClosed();
    const bytes = new Uint8Array(toBytes(body));
    const size = bytes.length + (headers === undefined ? 0 : headersSize(headers));
    if (size > this.maxPayloadBytes) throw tooLarge(subject, size, this.maxPayloadBytes);
    this.#send({ subject, reply, headers: headers && structuredClone(headers), bytes });
  }

  tell(subject: string, body: Body, { fleeting = false, reply, headers }: TellOptions = {}): void {
    try {
      if (fleeting && !this.#isConnected) throw new FaasmError('no_capacity', 'Not connected');
      this.publish(subject, body, { reply, headers });
    } catch (thrown) {
      this.drops.add(subject, FaasmError.from(thrown).code);
    }
  }

  subscribe(subject: string, handler: Handler, options?: SubscribeOptions): Subscription {
    const tokens = parsePattern(subject);
    if (options?.queue !== undefined) checkQueue(options.queue);
    if (this.#isClosed) throw busClosed();
    const entry: Entry = { connection: this, tokens, handler, queue: options?.queue, active: true };
    this.#entries.add(entry);
    if (this.#isConnected) this.#up('subscribe', () => entry.active && this.#network.add(entry));
    const unsubscribe = (): void => {
      entry.active = false;
      this.#entries.delete(entry);
      if (this.#isConnected) this.#up('unsubscribe', () => this.#network.remove(entry));
    };
    return {
      unsubscribe,
      drain: async () => {
        this.#entries.delete(entry);
        if (this.#isConnected) await this.#roundTrip(() => this.#network.remove(entry));
        entry.active = false;
      },
    };
  }

  request(subject: string, body: Body, options?: RequestOptions): Promise<BusMessage> {
    return this.#inbox.request(this, subject, body, options);
  }

  async flush(): Promise<void> {
    if (!this.#isClosed && this.#isConnected) await this.#roundTrip(() => {});
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inbox.close();
    if (this.#isConnected) await this.#roundTrip(() => {});
    this.vanish();
  }

  /** The server hears no more of it, and it hears nothing. */
  vanish(): void {
    this.#isClosed = true;
    this.#isConnected = false;
    this.#generation++;
    for (const entry of this.#entries) this.#network.remove(entry);
    this.#network.forget(this);
  }

  /** The connection breaks; what is on its way is lost. The server notices now, the host a while later. */
  cut(noticedAfterMs: number): void {
    if (!this.#isConnected || this.#isClosed) return;
    this.#generation++;
    for (const entry of this.#entries) this.#network.remove(entry);
    const generation = this.#generation;
    this.#world.after(noticedAfterMs, this.life, 'disconnected', () => {
      if (this.#generation !== generation || this.#isClosed) return;
      this.#isConnected = false;
      this.#options.onStatus?.('disconnected', 'sim');
    });
  }

  heal(): void {
    if (this.#isClosed) return;
    this.#generation++;
    const wasConnected = this.#isConnected;
    this.#isConnected = true;
    for (const entry of this.#entries) {
      this.#network.remove(entry);
      this.#up('subscribe', () => entry.active && this.#network.add(entry));
    }
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const packet of unsent) this.#send(packet);
    if (!wasConnected) this.#options.onStatus?.('connected', 'sim');
  }

  down(entry: Entry, packet: Packet, delayMs: number, overtakes = false): void {
    const generation = this.#generation;
    const world = this.#world;
    let atMs = world.nowMs + delayMs;
    if (!overtakes) atMs = this.#downFreeMs = Math.max(this.#downFreeMs, atMs);
    const { subject, reply, headers, bytes } = packet;
    world.after(atMs - world.nowMs, this.life, 'deliver', () => {
      if (this.#generation !== generation || !entry.active) return;
      world.trace(`${this.name} < ${subject}`);
      this.#call(entry.handler, { subject, reply, headers, body: bytes });
    });
  }

  #send(packet: Packet): void {
    if (this.#isConnected) {
      this.#up('publish', () => this.#network.route(this, packet));
      return;
    }
    if (this.#unsent.length >= unsentMax)
      throw new FaasmError('no_capacity', 'Cannot publish: not connected');
    this.#unsent.push(packet);
  }

  /** What one connection sends arrives in its order. It is on its way also when the host dies meanwhile. */
  #up(what: string, work: () => void): void {
    const world = this.#world;
    const generation = this.#generation;
    const atMs = Math.max(this.#upFreeMs, world.nowMs + this.#network.random.between(0.02, 0.1));
    this.#upFreeMs = atMs;
    world.after(atMs - world.nowMs, world.own, what, () => {
      if (this.#generation === generation) work();
    });
  }

  #roundTrip(atServer: () => void): Promise<void> {
    return new Promise((resolve) => {
      const { random } = this.#network;
      // An answer that does not come is not waited for longer, as in src/bus/nats.ts.
      const late = this.#world.after(2000, this.life, 'flush is late', resolve);
      this.#up('ping', () => {
        atServer();
        const generation = this.#generation;
        this.#world.after(random.between(0.05, 0.3), this.life, 'pong', () => {
          if (this.#generation !== generation) return;
          this.#world.cancel(late);
          resolve();
        });
      });
    });
  }

  #call(handler: Handler, message: BusMessage): void {
    if (this.#isClosed) return;
    const failed = (error: unknown): void => this.#options.onError?.(error, message);
    try {
      const done: unknown = handler(message);
      if (done instanceof Promise) done.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
