/** Where a socket is: `host:port`, or `unix:/path`. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

export type SocketAddress =
  | { readonly host: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string };

/** @throws FaasmError `bad_request` */
export function toSocketAddress(text: string): SocketAddress {
  if (text.startsWith('unix:') && text.length > 'unix:'.length) return { path: text.slice('unix:'.length) };
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) <= 65_535) {
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  }
  throw new FaasmError('bad_request', `A socket is at host:port or unix:/path, not ${quote(text)}`);
}

export function showSocketAddress(address: SocketAddress): string {
  return 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
}
