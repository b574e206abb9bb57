import type { BodyLimit } from './body.ts';

export interface HttpConfig {
  /** The address that the ports listen on. */
  readonly listen: string;
  /** Names that requests may be for beside local ones: `*.example.org` is all below it, `*` any. */
  readonly hosts: readonly string[];
  /** The port to invoke at, then the port to upload at; 0 is any free one. Each serves every route. */
  readonly ports: readonly number[];
  /** The largest input of a call. */
  readonly inputMaxBytes: number;
  /** The largest module of an upload. */
  readonly moduleMaxBytes: number;
  /** The largest state value. */
  readonly stateMaxBytes: number;
  /** The largest shared file. */
  readonly fileMaxBytes: number;
  /** The longest that a call may take. */
  readonly callTimeoutMs: number;
  /** How long state, functions and the calls actor may take to answer. */
  readonly answerTimeoutMs: number;
  /** How long an upload may take to be compiled and initialised. */
  readonly uploadTimeoutMs: number;
  /** How long the head of a request may take to arrive. */
  readonly headersTimeoutMs: number;
  /** How long a whole request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How long a client may take none of an answer that is streamed to it. */
  readonly stallTimeoutMs: number;
  /** How long a connection is kept for a next request; more than the 60 s after which load balancers drop theirs. */
  readonly keepAliveTimeoutMs: number;
  /** The largest head of a request, in bytes. */
  readonly headersMaxBytes: number;
  /** Connections at once, to each port; further ones are closed. */
  readonly connectionsMax: number;
}

/** How large a body may be, by what it is. */
export const inputLimit = ({ inputMaxBytes }: HttpConfig): BodyLimit => ({
  maxBytes: inputMaxBytes,
  setting: 'FAASM_INPUT_MAX_BYTES',
});
export const moduleLimit = ({ moduleMaxBytes }: HttpConfig): BodyLimit => ({
  maxBytes: moduleMaxBytes,
  setting: 'FAASM_MODULE_MAX_BYTES',
});
export const stateLimit = ({ stateMaxBytes }: HttpConfig): BodyLimit => ({
  maxBytes: stateMaxBytes,
  setting: 'FAASM_STATE_MAX_BYTES',
});
export const fileLimit = ({ fileMaxBytes }: HttpConfig): BodyLimit => ({
  maxBytes: fileMaxBytes,
  setting: 'FAASM_SHARED_FILE_MAX_BYTES',
});
