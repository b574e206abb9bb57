import { LRUCache } from 'lru-cache';
import type { FileDescription } from '../../proto/messages.ts';
import type { UserName } from '../../proto/names.ts';
import type { FilesContext } from './context.ts';
import { type FileIndex, listFiles } from './decide.ts';
import { type FileListRequest, fileListMax } from './messages.ts';

const listsMaxBytes = 64 * 1024 * 1024;

export function createLists(): FilesContext['lists'] {
  return new LRUCache({ maxSize: listsMaxBytes, sizeCalculation: (bytes) => bytes.length + 1 });
}

/** A page of a user's files. */
export function pageOf(
  index: FileIndex,
  user: UserName,
  { folder, after }: FileListRequest,
): FileDescription[] {
  const all = listFiles(index, user, folder);
  const rest = after === undefined ? all : all.filter(({ path }) => path > after);
  return rest.slice(0, fileListMax);
}

/** All files of a user, as executors get them. */
export function listOf({ index, lists }: FilesContext, user: UserName): Uint8Array {
  const kept = lists.get(user);
  if (kept !== undefined) return kept;
  const rows = listFiles(index, user).map((file) => [
    file.path,
    file.version,
    file.sizeBytes,
    file.modifiedAtMs,
  ]);
  const bytes = new TextEncoder().encode(JSON.stringify(rows));
  lists.set(user, bytes);
  return bytes;
}
