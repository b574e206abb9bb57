/**
 * Records of the founding libc in a guest's memory, little-endian. It is a musl of 32 bits throughout: a time, a size
 * and an inode number are words of 32 bits, as Faasm's first toolchains had them.
 */
import type { Filestat } from '../wasi/layout.ts';
import { filetype, place } from '../wasi/layout.ts';
import type { SyscallContext } from './context.ts';

const statBytes = 76;
const blockBytes = 512;
const blockSize = 4096;

const modes = {
  [filetype.directory]: 0o040755,
  [filetype.regularFile]: 0o100644,
  [filetype.symbolicLink]: 0o120777,
  [filetype.unknown]: 0o010600,
} as Readonly<Record<number, number>>;

/** The types of a directory's entries. */
export const direntTypes = {
  [filetype.directory]: 4,
  [filetype.regularFile]: 8,
  [filetype.symbolicLink]: 10,
  [filetype.unknown]: 1,
} as Readonly<Record<number, number>>;

export const userId = 1000;
const nsPerSecond = 1_000_000_000n;

/** struct stat. @throws GuestFault */
export function writeStat({ memory }: SyscallContext, pointer: number, stat: Filestat): void {
  const at = place(memory, pointer, statBytes);
  const view = memory.view();
  const words = [
    stat.device,
    0,
    stat.inodeNumber,
    modes[stat.filetype] ?? 0,
    stat.links,
    userId,
    userId,
    0,
    0,
    stat.size,
    blockSize,
    Math.ceil(stat.size / blockBytes),
    ...[stat.accessedNs, stat.modifiedNs, stat.changedNs].flatMap(toTime),
    stat.inodeNumber,
  ];
  for (const [index, word] of words.entries()) view.setUint32(at + index * 4, word, true);
}

/** struct timespec, or with microseconds struct timeval. @throws GuestFault */
export function writeTime(
  { memory }: SyscallContext,
  pointer: number,
  ns: bigint,
  fraction: 'ns' | 'us' = 'ns',
): void {
  const at = place(memory, pointer, 8);
  const [seconds, rest] = toTime(ns);
  const view = memory.view();
  view.setUint32(at, seconds, true);
  view.setUint32(at + 4, fraction === 'ns' ? rest : Math.floor(rest / 1000), true);
}

/** struct timespec, in nanoseconds. @throws GuestFault */
export function readTime({ memory }: SyscallContext, pointer: number): { seconds: number; ns: number } {
  const at = place(memory, pointer, 8);
  const view = memory.view();
  return { seconds: view.getInt32(at, true), ns: view.getInt32(at + 4, true) };
}

function toTime(ns: bigint): [seconds: number, ns: number] {
  return [Number(BigInt.asUintN(32, ns / nsPerSecond)), Number(ns % nsPerSecond)];
}
