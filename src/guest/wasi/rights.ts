/**
 * Rights of a descriptor. A guest passes them as 64 bits; the 30 that are defined are kept as a number.
 * `base` is what the descriptor itself may do, `inheriting` the most that descriptors opened through it may get.
 */
import { fail } from './errno.ts';

export const right = {
  fdDatasync: 1 << 0,
  fdRead: 1 << 1,
  fdSeek: 1 << 2,
  fdFdstatSetFlags: 1 << 3,
  fdSync: 1 << 4,
  fdTell: 1 << 5,
  fdWrite: 1 << 6,
  fdAdvise: 1 << 7,
  fdAllocate: 1 << 8,
  pathCreateDirectory: 1 << 9,
  pathCreateFile: 1 << 10,
  pathLinkSource: 1 << 11,
  pathLinkTarget: 1 << 12,
  pathOpen: 1 << 13,
  fdReaddir: 1 << 14,
  pathReadlink: 1 << 15,
  pathRenameSource: 1 << 16,
  pathRenameTarget: 1 << 17,
  pathFilestatGet: 1 << 18,
  pathFilestatSetSize: 1 << 19,
  pathFilestatSetTimes: 1 << 20,
  fdFilestatGet: 1 << 21,
  fdFilestatSetSize: 1 << 22,
  fdFilestatSetTimes: 1 << 23,
  pathSymlink: 1 << 24,
  pathRemoveDirectory: 1 << 25,
  pathUnlinkFile: 1 << 26,
  pollFdReadwrite: 1 << 27,
  sockShutdown: 1 << 28,
  sockAccept: 1 << 29,
} as const;

export const allRights = 2 ** 30 - 1;

const anyRights =
  right.fdDatasync |
  right.fdSync |
  right.fdFdstatSetFlags |
  right.fdFilestatGet |
  right.fdFilestatSetTimes |
  right.pollFdReadwrite;

/** The rights that mean something on a regular file; others asked for are dropped when it is opened. */
export const fileRights =
  anyRights |
  right.fdRead |
  right.fdSeek |
  right.fdTell |
  right.fdWrite |
  right.fdAdvise |
  right.fdAllocate |
  right.fdFilestatSetSize;

/** Those on a device: with seeking, which a libc takes for what a terminal has not. */
export const deviceRights = anyRights | right.fdRead | right.fdSeek | right.fdTell | right.fdWrite;

/** Those on a file that is only read. */
export const readOnlyRights = fileRights & ~(right.fdWrite | right.fdAllocate | right.fdFilestatSetSize);

/** The rights that mean something on a directory. */
export const directoryRights =
  anyRights |
  right.fdReaddir |
  right.pathCreateDirectory |
  right.pathCreateFile |
  right.pathLinkSource |
  right.pathLinkTarget |
  right.pathOpen |
  right.pathReadlink |
  right.pathRenameSource |
  right.pathRenameTarget |
  right.pathFilestatGet |
  right.pathFilestatSetSize |
  right.pathFilestatSetTimes |
  right.pathSymlink |
  right.pathRemoveDirectory |
  right.pathUnlinkFile;

const streamRights = right.fdFdstatSetFlags | right.fdFilestatGet | right.pollFdReadwrite;
export const inputRights = streamRights | right.fdRead;
export const outputRights = streamRights | right.fdWrite;

const definedBits = BigInt(allRights);

/** @throws ErrnoFailure `notcapable` for a bit that is no right: nobody can have it */
export function toRights(bits: bigint): number {
  if ((bits & ~definedBits) !== 0n) fail('notcapable');
  return Number(bits);
}
