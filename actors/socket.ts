/**
 * The socket: calls as frames of faasm.proto on TCP or a Unix socket.
 *
 * In:   connections, and frames on them
 * Out:  `invoke`, `async`, `functions.describe`, `cancel`; the results as frames
 * Owns: the socket and its connections
 * Never: decides whether or where a call runs
 */
import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { FaasmError } from '../proto/errors.ts';
import type { Log } from '../src/log.ts';
import { toFrame } from '../src/receive/frames.ts';
import { type MessageCalls, toFailure } from '../src/receive/message-calls.ts';
import { type FrameLimits, serveFrames } from '../src/receive/serve-frames.ts';
import { type SocketAddress, showSocketAddress } from '../src/receive/socket-address.ts';

export interface SocketOptions {
  /** Those of one connection. */
  createCalls(): MessageCalls;
  readonly address: SocketAddress;
  readonly limits: FrameLimits & {
    readonly connectionsMax: number;
    /** A connection ends on which so long nothing came or went and nothing is under way; 0 for never. */
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

/** How long a client that was told why its connection ends may go on sending. */
const farewellMs = 1000;

/** @throws FaasmError `conflict` when somebody listens there */
export async function startSocket(options: SocketOptions): Promise<SocketActor> {
  const { createCalls, address, limits, log } = options;
  const connections = new Map<Socket, Promise<void>>();
  const stopping = new AbortController();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
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
    socket.setTimeout(limits.idleMs).on('timeout', () => {
      const readBefore = socket.bytesRead;
      // What came while this thread was busy is read first.
      setImmediate(() => {
        const isWaiting = underWay > 0 && socket.writableLength === 0;
        if (isWaiting || socket.bytesRead > readBefore) socket.setTimeout(limits.idleMs);
        else socket.destroy(new FaasmError('deadline_exceeded', `idle for ${limits.idleMs} ms`));
      });
    });
    try {
      await serveFrames({
        input: socket,
        output: socket,
        calls: createCalls(),
        limits,
        stopping: stopping.signal,
        onUnderWay(count) {
          underWay = count;
        },
      });
      await hangUp(socket);
    } catch (err) {
      log.info({ err, from: socket.remoteAddress }, 'connection ended');
      await hangUp(socket, toFrame(toFailure(err)));
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

/** What comes still is read and dropped: to close with something unread takes back what the client has not read yet. */
async function hangUp(socket: Socket, last: Uint8Array = new Uint8Array(0)): Promise<void> {
  if (socket.destroyed) return;
  const closed = once(socket, 'close').catch(() => {});
  socket.resume().end(last, () => {
    const late = setTimeout(() => socket.destroy(), farewellMs);
    socket.once('close', () => clearTimeout(late));
  });
  await closed;
}

async function listen(server: Server, address: SocketAddress): Promise<void> {
  try {
    await bind(server, address);
  } catch (cause) {
    const inUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    if (!inUse || !('path' in address) || !(await isLeftOver(address.path)))
      throw cannotListen(address, cause);
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

/** A socket whose process is gone; anything else there is somebody's. */
async function isLeftOver(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
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
