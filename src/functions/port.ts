/** Where functions are kept: modules by their sha256, and for each function which versions it has. */
import type { FunctionDescription } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';

export interface FunctionStore {
  /** Of all functions; one that cannot be read is reported by `onDamaged` and left out. */
  list(): Promise<FunctionDescription[]>;
  /** @throws FaasmError `not_found`; `storage_unavailable`, also when the bytes are not those of the version */
  readModule(version: string): Promise<Uint8Array>;
  /** Safe on the disk when it resolves. @throws FaasmError `storage_unavailable` */
  writeModule(version: string, bytes: Uint8Array): Promise<void>;
  /** Nobody's version any more. */
  removeModule(version: string): Promise<void>;
  /** Replaces the description as a whole: after a crash it is the old one or the new one. */
  writeDescription(description: FunctionDescription): Promise<void>;
  removeDescription(user: UserName, name: FunctionName): Promise<void>;
}
