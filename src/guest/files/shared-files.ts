/** The shared files of users, as Faaslets see them: the tree is looked up when a call begins, and stays for that call. */
import type { UserName } from '../../../proto/names.ts';
import type { FileTree } from '../wasi/file-tree.ts';

export interface UserFiles {
  /** The same object until a file changes. Costs a fraction of a microsecond then. @throws FaasmError `storage_unavailable` */
  now(): FileTree;
}

export interface SharedFiles {
  of(user: UserName): UserFiles;
}

/** Files that never change, the same for all. */
export function createFixedFiles(tree: FileTree): SharedFiles {
  const files: UserFiles = { now: () => tree };
  return { of: () => files };
}
