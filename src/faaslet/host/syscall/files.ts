/** System calls about files and descriptors, over the same tree and descriptors as WASI. */
import { GuestFault } from '../guest-fault.ts';
import { Descriptor } from '../wasi/descriptors.ts';
import type { Directory } from '../wasi/directory.ts';
import { fail } from '../wasi/errno.ts';
import { toFile } from '../wasi/fd.ts';
import type { File, Inode } from '../wasi/inode.ts';
import { fdFlag, place } from '../wasi/layout.ts';
import type { FollowLast } from '../wasi/resolve.ts';
import { directoryRights, fileRights, right } from '../wasi/rights.ts';
import { toFilestat, toStreamFilestat } from '../wasi/stat.ts';
import type { SyscallContext, SystemCalls } from './context.ts';
import { linuxErrno } from './errno.ts';
import { direntTypes, writeStat } from './layout.ts';

const openFlag = {
  accessMode: 0o3,
  writeOnly: 0o1,
  readWrite: 0o2,
  create: 0o100,
  exclusive: 0o200,
  truncate: 0o1000,
  append: 0o2000,
  directory: 0o200000,
  noFollow: 0o400000,
} as const;

const seekFrom = { set: 0, current: 1, end: 2 } as const;
const fcntl = {
  duplicate: 0,
  getFlags: 1,
  setFlags: 2,
  getStatus: 3,
  setStatus: 4,
  duplicateCloexec: 1030,
} as const;
const direntHeadBytes = 11;
const utf8 = new TextEncoder();

/** What the original lets every function read. */
const randomPath = '/dev/urandom';
const dummies: Readonly<Record<string, string>> = {
  '/etc/hosts': '127.0.0.1 localhost\n',
  '/etc/resolv.conf': '',
  '/dev/null': '',
};

/** Descriptors that give random bytes. */
const random = new WeakSet<Descriptor>();

export const fileCalls: SystemCalls = {
  3: read,
  4: write,
  5: (context, path, flags) => open(context, context.path(path), flags),
  295: (context, _directory, path, flags) => open(context, context.path(path), flags),

  /** close */
  6: (context, fd) => {
    context.owned(fd);
    context.wasi.descriptors.close(fd);
    return 0;
  },

  /** unlink */
  10: (context, path) => {
    const at = context.place(context.path(path), 'never');
    if (at.inode === undefined) fail('noent');
    if (at.inode.kind === 'directory') fail('isdir');
    context.wasi.tree.unlink(at);
    return 0;
  },

  /** lseek */
  19: (context, fd, offset, whence) => seek(context, fd, offset, whence),

  /** access */
  33: (context, path) => {
    context.existing(context.path(path), 'always');
    return 0;
  },

  /** rename */
  38: (context, from, to) => {
    const source = context.place(context.path(from), 'never');
    if (source.inode === undefined) fail('noent');
    context.wasi.tree.rename(source, context.place(context.path(to), 'never'));
    return 0;
  },

  /** mkdir */
  39: (context, path) => {
    const at = context.place(context.path(path), 'never');
    if (at.inode !== undefined) fail('exist');
    context.wasi.tree.createDirectory(at);
    return 0;
  },

  /** rmdir */
  40: (context, path) => {
    const at = context.place(context.path(path), 'never');
    if (at.inode === undefined) fail('noent');
    if (at.inode.kind !== 'directory') fail('notdir');
    if (at.name === '.' || at.name === '..') fail('inval');
    if (!at.inode.isEmpty) fail('notempty');
    context.wasi.tree.unlink(at);
    return 0;
  },

  41: duplicate,

  /** ioctl: no descriptor is a terminal, so every request is one that it does not know. */
  54: (context, fd) => {
    context.owned(fd);
    return -linuxErrno.notty;
  },

  /** dup2 */
  63: (context, from, to) => {
    context.owned(from);
    if (from === to) return to;
    if (context.wasi.descriptors.find(to) === undefined) fail('badf');
    context.wasi.descriptors.renumber(duplicate(context, from), to);
    return to;
  },

  /** readlink */
  85: (context, path, buffer, byteLength) => {
    const inode = context.existing(context.path(path), 'never');
    if (inode.kind !== 'link') fail('inval');
    const target = utf8.encode(inode.target).subarray(0, byteLength);
    context.memory.bytes(buffer, target.length).set(target);
    return target.length;
  },

  /** ftruncate and ftruncate64: a file has no more than 2 GiB. */
  93: truncate,
  194: truncate,
  /** fsync, fdatasync: what is written is there, for as long as the call lasts. */
  118: sync,
  148: sync,

  /** _llseek */
  140: (context, fd, high, low, result, whence) => {
    const at = place(context.memory, result, 8);
    const offset = seek(context, fd, high * 2 ** 32 + (low >>> 0), whence);
    context.memory.view().setBigInt64(at, BigInt(offset), true);
    return 0;
  },

  /** readv, writev */
  145: (context, fd, list, count) => through(context, fd, list, count, read),
  146: (context, fd, list, count) => through(context, fd, list, count, write),

  /** pread64, pwrite64 */
  180: (context, fd, buffer, byteLength, low) =>
    fileOf(context, fd, right.fdRead).read(low >>> 0, context.memory.bytes(buffer, byteLength)),
  181: (context, fd, buffer, byteLength, low) =>
    writeFile(
      context,
      fileOf(context, fd, right.fdWrite),
      low >>> 0,
      context.memory.bytes(buffer, byteLength),
    ),

  /** getcwd */
  183: (context, buffer, byteLength) => {
    const path = utf8.encode(`/${context.workingDirectory}\0`);
    if (path.length > byteLength >>> 0) return -linuxErrno.range;
    context.memory.bytes(buffer, path.length).set(path);
    return path.length;
  },

  /** stat64, lstat64, fstat64 */
  195: (context, path, out) => stat(context, path, out, 'always'),
  196: (context, path, out) => stat(context, path, out, 'before-slash'),
  197: (context, fd, out) => {
    const descriptor = context.owned(fd);
    const inode = context.wasi.inode(descriptor);
    const stream = descriptor.target as 'stdin' | 'stdout' | 'stderr';
    writeStat(context, out, inode === undefined ? toStreamFilestat(stream) : toFilestat(inode));
    return 0;
  },

  220: listDirectory,

  /** fcntl64 */
  221: (context, fd, command, argument) => {
    const descriptor = context.owned(fd);
    switch (command) {
      case fcntl.duplicate:
      case fcntl.duplicateCloexec:
        return duplicate(context, fd);
      case fcntl.getFlags:
      case fcntl.setFlags:
        return 0;
      case fcntl.getStatus: {
        const writes = (descriptor.rightsBase & right.fdWrite) !== 0;
        const reads = (descriptor.rightsBase & right.fdRead) !== 0;
        const mode = writes ? (reads ? openFlag.readWrite : openFlag.writeOnly) : 0;
        return mode | ((descriptor.flags & fdFlag.append) === 0 ? 0 : openFlag.append);
      }
      case fcntl.setStatus:
        context.wasi.descriptors.getToAlter(fd).flags =
          (argument & openFlag.append) === 0 ? 0 : fdFlag.append;
        return 0;
      default:
        return fail('inval');
    }
  },
};

/** @throws GuestFault in the words of the original, for a path that leads nowhere a function may look */
function open(context: SyscallContext, path: string, flags: number): number {
  const { wasi } = context;
  const writes = (flags & openFlag.accessMode) !== 0;
  const creates = (flags & openFlag.create) !== 0;
  wasi.descriptors.checkRoom();
  const at = placeToOpen(context, path, (flags & openFlag.noFollow) === 0 ? 'always' : 'before-slash');
  let inode: Inode | undefined = at?.inode;
  if (inode === undefined) {
    if (at !== undefined && creates) inode = wasi.tree.createFile(at);
    else if (path.startsWith('/') || at === undefined) return openOutside(context, path, writes);
    else fail('noent');
  } else if (creates && (flags & openFlag.exclusive) !== 0) fail('exist');
  if (inode.kind === 'link') fail('loop');
  if (inode.kind === 'directory') {
    if (writes || creates) fail('isdir');
    return wasi.descriptors.open(new Descriptor(inode, directoryRights, 0));
  }
  if ((flags & openFlag.directory) !== 0) fail('notdir');
  if (writes && (flags & openFlag.truncate) !== 0) {
    inode.resize(0);
    inode.touch(wasi.powers.realtimeNs());
  }
  return wasi.descriptors.open(toDescriptor(inode, flags));
}

/** Nothing where the path leaves the tree. */
function placeToOpen(context: SyscallContext, path: string, follow: FollowLast) {
  try {
    return context.place(path, follow);
  } catch (thrown) {
    // A directory on the way that is not there is none that the function may look at either.
    if (path.startsWith('/') || path.split('/').includes('..')) return undefined;
    throw thrown;
  }
}

function toDescriptor(file: File, flags: number): Descriptor {
  const mode = flags & openFlag.accessMode;
  let rights: number = fileRights;
  if (mode === openFlag.writeOnly) rights &= ~right.fdRead;
  if (mode === 0) rights &= ~(right.fdWrite | right.fdAllocate | right.fdFilestatSetSize);
  const descriptor = new Descriptor(file, rights, 0);
  if ((flags & openFlag.append) !== 0) descriptor.flags = fdFlag.append;
  return descriptor;
}

function openOutside(context: SyscallContext, path: string, writes: boolean): number {
  const text = path === randomPath ? '' : dummies[path];
  if (text === undefined || (writes && path !== '/dev/null'))
    throw new GuestFault('Attempt to open invalid file');
  const file = context.wasi.tree.detachedFile(utf8.encode(text));
  const descriptor = new Descriptor(file, fileRights, 0);
  if (path === randomPath) random.add(descriptor);
  return context.wasi.descriptors.open(descriptor);
}

function read(context: SyscallContext, fd: number, buffer: number, byteLength: number): number {
  const descriptor = context.owned(fd);
  const into = context.memory.bytes(buffer, byteLength);
  if (random.has(descriptor)) {
    for (let at = 0; at < into.length; at += 65_536)
      context.wasi.powers.randomFill(into.subarray(at, at + 65_536));
    return into.length;
  }
  if (descriptor.target === 'stdin') return context.wasi.readStdin(into);
  const file = toFile(context.wasi, descriptor, right.fdRead);
  const bytesRead = file.read(descriptor.offset, into);
  descriptor.offset += bytesRead;
  return bytesRead;
}

function write(context: SyscallContext, fd: number, buffer: number, byteLength: number): number {
  const descriptor = context.owned(fd);
  const from = context.memory.bytes(buffer, byteLength);
  const { target } = descriptor;
  if (target === 'stdout' || target === 'stderr') {
    context.wasi.call[target](from);
    return from.length;
  }
  const file = toFile(context.wasi, descriptor, right.fdWrite);
  const offset = (descriptor.flags & fdFlag.append) === 0 ? descriptor.offset : file.size;
  const bytesWritten = writeFile(context, file, offset, from);
  descriptor.offset = offset + bytesWritten;
  return bytesWritten;
}

function writeFile(context: SyscallContext, file: File, offset: number, from: Uint8Array): number {
  const bytesWritten = file.write(offset, from);
  if (bytesWritten === 0 && from.length > 0) fail('nospc');
  file.touch(context.wasi.powers.realtimeNs());
  return bytesWritten;
}

function through(
  context: SyscallContext,
  fd: number,
  list: number,
  count: number,
  each: (context: SyscallContext, fd: number, buffer: number, byteLength: number) => number,
): number {
  let total = 0;
  for (let index = 0; index < count; index++) {
    const at = place(context.memory, list + index * 8, 8);
    const view = context.memory.view();
    const byteLength = view.getUint32(at + 4, true);
    if (byteLength === 0) continue;
    const done = each(context, fd, view.getUint32(at, true), byteLength);
    total += done;
    if (done < byteLength) break;
  }
  return total;
}

function seek(context: SyscallContext, fd: number, delta: number, whence: number): number {
  const file = fileOf(context, fd, 0);
  const descriptor = context.wasi.descriptors.getToAlter(fd);
  const starts: Readonly<Record<number, number>> = {
    [seekFrom.set]: 0,
    [seekFrom.current]: descriptor.offset,
    [seekFrom.end]: file.size,
  };
  const offset = (starts[whence] ?? fail('inval')) + delta;
  if (offset < 0) fail('inval');
  descriptor.offset = offset;
  return offset;
}

function truncate(context: SyscallContext, fd: number, length: number): number {
  const file = fileOf(context, fd, right.fdFilestatSetSize);
  file.resize(length >>> 0);
  file.touch(context.wasi.powers.realtimeNs());
  return 0;
}

function sync(context: SyscallContext, fd: number): number {
  context.owned(fd);
  return 0;
}

function fileOf(context: SyscallContext, fd: number, rights: number): File {
  return toFile(context.wasi, context.owned(fd), rights);
}

function duplicate(context: SyscallContext, fd: number): number {
  const { target, rightsBase, rightsInheriting, flags, offset } = context.owned(fd);
  const copy = new Descriptor(target, rightsBase, rightsInheriting);
  copy.flags = flags;
  copy.offset = offset;
  return context.wasi.descriptors.open(copy);
}

function stat(context: SyscallContext, path: number, out: number, follow: FollowLast): number {
  writeStat(context, out, toFilestat(context.existing(context.path(path), follow)));
  return 0;
}

/** getdents64. */
function listDirectory(context: SyscallContext, fd: number, buffer: number, byteLength: number): number {
  const descriptor = context.owned(fd);
  const inode = context.wasi.inode(descriptor);
  if (inode?.kind !== 'directory') fail('notdir');
  const into = context.memory.bytes(buffer, byteLength);
  const view = context.memory.view();
  let used = 0;
  let isFull = false;
  (inode as Directory).list(descriptor.offset, (name, sequence, inodeNumber, type) => {
    const text = utf8.encode(name);
    const recordBytes = Math.ceil((direntHeadBytes + text.length + 1) / 4) * 4;
    if (used + recordBytes > into.length) {
      isFull = true;
      return false;
    }
    const at = (buffer >>> 0) + used;
    into.fill(0, used, used + recordBytes);
    view.setUint32(at, inodeNumber, true);
    view.setInt32(at + 4, sequence + 1, true);
    view.setUint16(at + 8, recordBytes, true);
    view.setUint8(at + 10, direntTypes[type] ?? 0);
    into.set(text, used + direntHeadBytes);
    used += recordBytes;
    descriptor.offset = sequence + 1;
    return true;
  });
  return used === 0 && isFull ? fail('inval') : used;
}
