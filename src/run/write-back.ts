/** Changes of a program to a folder of the disk: each file is the old one or the new one, also after a crash. */
import { randomUUID } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import type { Change } from '../guest/wasi/tree-changes.ts';

/** @throws FaasmError `bad_request` for a link that leaves the folder, or what the disk refuses */
export function writeBack(folder: string, changes: readonly Change[]): void {
  for (const change of changes) {
    const path = join(folder, change.path);
    try {
      checkParent(folder, change.path);
      make(path, change);
    } catch (cause) {
      if (cause instanceof FaasmError) throw cause;
      throw refused(path, (cause as Error).message, cause);
    }
  }
}

function make(path: string, change: Change): void {
  switch (change.kind) {
    case 'removed':
      remove(path);
      return;
    case 'directory':
      mkdirSync(path);
      return;
    case 'file':
      replace(path, (draft) => writeFileSync(draft, change.bytes, { flag: 'wx', mode: modeOf(path) }));
      return;
    case 'link':
      if (leaves(change.path, change.target)) {
        throw refused(path, `it would be a link to ${quote(change.target)}, outside of the folder`);
      }
      replace(path, (draft) => symlinkSync(change.target, draft));
  }
}

function remove(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory()) rmdirSync(path);
  else unlinkSync(path);
}

function replace(path: string, write: (draft: string) => void): void {
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    write(draft);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Whoever made a folder on the way into a link meanwhile does not lead us out. */
function checkParent(folder: string, path: string): void {
  for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
    if (!lstatSync(join(folder, parent)).isDirectory()) {
      throw refused(join(folder, path), `${quote(dirname(join(folder, path)))} is no folder any more`);
    }
  }
}

/** Of the file that was there; else that of a new one. */
function modeOf(path: string): number {
  return (lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0o666) & 0o777;
}

/** Whether a link at this path names something outside of the folder, by its text alone. */
function leaves(path: string, target: string): boolean {
  if (posix.isAbsolute(target)) return true;
  const named = posix.join(posix.dirname(path), target);
  return named === '..' || named.startsWith('../');
}

function refused(path: string, why: string, cause?: unknown): FaasmError {
  return new FaasmError('bad_request', `Cannot write back ${quote(path)}: ${why}`, { cause });
}
