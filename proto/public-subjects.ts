/**
 * What clients say and hear: anybody on the bus may speak here. Every subject has the user as a token, so that what one
 * user may do is a line for each operation, and hosts believe nothing here but what a client may decide for itself.
 *
 * Events are the other way round: hosts say them, and clients hear.
 *
 * The prefix is one token, `faasm` unless `FAASM_PREFIX` says otherwise.
 */
import type { FileToken } from './file-path.ts';
import type { CallId, FunctionName, StateKey, UserName } from './names.ts';

export const callOps = ['status', 'output', 'cancel'] as const;
export type CallOp = (typeof callOps)[number];

export const stateOps = ['get', 'set', 'append', 'delete', 'size', 'list'] as const;
export type StateOp = (typeof stateOps)[number];

export const functionOps = ['upload', 'describe', 'list', 'delete', 'fetch'] as const;
export type FunctionOp = (typeof functionOps)[number];

export const fileOps = ['put', 'get', 'describe', 'list', 'delete'] as const;
export type FileOp = (typeof fileOps)[number];

export interface PublicSubjects {
  /** work. Raw input in, raw output out, metadata in headers. */
  invoke(user: UserName | '*', fn: FunctionName | '*'): string;
  /** work. A call that is kept until it has run; answered with its id. */
  async(user: UserName | '*', fn: FunctionName | '*'): string;
  /** work. What is known of an asynchronous call; msgpack. */
  calls(op: CallOp | '*', user: UserName | '*', id: CallId | '*'): string;
  /** broadcast. The caller no longer wants this call, wherever it runs. Who knows the id may say so: nobody guesses one. */
  cancel(user: UserName | '*', id: CallId | '*'): string;
  /** work. Raw bytes for get, set and append; msgpack otherwise. A list is of the whole user, and its key is any. */
  state(op: StateOp | '*', user: UserName | '*', key: StateKey | '*'): string;
  /** work. msgpack, the module itself as raw bytes. A list is of the whole user, and its function is any. */
  functions(op: FunctionOp | '*', user: UserName | '*', fn: FunctionName | '*'): string;
  /** work. Raw bytes for put and get, msgpack otherwise. A list is of the whole user, and its path is any. */
  files(op: FileOp | '*', user: UserName | '*', path: FileToken | '*'): string;
  /** broadcast, said by hosts alone. Calls of the user that ended, for the console and `faasm logs`; a line of JSON each. */
  callEvents(user: UserName | '*'): string;
  /** Whether a subject is of an event. */
  isEvent(subject: string): boolean;
}

export function createPublicSubjects(prefix = 'faasm'): PublicSubjects {
  const events = `${prefix}.event.`;
  return {
    invoke: (user, fn) => `${prefix}.invoke.${user}.${fn}`,
    async: (user, fn) => `${prefix}.async.${user}.${fn}`,
    calls: (op, user, id) => `${prefix}.calls.${op}.${user}.${id}`,
    cancel: (user, id) => `${prefix}.cancel.${user}.${id}`,
    state: (op, user, key) => `${prefix}.state.${op}.${user}.${key}`,
    functions: (op, user, fn) => `${prefix}.functions.${op}.${user}.${fn}`,
    files: (op, user, path) => `${prefix}.files.${op}.${user}.${path}`,
    callEvents: (user) => `${events}calls.${user}`,
    isEvent: (subject) => subject.startsWith(events),
  };
}
