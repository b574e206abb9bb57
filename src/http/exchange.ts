/** One request and its answer, and the ways to answer that several routes share. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaasmError } from '../../proto/errors.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Body, type Bus, type BusMessage, emptyBody, type Headers } from '../bus/port.ts';
import type { Log } from '../log.ts';
import type { HttpConfig } from './config.ts';
import type { KnownSettings } from './known-settings.ts';
import type { ConsoleRoute } from './route.ts';

export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** As the client named it, or made here. */
  readonly requestId: string;
  /** W3C trace context, as it came. */
  readonly traceparent: string | undefined;
}

/** What is held for calls, of all users together and of each. */
export interface HeldMemory {
  hasRoom(user: UserName, bytes: number): boolean;
  /** Counts it until what it gives is called. */
  hold(user: UserName, bytes: number): () => void;
}

/** What every route works with. */
export interface HttpParts {
  readonly bus: Bus;
  readonly subjects: PublicSubjects;
  readonly config: HttpConfig;
  readonly log: Log;
  /** An id that nobody else makes or guesses. */
  newId(): string;
  newCallId(user: UserName): CallId;
  readonly functions: KnownSettings;
  /** A page of this host's console, its media type in the headers. @throws FaasmError `no_responders` */
  console(page: ConsoleRoute['page']): Promise<BusMessage>;
  readonly memory: HeldMemory;
  /** No more work is taken, and connections are closed after their answers. */
  readonly closing: AbortSignal;
}

export type AnswerHeaders = Readonly<Record<string, string>>;

export const octetStream = 'application/octet-stream';

/** @param body text is sent as UTF-8 */
export function send(
  { res, requestId }: Exchange,
  status: number,
  contentType: string,
  body: Uint8Array | string,
  headers: AnswerHeaders = {},
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  res.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': String(bytes.length),
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
    ...headers,
  });
  res.end(bytes);
}

export function sendJson(
  exchange: Exchange,
  status: number,
  value: unknown,
  headers: AnswerHeaders = {},
): void {
  send(exchange, status, 'application/json', `${JSON.stringify(value)}\n`, headers);
}

export function sendText(
  exchange: Exchange,
  status: number,
  text: string,
  headers: AnswerHeaders = {},
): void {
  send(exchange, status, 'text/plain; charset=utf-8', text, headers);
}

/** An answer that has no body, such as 204 and 304. */
export function sendNothing({ res, requestId }: Exchange, status: number, headers: AnswerHeaders = {}): void {
  res.writeHead(status, { 'X-Request-Id': requestId, ...headers });
  res.end();
}

/** The first value of a header that node joins or lists. */
export function requestHeader({ req }: Exchange, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Whether an `Accept` header names a media type; wildcards do not count. */
export function accepts(exchange: Exchange, mediaType: string): boolean {
  return requestHeader(exchange, 'accept')?.toLowerCase().includes(mediaType) ?? false;
}

/** @param what tells which request, or call, it was */
export function logFailure(
  log: Log,
  what: Readonly<Record<string, string | undefined>>,
  error: FaasmError,
): void {
  const said = { ...what, code: error.code };
  if (error.code === 'internal') log.error({ ...said, err: error }, error.message);
  else log.debug(said, error.message);
}

/** Asks an actor. @throws the FaasmError that it answers with */
export async function ask(
  { bus, config }: HttpParts,
  subject: string,
  body: Body = emptyBody,
  headers: Headers | undefined = undefined,
  timeoutMs = config.answerTimeoutMs,
): Promise<BusMessage> {
  return expectAnswer(await bus.request(subject, body, { headers, timeoutMs }));
}
