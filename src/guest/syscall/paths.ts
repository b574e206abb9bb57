/** What is done to files by their path. */
import { fail } from '../wasi/errno.ts';
import type { Place } from '../wasi/resolve.ts';
import { toFilestat } from '../wasi/stat.ts';
import type { SyscallContext, SystemCalls } from './context.ts';
import { linuxErrno } from './errno.ts';
import { writeStat } from './layout.ts';

const utf8 = new TextEncoder();

export const pathCalls = {
  link: (context, from, to) => {
    const inode = context.existing(context.path(from), 'before-slash');
    if (inode.kind === 'directory') fail('perm');
    context.wasi.tree.link(inode, free(context, to));
    return 0;
  },

  symlink: (context, target, path) => {
    context.wasi.tree.createLink(free(context, path), context.path(target));
    return 0;
  },

  unlink: (context, path) => {
    const at = named(context, path);
    if (at.inode?.kind === 'directory') fail('isdir');
    context.wasi.tree.unlink(at);
    return 0;
  },

  /** Nobody but the function is there, so whatever is there may be used. */
  access: (context, path) => {
    context.existing(context.path(path), 'always');
    return 0;
  },
  chmod: (context, path) => {
    context.existing(context.path(path), 'always');
    return 0;
  },

  rename: (context, from, to) => {
    const source = named(context, from);
    context.wasi.tree.rename(source, context.place(context.path(to), 'never'));
    return 0;
  },

  mkdir: (context, path) => {
    const at = context.place(context.path(path), 'never');
    if (at.inode !== undefined) fail('exist');
    context.wasi.tree.createDirectory(at);
    return 0;
  },

  rmdir: (context, path) => {
    const at = named(context, path);
    if (at.inode?.kind !== 'directory') fail('notdir');
    if (at.name === '.' || at.name === '..') fail('inval');
    if (!at.inode.isEmpty) fail('notempty');
    context.wasi.tree.unlink(at);
    return 0;
  },

  readlink: (context, path, buffer, byteLength) => {
    const inode = context.existing(context.path(path), 'never');
    if (inode.kind !== 'link') fail('inval');
    const target = utf8.encode(inode.target).subarray(0, byteLength >>> 0);
    context.memory.bytes(buffer, target.length).set(target);
    return target.length;
  },

  stat64: (context, path, out) => {
    writeStat(context, out, toFilestat(context.existing(context.path(path), 'always')));
    return 0;
  },
  lstat64: (context, path, out) => {
    writeStat(context, out, toFilestat(context.existing(context.path(path), 'before-slash')));
    return 0;
  },

  /** Gives the length of the path, with the NUL behind it. */
  getcwd: (context, buffer, byteLength) => {
    const path = utf8.encode(`/${context.workingDirectory}\0`);
    if (path.length > byteLength >>> 0) return -linuxErrno.range;
    context.memory.bytes(buffer, path.length).set(path);
    return path.length;
  },
} satisfies SystemCalls;

/** A symbolic link there is taken as it is. @throws ErrnoFailure `noent` */
function named(context: SyscallContext, path: number): Place {
  const at = context.place(context.path(path), 'never');
  return at.inode === undefined ? fail('noent') : at;
}

/** @throws ErrnoFailure `exist`, `noent` for a slash after it */
function free(context: SyscallContext, path: number): Place {
  const at = context.place(context.path(path), 'never');
  if (at.inode !== undefined) fail('exist');
  return at.slash ? fail('noent') : at;
}
