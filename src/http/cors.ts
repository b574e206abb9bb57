/** What lets web pages of other origins call a function (the CORS protocol of the Fetch standard): its setting `cors`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FunctionSettings } from '../../proto/function-settings.ts';
import { calledMethods, type Route } from './route.ts';

/** How long a browser need not ask again. */
const preflightKeptSeconds = 600;

/** Whether pages of this origin may call it; the headers that say so are on the answer then. */
export function letIn({ cors = [] }: FunctionSettings, origin: string, res: ServerResponse): boolean {
  const all = cors.includes('*');
  // Whichever origin asks, a cache keeps the answers of different ones apart.
  if (cors.length > 0 && !all) res.setHeader('Vary', 'Origin');
  if (!all && !cors.includes(origin)) return false;
  res.setHeader('Access-Control-Allow-Origin', all ? '*' : origin);
  res.setHeader('Access-Control-Expose-Headers', '*');
  return true;
}

/** Whether it is what pages of other origins may be let do. */
export function isCalled(method: string, { kind }: Route): boolean {
  const ofFunction = kind === 'invoke' || kind === 'async' || kind === 'program';
  return ofFunction && calledMethods.split(', ').includes(method);
}

/** A browser asks before it sends what a form could not. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

/** Beside what `letIn` says. */
export function allowPreflight(req: IncomingMessage, res: ServerResponse): void {
  res.setHeader('Access-Control-Allow-Methods', calledMethods);
  const wanted = req.headers['access-control-request-headers'];
  if (wanted !== undefined) res.setHeader('Access-Control-Allow-Headers', wanted);
  res.setHeader('Access-Control-Max-Age', String(preflightKeptSeconds));
}
