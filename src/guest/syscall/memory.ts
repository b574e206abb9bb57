/** Memory, as a libc asks for it. */
import { fail } from '../wasi/errno.ts';
import type { SyscallContext, SystemCall, SystemCalls } from './context.ts';
import { linuxErrno } from './errno.ts';
import { pageBytes } from './regions.ts';

const anonymous = 0x20;
const noFile = -1;
const fileUnitBytes = 4096;

const nothing: SystemCall = () => 0;

export const memoryCalls = {
  brk: (context, address) => context.regions.moveBreak(address >>> 0),
  sbrk: (context, increment) => context.regions.extend(increment) ?? -linuxErrno.nomem,

  mmap: (context, _address, length, _protection, flags, fd, offset) =>
    map(context, length >>> 0, flags, fd, offset >>> 0),
  mmap2: (context, _address, length, _protection, flags, fd, offset) =>
    map(context, length >>> 0, flags, fd, (offset >>> 0) * fileUnitBytes),
  munmap: (context, start, length) => {
    if (length === 0 || (start >>> 0) % pageBytes !== 0) fail('inval');
    context.regions.unmap(start >>> 0, length >>> 0);
    return 0;
  },
  /** The libc then copies. */
  mremap: () => -linuxErrno.nomem,

  mprotect: nothing,
  madvise: nothing,
  membarrier: nothing,
} satisfies SystemCalls;

/** A file is copied, whatever is asked for: nobody else is there to see the changes. */
function map(context: SyscallContext, length: number, flags: number, fd: number, offset: number): number {
  if (length === 0) fail('inval');
  const isFile = fd !== noFile && (flags & anonymous) === 0;
  const file = isFile ? context.wasi.inode(context.owned(fd)) : undefined;
  if (file?.kind === 'directory') fail('inval');
  const start = context.regions.map(length);
  if (start === undefined) return -linuxErrno.nomem;
  file?.read(offset, context.memory.bytes(start, length));
  return start;
}
