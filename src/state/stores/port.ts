/**
 * The global tier: values under (user, key), shared by all hosts, kept for good.
 *
 * A value is cut into chunks, so that a change costs what it touches. Bytes between chunks that were never written
 * are zeros. Every change gives the value a version greater than any version before it, in this or any other value:
 * a value that was deleted and written again never has an old version.
 *
 * Operations on one key take effect in the order in which they were called. A promise of a change resolves when the
 * change is durable. Bytes that are handed in are copied before the call returns.
 */
import type { StateKey, UserName } from '../../../proto/names.ts';
import type { LockMode } from '../core/locks.ts';

/** 64 KiB: what one dirty bit stands for, and the least that a push writes. */
export const chunkBytes = 64 * 1024;

export interface StoredValue {
  readonly sizeBytes: number;
  readonly version: number;
}

export interface StoredBytes extends StoredValue {
  /** The range that was asked for, cut off at the end of the value. */
  readonly bytes: Uint8Array;
}

export interface StoredKey extends StoredValue {
  readonly key: StateKey;
}

/** What a change must find; nothing: whatever there is. */
export interface WriteCondition {
  /** This version; `any`: a value, of any version. */
  readonly expectVersion?: number | 'any';
  /** No value. */
  readonly ifAbsent?: boolean;
  /** The lock on the value that the change is made under, held still. @throws FaasmError `lock_lost` */
  readonly fence?: number;
}

export interface Piece {
  /** In bytes from the start of the value. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Pieces do not overlap, and end within the size. */
export interface ValueChange {
  readonly pieces: readonly Piece[];
  /** The size afterwards: what is beyond is cut off, what is new is zeros. Nothing: at least what it was. */
  readonly sizeBytes?: number;
  /** At least this size afterwards. */
  readonly minSizeBytes?: number;
}

/** What a write made, and what it was made of. */
export interface ChangedValue extends StoredValue {
  /** The version before; nothing where there was no value. */
  readonly previousVersion: number | undefined;
}

/** In bytes from the start of the value. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface ValueChanges extends StoredValue {
  /** What may differ from the version that was asked about; they may overlap. */
  readonly ranges: readonly ByteRange[];
}

export interface StateWatcher {
  /** A value by its name. */
  changed(name: string): void;
  /** There may have been changes of any values that nothing was said about. */
  missed(): void;
}

export interface LockTaken {
  /** Grows with every grant of any host; renewing keeps it. */
  readonly fence: number;
  /** Unix milliseconds. */
  readonly leaseEndsAtMs: number;
}

export interface LockStore {
  /** Takes it, or renews the lease of an owner that has it. Nothing: others have it. @throws FaasmError `storage_unavailable` */
  take(name: string, owner: string, mode: LockMode, leaseMs: number): Promise<LockTaken | undefined>;
  /**
   * @param fence of the grant that is given back; nothing: whatever the owner has
   * @returns whether it was held until now
   * @throws FaasmError `storage_unavailable`
   */
  release(name: string, owner: string, fence?: number): Promise<boolean>;
}

/** Every method may throw FaasmError `storage_unavailable`. */
export interface StateStore {
  /** This host is the only writer, so what it holds in its local tier is always the newest. */
  readonly exclusive: boolean;
  /** A value is written once: changes of one that is there are refused. */
  readonly immutable: boolean;
  /** Where hosts lock values; nothing where there is one host. */
  readonly locks: LockStore | undefined;
  /** @param length in bytes; nothing: to the end */
  get(user: UserName, key: StateKey, offset?: number, length?: number): Promise<StoredBytes | undefined>;
  describe(user: UserName, key: StateKey): Promise<StoredValue | undefined>;
  /** Makes the value where there is none. @throws FaasmError `precondition_failed` */
  write(
    user: UserName,
    key: StateKey,
    change: ValueChange,
    condition?: WriteCondition,
  ): Promise<ChangedValue>;
  /** Writes at the end, in one step. @throws FaasmError `precondition_failed` */
  append(user: UserName, key: StateKey, bytes: Uint8Array, condition?: WriteCondition): Promise<ChangedValue>;
  /** What was changed since a version; all of it where that is not known any more. Nothing: there is no value. */
  changesSince(user: UserName, key: StateKey, version: number): Promise<ValueChanges | undefined>;
  /** False when there was nothing. @throws FaasmError `precondition_failed` */
  delete(user: UserName, key: StateKey, condition?: WriteCondition): Promise<boolean>;
  /** In the order of the token form, those after `after`. */
  list(user: UserName, after: StateKey | undefined, limit: number): Promise<readonly StoredKey[]>;
  /** The sizes of all of the user's values together, in bytes. */
  usage(user: UserName): Promise<number>;
  /** Keeps a part of an upload, seen by nobody. Uploads that were not committed are gone after a restart. */
  stage(user: UserName, upload: string, piece: Piece): Promise<void>;
  /**
   * The staged parts become the value, in one step.
   * @throws FaasmError `not_found` for an unknown upload, `precondition_failed`
   */
  commit(
    user: UserName,
    key: StateKey,
    upload: string,
    sizeBytes: number,
    condition?: WriteCondition,
  ): Promise<ChangedValue>;
  discard(user: UserName, upload: string): Promise<void>;
  /** Gives back to this host's disk what is not used; nothing where values are elsewhere. */
  shrink?(): Promise<void>;
  /** Names of values, for people, that were found damaged when the store was opened. */
  damagedValues?(): Promise<readonly string[]>;
  /** Tells of changes that other hosts make, soon after them. */
  watch(watcher: StateWatcher): Promise<void>;
  close(): Promise<void>;
}
