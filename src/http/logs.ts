/** Ended calls as they end: one line of JSON each, until the client leaves or the host stops. */
import type { CallEvent } from '../../proto/messages.ts';
import { readBody } from '../bus/port.ts';
import { callEventsCodec } from '../worker-pool/messages.ts';
import { type Exchange, type HttpParts, sendNothing } from './exchange.ts';
import type { LogsRoute } from './route.ts';

/** Lines that wait for a slow client; what comes while there are more is left out, and how much that was is said. */
const waitingMaxBytes = 1024 * 1024;

export async function followLogs(parts: HttpParts, exchange: Exchange, route: LogsRoute): Promise<void> {
  const { bus, subjects, closing } = parts;
  const { req, res, requestId } = exchange;
  const headers = { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' };
  if (req.method === 'HEAD') {
    sendNothing(exchange, 200, headers);
    return;
  }
  let leftOut = 0;
  const subscription = bus.subscribe(subjects.callEvents(route.user), (message) => {
    for (const event of readBody(message, callEventsCodec)) {
      if (!isWanted(route, event)) continue;
      if (res.writableLength > waitingMaxBytes) {
        leftOut++;
        continue;
      }
      if (leftOut > 0) res.write(`${JSON.stringify({ leftOut })}\n`);
      leftOut = 0;
      res.write(`${JSON.stringify(event)}\n`);
    }
  });
  const end = (): void => void res.end();
  closing.addEventListener('abort', end, { once: true });
  // Nothing more may ever be written that tells a client that has left from one that has ended its side.
  req.socket.once('end', end);
  res.writeHead(200, { ...headers, 'X-Content-Type-Options': 'nosniff', 'X-Request-Id': requestId });
  res.flushHeaders();
  await new Promise((resolve) => res.once('close', resolve));
  closing.removeEventListener('abort', end);
  req.socket.off('end', end);
  subscription.unsubscribe();
}

function isWanted({ function: name }: LogsRoute, event: CallEvent): boolean {
  return name === undefined || event.function === name;
}
