/** Which web pages may change something here: those of the host itself, and those that a function lets in. */
import type { IncomingMessage } from 'node:http';
import { FaasmError } from '../../proto/errors.ts';

/** They change nothing. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The origin of the page that the request is of, where that is not the host itself; `null` where it is not told. */
export function foreignOrigin({ headers }: IncomingMessage): string | undefined {
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  if (origin !== undefined) return isOwn(origin, host) ? undefined : origin;
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

/** The host may be behind a proxy that speaks TLS. */
function isOwn(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}
