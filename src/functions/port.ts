/**
 * Where functions are kept: modules by their sha256, for each function which versions it has, and for each version the
 * Proto-Faaslet that was taken of it.
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

export interface FunctionStore {
  /** Of all functions; one that cannot be read is reported by `onDamaged` and left out. */
  list(): Promise<FunctionDescription[]>;
  /**
   * @param module its sha256, in hex
   * @throws FaasmError `not_found`; `storage_unavailable`, also when the bytes are not those of the module
   */
  readModule(module: string): Promise<Uint8Array>;
  /** Safe on the disk when it resolves. @throws FaasmError `storage_unavailable` */
  writeModule(module: string, bytes: Uint8Array): Promise<void>;
  /** No version has it any more. */
  removeModule(module: string): Promise<void>;
  /** Replaces the description as a whole: after a crash it is the old one or the new one. */
  writeDescription(description: FunctionDescription): Promise<void>;
  removeDescription(user: UserName, name: FunctionName): Promise<void>;
  /** The bytes as they are there, damaged or not; nothing when there are none. @throws FaasmError `storage_unavailable` */
  readProto(proto: ProtoName): Promise<Uint8Array | undefined>;
  /**
   * In place of those of the version with other fingerprints. Safe on the disk when it resolves.
   * @throws FaasmError `storage_unavailable`
   */
  writeProto(proto: ProtoName, bytes: Uint8Array): Promise<void>;
  /** Removes the Proto-Faaslets of all other versions of the function. */
  keepProtos(user: UserName, name: FunctionName, versions: readonly string[]): Promise<void>;
}
