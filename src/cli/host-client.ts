/** Requests to a host, over HTTP. */
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { UsageError, type World } from './command.ts';
import { fromProblem } from './problem.ts';
import { readAll } from './read-all.ts';

export interface HostRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its first slash, escaped. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
}

export interface RequestBody {
  readonly stream: Readable;
  /** Nothing where it is not known beforehand. */
  readonly byteLength?: number;
}

export interface HostAnswer {
  readonly body: Readable;
  header(name: string): string | undefined;
}

export interface HostClient {
  /** Resolves when the head of a good answer is there. @throws FaasmError what the host says, or that there is none */
  send(request: HostRequest): Promise<HostAnswer>;
  json(request: HostRequest): Promise<unknown>;
}

const urlDefault = 'http://localhost:8001';

/** A larger body is announced, and sent once the host says that it wants it. */
const announcedMinBytes = 1024 * 1024;

/** What does not say that it wants the body is sent it nevertheless, so much later. */
const announcementMs = 1000;

/** Lists and descriptions; outputs and values are not read as a whole. */
const jsonMaxBytes = 64 * 1024 * 1024;
const problemMaxBytes = 1024 * 1024;

export function toBody(bytes: Uint8Array | string): RequestBody {
  const buffer = Buffer.from(bytes as Uint8Array);
  return { stream: Readable.from(buffer.length > 0 ? [buffer] : []), byteLength: buffer.length };
}

/** @param options of the command @throws UsageError when the URL is none */
export function createHostClient(options: { readonly url?: string }, { environment }: World): HostClient {
  const text = options.url ?? (environment.FAASM_URL || urlDefault);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`The host's URL is such as ${urlDefault}, not ${quote(text)}`);
  }
  const base = url;

  async function send(request: HostRequest): Promise<HostAnswer> {
    const answer = await exchange(base, request);
    // A CGI program's answer is a good one, whatever its status.
    if (answer.statusCode! < 300 || answer.headers['x-faasm-status'] !== undefined) {
      return { body: answer, header: (name) => answer.headers[name.toLowerCase()]?.toString() };
    }
    const body = await readAll(answer, problemMaxBytes).catch(() => new Uint8Array(0));
    const retryAfter = answer.headers['retry-after'];
    throw fromProblem({ status: answer.statusCode!, body, retryAfter }, base.origin);
  }

  async function json(request: HostRequest): Promise<unknown> {
    const { body } = await send({ ...request, headers: { ...request.headers, Accept: 'application/json' } });
    const bytes = await readAll(body, jsonMaxBytes);
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8'));
    } catch (cause) {
      throw new FaasmError('bad_message', `${base.origin} does not answer as a Faasm host`, { cause });
    }
  }

  return { send, json };
}

function exchange(base: URL, { method, path, headers, body }: HostRequest): Promise<IncomingMessage> {
  const announced = body !== undefined && (body.byteLength ?? announcedMinBytes) >= announcedMinBytes;
  const request = (base.protocol === 'https:' ? requestHttps : requestHttp)(base, {
    method,
    path: base.pathname.replace(/\/+$/, '') + path,
    agent: false,
    headers: {
      ...headers,
      ...(body?.byteLength !== undefined && { 'Content-Length': body.byteLength }),
      ...(announced && { Expect: '100-continue' }),
    },
  });
  return new Promise((resolve, reject) => {
    request.once('response', (answer) => {
      if (answer.statusCode! >= 400) body?.stream.unpipe(request).destroy();
      resolve(answer);
    });
    request.on('error', (error) => reject(unreachable(error, base)));
    body?.stream.once('error', (cause) => {
      request.destroy(new FaasmError('bad_request', `Cannot read the input: ${cause.message}`, { cause }));
    });
    if (body === undefined) request.end();
    else if (announced) sendWhenWanted(request, body);
    else body.stream.pipe(request);
  });
}

/** An answer that comes before the body is sent, is one without it. */
function sendWhenWanted(request: ClientRequest, body: RequestBody): void {
  const start = (): void => {
    settle();
    body.stream.pipe(request);
  };
  const late = setTimeout(start, announcementMs);
  const settle = (): void => {
    clearTimeout(late);
    request.off('continue', start);
  };
  request.once('continue', start);
  request.once('response', settle);
  request.once('close', settle);
}

function unreachable(error: NodeJS.ErrnoException, { origin }: URL): FaasmError {
  if (error instanceof FaasmError) return error;
  const cause = { cause: error };
  if (error.code === 'ECONNREFUSED') {
    return new FaasmError(
      'no_responders',
      `No Faasm host at ${origin}; start one with npm start, or say where it is with --url or FAASM_URL`,
      cause,
    );
  }
  const reason = error.message || error.code || 'no reason given';
  return new FaasmError('no_responders', `Cannot reach a Faasm host at ${origin}: ${reason}`, cause);
}
