/** Attributes of files, and the flags with which their times are set. */
import type { WasiContext } from './context.ts';
import type { Stream } from './descriptors.ts';
import { toFiletype } from './directory.ts';
import { fail } from './errno.ts';
import type { Inode } from './inode.ts';
import { type Filestat, filetype, knownFlags, timeFlag } from './layout.ts';

const treeDevice = 1;
const streamDevice = 0;
const streamInodeNumbers = { stdin: 1, stdout: 2, stderr: 3 } as const;

export function toFilestat(inode: Inode): Filestat {
  const stream = inode.kind === 'device' ? inode.stream : undefined;
  if (stream !== undefined) return toStreamFilestat(stream);
  return {
    device: treeDevice,
    inodeNumber: inode.inodeNumber,
    filetype: toFiletype(inode),
    links: inode.links,
    size: inode.size,
    accessedNs: inode.accessedNs,
    modifiedNs: inode.modifiedNs,
    changedNs: inode.changedNs,
  };
}

/** A stream is as a pipe: of no type that WASI knows, without a size, and no terminal, so that libc buffers it. */
export function toStreamFilestat(stream: Stream): Filestat {
  return {
    device: streamDevice,
    inodeNumber: streamInodeNumbers[stream],
    filetype: filetype.unknown,
    links: 1,
    size: 0,
    accessedNs: 0n,
    modifiedNs: 0n,
    changedNs: 0n,
  };
}

/** @throws ErrnoFailure `inval` when a time is to be both the one given and the present one */
export function setTimes(
  context: WasiContext,
  toInode: () => Inode,
  accessedNs: bigint,
  modifiedNs: bigint,
  flags: number,
): void {
  knownFlags(flags, timeFlag.access | timeFlag.accessNow | timeFlag.modification | timeFlag.modificationNow);
  if (has(flags, timeFlag.access | timeFlag.accessNow)) fail('inval');
  if (has(flags, timeFlag.modification | timeFlag.modificationNow)) fail('inval');
  const inode = toInode();
  const nowNs = context.powers.realtimeNs();
  if (has(flags, timeFlag.access)) inode.accessedNs = BigInt.asUintN(64, accessedNs);
  if (has(flags, timeFlag.accessNow)) inode.accessedNs = nowNs;
  if (has(flags, timeFlag.modification)) inode.modifiedNs = BigInt.asUintN(64, modifiedNs);
  if (has(flags, timeFlag.modificationNow)) inode.modifiedNs = nowNs;
  inode.changedNs = nowNs;
}

function has(flags: number, wanted: number): boolean {
  return (flags & wanted) === wanted;
}
