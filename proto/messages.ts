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
  /** Grows with each change: the time of it in Unix milliseconds, and more than that of the change before. */
  readonly revision: number;
}

/**
 * Sent on `host.<host>.function.<user>.<function>` once that host can run the version, or after a delete (no version).
 * Who hears it answers with the name of its host, when all actors of that host know.
 */
export interface FunctionChanged {
  readonly user: UserName;
  readonly name: FunctionName;
  readonly version: string | null;
  /** Of FunctionDescription; a change with a lower one than is known comes late. */
  readonly revision: number;
  /** Where the function is kept, as in HostStores. */
  readonly store: string;
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
  /** W3C trace context, as it came. */
  readonly traceparent: string | null;
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

/** Sent on `host.<host>.file.<user>` once functions on that host see the file, or after a delete. */
export interface FileChanged {
  readonly path: FilePath;
}

/** What hosts of one cluster have to agree on, each as a short hash of where it is: of functions, and of state. */
export interface HostStores {
  readonly functions: string;
  readonly state: string;
}

/**
 * Sent on `host.<host>.status` once a second, and at once when the phase changes.
 * `draining`: it takes nothing new. `gone`: the last that it says; what it has not answered by then it never will.
 */
export interface HostStatus {
  readonly host: HostId;
  /** Random, one for each run of a host: of two hosts with one name each has its own. */
  readonly instance: string;
  readonly phase: 'serving' | 'draining' | 'gone';
  readonly stores: HostStores;
  readonly executors: number;
  /** Running and idle ones, and the real memory that they hold. */
  readonly faaslets: number;
  readonly faasletBytes: number;
  /** Calls running or suspended. */
  readonly activeCalls: number;
  readonly queuedCalls: number;
  /** The most calls it takes at once. */
  readonly capacity: number;
  /** Cores that its calls share. */
  readonly cores: number;
  /** What its calls still have to compute, as their programs did before, in microseconds of one core. */
  readonly backlogUs: number;
  /** Programs that have a warm Faaslet. */
  readonly warmPrograms: number;
  readonly warm: WarmChange;
}

/** How the programs with a warm Faaslet, as `user/name@version`, have changed since the status before. */
export interface WarmChange {
  /** `added` is all of them: now and then, for those who missed a change. */
  readonly whole: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Told inside a host, at most once a second: what it has not saved yet. */
export interface StateStatus {
  /** Values with changes that the global tier does not have. */
  readonly unpushedValues: number;
  /** Of these, where a push has failed since the last one that succeeded. */
  readonly failingValues: number;
}

/** A list of these is sent on `event.calls.<user>`: the calls of the user that ended on a host of late. */
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
  /** W3C trace context, as it came; that of the root for chained calls. */
  readonly traceparent: string | null;
}
