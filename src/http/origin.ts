/** Which web pages may change something here: those of the host itself, and those that a function lets in. */
import type { IncomingMessage } from 'node:http';
import { FaasmError } from '../../proto/errors.ts';
import { authorityOf } from './host-names.ts';

/** Methods that change nothing. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

const schemePattern = /^(https?):\/\//i;

/** The origin of the page that the request is of, where that is not the host itself; `null` where it is not told. */
export function foreignOrigin(req: IncomingMessage): string | undefined {
  const { origin, 'sec-fetch-site': site } = req.headers;
  if (origin !== undefined) return isOwn(origin, authorityOf(req)) ? undefined : origin;
  return site === 'cross-site' || site === 'same-site' ? 'null' : undefined;
}

export function changesNothing(method: string): boolean {
  return safeMethods.has(method);
}

/** @param name of the function that could let the page in */
export function foreignRefusal(name?: string): FaasmError {
  const wayOut = name === undefined ? '' : `; to let it call ${name}, deploy that with --cors and its origin`;
  return new FaasmError('forbidden', `A page of another origin may not change anything here${wayOut}`);
}

/** The host may be behind a proxy that speaks TLS; names in any case are one, and so are a port and none where it is the default. */
function isOwn(origin: string, authority = ''): boolean {
  const [, scheme] = schemePattern.exec(origin) ?? [];
  if (scheme === undefined) return false;
  const own = URL.parse(`${scheme}://${authority}`);
  return own !== null && own.origin === URL.parse(origin)?.origin;
}
