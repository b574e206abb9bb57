/** What is under way on each connection, so that nothing goes on for a client that has left. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Abandonable {
  /** The client has gone before it was answered. */
  abandon(): void;
}

export class Connection {
  readonly #waiting = new Set<Abandonable>();
  /** The answer to the latest request that was read; answers go out in the order of requests. */
  latest: ServerResponse | undefined;

  wait(call: Abandonable): void {
    this.#waiting.add(call);
  }

  answered(call: Abandonable): void {
    this.#waiting.delete(call);
  }

  closed(): void {
    for (const call of this.#waiting) call.abandon();
    this.#waiting.clear();
  }
}

const ofSocket = Symbol('connection');

type Known = Socket & { [ofSocket]?: Connection };

/** Made at a socket's first request. */
export function connectionOf(socket: Known): Connection {
  return socket[ofSocket] ?? open(socket);
}

/** Nothing before the first request was read. */
export function knownConnection(socket: Known): Connection | undefined {
  return socket[ofSocket];
}

function open(socket: Known): Connection {
  const connection = new Connection();
  socket[ofSocket] = connection;
  socket.once('close', () => connection.closed());
  return connection;
}
