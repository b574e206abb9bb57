/** Bytes through a descriptor: reading, writing, the offset, and the listing of a directory. */
import type { WasiContext, WasiFunctions } from './context.ts';
import type { Device } from './device.ts';
import { errno, fail } from './errno.ts';
import { toFile } from './fd.ts';
import { type File, fileMaxBytes } from './inode.ts';
import { checkIovecs, iovec } from './iovec.ts';
import { fdFlag, place, toFileSize, writeU32, writeU64 } from './layout.ts';
import { right } from './rights.ts';

export const whence = { set: 0, current: 1, end: 2 } as const;

const direntBytes = 24;
const nameMaxBytes = 255;
const utf8 = new TextEncoder();

export const fdIoFunctions = {
  fd_read: (context, fd: number, iovecs: number, count: number, out: number) => {
    place(context.memory, out, 4);
    checkIovecs(context.memory, iovecs, count);
    const descriptor = context.descriptors.get(fd);
    let bytesRead: number;
    if (typeof descriptor.target === 'string' && descriptor.target !== 'preopen') {
      descriptor.require(right.fdRead);
      bytesRead = readInput(context, iovecs, count);
    } else {
      const file = toFile(context, descriptor, right.fdRead);
      bytesRead = readFile(context, file, iovecs, count, descriptor.offset);
      descriptor.offset += bytesRead;
    }
    writeU32(context.memory, out, bytesRead);
    return errno.success;
  },

  fd_pread: (context, fd: number, iovecs: number, count: number, offset: bigint, out: number) => {
    place(context.memory, out, 4);
    checkIovecs(context.memory, iovecs, count);
    const file = toFile(context, context.descriptors.get(fd), right.fdRead | right.fdSeek);
    writeU32(context.memory, out, readFile(context, file, iovecs, count, toFileSize(offset)));
    return errno.success;
  },

  fd_write: (context, fd: number, iovecs: number, count: number, out: number) => {
    place(context.memory, out, 4);
    const totalBytes = checkIovecs(context.memory, iovecs, count);
    const descriptor = context.descriptors.get(fd);
    let bytesWritten = totalBytes;
    if (descriptor.target === 'stdout' || descriptor.target === 'stderr') {
      descriptor.require(right.fdWrite);
      const sink = descriptor.target === 'stdout' ? context.call.stdout : context.call.stderr;
      for (let index = 0; index < count >>> 0; index += 1) sink(iovec(context.memory, iovecs, index));
    } else {
      if (descriptor.target === 'stdin') descriptor.require(right.fdWrite);
      const file = toFile(context, descriptor, right.fdWrite);
      const offset = (descriptor.flags & fdFlag.append) === 0 ? descriptor.offset : file.size;
      bytesWritten = writeFile(context, file, iovecs, count, offset);
      descriptor.offset = offset + bytesWritten;
    }
    writeU32(context.memory, out, bytesWritten);
    return errno.success;
  },

  /** Writes where it is told even with `append`, as POSIX has it. */
  fd_pwrite: (context, fd: number, iovecs: number, count: number, offset: bigint, out: number) => {
    place(context.memory, out, 4);
    checkIovecs(context.memory, iovecs, count);
    const file = toFile(context, context.descriptors.get(fd), right.fdWrite | right.fdSeek);
    writeU32(context.memory, out, writeFile(context, file, iovecs, count, toFileSize(offset)));
    return errno.success;
  },

  fd_seek: (context, fd: number, delta: bigint, from: number, out: number) =>
    seek(context, fd, delta, from, out),

  fd_tell: (context, fd: number, out: number) => {
    const descriptor = context.descriptors.get(fd);
    toFile(context, descriptor, 0);
    if ((descriptor.rightsBase & (right.fdTell | right.fdSeek)) === 0) fail('notcapable');
    writeU64(context.memory, out, BigInt(descriptor.offset));
    return errno.success;
  },

  fd_readdir: (context, fd: number, buffer: number, byteLength: number, cookie: bigint, out: number) => {
    place(context.memory, out, 4);
    const directory = context.directory(fd, right.fdReaddir);
    const into = context.memory.bytes(buffer, byteLength);
    const from = Number(BigInt.asUintN(64, cookie));
    const dirent = new Uint8Array(direntBytes + nameMaxBytes);
    const header = new DataView(dirent.buffer);
    let used = 0;
    directory.list(from, (name, sequence, inodeNumber, type) => {
      if (used === into.length) return false;
      const nameBytes = utf8.encodeInto(name, dirent.subarray(direntBytes)).written;
      header.setBigUint64(0, BigInt(sequence + 1), true);
      header.setBigUint64(8, BigInt(inodeNumber), true);
      header.setUint32(16, nameBytes, true);
      header.setUint32(20, type, true);
      const part = dirent.subarray(0, Math.min(direntBytes + nameBytes, into.length - used));
      into.set(part, used);
      used += part.length;
      return true;
    });
    writeU32(context.memory, out, used);
    return errno.success;
  },
} satisfies WasiFunctions;

/** @throws ErrnoFailure `inval` before the start of the file, `overflow` past what an offset can be */
export function seek(context: WasiContext, fd: number, delta: bigint, from: number, out: number): number {
  place(context.memory, out, 8);
  const descriptor = context.descriptors.get(fd);
  const file = toFile(context, descriptor, 0);
  const tells = from === whence.current && delta === 0n;
  if (!tells || (descriptor.rightsBase & right.fdTell) === 0) descriptor.require(right.fdSeek);
  let start = 0;
  if (from === whence.current) start = descriptor.offset;
  else if (from === whence.end) start = file.size;
  else if (from !== whence.set) fail('inval');
  const offset = BigInt(start) + delta;
  if (offset < 0n) fail('inval');
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) fail('overflow');
  descriptor.offset = Number(offset);
  writeU64(context.memory, out, offset);
  return errno.success;
}

function readInput(context: WasiContext, iovecs: number, count: number): number {
  let bytesRead = 0;
  for (let index = 0; index < count >>> 0; index += 1) {
    const into = iovec(context.memory, iovecs, index);
    // Its view may be of no use any more after that: a stream may grow the memory.
    const { length } = into;
    const part = context.readStdin(into);
    bytesRead += part;
    if (part < length) break;
  }
  return bytesRead;
}

function readFile(
  context: WasiContext,
  file: File | Device,
  iovecs: number,
  count: number,
  offset: number,
): number {
  let at = offset;
  for (let index = 0; index < count >>> 0; index += 1) {
    const into = iovec(context.memory, iovecs, index);
    const bytesRead = file.read(at, into);
    at += bytesRead;
    if (bytesRead < into.length) break;
  }
  return at - offset;
}

/**
 * Bytes written: fewer than given when the room ended among them.
 * @throws ErrnoFailure `nospc`, `fbig` when there was no room for even one
 */
function writeFile(
  context: WasiContext,
  file: File | Device,
  iovecs: number,
  count: number,
  offset: number,
): number {
  let at = offset;
  for (let index = 0; index < count >>> 0; index += 1) {
    const from = iovec(context.memory, iovecs, index);
    const bytesWritten = file.write(at, from);
    at += bytesWritten;
    if (bytesWritten === from.length) continue;
    if (at === offset) fail(offset >= fileMaxBytes ? 'fbig' : 'nospc');
    break;
  }
  if (at > offset) file.touch(context.powers.realtimeNs());
  return at - offset;
}
