/**
 * Every failure that leaves the system has one of these codes.
 * `http` is its HTTP status and its `Nats-Service-Error-Code`; `retry` says whether the same request may succeed later.
 */
export const errorTable = {
  bad_name: { http: 400, retry: false },
  bad_request: { http: 400, retry: false },
  bad_message: { http: 400, retry: false },
  bad_module: { http: 400, retry: false },
  unknown_import: { http: 400, retry: false },
  unauthorized: { http: 401, retry: false },
  forbidden: { http: 403, retry: false },
  not_found: { http: 404, retry: false },
  method_not_allowed: { http: 405, retry: false },
  conflict: { http: 409, retry: false },
  cancelled: { http: 409, retry: false },
  precondition_failed: { http: 412, retry: false },
  too_large: { http: 413, retry: false },
  unsupported_module: { http: 415, retry: false },
  /** The body came packed in a way that is not unpacked here. */
  unsupported_encoding: { http: 415, retry: false },
  range_not_satisfiable: { http: 416, retry: false },
  /** The request is for a host of another name. */
  misdirected: { http: 421, retry: false },
  /** The idempotency key was given to another call of the function before. */
  idempotency_key_reused: { http: 422, retry: false },
  too_many_requests: { http: 429, retry: true },
  headers_too_large: { http: 431, retry: false },
  /** The function returned a value other than 0. */
  guest_returned: { http: 500, retry: false },
  /** A wasm trap: unreachable, out-of-bounds access, division by zero, … */
  guest_trapped: { http: 500, retry: false },
  /** A wasm exception nobody caught. */
  guest_threw: { http: 500, retry: false },
  /** The guest asked the host for something that it refuses; the details have the code of the refusal. */
  guest_faulted: { http: 500, retry: false },
  guest_stack_overflow: { http: 500, retry: false },
  guest_out_of_memory: { http: 500, retry: false },
  /** A chained call cannot be made: unknown target, or deeper than the limit. */
  chain_refused: { http: 500, retry: false },
  internal: { http: 500, retry: true },
  /** The executor was stopped while it ran this call too; the message says why. */
  executor_lost: { http: 503, retry: true },
  no_capacity: { http: 503, retry: true },
  no_responders: { http: 503, retry: true },
  /** The function is on its way to this host. */
  being_built: { http: 503, retry: true },
  draining: { http: 503, retry: true },
  storage_unavailable: { http: 503, retry: true },
  /** The call's lock on state ended before the call gave it back: others may have had it since, so nothing more is written under it. */
  lock_lost: { http: 503, retry: true },
  /** What was read is not what was written, or is lost; the message says what to do. */
  storage_corrupt: { http: 500, retry: false },
  deadline_exceeded: { http: 504, retry: false },
} as const;

export type ErrorCode = keyof typeof errorTable;

/** What else is known of a failure; every field is optional and fit to be shown to the caller. */
export interface ErrorDetails {
  /** The part that failed, as in the actor table: `scheduler`, `state`, … */
  readonly component?: string;
  /** The nonzero value that the function returned. */
  readonly returnValue?: number;
  /** Of `guest_faulted`: the code with which the host refused what the guest asked for. */
  readonly fault?: string;
  /** The trap's kind in V8's words, as in `divide by zero`. */
  readonly trap?: string;
  /** Wasm frames, innermost first, one a line. */
  readonly backtrace?: string;
  /** The last bytes that the function wrote to its standard error. */
  readonly stderr?: string;
  /** The end of what the function had put out until then, as text; in base64 where it is none. */
  readonly output?: string;
  readonly outputBase64?: string;
  /** How much it had put out. */
  readonly outputBytes?: number;
  /** Chained calls that were pending and were not made. */
  readonly droppedChains?: number;
  /** When to try again, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The one error type of the system. The message names the thing and the way out. */
export class FaasmError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly #output: Uint8Array | undefined;
  /** Where on the host it happened, such as a path: for its log, and never told to callers. */
  readonly place: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      details?: ErrorDetails;
      cause?: unknown;
      output?: Uint8Array | undefined;
      place?: string | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FaasmError';
    this.code = code;
    this.details = options.details ?? {};
    this.#output = options.output;
    this.place = options.place;
  }

  /** All that a call had put out before it failed so; no log shows it. */
  get output(): Uint8Array | undefined {
    return this.#output;
  }

  get http(): number {
    return errorTable[this.code].http;
  }

  get retry(): boolean {
    return errorTable[this.code].retry;
  }

  /** The message and the place: for who runs the host. */
  get located(): string {
    return this.place === undefined ? this.message : `${this.message} (${this.place})`;
  }

  /**
   * Whatever was thrown, as a FaasmError: itself, or `internal` with the thrown thing as its cause. The text of a system
   * error names paths of the host: it becomes the place.
   */
  static from(thrown: unknown): FaasmError {
    if (thrown instanceof FaasmError) return thrown;
    if (thrown instanceof Error && 'syscall' in thrown && 'code' in thrown) {
      const why = `The host could not do it: ${String(thrown.code)} of ${String(thrown.syscall)}`;
      return new FaasmError('internal', why, { cause: thrown, place: thrown.message });
    }
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    return new FaasmError('internal', text, { cause: thrown });
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text);
}
