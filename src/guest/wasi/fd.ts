/** What is done to a descriptor itself: its flags, rights, number and attributes. Bytes are in fd-io.ts. */
import type { WasiContext, WasiFunctions } from './context.ts';
import type { Descriptor, Preopen } from './descriptors.ts';
import type { Device } from './device.ts';
import { toFiletype } from './directory.ts';
import { errno, fail } from './errno.ts';
import type { File } from './inode.ts';
import {
  type Edition,
  fdFlag,
  filetype,
  knownFlags,
  place,
  toFileSize,
  writeFdstat,
  writeFilestat,
} from './layout.ts';
import { right, toRights } from './rights.ts';
import { setTimes, toFilestat, toStreamFilestat } from './stat.ts';

const utf8 = new TextEncoder();
const adviceMax = 5;
export const fdFlagsKnown = fdFlag.append | fdFlag.dsync | fdFlag.nonblock | fdFlag.rsync | fdFlag.sync;

export const fdFunctions = {
  /** Everything is in memory already, so advice changes nothing. */
  fd_advise: (context, fd: number, offset: bigint, byteLength: bigint, advice: number) => {
    regularFile(context, fd, right.fdAdvise);
    if (advice >>> 0 > adviceMax) fail('inval');
    toFileSize(offset);
    toFileSize(byteLength);
    return errno.success;
  },

  fd_allocate: (context, fd: number, offset: bigint, byteLength: bigint) => {
    const file = regularFile(context, fd, right.fdAllocate);
    if (byteLength === 0n) fail('inval');
    const size = toFileSize(offset) + toFileSize(byteLength);
    if (size > file.size) {
      file.resize(size);
      file.touch(context.powers.realtimeNs());
    }
    return errno.success;
  },

  fd_close: (context, fd: number) => {
    context.descriptors.close(fd);
    return errno.success;
  },

  fd_datasync: (context, fd: number) => sync(context, fd, right.fdDatasync),
  fd_sync: (context, fd: number) => sync(context, fd, right.fdSync),

  fd_fdstat_get: (context, fd: number, out: number) => {
    const { target, flags, rightsBase, rightsInheriting } = context.descriptors.get(fd);
    let type: number = filetype.unknown;
    if (target === 'preopen') type = filetype.directory;
    else if (typeof target !== 'string') type = toFiletype(target);
    writeFdstat(context.memory, out, { filetype: type, flags, rightsBase, rightsInheriting });
    return errno.success;
  },

  fd_fdstat_set_flags: (context, fd: number, flags: number) => {
    const descriptor = context.descriptors.getToAlter(fd);
    descriptor.require(right.fdFdstatSetFlags);
    descriptor.flags = knownFlags(flags, fdFlagsKnown);
    return errno.success;
  },

  fd_fdstat_set_rights: (context, fd: number, base: bigint, inheriting: bigint) => {
    const descriptor = context.descriptors.getToAlter(fd);
    const rightsBase = toRights(base);
    const rightsInheriting = toRights(inheriting);
    if ((rightsBase & ~descriptor.rightsBase) !== 0) fail('notcapable');
    if ((rightsInheriting & ~descriptor.rightsInheriting) !== 0) fail('notcapable');
    descriptor.rightsBase = rightsBase;
    descriptor.rightsInheriting = rightsInheriting;
    return errno.success;
  },

  fd_filestat_get: (context, fd: number, out: number) => filestat(context, fd, out, 'preview1'),

  fd_filestat_set_size: (context, fd: number, size: bigint) => {
    const file = regularFile(context, fd, right.fdFilestatSetSize);
    file.resize(toFileSize(size));
    file.touch(context.powers.realtimeNs());
    return errno.success;
  },

  fd_filestat_set_times: (context, fd: number, accessedNs: bigint, modifiedNs: bigint, flags: number) => {
    const descriptor = context.descriptors.get(fd);
    descriptor.require(right.fdFilestatSetTimes);
    // A stream never has that right.
    const toInode = () => context.inode(descriptor)!;
    setTimes(context, toInode, accessedNs, modifiedNs, flags);
    return errno.success;
  },

  fd_prestat_get: (context, fd: number, out: number) => {
    const name = preopenName(context, fd);
    const at = place(context.memory, out, 8);
    const view = context.memory.view();
    // The tag for a directory, the only kind there is, is 0.
    view.setUint32(at, 0, true);
    view.setUint32(at + 4, name.length, true);
    return errno.success;
  },

  fd_prestat_dir_name: (context, fd: number, buffer: number, byteLength: number) => {
    const name = preopenName(context, fd);
    if (byteLength >>> 0 < name.length) fail('nametoolong');
    context.memory.bytes(buffer, name.length).set(name);
    return errno.success;
  },

  fd_renumber: (context, from: number, to: number) => {
    context.descriptors.renumber(from, to);
    return errno.success;
  },
} satisfies WasiFunctions;

export function filestat(context: WasiContext, fd: number, out: number, edition: Edition): number {
  const descriptor = context.descriptors.get(fd);
  descriptor.require(right.fdFilestatGet);
  const inode = context.inode(descriptor);
  const { target } = descriptor;
  const stat =
    inode === undefined ? toStreamFilestat(target as 'stdin' | 'stdout' | 'stderr') : toFilestat(inode);
  writeFilestat(context.memory, out, stat, edition);
  return errno.success;
}

/** @throws ErrnoFailure `isdir` for a directory, `spipe` for a stream, `notcapable` */
export function toFile(context: WasiContext, descriptor: Descriptor, rights: number): File | Device {
  const inode = context.inode(descriptor);
  if (inode === undefined) fail('spipe');
  if (inode.kind === 'directory') fail('isdir');
  descriptor.require(rights);
  return inode;
}

/** @throws ErrnoFailure as `toFile`, and `inval` for a device */
export function toRegularFile(context: WasiContext, descriptor: Descriptor, rights: number): File {
  const file = toFile(context, descriptor, rights);
  return file.kind === 'file' ? file : fail('inval');
}

function regularFile(context: WasiContext, fd: number, rights: number): File {
  return toRegularFile(context, context.descriptors.get(fd), rights);
}

/** What is written is there at once, for as long as the call lasts. */
function sync(context: WasiContext, fd: number, rights: number): number {
  const descriptor = context.descriptors.get(fd);
  if (context.inode(descriptor) === undefined) fail('inval');
  descriptor.require(rights);
  return errno.success;
}

const preopenNames = new WeakMap<Preopen, Uint8Array>();

/** @throws ErrnoFailure `badf` for what is no preopen, with which libc ends its search for them */
function preopenName(context: WasiContext, fd: number): Uint8Array {
  const { preopen } = context.descriptors.get(fd);
  if (preopen === undefined) fail('badf');
  const known = preopenNames.get(preopen);
  if (known !== undefined) return known;
  const name = utf8.encode(preopen.name);
  preopenNames.set(preopen, name);
  return name;
}
