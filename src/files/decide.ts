/**
 * Which shared files there are, and whether one may be written or deleted. Pure; the index is changed in place.
 *
 * Folders are there because files are in them: a path cannot be both, and an empty folder is none.
 */

import { FaasmError } from '../../proto/errors.ts';
import { type FilePath, foldersOf } from '../../proto/file-path.ts';
import type { FileDescription } from '../../proto/messages.ts';
import { quote, type UserName } from '../../proto/names.ts';
import { type Condition, unmetCondition } from '../bus/resource-headers.ts';

export interface FileLimits {
  /** Of one file. */
  readonly fileMaxBytes: number;
  /** All files of a user together. */
  readonly userMaxBytes: number;
  readonly filesPerUserMax: number;
}

interface UserFiles {
  readonly files: Map<FilePath, FileDescription>;
  /** How many files are below each folder. */
  readonly folders: Map<string, number>;
  sizeBytes: number;
}

export interface FileIndex {
  readonly users: Map<UserName, UserFiles>;
  /** In how many places each content is, or will be in a moment. */
  readonly contents: Map<string, number>;
}

export function createFileIndex(): FileIndex {
  return { users: new Map(), contents: new Map() };
}

export function fileAt(index: FileIndex, user: UserName, path: FilePath): FileDescription | undefined {
  return index.users.get(user)?.files.get(path);
}

/** Why a file of this size may not be put there. */
export function refusePut(
  index: FileIndex,
  user: UserName,
  path: FilePath,
  sizeBytes: number,
  condition: Condition,
  limits: FileLimits,
): FaasmError | undefined {
  const mine = index.users.get(user);
  const before = mine?.files.get(path);
  const unmet = refuseCondition(user, path, before, condition);
  if (unmet !== undefined) return unmet;
  if ((mine?.folders.get(path) ?? 0) > 0) return refused('conflict', user, path, 'it is a folder');
  const file = foldersOf(path).find((folder) => mine?.files.has(folder as FilePath));
  if (file !== undefined) return refused('conflict', user, path, `${quote(file)} is a file`);
  const { fileMaxBytes, userMaxBytes, filesPerUserMax } = limits;
  if (sizeBytes > fileMaxBytes) {
    const why = `it has more than ${fileMaxBytes} bytes; raise FAASM_SHARED_FILE_MAX_BYTES`;
    return refused('too_large', user, path, why);
  }
  const others = (mine?.sizeBytes ?? 0) - (before?.sizeBytes ?? 0);
  if (others + sizeBytes > userMaxBytes) {
    const why = `the others have ${others} of ${userMaxBytes} bytes; delete some, or raise FAASM_SHARED_FILES_PER_USER_MAX_BYTES`;
    return refused('too_large', user, path, why);
  }
  const count = mine?.files.size ?? 0;
  if (before === undefined && count >= filesPerUserMax) {
    const why = `there are ${count} files; delete some, or raise FAASM_SHARED_FILES_PER_USER_MAX`;
    return refused('too_many_requests', user, path, why);
  }
  return undefined;
}

export interface FilePart {
  readonly path: FilePath;
  /** Where it begins; nothing: where the one before ended. */
  readonly offset: number | undefined;
  /** Of all that has come, with this part. */
  readonly sizeBytes: number;
  /** On the last part: what the whole has. */
  readonly commitBytes: number | undefined;
}

/** Why a part does not go on an upload. @param begun nothing where it is the first part */
export function refusePart(
  begun: { readonly path: FilePath; readonly sizeBytes: number } | undefined,
  { path, offset, sizeBytes, commitBytes }: FilePart,
): FaasmError | undefined {
  const had = begun?.sizeBytes ?? 0;
  if ((offset ?? had) !== had || (begun !== undefined && begun.path !== path)) {
    const why = `The upload goes on at byte ${had} of its file; begin again with a new id`;
    return new FaasmError('conflict', why, { details });
  }
  if (commitBytes === undefined || commitBytes === sizeBytes) return undefined;
  const why = `${commitBytes} bytes were to be committed and ${sizeBytes} are there`;
  return new FaasmError('conflict', why, { details });
}

/** Why it may not be deleted. */
export function refuseDelete(
  index: FileIndex,
  user: UserName,
  path: FilePath,
  condition: Condition,
): FaasmError | undefined {
  const mine = index.users.get(user);
  const before = mine?.files.get(path);
  const unmet = refuseCondition(user, path, before, condition);
  if (unmet !== undefined || before !== undefined) return unmet;
  if ((mine?.folders.get(path) ?? 0) > 0)
    return refused('conflict', user, path, 'it is a folder; delete the files in it');
  return noFile(user, path);
}

/** @returns what was at its path */
export function put(index: FileIndex, user: UserName, file: FileDescription): FileDescription | undefined {
  const before = remove(index, user, file.path);
  const mine = index.users.get(user) ?? { files: new Map(), folders: new Map(), sizeBytes: 0 };
  index.users.set(user, mine);
  mine.files.set(file.path, file);
  mine.sizeBytes += file.sizeBytes;
  for (const folder of foldersOf(file.path)) change(mine.folders, folder, 1);
  change(index.contents, file.version, 1);
  return before;
}

/** @returns what was there */
export function remove(index: FileIndex, user: UserName, path: FilePath): FileDescription | undefined {
  const mine = index.users.get(user);
  const before = mine?.files.get(path);
  if (mine === undefined || before === undefined) return undefined;
  mine.files.delete(path);
  mine.sizeBytes -= before.sizeBytes;
  for (const folder of foldersOf(path)) change(mine.folders, folder, -1);
  change(index.contents, before.version, -1);
  if (mine.files.size === 0) index.users.delete(user);
  return before;
}

/** The content is about to have a place, so it stays until it is settled. */
export function arrive(index: FileIndex, version: string): void {
  change(index.contents, version, 1);
}

/** It has its place, or none. */
export function settle(index: FileIndex, version: string): void {
  change(index.contents, version, -1);
}

/** In the order of their paths. @param folder whose files are wanted; nothing for all */
export function listFiles(index: FileIndex, user: UserName, folder?: string): FileDescription[] {
  const all = [...(index.users.get(user)?.files.values() ?? [])];
  const wanted = folder === undefined ? all : all.filter(({ path }) => path.startsWith(`${folder}/`));
  return wanted.sort((left, right) => (left.path < right.path ? -1 : 1));
}

export function noFile(user: UserName, path: FilePath): FaasmError {
  return new FaasmError('not_found', `There is no file ${quote(path)} of user ${user}`, { details });
}

const details = { component: 'files' } as const;

function refuseCondition(
  user: UserName,
  path: FilePath,
  before: FileDescription | undefined,
  condition: Condition,
): FaasmError | undefined {
  const why = unmetCondition(condition, before?.version);
  return why === undefined ? undefined : refused('precondition_failed', user, path, why);
}

function refused(
  code: 'conflict' | 'precondition_failed' | 'too_large' | 'too_many_requests',
  user: UserName,
  path: FilePath,
  why: string,
): FaasmError {
  return new FaasmError(code, `Cannot change file ${quote(path)} of user ${user}: ${why}`, { details });
}

function change(counts: Map<string, number>, name: string, by: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}
