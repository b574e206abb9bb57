/**
 * The socket: calls as frames of faasm.proto on TCP or a Unix socket.
 *
 * In:   connections, and frames on them
 * Out:  `invoke`, `async`, `functions.describe`, `cancel`; the results as frames
 * Owns: the socket and its connections
 * Never: decides whether or where a call runs
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { FaasmError } from '../proto/errors.ts';
import type { Log } from '../src/log.ts';
import type { MessageCalls } from '../src/receive/message-calls.ts';
import { type FrameLimits, serveFrames } from '../src/receive/serve-frames.ts';
import { type SocketAddress, showSocketAddress } from '../src/receive/socket-address.ts';

export interface SocketOptions {
  readonly calls: MessageCalls;
  readonly address: SocketAddress;
  readonly limits: FrameLimits & {
    readonly connectionsMax: number;
    /** A connection with nothing under way, on which nothing comes. */
    readonly idleMs: number;
  };
  readonly log: Log;
}

export interface SocketActor {
  /** With the port that was free, where 0 was asked for. */
  readonly address: SocketAddress;
  /** Takes no more connections and calls; resolves when what is under way is answered, or this long after. */
  stop(timeoutMs: number): Promise<void>;
}

/** @throws FaasmError `conflict` when somebody listens there */
export async function startSocket({ calls, address, limits, log }: SocketOptions): Promise<SocketActor> {
  const connections = new Map<Socket, Promise<void>>();
  const stopping = new AbortController();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.set(
      socket,
      serveConnection(socket).finally(() => connections.delete(socket)),
    );
  });
  server.maxConnections = limits.connectionsMax;
  server.on('drop', () => log.warn({ connectionsMax: limits.connectionsMax }, 'too many connections'));

  async function serveConnection(socket: Socket): Promise<void> {
    let underWay = 0;
    // A timeout of the socket itself is put off by bytes alone, and calls under way are no bytes.
    socket.setTimeout(limits.idleMs, () => {
      if (underWay === 0) socket.destroy(new FaasmError('deadline_exceeded', `idle for ${limits.idleMs} ms`));
    });
    try {
      await serveFrames({
        input: socket,
        output: socket,
        calls,
        limits,
        stopping: stopping.signal,
        onUnderWay(count) {
          underWay = count;
        },
      });
      socket.end();
    } catch (err) {
      log.info({ err, from: socket.remoteAddress }, 'connection ended');
      socket.destroySoon();
    }
  }

  await listen(server, address);
  const bound = server.address();
  const at: SocketAddress =
    'path' in address || typeof bound !== 'object' || bound === null
      ? address
      : { ...address, port: bound.port };
  log.info({ at: showSocketAddress(at) }, 'taking calls on a socket');
  return {
    address: at,
    async stop(timeoutMs) {
      server.close();
      stopping.abort();
      const late = setTimeout(() => {
        for (const socket of connections.keys()) socket.destroy();
      }, timeoutMs);
      await Promise.allSettled(connections.values());
      clearTimeout(late);
    },
  };
}

async function listen(server: Server, address: SocketAddress): Promise<void> {
  try {
    await bind(server, address);
  } catch (cause) {
    const inUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    if (!inUse || !('path' in address) || (await isAlive(address.path))) throw cannotListen(address, cause);
    // Whoever made it is gone.
    await rm(address.path, { force: true });
    await bind(server, address).catch((again: unknown) => {
      throw cannotListen(address, again);
    });
  }
}

async function bind(server: Server, address: SocketAddress): Promise<void> {
  server.listen(address);
  await once(server, 'listening');
}

async function isAlive(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function cannotListen(address: SocketAddress, cause: unknown): FaasmError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FaasmError(
    'conflict',
    `Cannot listen at ${showSocketAddress(address)}: ${why}; choose another with --socket-listen`,
    { cause },
  );
}
