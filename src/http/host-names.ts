/**
 * Which names a request may call this host by. A page can have its own name point to this address, and is then of the
 * same origin to a browser: so a name that others could have registered is refused unless it was set. Addresses, names
 * without a dot and those below `localhost` cannot be registered.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

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

  /** @param authority of the Host header @throws FaasmError `bad_request`, `misdirected` */
  check(authority: string): void {
    if (this.#remembered.has(authority)) return;
    const [, written] = authorityPattern.exec(authority) ?? [];
    if (written === undefined) throw new FaasmError('bad_request', `Bad Host header ${quote(authority)}`);
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

function isLocal(name: string): boolean {
  const isAddress = name.startsWith('[') || isIP(name) !== 0;
  return isAddress || !name.includes('.') || name.endsWith('.localhost');
}

function matches(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
}
