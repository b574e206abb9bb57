/** What actors say to each other, where raw bytes do not say it all. On the wire each is msgpack. */
import type { CallError } from './call.ts';
import type { FilePath } from './file-path.ts';
import type { FunctionSettings } from './function-settings.ts';
import type { CallId, FunctionName, HostId, StateKey, UserName } from './names.ts';

export interface FunctionVersion {
  /** In hex: the sha256 of the uploaded module, or of it and its settings where it has any. */
  readonly version: string;
  /** sha256 of the uploaded module, in hex. */
  readonly module: string;
  readonly settings: FunctionSettings;
  readonly sizeBytes: number;
  readonly uploadedAtMs: number;
}

/** Answers `functions.upload`, `functions.describe`, and in a list `functions.list`. */
export interface FunctionDescription {
  readonly user: UserName;
  readonly name: FunctionName;
  /** The version that calls run. */
  readonly live: string;
  /** Newest first. */
  readonly versions: readonly FunctionVersion[];
}

/** Sent on `function.changed` once this host can run the version, or after a delete (no version). */
export interface FunctionChanged {
  readonly user: UserName;
  readonly name: FunctionName;
  readonly version: string | null;
}

export const callStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead'] as const;
export type CallState = (typeof callStates)[number];

/** Answers `async`, `calls.status` and `calls.cancel`. */
export interface CallStatus {
  readonly id: CallId;
  readonly user: UserName;
  readonly function: FunctionName;
  /** `dead` is a call that was retried as often as allowed. */
  readonly state: CallState;
  readonly attempts: number;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly returnValue: number | null;
  readonly error: CallError | null;
}

/** Answers `state.size`, and in a list `state.list`. */
export interface StateDescription {
  readonly key: StateKey;
  readonly sizeBytes: number;
  /** Changes with every change of the value; what `If-Match` compares. */
  readonly version: number;
}

/** Answers `files.put` and `files.describe`, and in a list `files.list`. */
export interface FileDescription {
  readonly path: FilePath;
  readonly sizeBytes: number;
  /** sha256 of its content, in hex; what `If-Match` compares. */
  readonly version: string;
  readonly modifiedAtMs: number;
}

/** Sent on `file.changed` once functions on the host that says so see the file, or after a delete. */
export interface FileChanged {
  readonly host: HostId;
  readonly user: UserName;
  /** Nothing: any of them, as when a host starts. */
  readonly path: FilePath | null;
}

/** Sent on `host.<host>.status` once a second and when it changes much. */
export interface HostStatus {
  readonly host: HostId;
  readonly executors: number;
  /** Calls running or suspended. */
  /** Running and idle ones, and the real memory that they hold. */
  readonly faaslets: number;
  readonly faasletBytes: number;
  readonly activeCalls: number;
  readonly queuedCalls: number;
  /** The most calls it takes at once. */
  readonly capacity: number;
  /** `user/name` of functions that have a warm Faaslet. */
  readonly warm: readonly string[];
  readonly draining: boolean;
}

/** Sent on `event.state`, at most once a second: what a host has not saved yet. */
export interface StateStatus {
  readonly host: HostId;
  /** Values with changes that the global tier does not have. */
  readonly unpushedValues: number;
  /** Of these, where a push has failed since the last one that succeeded. */
  readonly failingValues: number;
}

/** A list of these is sent on `event.calls`: the calls that ended on a host of late. */
export interface CallEvent {
  readonly id: CallId;
  readonly parentId: CallId | null;
  readonly user: UserName;
  readonly function: FunctionName;
  readonly host: HostId;
  readonly endedAtMs: number;
  /** From its arrival at the host to its end. */
  readonly durationMs: number;
  readonly outputBytes: number;
  readonly returnValue: number;
  readonly error: CallError | null;
  readonly stderr: string | null;
}
