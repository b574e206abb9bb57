/** What is done by path: to look at, make, link, move and remove files. Opening one is in path-open.ts. */
import type { WasiContext, WasiFunctions } from './context.ts';
import type { Directory } from './directory.ts';
import { ErrnoFailure, errno, fail } from './errno.ts';
import { type Edition, knownFlags, lookupFlag, place, writeFilestat, writeU32 } from './layout.ts';
import { type FollowLast, type Place, readPath, resolve, resolveExisting, toExisting } from './resolve.ts';
import { right } from './rights.ts';
import { setTimes, toFilestat } from './stat.ts';
import { systemPaths } from './system-files.ts';

const linkTargetMaxBytes = 4096;
const utf8 = new TextEncoder();

export const pathFunctions = {
  path_create_directory: (context, fd: number, path: number, pathBytes: number) => {
    const at = placeOf(context, fd, right.pathCreateDirectory, path, pathBytes);
    if (at.inode !== undefined) fail('exist');
    context.tree.createDirectory(at);
    return errno.success;
  },

  path_filestat_get: (context, fd: number, flags: number, path: number, pathBytes: number, out: number) =>
    pathFilestat(context, fd, flags, path, pathBytes, out, 'preview1'),

  path_filestat_set_times: (
    context,
    fd: number,
    flags: number,
    path: number,
    pathBytes: number,
    accessedNs: bigint,
    modifiedNs: bigint,
    timeFlags: number,
  ) => {
    const start = context.directory(fd, right.pathFilestatSetTimes);
    const follow = toFollow(flags);
    const toInode = () => resolveExisting(start, readPath(context.memory, path, pathBytes), follow);
    setTimes(context, toInode, accessedNs, modifiedNs, timeFlags);
    return errno.success;
  },

  path_link: (
    context,
    oldFd: number,
    oldFlags: number,
    oldPath: number,
    oldPathBytes: number,
    newFd: number,
    newPath: number,
    newPathBytes: number,
  ) => {
    const start = context.directory(oldFd, right.pathLinkSource);
    const inode = resolveExisting(start, readPath(context.memory, oldPath, oldPathBytes), toFollow(oldFlags));
    const at = placeOf(context, newFd, right.pathLinkTarget, newPath, newPathBytes);
    mustBeFree(at);
    if (inode.kind === 'directory') fail('perm');
    context.tree.link(inode, at);
    return errno.success;
  },

  path_readlink: (
    context,
    fd: number,
    path: number,
    pathBytes: number,
    buffer: number,
    byteLength: number,
    out: number,
  ) => {
    place(context.memory, out, 4);
    const start = context.directory(fd, right.pathReadlink);
    const inode = resolveExisting(start, readPath(context.memory, path, pathBytes), 'before-slash');
    if (inode.kind !== 'link') fail('inval');
    const into = context.memory.bytes(buffer, byteLength);
    const target = utf8.encode(inode.target).subarray(0, into.length);
    into.set(target);
    writeU32(context.memory, out, target.length);
    return errno.success;
  },

  path_remove_directory: (context, fd: number, path: number, pathBytes: number) => {
    const at = placeOf(context, fd, right.pathRemoveDirectory, path, pathBytes);
    if (at.inode === undefined) fail('noent');
    if (at.inode.kind !== 'directory') fail('notdir');
    if (at.name === '.') fail('inval');
    if (at.name === '..' || !at.inode.isEmpty) fail('notempty');
    context.tree.unlink(at);
    return errno.success;
  },

  path_rename: (
    context,
    oldFd: number,
    oldPath: number,
    oldPathBytes: number,
    newFd: number,
    newPath: number,
    newPathBytes: number,
  ) => {
    const from = placeOf(context, oldFd, right.pathRenameSource, oldPath, oldPathBytes);
    const to = placeOf(context, newFd, right.pathRenameTarget, newPath, newPathBytes);
    if (isDots(from) || isDots(to)) fail('inval');
    if (from.inode === undefined) fail('noent');
    if ((from.slash || to.slash) && from.inode.kind !== 'directory') fail('notdir');
    context.tree.rename(from, to);
    return errno.success;
  },

  /** The target is only text, but one that could never be followed is refused at once. */
  path_symlink: (
    context,
    target: number,
    targetBytes: number,
    fd: number,
    path: number,
    pathBytes: number,
  ) => {
    const text = readPath(context.memory, target, targetBytes);
    if (text.startsWith('/')) fail('notcapable');
    if (targetBytes >>> 0 > linkTargetMaxBytes) fail('nametoolong');
    const at = placeOf(context, fd, right.pathSymlink, path, pathBytes);
    mustBeFree(at);
    context.tree.createLink(at, text);
    return errno.success;
  },

  path_unlink_file: (context, fd: number, path: number, pathBytes: number) => {
    const at = placeOf(context, fd, right.pathUnlinkFile, path, pathBytes);
    if (at.inode === undefined) fail('noent');
    if (at.inode.kind === 'directory') fail('isdir');
    if (at.slash) fail('notdir');
    context.tree.unlink(at);
    return errno.success;
  },
} satisfies WasiFunctions;

export function pathFilestat(
  context: WasiContext,
  fd: number,
  flags: number,
  path: number,
  pathBytes: number,
  out: number,
  edition: Edition,
): number {
  const start = context.directory(fd, right.pathFilestatGet);
  const at = resolveHere(context, fd, start, readPath(context.memory, path, pathBytes), toFollow(flags));
  writeFilestat(context.memory, out, toFilestat(toExisting(at)), edition);
  return errno.success;
}

/**
 * As `resolve`. A libc that knows no working directory takes `/dev/null` from the preopen `.` too: what any system has
 * is there where nothing else is.
 */
export function resolveHere(
  context: WasiContext,
  fd: number,
  start: Directory,
  path: string,
  follow: FollowLast,
): Place {
  if (!systemPaths.has(path) || context.descriptors.get(fd).preopen?.name !== '.')
    return resolve(start, path, follow);
  try {
    const at = resolve(start, path, follow);
    if (at.inode !== undefined) return at;
  } catch (thrown) {
    if (!(thrown instanceof ErrnoFailure)) throw thrown;
  }
  return resolve(context.tree.root, path, follow);
}

/** @throws ErrnoFailure `inval` */
export function toFollow(flags: number): FollowLast {
  return knownFlags(flags, lookupFlag.followLink) === lookupFlag.followLink ? 'always' : 'before-slash';
}

/** Where something is to be made or removed: a symbolic link there is taken as it is. */
function placeOf(context: WasiContext, fd: number, rights: number, path: number, pathBytes: number): Place {
  const start = context.directory(fd, rights);
  return resolve(start, readPath(context.memory, path, pathBytes), 'never');
}

/** For what is no directory and so cannot have a slash after it. @throws ErrnoFailure */
function mustBeFree({ inode, slash }: Place): void {
  if (inode !== undefined) fail(slash && inode.kind !== 'directory' ? 'notdir' : 'exist');
  if (slash) fail('noent');
}

function isDots({ name }: Place): boolean {
  return name === '.' || name === '..';
}
