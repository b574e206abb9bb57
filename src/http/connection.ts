/** What is under way on each connection, so that nothing goes on for a client that has left. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.ts';

export interface Abandonable {
  readonly res: ServerResponse;
  /** The client has gone before it was answered. */
  abandon(): void;
}

/** How long a call of a client that has ended its side may go on before it is looked whether the client has left. */
const firstProbeMs = 250;

export class Connection {
  readonly #waiting = new Set<Abandonable>();
  readonly #unsent = new Set<() => void>();
  /** Requests that were read, in their order; those whose answers are out go when the next one comes. */
  readonly #exchanges: Exchange[] = [];

  /** The answer to the latest request that was read; answers go out in the order of requests. */
  get latest(): ServerResponse | undefined {
    return this.#exchanges.at(-1)?.res;
  }

  /** Exchanges whose answers are not all written, the oldest first. */
  get unanswered(): readonly Exchange[] {
    return this.#exchanges.filter(({ res }) => !res.writableFinished && !res.destroyed);
  }

  began(exchange: Exchange): void {
    while (this.#exchanges[0]?.res.writableFinished) this.#exchanges.shift();
    this.#exchanges.push(exchange);
  }

  /** Tells when the answer is out, or never will be. */
  whenOut(res: ServerResponse, out: () => void): void {
    this.#unsent.add(out);
    res.once('finish', () => {
      this.#unsent.delete(out);
      out();
    });
  }

  wait(call: Abandonable): void {
    this.#waiting.add(call);
  }

  answered(call: Abandonable): void {
    this.#waiting.delete(call);
  }

  closed(): void {
    for (const call of this.#waiting) call.abandon();
    this.#waiting.clear();
    for (const out of this.#unsent) out();
    this.#unsent.clear();
  }

  /**
   * The client has ended its side: it waits for its answers, or it has left. Only what is sent to it can tell, and what
   * a client takes at any time is that it may continue: one that has left answers it with a reset, which the next finds.
   */
  halfClosed(): void {
    const probe = (afterMs: number): void => {
      setTimeout(() => {
        const [call] = this.#waiting;
        if (call === undefined) return;
        if (call.res.req.httpVersion !== '1.0' && !call.res.headersSent) call.res.writeContinue();
        probe(2 * afterMs);
      }, afterMs).unref();
    };
    probe(firstProbeMs);
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
  socket.once('end', () => connection.halfClosed());
  socket.once('close', () => connection.closed());
  return connection;
}
