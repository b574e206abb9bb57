/** Bytes in and out of a descriptor. */
import type { Descriptor } from '../wasi/descriptors.ts';
import type { Device } from '../wasi/device.ts';
import { fail } from '../wasi/errno.ts';
import { toFile } from '../wasi/fd.ts';
import type { File } from '../wasi/inode.ts';
import { fdFlag, place } from '../wasi/layout.ts';
import { right } from '../wasi/rights.ts';
import type { SyscallContext, SystemCalls } from './context.ts';
import { toFileOffset } from './layout.ts';

const iovecBytes = 8;

export const ioCalls = {
  read: (context, fd, buffer, byteLength) =>
    readInto(context, context.owned(fd), context.memory.bytes(buffer, byteLength)),
  write: (context, fd, buffer, byteLength) =>
    writeFrom(context, context.owned(fd), context.memory.bytes(buffer, byteLength)),
  readv: (context, fd, list, count) => through(context, fd, list, count, readInto),
  writev: (context, fd, list, count) => through(context, fd, list, count, writeFrom),

  /** A 64-bit argument is two words, and begins at an even one. */
  pread64: (context, fd, buffer, byteLength, _even, low, high) => {
    const file = toFile(context.wasi, context.owned(fd), right.fdRead | right.fdSeek);
    return file.read(toFileOffset(low, high), context.memory.bytes(buffer, byteLength));
  },
  pwrite64: (context, fd, buffer, byteLength, _even, low, high) => {
    const file = toFile(context.wasi, context.owned(fd), right.fdWrite | right.fdSeek);
    return writeFile(context, file, toFileOffset(low, high), context.memory.bytes(buffer, byteLength));
  },
} satisfies SystemCalls;

function readInto(context: SyscallContext, descriptor: Descriptor, into: Uint8Array): number {
  if (descriptor.target === 'stdin') return context.wasi.readStdin(into);
  const file = toFile(context.wasi, descriptor, right.fdRead);
  const bytesRead = file.read(descriptor.offset, into);
  descriptor.offset += bytesRead;
  return bytesRead;
}

function writeFrom(context: SyscallContext, descriptor: Descriptor, from: Uint8Array): number {
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

/** @throws ErrnoFailure `nospc` when there is no room for even one byte */
function writeFile(context: SyscallContext, file: File | Device, offset: number, from: Uint8Array): number {
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
  each: (context: SyscallContext, descriptor: Descriptor, bytes: Uint8Array) => number,
): number {
  const descriptor = context.owned(fd);
  let total = 0;
  for (let index = 0; index < count; index++) {
    const at = place(context.memory, list + index * iovecBytes, iovecBytes);
    const view = context.memory.view();
    const bytes = context.memory.bytes(view.getUint32(at, true), view.getUint32(at + 4, true));
    const { length } = bytes;
    const done = length === 0 ? 0 : each(context, descriptor, bytes);
    total += done;
    if (done < length) break;
  }
  return total;
}
