/**
 * Where shared files are kept: contents by their sha256, whoever has them, and for each user which content is at which
 * path. A content is safe before an entry names it, so that after a crash a file is the old one or the new one.
 */
import type { FilePath } from '../../proto/file-path.ts';
import type { FileDescription } from '../../proto/messages.ts';
import type { UserName } from '../../proto/names.ts';

export interface StoredFile extends FileDescription {
  readonly user: UserName;
}

export interface FileStore {
  /** Of this host's disk: executors read the contents in it, each a file by the name of its sha256. */
  readonly contentFolder: string;
  /** Of all users; one that cannot be read is reported by `onDamaged` and left out. */
  list(): Promise<StoredFile[]>;
  /** @throws FaasmError `storage_corrupt` for one that is damaged, `storage_unavailable` */
  readEntry(user: UserName, path: FilePath): Promise<StoredFile | undefined>;
  /** In place of the one at its path. Safe on the disk when it resolves. @throws FaasmError `storage_unavailable` */
  writeEntry(file: StoredFile): Promise<void>;
  removeEntry(user: UserName, path: FilePath): Promise<void>;
  /** @throws FaasmError `storage_unavailable` */
  createDraft(): Promise<ContentDraft>;
  /** Fewer bytes at the end. @throws FaasmError `not_found`, `storage_unavailable` */
  readContent(content: string, offset: number, byteLength: number): Promise<Uint8Array>;
  removeContent(content: string): Promise<void>;
  /** Removes what a crash has left: contents that nothing names, and drafts. */
  sweep(used: ReadonlySet<string>): Promise<void>;
}

/** A content on its way in. */
export interface ContentDraft {
  append(bytes: Uint8Array): Promise<void>;
  /** No more comes: safe on the disk, and not yet in its place. Its sha256, in hex. */
  finish(): Promise<string>;
  /** Puts it in its place, safe on the disk. */
  keep(): Promise<void>;
  /** Forgets it, however far it is. */
  abandon(): Promise<void>;
}
