/**
 * The files that all Faaslets of a user start from: never changed, shared by all of them; a change makes another tree.
 * What a call writes goes to its own tree (tree.ts), which shows this one where nothing was written.
 */

import type { DeviceName } from './device.ts';

export interface FileTree {
  readonly root: BaseDirectory;
  /** Inode numbers from 1 to this are taken. */
  readonly lastInodeNumber: number;
}

interface BaseInode {
  readonly inodeNumber: number;
  readonly modifiedNs: bigint;
  /** Its place among the entries of its directory, from 0; -1 where that does not list it. */
  readonly position: number;
}

/** What is in a shared file; it does not change. */
export interface FileContent {
  /** Equal names, equal contents; nothing where it has none. */
  readonly name?: string;
  readonly byteLength: number;
  /** A call cannot write to it. */
  readonly isReadOnly?: true;
  /** Fills all of `into`, which is not longer than the rest. @throws ErrnoFailure `io` when it cannot be read */
  read(offset: number, into: Uint8Array): void;
}

export interface BaseFile extends BaseInode {
  readonly kind: 'file';
  readonly content: FileContent;
}

export interface BaseLink extends BaseInode {
  readonly kind: 'link';
  readonly target: string;
}

export interface BaseDevice extends BaseInode {
  readonly kind: 'device';
  readonly device: DeviceName;
}

export interface BaseDirectory extends BaseInode {
  readonly kind: 'directory';
  readonly entries: ReadonlyMap<string, BaseNode>;
  /** Those that are listed. */
  readonly names: readonly string[];
}

export type BaseNode = BaseFile | BaseLink | BaseDevice | BaseDirectory;

/** A file's bytes, which must not change afterwards; or a directory, for one that may be empty; or a symbolic link. */
export type FileTreeEntry =
  | Uint8Array
  | { readonly content: FileContent; readonly modifiedNs: bigint }
  | { readonly directory: true }
  | { readonly link: string };

interface Growing {
  readonly kind: 'directory';
  readonly inodeNumber: number;
  readonly modifiedNs: bigint;
  readonly position: number;
  readonly entries: Map<string, BaseNode>;
  readonly names: string[];
}

/**
 * A tree with these entries by path (`lib/data.txt`), the directories above them, and those of `directories`.
 * @param modifiedNs of every entry that does not say, in nanoseconds since 1970 @default 0n
 * @throws TypeError for a path that is not plain: empty, absolute, with `.`, `..` or a NUL, or under a file
 */
export function createFileTree(
  entries: Iterable<readonly [path: string, entry: FileTreeEntry]> = [],
  modifiedNs = 0n,
  directories: readonly string[] = ['tmp'],
): FileTree {
  let lastInodeNumber = 0;
  const createDirectory = (position: number): Growing => {
    lastInodeNumber += 1;
    const inodeNumber = lastInodeNumber;
    return { kind: 'directory', inodeNumber, modifiedNs, position, entries: new Map(), names: [] };
  };
  const add = (directory: Growing, name: string, node: BaseNode): void => {
    directory.entries.set(name, node);
    directory.names.push(name);
  };
  const descend = (from: Growing, name: string, path: string): Growing => {
    const found = from.entries.get(name);
    if (found === undefined) {
      const made = createDirectory(from.names.length);
      add(from, name, made);
      return made;
    }
    if (found.kind !== 'directory')
      throw new TypeError(`Cannot put ${path} under ${name}: it is no directory`);
    return found as Growing;
  };

  const root = createDirectory(0);
  for (const name of directories) descend(root, name, name);
  for (const [path, entry] of entries) {
    const names = path.split('/');
    if (path.includes('\0') || names.some((name) => name === '' || name === '.' || name === '..'))
      throw new TypeError(`Not a path from the root of a file tree: ${JSON.stringify(path)}`);
    const last = names.pop()!;
    let directory = root;
    for (const name of names) directory = descend(directory, name, path);
    if ('directory' in entry) {
      descend(directory, last, path);
      continue;
    }
    if (directory.entries.has(last)) throw new TypeError(`Twice in one file tree: ${path}`);
    lastInodeNumber += 1;
    const inode = { inodeNumber: lastInodeNumber, modifiedNs, position: directory.names.length };
    if ('link' in entry) add(directory, last, { kind: 'link', ...inode, target: entry.link });
    else if ('content' in entry) add(directory, last, { kind: 'file', ...inode, ...entry });
    else add(directory, last, { kind: 'file', ...inode, content: toContent(entry) });
  }
  return { root, lastInodeNumber };
}

function toContent(bytes: Uint8Array): FileContent {
  return {
    byteLength: bytes.length,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  };
}

export const emptyFileTree: FileTree = createFileTree();

/** Whether there is a directory at this path, or room for one; `` is the root. */
export function mayBeDirectory(files: FileTree, path: string): boolean {
  let at: BaseNode | undefined = files.root;
  if (path === '') return true;
  for (const name of path.split('/')) {
    if (at.kind !== 'directory') return false;
    at = at.entries.get(name);
    if (at === undefined) return true;
  }
  return at.kind === 'directory';
}
