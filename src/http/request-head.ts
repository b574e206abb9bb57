/** A request as a CGI program learns of it, in a header of its call. */
import type { IncomingMessage } from 'node:http';
import type { RequestHead } from '../../proto/call.ts';
import { toHeaderJson } from '../bus/settings-headers.ts';

export function toRequestHeader(req: IncomingMessage): string {
  const { rawHeaders, socket } = req;
  const headers: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) headers.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  const head: RequestHead = {
    method: req.method!,
    target: req.url!.replace(/^[^/]*:\/\/[^/]*/, ''),
    protocol: `HTTP/${req.httpVersion}`,
    headers,
    address: socket.remoteAddress ?? '',
    port: socket.localPort ?? 0,
  };
  return toHeaderJson(head);
}
