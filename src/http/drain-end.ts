/** The end of a drain: whoever was not answered by then is told why, before the connection closes. */
import { FaasmError } from '../../proto/errors.ts';
import { discardBody } from './body.ts';
import type { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { sendProblem } from './problem.ts';

export function refuseUnanswered(connection: Connection, drainTimeoutMs: number): void {
  const waiting = connection.unanswered;
  const last = waiting.at(-1);
  for (const exchange of waiting) {
    // Answers go out in the order of requests, and the connection closes after the last.
    if (!exchange.res.headersSent) exchange.res.shouldKeepAlive = exchange !== last;
    refuse(exchange, drainTimeoutMs);
  }
}

function refuse({ req, res, requestId }: Exchange, drainTimeoutMs: number): void {
  const text = `This host is stopping and the ${drainTimeoutMs} ms for what was under way are over: send it to another, or raise FAASM_DRAIN_TIMEOUT_MS`;
  sendProblem(res, new FaasmError('draining', text), { requestId });
  discardBody(req);
}
