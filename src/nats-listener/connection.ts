/**
 * One client. Its operations become publishes and subscriptions on the bus, with the connection as their origin where
 * the client wants no echo. What it is told, and when it is cut off, is what the NATS server says and does, but:
 * a subject with wildcards is never published to, a reply subject has to be one that can be published to, and
 * subjects have to be UTF-8.
 */
import type { Socket } from 'node:net';
import { FaasmError } from '../../proto/errors.ts';
import { decodeHeaders, encodeHeaders } from '../bus/headers.ts';
import { type BusMessage, type HostBus, isNoResponders, toBytes } from '../bus/port.ts';
import { checkQueue, parsePattern, parseSubject } from '../bus/subject.ts';
import type { Boundary } from './boundary.ts';
import { ClientSubscriptions } from './client-subscriptions.ts';
import { type ConnectOptions, connectDefaults, parseConnect } from './connect-options.ts';
import type { Authorize, Grant } from './grant.ts';
import {
  authorizationViolation,
  type Operation,
  payloadViolation,
  subscriptionsExceeded,
} from './operation.ts';
import { Outbox } from './outbox.ts';
import { type Pace, stretchMs } from './pace.ts';
import { Parser } from './parser.ts';
import type { Holder, Quotas } from './quotas.ts';

/** As the original server has it. */
const controlLineMaxBytes = 4096;

/** A client that is cut off has so long to read why, in milliseconds. */
const farewellMs = 1000;

export interface ConnectionOptions {
  readonly bus: HostBus;
  readonly socket: Socket;
  /** The fields of INFO. */
  readonly info: Readonly<Record<string, unknown>>;
  readonly maxPayloadBytes: number;
  readonly maxPendingBytes: number;
  readonly maxSubscriptions: number;
  readonly pingIntervalMs: number;
  /** So many pings may be without an answer. */
  readonly maxPingsOut: number;
  readonly authTimeoutMs: number;
  readonly authorize: Authorize | undefined;
  readonly boundary: Boundary;
  readonly quotas: Quotas;
  readonly pace: Pace;
  /** @param why in the protocol's words; `client` when the client left */
  readonly onClosed: (connection: Connection, why: string) => void;
}

export class Connection implements Holder {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #parser: Parser;
  readonly #subscriptions: ClientSubscriptions;
  readonly #pingTimer: NodeJS.Timeout;
  readonly #authTimer: NodeJS.Timeout | undefined;
  #client: ConnectOptions = connectDefaults;
  #grant: Grant = {};
  #pingsOut = 0;
  #closed = false;
  #restAtMs = 0;

  constructor(options: ConnectionOptions) {
    const { socket, authorize } = options;
    this.#options = options;
    this.#socket = socket;
    this.#outbox = new Outbox(socket, options.maxPendingBytes, () => this.cutOff());
    const limits = { controlLineMaxBytes, payloadMaxBytes: options.maxPayloadBytes };
    this.#parser = new Parser(limits, (operation) => this.#handle(operation), authorize !== undefined);
    this.#subscriptions = new ClientSubscriptions({
      bus: options.bus,
      origin: this,
      quotas: options.quotas,
      listensIn: (pattern) => options.boundary.listensIn(pattern),
      deliver: (sid, message) => this.#deliver(sid, message),
    });
    this.#pingTimer = setInterval(() => this.#ping(), options.pingIntervalMs);
    if (authorize !== undefined) {
      this.#authTimer = setTimeout(() => this.close('Authentication Timeout'), options.authTimeoutMs);
    }
    socket.setNoDelay(true);
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
    socket.on('drain', () => this.#tellHeld());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#end('client'));
    this.#outbox.write(`INFO ${JSON.stringify(options.info)}\r\n`);
  }

  /** The name that the client gave itself. */
  get name(): string {
    return this.#client.name;
  }

  /** Says why, if there is a text to say, and hangs up. */
  close(text?: string): void {
    if (this.#closed) return;
    this.#end(text ?? 'closed');
    if (text !== undefined) this.#fail(text);
    this.#outbox.flush();
    this.#socket.end();
    const late = setTimeout(() => this.#socket.destroy(), farewellMs);
    this.#socket.once('close', () => clearTimeout(late));
  }

  /** What it has yet to read is forgotten. */
  cutOff(): void {
    this.#outbox.drop();
    this.close('Slow Consumer');
  }

  #read(chunk: Uint8Array): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    if (this.#options.pace.isFree(nowMs)) this.#take(chunk, nowMs);
    else this.#wait(chunk);
  }

  #take(chunk: Uint8Array, nowMs: number): void {
    this.#options.pace.begin(nowMs);
    this.#restAtMs = nowMs + stretchMs;
    const rest = this.#parser.push(chunk);
    if (rest !== undefined) this.#wait(rest);
    this.#tellHeld();
  }

  #wait(chunk: Uint8Array): void {
    this.#socket.pause();
    this.#options.pace.wait(() => {
      if (this.#closed) return;
      this.#socket.resume();
      this.#take(chunk, performance.now());
    });
  }

  /** What is held for it: what it has not read, and what it has not said to the end. */
  #tellHeld(): void {
    if (!this.#closed) this.#options.quotas.hold(this, this.#outbox.pendingBytes + this.#parser.heldBytes);
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.quotas.hold(this, 0);
    clearInterval(this.#pingTimer);
    clearTimeout(this.#authTimer);
    this.#subscriptions.end();
    this.#options.onClosed(this, why);
  }

  #handle(operation: Operation): void {
    if (this.#closed) return;
    switch (operation.op) {
      case 'connect':
        this.#connect(operation.json);
        break;
      case 'ping':
        this.#outbox.write('PONG\r\n');
        break;
      case 'pong':
        this.#pingsOut = 0;
        break;
      case 'pub':
        this.#publish(operation);
        break;
      case 'sub':
        this.#subscribe(operation);
        break;
      case 'unsub':
        this.#subscriptions.unsubscribe(operation.sid, operation.max);
        this.#acknowledge();
        break;
      case 'violation':
        this.close(operation.text);
        break;
    }
    if (performance.now() > this.#restAtMs) this.#parser.pause();
  }

  #connect(json: string): void {
    const client = parseConnect(json, this.#client);
    if (client === undefined) {
      this.close();
      return;
    }
    const why = refusal(client) ?? this.#admit(client);
    if (why !== undefined) {
      this.close(why);
      return;
    }
    this.#client = client;
    this.#acknowledge();
  }

  /** What is wrong with who it is. */
  #admit({ auth_token: token, user, pass: password }: ConnectOptions): string | undefined {
    const { authorize } = this.#options;
    if (authorize === undefined) return undefined;
    const grant = authorize({ token, user, password });
    if (grant === undefined) return authorizationViolation;
    this.#grant = grant;
    this.#parser.connectFirst = false;
    clearTimeout(this.#authTimer);
    return undefined;
  }

  #publish({ subject, reply, headers, body }: Operation & { op: 'pub' }): void {
    if (headers !== undefined && !this.#client.headers) {
      this.close();
      return;
    }
    const { boundary } = this.#options;
    if (this.#grant.publish?.(subject, reply) === false || !boundary.mayPublish(subject)) {
      this.#fail(`Permissions Violation for Publish to "${subject}"`);
      return;
    }
    if (reply !== undefined && !boundary.mayReplyTo(reply)) {
      this.#fail(`Permissions Violation for Publish with Reply of "${reply}"`);
      return;
    }
    if (reply !== undefined && !isValid(parseSubject, reply)) {
      this.#fail('Invalid Reply Subject');
      return;
    }
    const valid = isValid(parseSubject, subject);
    if (!valid && this.#client.pedantic) this.#fail('Invalid Publish Subject');
    this.#acknowledge();
    if (!valid) return;
    try {
      this.#options.bus.publish(subject, body, {
        reply,
        headers: headers === undefined ? undefined : decodeHeaders(headers),
        origin: this.#client.echo ? undefined : this,
      });
    } catch (thrown) {
      const error = FaasmError.from(thrown);
      this.close(error.code === 'too_large' ? payloadViolation : error.message);
    }
  }

  #subscribe({ subject, queue, sid }: Operation & { op: 'sub' }): void {
    const refused = this.#refuseSubscription(subject, queue);
    if (refused !== undefined) {
      this.#fail(refused);
      return;
    }
    if (this.#subscriptions.subscribe(sid, subject, queue)) this.#acknowledge();
    else this.#fail(subscriptionsExceeded);
  }

  #refuseSubscription(subject: string, queue: string | undefined): string | undefined {
    const { boundary } = this.#options;
    const isAllowed = boundary.mayHear(subject) && (queue === undefined || boundary.mayJoin(subject));
    if (this.#grant.subscribe?.(subject) === false || !isAllowed) {
      const group = queue === undefined ? '' : ` using queue "${queue}"`;
      return `Permissions Violation for Subscription to "${subject}"${group}`;
    }
    if (this.#subscriptions.size >= this.#options.maxSubscriptions) return subscriptionsExceeded;
    const valid = isValid(parsePattern, subject) && (queue === undefined || isValid(checkQueue, queue));
    return valid ? undefined : 'Invalid Subject';
  }

  /** "No responders" is the server's word and no delivery. */
  #deliver(sid: string, message: BusMessage): boolean {
    if (this.#closed || !this.#options.boundary.mayHear(message.subject)) return false;
    const unheard = isNoResponders(message);
    if (!unheard || this.#client.no_responders) this.#send(sid, message);
    return !unheard;
  }

  /** Where the system is asked, only the system knows where the answer goes. */
  #send(sid: string, message: BusMessage): void {
    const { subject, headers, body } = message;
    const reply = this.#options.boundary.isSystem(subject) ? undefined : message.reply;
    const bytes = toBytes(body);
    const target = reply === undefined ? `${subject} ${sid}` : `${subject} ${sid} ${reply}`;
    if (headers !== undefined && this.#client.headers) {
      const block = encodeHeaders(headers);
      const size = `${block.length} ${block.length + bytes.length}`;
      this.#outbox.write(`HMSG ${target} ${size}\r\n`, block, bytes, lineEnd);
    } else {
      this.#outbox.write(`MSG ${target} ${bytes.length}\r\n`, bytes, lineEnd);
    }
    this.#tellHeld();
  }

  #ping(): void {
    if (this.#pingsOut >= this.#options.maxPingsOut) {
      this.close('Stale Connection');
      return;
    }
    this.#pingsOut++;
    this.#outbox.write('PING\r\n');
  }

  #acknowledge(): void {
    if (this.#client.verbose) this.#outbox.write('+OK\r\n');
  }

  #fail(text: string): void {
    this.#outbox.write(`-ERR '${text}'\r\n`);
  }
}

const lineEnd = Buffer.from('\r\n');

function refusal({ protocol, no_responders, headers }: ConnectOptions): string | undefined {
  if (protocol < 0 || protocol > 1) return 'invalid client protocol';
  if (no_responders && !headers) return 'no responders requires headers support';
  return undefined;
}

/** Text that was not UTF-8 has the replacement character by now. */
function isValid(parse: (subject: string) => unknown, subject: string): boolean {
  if (subject.includes('\ufffd')) return false;
  try {
    parse(subject);
    return true;
  } catch {
    return false;
  }
}
