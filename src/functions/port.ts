/**
 * Where functions are kept: modules by their sha256, for each function which versions it has, and for each version the
 * Proto-Faaslet that was taken of it. Several hosts may have one such place.
 */
import type { FunctionDescription } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';

/**
 * Which Proto-Faaslet. It belongs to one function, even where another has the same module: what initialisation leaves
 * may depend on the user's state and on the function's name.
 */
export interface ProtoName {
  readonly user: UserName;
  readonly name: FunctionName;
  /** Of FunctionVersion. */
  readonly version: string;
  /** Of PreparedModule. */
  readonly fingerprint: string;
}

/** A function as the store has it; the tag changes with each change of it. */
export interface KeptFunction {
  readonly description: FunctionDescription;
  readonly tag: string;
}

export interface ListedFunction {
  readonly user: UserName;
  readonly name: FunctionName;
  readonly tag: string;
}

export interface ListedModule {
  /** Its sha256, in hex. */
  readonly module: string;
  /** Unix milliseconds. */
  readonly modifiedMs: number;
}

/** Every method may throw FaasmError `storage_unavailable`. */
export interface FunctionStore {
  /** For people, as in `s3://bucket/prefix`. */
  readonly place: string;
  list(): Promise<ListedFunction[]>;
  /** Nothing where it is not there. @throws FaasmError `storage_unavailable` also when it is damaged */
  read(user: UserName, name: FunctionName): Promise<KeptFunction | undefined>;
  /**
   * Replaces the description as a whole: after a crash it is the old one or the new one.
   * @param expected the tag of what it is made from; null: there was none; undefined: whatever there is
   * @returns its tag @throws FaasmError `precondition_failed` when another host has changed it meanwhile
   */
  write(description: FunctionDescription, expected: string | null | undefined): Promise<string>;
  remove(user: UserName, name: FunctionName): Promise<void>;
  listModules(): Promise<ListedModule[]>;
  /**
   * @param module its sha256, in hex
   * @throws FaasmError `not_found`; `storage_unavailable`, also when the bytes are not those of the module
   */
  readModule(module: string): Promise<Uint8Array>;
  /** Kept when it resolves. */
  writeModule(module: string, bytes: Uint8Array): Promise<void>;
  /** No version has it any more. */
  removeModule(module: string): Promise<void>;
  /** The bytes as they are there, damaged or not; nothing when there are none. */
  readProto(proto: ProtoName): Promise<Uint8Array | undefined>;
  /** In place of those of the version with other fingerprints. Kept when it resolves. */
  writeProto(proto: ProtoName, bytes: Uint8Array): Promise<void>;
  /** Removes the Proto-Faaslets of all other versions of the function. */
  keepProtos(user: UserName, name: FunctionName, versions: readonly string[]): Promise<void>;
  close(): Promise<void>;
}
