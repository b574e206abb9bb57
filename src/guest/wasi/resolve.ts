/**
 * From a path to a place in the tree. A path starts at the directory of a descriptor and cannot leave it: `..` above
 * it, an absolute path, and a symbolic link to either are refused.
 */
import type { GuestMemory } from '../guest-memory.ts';
import type { Directory } from './directory.ts';
import { fail } from './errno.ts';
import type { Inode } from './inode.ts';

/** Where a path leads: a name in a directory, and what is there. */
export interface Place {
  /** The directory that has the name, or would have it. */
  readonly directory: Directory;
  /** `.` or `..` when the path ends so; then `inode` is that directory. */
  readonly name: string;
  readonly inode: Inode | undefined;
  /** The path ended with a slash, so only a directory may be there. */
  readonly slash: boolean;
}

/** What becomes of a symbolic link at the very end: followed, followed only before a slash, or taken as it is. */
export type FollowLast = 'always' | 'before-slash' | 'never';

const pathMaxBytes = 4096;
const nameMaxBytes = 255;
const linkMaxHops = 40;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Bytes = new TextEncoder();

/**
 * A path as a guest passes it, copied.
 * @throws GuestFault
 * @throws ErrnoFailure `nametoolong`; `ilseq` when it is not UTF-8; `inval` when there is a NUL in it; `noent` when empty
 */
export function readPath(memory: GuestMemory, pointer: number, byteLength: number): string {
  const bytes = memory.bytes(pointer, byteLength);
  if (bytes.length === 0) fail('noent');
  if (bytes.length > pathMaxBytes) fail('nametoolong');
  let path: string;
  try {
    path = utf8.decode(bytes.slice());
  } catch {
    fail('ilseq');
  }
  if (path.includes('\0')) fail('inval');
  return path;
}

/** @throws ErrnoFailure `noent`, `notdir`, `loop`, `nametoolong`, `notcapable` */
export function resolve(start: Directory, path: string, follow: FollowLast): Place {
  const trail = [start];
  const pending: string[] = [];
  pushNames(pending, path);
  let slash = path.endsWith('/');
  let hops = 0;
  let name = '.';
  while (pending.length > 0) {
    const directory = trail.at(-1)!;
    name = pending.pop()!;
    if (name === '.') continue;
    if (name === '..') {
      if (trail.length === 1) fail('notcapable');
      trail.pop();
      continue;
    }
    const inode = directory.lookup(name);
    const last = pending.length === 0;
    const followed =
      inode?.kind === 'link' && (!last || follow === 'always' || (slash && follow !== 'never'));
    if (last && !followed) return { directory, name, inode, slash };
    if (inode === undefined) fail('noent');
    if (inode.kind === 'file' || inode.kind === 'device') fail('notdir');
    if (inode.kind === 'directory') {
      trail.push(inode);
      continue;
    }
    hops += 1;
    if (hops > linkMaxHops) fail('loop');
    if (last && inode.target.endsWith('/')) slash = true;
    pushNames(pending, inode.target);
  }
  const directory = trail.at(-1)!;
  return { directory, name, inode: directory, slash };
}

/** What is there. @throws ErrnoFailure as `resolve`, and `notdir` for a slash after what is no directory */
export function resolveExisting(start: Directory, path: string, follow: FollowLast): Inode {
  return toExisting(resolve(start, path, follow));
}

/** What is there. @throws ErrnoFailure `noent`, and `notdir` for a slash after what is no directory */
export function toExisting({ inode, slash }: Place): Inode {
  if (inode === undefined) fail('noent');
  if (slash && inode.kind !== 'directory') fail('notdir');
  return inode;
}

function pushNames(pending: string[], path: string): void {
  if (path.startsWith('/')) fail('notcapable');
  const names = path.split('/');
  for (let index = names.length - 1; index >= 0; index -= 1) {
    const name = names[index]!;
    if (name === '') continue;
    // A UTF-16 unit is at most three bytes of UTF-8.
    if (name.length * 3 > nameMaxBytes && utf8Bytes.encode(name).length > nameMaxBytes) fail('nametoolong');
    pending.push(name);
  }
}
