/** The listening ports: limits on what arrives, and an answer for what is not HTTP. */
import { createServer } from 'node:http';
import { type AddressInfo, type Socket, Server as TcpServer } from 'node:net';
import { FaasmError } from '../../proto/errors.ts';
import type { HttpConfig } from './config.ts';
import { knownConnection } from './connection.ts';
import type { Dispatch } from './dispatch.ts';
import { refuseUnanswered } from './drain-end.ts';
import { http2Refusal } from './http2-refusal.ts';
import { sendProblem, toProblem, toProblemHeaders } from './problem.ts';

/** The setting of each port, by its place in `ports`. */
const portSettings = ['FAASM_HTTP_PORT', 'FAASM_UPLOAD_PORT'] as const;

/** How often connections are looked through for heads and bodies that are late. */
const checkIntervalMs = 1000;

/** How long a connection may stay whose client was told why it ends. */
const lingerMs = 1000;

export interface HttpPort {
  /** @param place of the port in the configuration @throws FaasmError `conflict` when the port is in use */
  listen(port: number, address: string, place: number): Promise<number>;
  /**
   * Resolves when every answer is out; what is not answered after `drainTimeoutMs` is refused. Each connection is closed
   * after its answers.
   */
  close(drainTimeoutMs: number): Promise<void>;
}

export function createHttpPort(config: HttpConfig, dispatch: Dispatch): HttpPort {
  const server = createServer({
    maxHeaderSize: config.headersMaxBytes,
    headersTimeout: config.headersTimeoutMs,
    requestTimeout: config.requestTimeoutMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(checkIntervalMs, config.headersTimeoutMs),
    insecureHTTPParser: false,
    requireHostHeader: false,
  });
  // A client that has ended its side after a whole request waits for the answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  const sockets = new Set<Socket>();
  server.maxConnections = config.connectionsMax;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', dispatch.request);
  server.on('checkContinue', dispatch.continueRequest);
  server.on('checkExpectation', dispatch.request);
  server.on('clientError', (error, socket) => answerMalformed(error, socket as Socket));
  return {
    listen: (port, address, place) =>
      new Promise((resolve, reject) => {
        server.once('error', (error) => reject(cannotListen(error, port, address, place)));
        server.listen({ port, host: address, backlog: 1024 }, () => {
          server.removeAllListeners('error');
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: (drainTimeoutMs) =>
      new Promise((resolve) => {
        let late = setTimeout(() => {
          for (const socket of sockets) giveUp(socket, drainTimeoutMs);
          late = setTimeout(() => {
            for (const socket of sockets) socket.destroy();
          }, lingerMs);
        }, drainTimeoutMs);
        // The HTTP server's own close() breaks off answers that are not all sent yet.
        TcpServer.prototype.close.call(server, () => {
          clearTimeout(late);
          resolve();
        });
        for (const socket of sockets) hangUp(socket);
      }),
  };
}

/** At once where nothing is under way, else after the latest answer. */
function hangUp(socket: Socket): void {
  const latest = knownConnection(socket)?.latest;
  if (latest === undefined || latest.closed) {
    socket.destroySoon();
    return;
  }
  latest.shouldKeepAlive = false;
  latest.once('close', () => hangUp(socket));
}

function giveUp(socket: Socket, drainTimeoutMs: number): void {
  const connection = knownConnection(socket);
  if (connection === undefined) socket.destroy();
  else refuseUnanswered(connection, drainTimeoutMs);
}

/**
 * Answers come in the order of requests, so this one waits for those that are still due; when the malformed thing is
 * the body of a request, it is the answer to that request.
 */
function answerMalformed(thrown: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || thrown.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  if (thrown.code === 'HPE_PAUSED_H2_UPGRADE') {
    endWith(socket, http2Refusal);
    return;
  }
  const { error, status } = toMalformed(thrown.code ?? '', thrown.message);
  const latest = knownConnection(socket)?.latest;
  if (latest === undefined || latest.writableFinished) endWithProblem(socket, error, status);
  else if (latest.req.complete) latest.once('finish', () => endWithProblem(socket, error, status));
  else {
    latest.shouldKeepAlive = false;
    sendProblem(latest, error, { status });
  }
}

function endWithProblem(socket: Socket, error: FaasmError, status: number): void {
  if (!socket.writable) return;
  const body = JSON.stringify(toProblem(error, { status }));
  const head = { ...toProblemHeaders(error, Buffer.byteLength(body)), Connection: 'close' };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  endWith(socket, `HTTP/1.1 ${status} ${reasons[status]}\r\n${lines.join('')}\r\n${body}`);
}

function endWith(socket: Socket, last: string | Uint8Array): void {
  socket.end(last);
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};

function toMalformed(code: string, message: string): { error: FaasmError; status: number } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const text = 'The head of the request is too large: send fewer or shorter headers';
    return { error: new FaasmError('headers_too_large', text), status: 431 };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const text = 'The request did not arrive in time: send it faster, or in parts';
    return { error: new FaasmError('bad_request', text), status: 408 };
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return {
      error: new FaasmError('too_large', 'The chunk extensions of the body are too large'),
      status: 413,
    };
  }
  return { error: new FaasmError('bad_request', `This is not HTTP: ${message}`), status: 400 };
}

function cannotListen(
  error: Error & { code?: string },
  port: number,
  address: string,
  place: number,
): FaasmError {
  const setting = portSettings[place] ?? 'the port';
  const cause = { cause: error };
  if (error.code === 'EADDRINUSE') {
    const text = `Cannot listen on ${address}:${port}: something else does; stop it, or set ${setting} to a free port`;
    return new FaasmError('conflict', text, cause);
  }
  const text = `Cannot listen on ${address}:${port}: ${error.message}; see ${setting} and FAASM_LISTEN`;
  return new FaasmError('internal', text, cause);
}
