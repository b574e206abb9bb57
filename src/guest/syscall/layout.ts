/**
 * Records and numbers of the founding libc, little-endian: a musl for wasm32 whose times, sizes, inode numbers and links
 * are 64 bits wide, and whose words have 32.
 */

import { fail } from '../wasi/errno.ts';
import type { Filestat } from '../wasi/layout.ts';
import { filetype, place } from '../wasi/layout.ts';
import type { SyscallContext } from './context.ts';

export const openFlag = {
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

const statBytes = 144;
const timeBytes = 16;
const blockBytes = 512;
const blockSize = 4096;
const nsPerSecond = 1_000_000_000n;

const modes = {
  [filetype.characterDevice]: 0o020666,
  [filetype.directory]: 0o040755,
  [filetype.regularFile]: 0o100644,
  [filetype.symbolicLink]: 0o120777,
  [filetype.unknown]: 0o010600,
} as Readonly<Record<number, number>>;

export const userId = 1000;

/** struct stat. @throws GuestFault */
export function writeStat({ memory }: SyscallContext, pointer: number, stat: Filestat): void {
  const at = place(memory, pointer, statBytes);
  memory.bytes(at, statBytes).fill(0);
  const view = memory.view();
  view.setBigUint64(at, BigInt(stat.device), true);
  view.setBigUint64(at + 8, BigInt(stat.inodeNumber), true);
  view.setBigUint64(at + 16, BigInt(stat.links), true);
  view.setUint32(at + 24, modes[stat.filetype] ?? 0, true);
  view.setUint32(at + 28, userId, true);
  view.setUint32(at + 32, userId, true);
  view.setBigUint64(at + 48, BigInt(stat.size), true);
  view.setUint32(at + 56, blockSize, true);
  view.setBigUint64(at + 64, BigInt(Math.ceil(stat.size / blockBytes)), true);
  for (const [index, ns] of [stat.accessedNs, stat.modifiedNs, stat.changedNs].entries())
    setTime(view, at + 72 + index * timeBytes, ns, 1n);
}

/** struct timespec, or with `us` struct timeval. @throws GuestFault */
export function writeTime(
  { memory }: SyscallContext,
  pointer: number,
  ns: bigint,
  unit: 'ns' | 'us' = 'ns',
): void {
  const at = place(memory, pointer, timeBytes);
  setTime(memory.view(), at, ns, unit === 'ns' ? 1n : 1000n);
}

/** struct timespec, in nanoseconds. @throws GuestFault @throws ErrnoFailure `inval` */
export function readTime({ memory }: SyscallContext, pointer: number): bigint {
  const at = place(memory, pointer, timeBytes);
  const view = memory.view();
  const seconds = view.getBigInt64(at, true);
  const ns = view.getInt32(at + 8, true);
  if (seconds < 0n || ns < 0 || ns > 999_999_999) fail('inval');
  return seconds * nsPerSecond + BigInt(ns);
}

/** Of two words. @throws ErrnoFailure `inval` for a negative one, `fbig` for one that no file has */
export function toFileOffset(low: number, high: number): number {
  if (high < 0) fail('inval');
  const offset = high * 2 ** 32 + (low >>> 0);
  return Number.isSafeInteger(offset) ? offset : fail('fbig');
}

function setTime(view: DataView, at: number, ns: bigint, nsPerUnit: bigint): void {
  view.setBigUint64(at, ns / nsPerSecond, true);
  view.setBigUint64(at + 8, (ns % nsPerSecond) / nsPerUnit, true);
}
