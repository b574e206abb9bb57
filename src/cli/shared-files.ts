/** Shared files on the command line: how they are named, and what is in a folder of the disk. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { type FilePath, toFilePath } from '../../proto/file-path.ts';
import type { FileDescription } from '../../proto/messages.ts';
import { quote, toUserName, type UserName } from '../../proto/names.ts';
import { UsageError } from './command.ts';
import type { HostClient } from './host-client.ts';
import { asUsage } from './operands.ts';

export interface FileOperand {
  readonly user: UserName;
  /** Nothing for all files of the user. */
  readonly path: FilePath | undefined;
  /** Whether the operand has a slash at its end, or no path. */
  readonly isFolder: boolean;
}

/** `user`, `user/path` or `user/folder/`. @throws UsageError */
export function toFileOperand(text: string): FileOperand {
  const slash = text.indexOf('/');
  const user = asUsage(() => toUserName(slash < 0 ? text : text.slice(0, slash)));
  const rest = slash < 0 ? '' : text.slice(slash + 1).replace(/\/$/, '');
  if (rest === '') return { user, path: undefined, isFolder: true };
  return { user, path: asUsage(() => toFilePath(rest)), isFolder: text.endsWith('/') };
}

/** @throws UsageError for a folder */
export function toFile(text: string): { readonly user: UserName; readonly path: FilePath } {
  const { user, path, isFolder } = toFileOperand(text);
  if (path !== undefined && !isFolder) return { user, path };
  throw new UsageError(`A file is named with its user and path, as in demo/lib/data.txt, not ${quote(text)}`);
}

export function toFileRoute(user: UserName, path: FilePath | undefined, isFolder = false): string {
  const names = path === undefined ? [] : path.split('/').map(encodeURIComponent);
  return ['/file', user, ...names].join('/') + (isFolder ? '/' : '');
}

export async function listSharedFiles(
  client: HostClient,
  { user, path }: FileOperand,
): Promise<readonly FileDescription[]> {
  const route = toFileRoute(user, path, true);
  return (await client.json({ method: 'GET', path: route })) as readonly FileDescription[];
}

/**
 * The files in a folder of the disk, in all its folders: each path from there on, with slashes. Links are followed to
 * files and not to folders.
 * @throws FaasmError `bad_request` for what is no file
 */
export async function listDiskFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      for (const inside of await listDiskFiles(path)) found.push(`${entry.name}/${inside}`);
    } else if (entry.isFile() || (await stat(path)).isFile()) found.push(entry.name);
    else throw new FaasmError('bad_request', `Cannot put ${quote(path)}: it is no file`);
  }
  return found.sort();
}
