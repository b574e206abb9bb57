/**
 * Which names a request may call this host by. A page can have its own name point to this address, and is then of the
 * same origin to a browser: so a name that others could have registered is refused unless it was set. Addresses, names
 * without a dot and those below `localhost` cannot be registered.
 */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

/** What a request target in absolute form has in place of the Host header. */
const absolutePattern = /^[^/]*:\/\/([^/?#]*)/;

const authorityPattern = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+)(?::\d{0,5})?$/i;

/** Clients have a few names for a host; whoever makes up more has each looked at anew. */
const rememberedMax = 100;

export class HostNames {
  readonly #set: readonly string[];
  readonly #remembered = new Set<string>();

  /** @param set names beside the local ones; `*.example.org` is all below it, `*` any */
  constructor(set: readonly string[]) {
    this.#set = [...set, hostname()].map((name) => name.toLowerCase());
  }

  /** Why a request cannot be for this host, if it cannot. */
  refuse(req: IncomingMessage): FaasmError | undefined {
    const authority = authorityOf(req);
    if (req.headers.host === undefined && req.httpVersion !== '1.0')
      return new FaasmError('bad_request', 'A request of HTTP/1.1 has a Host header (RFC 9112, section 3.2)');
    if (authority === undefined) return undefined;
    if (hasTwoHosts(req)) return new FaasmError('bad_request', 'A request has one Host header, not several');
    try {
      this.check(authority);
      return undefined;
    } catch (thrown) {
      return FaasmError.from(thrown);
    }
  }

  /** @param authority of the Host header @throws FaasmError `bad_request`, `misdirected` */
  check(authority: string): void {
    if (this.#remembered.has(authority)) return;
    const [, written] = authorityPattern.exec(authority) ?? [];
    if (written === undefined || (written.startsWith('[') && !isIPv6(written.slice(1, -1))))
      throw new FaasmError('bad_request', `Bad Host header ${quote(authority)}`);
    const name = written.toLowerCase().replace(/\.$/, '');
    if (!isLocal(name) && !this.#set.some((pattern) => matches(pattern, name))) {
      throw new FaasmError(
        'misdirected',
        `This host is not known as ${quote(name)}; if it is to be, add the name to FAASM_HTTP_HOSTS`,
      );
    }
    if (this.#remembered.size < rememberedMax) this.#remembered.add(authority);
  }
}

/** Whom a request is for: what its target says counts before its Host header (RFC 9112, section 3.2.2). */
export function authorityOf({ url = '', headers }: IncomingMessage): string | undefined {
  return url.startsWith('/') ? headers.host : (absolutePattern.exec(url)?.[1] ?? headers.host);
}

/** Node gives the first of them alone. */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') count++;
  }
  return count > 1;
}

function isLocal(name: string): boolean {
  const isAddress = name.startsWith('[') || isIP(name) !== 0;
  return isAddress || !name.includes('.') || name.endsWith('.localhost');
}

function matches(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
}
