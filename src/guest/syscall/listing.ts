/** Listing a directory. */

import { fail } from '../wasi/errno.ts';
import { filetype } from '../wasi/layout.ts';
import type { SyscallContext, SystemCalls } from './context.ts';

/** struct dirent: u64 inode, u64 offset, u16 length of the record, u8 type, and the name. */
const headBytes = 19;
const recordAlignment = 8;
const types: Readonly<Record<number, number>> = {
  [filetype.unknown]: 1,
  [filetype.characterDevice]: 2,
  [filetype.directory]: 4,
  [filetype.regularFile]: 8,
  [filetype.symbolicLink]: 10,
};
const utf8 = new TextEncoder();

export const listingCalls = { getdents64: list } satisfies SystemCalls;

/** @throws ErrnoFailure `inval` when the first name has no room */
function list(context: SyscallContext, fd: number, buffer: number, byteLength: number): number {
  const directory = context.directory(fd);
  const descriptor = context.owned(fd);
  const into = context.memory.bytes(buffer, byteLength);
  const view = context.memory.view();
  let used = 0;
  let isFull = false;
  directory.list(descriptor.offset, (name, sequence, inodeNumber, type) => {
    const text = utf8.encode(name);
    const recordBytes = Math.ceil((headBytes + text.length + 1) / recordAlignment) * recordAlignment;
    isFull = used + recordBytes > into.length;
    if (isFull) return false;
    const at = (buffer >>> 0) + used;
    into.fill(0, used, used + recordBytes);
    view.setBigUint64(at, BigInt(inodeNumber), true);
    view.setBigUint64(at + 8, BigInt(sequence + 1), true);
    view.setUint16(at + 16, recordBytes, true);
    view.setUint8(at + 18, types[type] ?? 0);
    into.set(text, used + headBytes);
    used += recordBytes;
    descriptor.offset = sequence + 1;
    return true;
  });
  return used === 0 && isFull ? fail('inval') : used;
}
