/** A NATS server's front before a bus: any NATS client works with it, and no server is installed. */
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { FaasmError } from '../../proto/errors.ts';
import type { HostBus } from '../bus/port.ts';
import { type Boundary, createBoundary } from './boundary.ts';
import { Connection } from './connection.ts';
import type { Authorize } from './grant.ts';
import { Pace } from './pace.ts';
import { Quotas } from './quotas.ts';

export interface NatsListenerOptions {
  readonly bus: HostBus;
  /** The address to listen on, as in `127.0.0.1`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The largest message of a client, headers included; the bus's own limit holds too. */
  readonly maxPayloadBytes: number;
  /** @default 1024 */
  readonly maxConnections?: number;
  /** Of one client. @default 1000 */
  readonly maxSubscriptions?: number;
  /** Of all clients together, those that hear the system's own messages. */
  readonly maxListening: number;
  /** A client that leaves more unread is cut off. @default 64 MiB */
  readonly maxPendingBytes?: number;
  /** The first token of the system's subjects. */
  readonly prefix: string;
  /** @default 'faasm' */
  readonly serverName?: string;
  /** Without it everybody may do everything. */
  readonly authorize?: Authorize;
  /** Until a client has to have said who it is. @default 2000 */
  readonly authTimeoutMs?: number;
  /** Between two pings; a client that left two unanswered is dropped at the third. @default 120000 */
  readonly pingIntervalMs?: number;
  readonly onEvent?: (event: ListenerEvent) => void;
}

export interface ListenerEvent {
  readonly kind: 'connected' | 'disconnected' | 'refused';
  readonly clientId: number;
  readonly address: string;
  /** As the client calls itself; empty until it has. */
  readonly name: string;
  /** Why it ended; `client` when the client left; empty for `connected`. */
  readonly why: string;
}

export interface NatsListener {
  readonly port: number;
  /** Takes no other clients. */
  leave(): void;
  /** Takes no other clients, and hangs up on everybody once they have what was written. */
  close(): Promise<void>;
}

/**
 * The level of the protocol that clients look for: headers, no-responders, and the services protocol came before it.
 * JetStream is not offered, and INFO does not say so.
 */
const protocolVersion = '2.10.0';

const maxPingsOut = 2;

/** A message that matches all of them takes about 10 ms to write. */
const allSubscriptionsMax = 10_000;

/** 256 MiB: what all clients have not read, or not said to the end. */
const allPendingMaxBytes = 256 * 1024 * 1024;

/** @throws FaasmError `conflict` when the port is in use, `forbidden` when it may not be opened */
export async function startNatsListener(options: NatsListenerOptions): Promise<NatsListener> {
  const listener = new Listener(options);
  await listener.listen();
  return listener;
}

class Listener implements NatsListener {
  readonly #options: NatsListenerOptions;
  readonly #serverId = toServerId(randomBytes(55));
  readonly #connections = new Set<Connection>();
  readonly #boundary: Boundary;
  readonly #quotas: Quotas;
  readonly #pace = new Pace();
  readonly #server: Server;
  #closed: Promise<void> | undefined;
  #clients = 0;
  #port = 0;

  constructor(options: NatsListenerOptions) {
    this.#options = options;
    this.#boundary = createBoundary(options.prefix);
    this.#quotas = new Quotas({
      subscriptionsMax: allSubscriptionsMax,
      listeningMax: options.maxListening,
      pendingMaxBytes: allPendingMaxBytes,
    });
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, host, resolve);
    try {
      await promise;
    } catch (cause) {
      throw toListenError(cause as NodeJS.ErrnoException, host, port);
    }
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#server.removeListener('error', reject);
    this.#server.on('error', () => {});
  }

  leave(): void {
    this.#closed ??= new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async close(): Promise<void> {
    this.leave();
    for (const connection of this.#connections) connection.close();
    await this.#closed;
  }

  #accept(socket: Socket): void {
    const { bus, authorize, onEvent } = this.#options;
    const clientId = ++this.#clients;
    const address = socket.remoteAddress ?? '';
    const maxPayloadBytes = Math.min(this.#options.maxPayloadBytes, bus.maxPayloadBytes);
    let refused = false;
    const connection = new Connection({
      bus,
      socket,
      info: this.#info(clientId, address, maxPayloadBytes),
      maxPayloadBytes,
      maxPendingBytes: this.#options.maxPendingBytes ?? 64 * 1024 * 1024,
      maxSubscriptions: this.#options.maxSubscriptions ?? 1000,
      pingIntervalMs: this.#options.pingIntervalMs ?? 120_000,
      maxPingsOut,
      authTimeoutMs: this.#options.authTimeoutMs ?? 2000,
      authorize,
      boundary: this.#boundary,
      quotas: this.#quotas,
      pace: this.#pace,
      onClosed: ({ name }, why) => {
        this.#connections.delete(connection);
        onEvent?.({ kind: refused ? 'refused' : 'disconnected', clientId, address, name, why });
      },
    });
    if (this.#connections.size >= (this.#options.maxConnections ?? 1024)) {
      refused = true;
      connection.close('maximum connections exceeded');
      return;
    }
    this.#connections.add(connection);
    onEvent?.({ kind: 'connected', clientId, address, name: '', why: '' });
  }

  #info(clientId: number, clientIp: string, maxPayloadBytes: number): Record<string, unknown> {
    const { host, serverName, authorize } = this.#options;
    return {
      server_id: this.#serverId,
      server_name: serverName ?? 'faasm',
      version: protocolVersion,
      proto: 1,
      go: `node${process.versions.node}`,
      host,
      port: this.port,
      headers: true,
      ...(authorize !== undefined && { auth_required: true }),
      max_payload: maxPayloadBytes,
      client_id: clientId,
      client_ip: clientIp,
    };
  }
}

/** `N` and 55 characters of base 32, in the form of a NATS server's id. */
function toServerId(random: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return `N${Array.from(random, (byte) => alphabet[byte % alphabet.length]).join('')}`;
}

function toListenError(cause: NodeJS.ErrnoException, host: string, port: number): FaasmError {
  const where = `Cannot listen for NATS clients on ${host}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    return new FaasmError(
      'conflict',
      `${where}: the port is in use; choose another port, or stop who has it`,
      { cause },
    );
  }
  if (cause.code === 'EACCES') {
    return new FaasmError('forbidden', `${where}: not permitted; choose a port above 1023`, { cause });
  }
  return new FaasmError('internal', `${where}: ${cause.message}`, { cause });
}
