/** What is done to an open descriptor, but for reading and writing it. */
import { fail } from '../wasi/errno.ts';
import { toFile, toRegularFile } from '../wasi/fd.ts';
import { fdFlag, place } from '../wasi/layout.ts';
import { right } from '../wasi/rights.ts';
import { toFilestat, toStreamFilestat } from '../wasi/stat.ts';
import type { SyscallContext, SystemCall, SystemCalls } from './context.ts';
import { linuxErrno } from './errno.ts';
import { openFlag, toFileOffset, writeStat } from './layout.ts';

const seekFrom = { set: 0, current: 1, end: 2 } as const;
const fcntl = {
  duplicate: 0,
  getFlags: 1,
  setFlags: 2,
  getStatus: 3,
  setStatus: 4,
  duplicateCloexec: 1030,
} as const;

const getWindowSize = 0x5413;
const windowSizeBytes = 8;
const terminal = { rows: 24, columns: 80 } as const;

const check: SystemCall = (context, fd) => {
  context.owned(fd);
  return 0;
};

export const descriptorCalls = {
  close: (context, fd) => {
    context.owned(fd);
    context.wasi.descriptors.close(fd);
    return 0;
  },

  dup: duplicate,
  dup2: (context, from, to) => {
    context.owned(from);
    if (from === to) return to;
    if (context.wasi.descriptors.find(to) === undefined) fail('badf');
    context.wasi.descriptors.renumber(duplicate(context, from), to);
    return to;
  },

  lseek: (context, fd, offset, whence) => seek(context, fd, offset, whence),
  _llseek: (context, fd, high, low, result, whence) => {
    const at = place(context.memory, result, 8);
    const offset = seek(context, fd, high * 2 ** 32 + (low >>> 0), whence);
    context.memory.view().setBigInt64(at, BigInt(offset), true);
    return 0;
  },

  ftruncate64: (context, fd, _even, low, high) => {
    const file = toRegularFile(context.wasi, context.owned(fd), right.fdFilestatSetSize);
    file.resize(toFileOffset(low, high));
    file.touch(context.wasi.powers.realtimeNs());
    return 0;
  },

  /** What is written is there, for as long as the call lasts. */
  fsync: check,
  fdatasync: check,
  fchmod: check,

  /**
   * Output is as a terminal of the usual size: the founding libc then writes out each line as it ends, while all that
   * it holds when `main` returns is lost.
   */
  ioctl: (context, fd, request, out) => {
    const { target } = context.owned(fd);
    if (request !== getWindowSize || (target !== 'stdout' && target !== 'stderr')) return -linuxErrno.notty;
    const at = place(context.memory, out, windowSizeBytes);
    context.memory.bytes(at, windowSizeBytes).fill(0);
    const view = context.memory.view();
    view.setUint16(at, terminal.rows, true);
    view.setUint16(at + 2, terminal.columns, true);
    return 0;
  },

  fstat64: (context, fd, out) => {
    const descriptor = context.owned(fd);
    const inode = context.wasi.inode(descriptor);
    const stream = descriptor.target as 'stdin' | 'stdout' | 'stderr';
    writeStat(context, out, inode === undefined ? toStreamFilestat(stream) : toFilestat(inode));
    return 0;
  },

  fcntl64: (context, fd, command, argument) => {
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
} satisfies SystemCalls;

/** Both numbers then have one offset. */
function duplicate(context: SyscallContext, fd: number): number {
  return context.wasi.descriptors.open(context.owned(fd));
}

function seek(context: SyscallContext, fd: number, delta: number, whence: number): number {
  const file = toFile(context.wasi, context.owned(fd), 0);
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
