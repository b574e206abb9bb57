/** What the console of this host shows, passed on as it is. */
import { type Headers, toBytes } from '../bus/port.ts';
import { type Exchange, type HttpParts, octetStream, send } from './exchange.ts';
import type { ConsoleRoute } from './route.ts';

/** What the console says of its answer, and a browser has to know. */
const passedOn = ['Content-Security-Policy', 'Referrer-Policy', 'Cache-Control'] as const;

export async function sendConsolePage(
  parts: HttpParts,
  exchange: Exchange,
  { page }: ConsoleRoute,
): Promise<void> {
  const answer = await parts.console(page);
  const given: Headers = answer.headers ?? {};
  const headers: Record<string, string> = {};
  for (const name of passedOn) {
    const value = given[name]?.[0];
    if (value !== undefined) headers[name] = value;
  }
  send(exchange, 200, given['Content-Type']?.[0] ?? octetStream, toBytes(answer.body), headers);
}
