/**
 * Calls by HTTP: the way most requests take, so it makes no promise, closure or copy that it can do without.
 * The scheduler answers late calls itself; the bus gives up later than that, and only when nobody answers at all.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import type { CallId } from '../../proto/names.ts';
import { fromErrorHeaders } from '../bus/error-headers.ts';
import { type BusMessage, emptyBody, type Headers, header, toBytes } from '../bus/port.ts';
import { parseDurationMs } from '../calls/duration.ts';
import { messageIdHeader, toIdempotencyKey } from '../calls/idempotency-key.ts';
import { discardBody, readRequestBody } from './body.ts';
import { inputLimit } from './config.ts';
import { type Abandonable, type Connection, connectionOf } from './connection.ts';
import { type Exchange, type HttpParts, logFailure, octetStream } from './exchange.ts';
import { sendProblem } from './problem.ts';
import { toHttpHead } from './response-head.ts';
import type { FunctionRoute } from './route.ts';
import { addCallArguments } from './settings-headers.ts';
import { traceparentOf } from './traceparent.ts';

/** How much later than the call's own end the bus gives up. */
const answerMarginMs = 10_000;

/** A small output goes out as text of one byte a character: node then writes it and the head as one string. */
const joinedMaxBytes = 4096;

/** Less than this is not counted as held. */
const heldMinBytes = 64 * 1024;

const placeHeaders = [
  ['x-faasm-input', names.input],
  ['x-faasm-output', names.output],
] as const;

export interface InvocationTarget extends Pick<FunctionRoute, 'user' | 'function'> {
  /** For a CGI program, the request as a header of its call. */
  readonly request: string | undefined;
}

export class Invocation implements Exchange, Abandonable {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly requestId: string;
  readonly #callId: CallId;
  readonly #parts: HttpParts;
  readonly traceparent: string | undefined;
  readonly #route: InvocationTarget;
  #connection: Connection | undefined;

  /** @param id of the call, and of the request where the client did not name it */
  constructor(parts: HttpParts, exchange: Exchange, route: InvocationTarget, id: CallId) {
    this.req = exchange.req;
    this.res = exchange.res;
    this.requestId = exchange.requestId;
    this.traceparent = exchange.traceparent;
    this.#callId = id;
    this.#parts = parts;
    this.#route = route;
  }

  start(): void {
    if (!this.#holdsInput()) return;
    readRequestBody(this.req, inputLimit(this.#parts.config), this.#read, allocateShared);
  }

  /** Counts a large input before any of it is read; false where there is no room for it. */
  #holdsInput(): boolean {
    const { memory, config } = this.#parts;
    const bytes = Number(this.req.headers['content-length'] ?? 0);
    if (!(bytes >= heldMinBytes) || bytes > config.inputMaxBytes) return true;
    const { user } = this.#route;
    if (!memory.hasRoom(user, bytes)) {
      discardBody(this.req);
      this.#fail(
        new FaasmError(
          'no_capacity',
          `Calls of ${user} hold all memory that they may; try again, or raise FAASM_CALL_MEMORY_PER_USER_MAX_MIB and FAASM_FAASLETS_MAX_MIB`,
          { details: { component: 'http-bridge', retryAfterMs: 1000 } },
        ),
      );
      return false;
    }
    connectionOf(this.req.socket).whenOut(this.res, memory.hold(user, bytes));
    return true;
  }

  abandon(): void {
    // Whoever gives a key may come again for the answer.
    if (this.req.headers['idempotency-key'] !== undefined) return;
    const { bus, subjects, log } = this.#parts;
    log.debug({ requestId: this.requestId, call: this.#callId }, 'the client left: its call is cancelled');
    bus.tell(subjects.cancel(this.#route.user, this.#callId), emptyBody);
  }

  #send(input: Uint8Array): void {
    const { bus, subjects, config } = this.#parts;
    if (this.req.socket.destroyed) return;
    try {
      const { headers, timeoutMs } = toCallHeaders(this.req, this.#callId, config.callTimeoutMs);
      const key = this.req.headers['idempotency-key'];
      if (typeof key === 'string') headers[messageIdHeader] = [toIdempotencyKey(key)];
      if (this.#route.request !== undefined) headers[names.request] = [this.#route.request];
      const answer = bus.request(subjects.invoke(this.#route.user, this.#route.function), input, {
        headers,
        timeoutMs: timeoutMs + answerMarginMs,
      });
      this.#connection = connectionOf(this.req.socket);
      this.#connection.wait(this);
      answer.then(this.#answer, this.#fail);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  readonly #read = (error: FaasmError | undefined, input: Uint8Array): void => {
    if (error === undefined) this.#send(input);
    else this.#fail(error);
  };

  /** The answer came over the bus: what HTTP cannot carry fails this call, and no other. */
  readonly #answer = (message: BusMessage): void => {
    try {
      this.#sendAnswer(message);
    } catch (thrown) {
      this.#fail(thrown);
    }
  };

  #sendAnswer(message: BusMessage): void {
    const error = fromErrorHeaders(message);
    if (error !== undefined) {
      this.#fail(error);
      return;
    }
    this.#connection?.answered(this);
    // The call was given up at the end of a drain.
    if (this.res.headersSent) return;
    const output = toBytes(message.body);
    if (output.length >= heldMinBytes)
      this.#connection?.whenOut(this.res, this.#parts.memory.hold(this.#route.user, output.length));
    const response = toHttpHead(message);
    const head = [
      ...(response?.headers ?? ['Content-Type', octetStream]),
      'X-Request-Id',
      this.requestId,
      names.callId,
      // Of the call that ran, where this one had run before.
      header(message, names.callId) ?? this.#callId,
    ];
    const returnValue = header(message, names.returnValue);
    if (returnValue !== undefined) head.push(`X-${names.returnValue}`, returnValue);
    const place = header(message, names.output);
    if (place !== undefined) head.push(`X-${names.output}`, place);
    const status = response?.status ?? 200;
    if (status === 204 || status === 304) {
      this.res.writeHead(status, head).end();
      return;
    }
    // To HEAD a program may give no body, which says nothing of the length that GET would have.
    if (this.req.method !== 'HEAD' || output.length > 0) head.push('Content-Length', String(output.length));
    this.res.writeHead(status, head);
    if (output.length > joinedMaxBytes) this.res.end(output);
    else this.res.end(toLatin1(output), 'latin1');
  }

  readonly #fail = (thrown: unknown): void => {
    this.#connection?.answered(this);
    const error = FaasmError.from(thrown);
    const { requestId, traceparent } = this;
    logFailure(this.#parts.log, { requestId, traceparent, call: this.#callId }, error);
    sendProblem(this.res, error, { requestId, headers: { [names.callId]: this.#callId } });
  };
}

/** What the headers of a request say of its call. @throws FaasmError `bad_request` */
export function toCallHeaders(
  req: IncomingMessage,
  callId: CallId,
  callTimeoutMs: number,
): { headers: Record<string, readonly string[]>; timeoutMs: number } {
  const given = req.headers;
  const headers: Record<string, readonly string[]> = { [names.callId]: [callId] };
  let timeoutMs = callTimeoutMs;
  const timeout = given['x-faasm-timeout'];
  if (typeof timeout === 'string') {
    timeoutMs = Math.min(parseDurationMs(timeout, 'X-Faasm-Timeout'), callTimeoutMs);
    headers[names.timeout] = [timeout];
  }
  const traceparent = traceparentOf(req);
  if (traceparent !== undefined) headers[names.traceparent] = [traceparent];
  addCallArguments(req, headers);
  for (const [from, to] of placeHeaders) {
    const place = given[from];
    if (typeof place === 'string') headers[to] = [place];
  }
  return { headers: headers satisfies Headers, timeoutMs };
}

/** An executor reads it where it is, while a buffer that is not shared would be copied to it. */
function allocateShared(byteLength: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(byteLength));
}

function toLatin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
