/**
 * Every subject of the system. The prefix is one token, `faasm` unless `FAASM_PREFIX` says otherwise.
 * `work` subjects are taken by one member of the queue group; `broadcast` subjects are heard by all.
 */
import type { FileToken } from './file-path.ts';
import type { CallId, FunctionName, HostId, StateKey, UserName } from './names.ts';

export const stateOps = [
  'get',
  'set',
  'append',
  'delete',
  'size',
  'list',
  'open',
  'push',
  'read',
  'write',
  'resize',
  'lock',
  'unlock',
] as const;
export type StateOp = (typeof stateOps)[number];

export type ObjectOp = 'list' | 'get' | 'put';

export const consoleKinds = ['page', 'data', 'metrics'] as const;
export type ConsoleKind = (typeof consoleKinds)[number];

export interface Subjects {
  readonly prefix: string;
  /** work. Raw input in, raw output out, metadata in headers. */
  invoke(user: UserName | '*', fn: FunctionName | '*'): string;
  /** work. A placed call for one host: protobuf Call, answered with protobuf CallResult. */
  call(host: HostId): string;
  /** work. A program for one host to initialise; answered with what its initialisation left. Inside the host only. */
  initialize(host: HostId): string;
  /** broadcast. The caller no longer wants this call. */
  cancel(user: UserName | '*', id: CallId | '*'): string;
  /** work. A call that is kept until it has run; answered with its id. */
  async(user: UserName | '*', fn: FunctionName | '*'): string;
  /** work. What is known of an asynchronous call: `status`, `output`, `cancel`; msgpack. */
  calls(op: 'status' | 'output' | 'cancel' | '*', user: UserName | '*', id: CallId | '*'): string;
  /** work. Raw bytes for get, set and append; msgpack otherwise. */
  state(op: StateOp | '*', user: UserName | '*', key: StateKey | '*'): string;
  /**
   * work. msgpack, the module itself as raw bytes.
   * `program` gives the module ready to run; a host asks itself alone for it.
   */
  functions(
    op: 'upload' | 'describe' | 'list' | 'delete' | 'fetch' | 'program' | '*',
    user: UserName | '*',
    fn: FunctionName | '*',
  ): string;
  /** broadcast. A version went live, or was deleted; msgpack FunctionChanged. */
  functionChanged(user: UserName | '*', fn: FunctionName | '*'): string;
  /**
   * work. Raw bytes for put and get, msgpack otherwise; a list is of the whole user, and its path is any.
   * `index` gives all files of a user as JSON; a host asks itself alone for it.
   */
  files(
    op: 'put' | 'get' | 'describe' | 'list' | 'delete' | 'index' | '*',
    user: UserName | '*',
    path: FileToken | '*',
  ): string;
  /** work. Objects of a user's functions in an S3-compatible store; msgpack. */
  objects(op: ObjectOp | '*', user: UserName | '*'): string;
  /** broadcast. Shared files of a user changed; msgpack FileChanged. */
  fileChanged(user: UserName | '*'): string;
  /** broadcast. Heartbeat: capacity, load, warm functions; msgpack HostStatus. */
  hostStatus(host: HostId | '*'): string;
  /** broadcast. One per notable happening, for the console and `faasm logs`; msgpack. */
  event(kind: string): string;
  /** work. One host's web page, the JSON behind it, its metrics; the answer's media type is its `Content-Type` header. */
  console(host: HostId, kind: ConsoleKind | '*'): string;
}

/** The name of the queue group that all members of a kind of actor share. */
export const queueGroup = (actor: string): string => `faasm-${actor}`;

export function createSubjects(prefix = 'faasm'): Subjects {
  return {
    prefix,
    invoke: (user, fn) => `${prefix}.invoke.${user}.${fn}`,
    call: (host) => `${prefix}.call.${host}`,
    initialize: (host) => `${prefix}.initialize.${host}`,
    cancel: (user, id) => `${prefix}.cancel.${user}.${id}`,
    async: (user, fn) => `${prefix}.async.${user}.${fn}`,
    calls: (op, user, id) => `${prefix}.calls.${op}.${user}.${id}`,
    state: (op, user, key) => `${prefix}.state.${op}.${user}.${key}`,
    functions: (op, user, fn) => `${prefix}.functions.${op}.${user}.${fn}`,
    functionChanged: (user, fn) => `${prefix}.function.changed.${user}.${fn}`,
    files: (op, user, path) => `${prefix}.files.${op}.${user}.${path}`,
    objects: (op, user) => `${prefix}.objects.${op}.${user}`,
    fileChanged: (user) => `${prefix}.file.changed.${user}`,
    hostStatus: (host) => `${prefix}.host.${host}.status`,
    event: (kind) => `${prefix}.event.${kind}`,
    console: (host, kind) => `${prefix}.console.${host}.${kind}`,
  };
}

/** The tokens of a subject after the prefix and the given number of fixed tokens. */
export function tokensAfter(subject: string, fixedTokens: number): string[] {
  return subject.split('.').slice(1 + fixedTokens);
}
