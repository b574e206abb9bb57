/** Header names on the bus. An invoke message's body is the raw input; all else that a client says of the call is here. */
export const headers = {
  callId: 'Faasm-Call-Id',
  /** Unix milliseconds, or nothing for the default. */
  deadline: 'Faasm-Deadline',
  /** As in `500ms`, `2s`; counted from the arrival. */
  timeout: 'Faasm-Timeout',
  traceparent: 'traceparent',
  /** Where the input is, and where the output goes, if not in the body: `redis:key`, `s3://bucket/key`. */
  input: 'Faasm-Input',
  output: 'Faasm-Output',
  returnValue: 'Faasm-Return-Value',
  /** RequestHead as JSON, for a CGI program. */
  request: 'Faasm-Request',
  /** Of the response of a CGI program: its HTTP status, and each header as `Name: value`. */
  responseStatus: 'Faasm-Status',
  responseHeader: 'Faasm-Header',
  /** The error code of errors.ts, beside the two of the NATS services convention. */
  errorCode: 'Faasm-Error',
  /** ErrorDetails as JSON. */
  errorDetails: 'Faasm-Error-Details',
  /** Between hosts: the body is too large for the server, and is fetched in parts; see src/bus/parts.ts. */
  parts: 'Faasm-Parts',
  /** Between hosts that have a key: see src/bus/signed.ts. */
  signature: 'Faasm-Signature',
  serviceError: 'Nats-Service-Error',
  serviceErrorCode: 'Nats-Service-Error-Code',
} as const;

/** What a program is started with: of `functions.upload`, and the first two and the last of a call. */
export const settingsHeaders = {
  /** One argument; as often as there are arguments, in their order. */
  arg: 'Faasm-Arg',
  /** One environment variable, `NAME=value`; as often as there are variables. */
  env: 'Faasm-Env',
  /** The working directory. */
  cwd: 'Faasm-Cwd',
  /** In place of a module: the function of the same user whose module and settings it has, beside its own. */
  runtime: 'Faasm-Runtime',
  /** FunctionSettings as JSON; what the others say is added to it. */
  settings: 'Faasm-Settings',
} as const;

/** Of what has versions: state, functions and shared files; and of what is read in parts, as outputs of calls too. */
export const resourceHeaders = {
  /** The version that an answer is about. */
  version: 'Faasm-Version',
  /** The version that a change must find, or `*` for any. */
  ifMatch: 'Faasm-If-Match',
  /** `*`: write only where nothing is yet. */
  ifNoneMatch: 'Faasm-If-None-Match',
  /** In bytes: where a read or write begins. A write beyond the end extends the value with zeros. */
  offset: 'Faasm-Offset',
  /** In bytes: how much a read wants. */
  length: 'Faasm-Length',
  /** In bytes: the size of the whole, in an answer. */
  size: 'Faasm-Size',
  /** What is large arrives as several messages with one upload id; nothing is seen before the committing one. */
  uploadId: 'Faasm-Upload-Id',
  /** On the last message of an upload: the total size in bytes. */
  uploadCommit: 'Faasm-Upload-Commit',
} as const;
