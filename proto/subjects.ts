/**
 * Every subject of the system. The prefix is one token, `faasm` unless `FAASM_PREFIX` says otherwise.
 * `work` subjects are taken by one member of the queue group; `broadcast` subjects are heard by all.
 *
 * Each is in one of three zones: `public` is what a client may say, `control` is said between hosts, and `private`
 * stays inside one. A host's listener takes the first alone from clients, and no message of the last leaves a host or
 * comes in.
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
  /** broadcast. An executor has ended, and what it held is free; msgpack. Inside the host only. */
  executorGone(): string;
  /** work. Objects of a user's functions in an S3-compatible store; msgpack. */
  objects(op: ObjectOp | '*', user: UserName | '*'): string;
  /** One host's answers to what it has told the others, numbered: each is the name of a host that has heard it. */
  heard(host: HostId, tale: string): string;
  /** work. One host gives its instance, so that no other one takes its name. */
  hostInstance(host: HostId): string;
  /** broadcast. Shared files of a user changed; msgpack FileChanged. */
  fileChanged(user: UserName | '*'): string;
  /** broadcast. Heartbeat: capacity, load, warm functions; msgpack HostStatus. */
  hostStatus(host: HostId | '*'): string;
  /** broadcast. Notable happenings, for the console and `faasm logs`; a line of JSON each. */
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
    executorGone: () => `${prefix}.executor.gone`,
    objects: (op, user) => `${prefix}.objects.${op}.${user}`,
    heard: (host, tale) => `${prefix}.heard.${host}.${tale}`,
    hostInstance: (host) => `${prefix}.host.${host}.instance`,
    fileChanged: (user) => `${prefix}.file.changed.${user}`,
    hostStatus: (host) => `${prefix}.host.${host}.status`,
    event: (kind) => `${prefix}.event.${kind}`,
    console: (host, kind) => `${prefix}.console.${host}.${kind}`,
  };
}

export type Zone = 'public' | 'control' | 'private';

/** By the token after the prefix, and where it depends on the operation by the one after that. */
const zones: Readonly<Record<string, Zone | Readonly<Record<string, Zone>>>> = {
  invoke: 'public',
  async: 'public',
  calls: 'public',
  cancel: 'public',
  console: 'public',
  state: {
    get: 'public',
    set: 'public',
    append: 'public',
    delete: 'public',
    size: 'public',
    list: 'public',
    open: 'private',
    push: 'private',
    read: 'private',
    write: 'private',
    resize: 'private',
    lock: 'private',
    unlock: 'private',
  } satisfies Record<StateOp, Zone>,
  functions: {
    upload: 'public',
    describe: 'public',
    list: 'public',
    delete: 'public',
    fetch: 'public',
    program: 'private',
  },
  files: {
    put: 'public',
    get: 'public',
    describe: 'public',
    list: 'public',
    delete: 'public',
    index: 'private',
  },
  objects: 'private',
  call: 'control',
  function: 'control',
  file: 'control',
  host: 'control',
  heard: 'control',
  event: 'control',
  initialize: 'private',
  executor: 'private',
};

/** Patterns of all that is answered, and that others may hear. */
export function askedPatterns(prefix: string): string[] {
  const asked = ['invoke', 'async', 'calls', 'console', 'state', 'functions', 'files', 'call'];
  return [...asked.map((kind) => `${prefix}.${kind}.>`), '$SRV.>'];
}

/** Nothing for a subject that is none of the system's. An operation that there is not is answered as one that is public. */
export function zoneOf(prefix: string, subject: string): Zone | undefined {
  const [first, kind = '', op = ''] = subject.split('.', 3);
  if (first !== prefix || !Object.hasOwn(zones, kind)) return undefined;
  const zone = zones[kind]!;
  if (typeof zone === 'string') return zone;
  return Object.hasOwn(zone, op) ? zone[op]! : 'public';
}

/** Whether a message on a subject of the system may match what a client wants to hear. @param pattern a valid one */
export function mayHearSystem(prefix: string, pattern: string): boolean {
  const [first, kind] = pattern.split('.', 2);
  if (first === '>') return true;
  if (first !== '*' && first !== prefix) return false;
  return kind === '*' || kind === '>' || (kind !== undefined && Object.hasOwn(zones, kind));
}

/** The tokens of a subject after the prefix and the given number of fixed tokens. */
export function tokensAfter(subject: string, fixedTokens: number): string[] {
  return subject.split('.').slice(1 + fixedTokens);
}
