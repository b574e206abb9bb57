/** What of a CGI program's response head reaches the client of a call. */
import { headers as names } from '../../proto/headers.ts';
import type { BusMessage } from '../bus/port.ts';
import { readResponseHead } from '../bus/response-headers.ts';

/** Of the connection, of the whole host in the eyes of a browser, or the host's own to say. */
const notTheirs =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|alt-svc|clear-site-data|service-worker-allowed|strict-transport-security|(?:x-)?faasm-.*|x-request-id|traceparent)$/i;

/** A page of one user is kept from acting as the host, which serves those of all users and takes uploads. */
const sandbox = ['Content-Security-Policy', 'sandbox allow-forms allow-scripts'];

const header = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)$/;

export interface HttpHead {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them. */
  readonly headers: readonly string[];
}

/** Nothing where the answer is no CGI program's. What came over the bus is sent only if it is fit to be. */
export function toHttpHead(message: BusMessage): HttpHead | undefined {
  const head = readResponseHead(message);
  if (head === undefined || !(head.status >= 200 && head.status <= 599)) return undefined;
  const theirs = head.headers
    .map((line) => header.exec(line)?.slice(1) ?? [])
    .filter(([name]) => name !== undefined && !notTheirs.test(name));
  const own = [`X-${names.responseStatus}`, String(head.status), ...sandbox];
  return { status: head.status, headers: [...own, ...theirs.flat()] };
}
