/** The flags of WASI preview 1 and how its records lie in a guest's memory, little-endian. */
import { GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { fail } from './errno.ts';

export const filetype = {
  unknown: 0,
  characterDevice: 2,
  directory: 3,
  regularFile: 4,
  symbolicLink: 7,
} as const;
export const fdFlag = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const openFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
export const lookupFlag = { followLink: 1 } as const;
export const timeFlag = { access: 1, accessNow: 2, modification: 4, modificationNow: 8 } as const;

/** @throws ErrnoFailure `inval` when `flags` has a bit outside `known` */
export function knownFlags(flags: number, known: number): number {
  if ((flags & ~known) !== 0) fail('inval');
  return flags;
}

/** A size or an offset, which the spec has as u64: past 2^63 JavaScript shows it negative, and no file is that long. */
export function toFileSize(value: bigint): number {
  if (value < 0n) fail('inval');
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail('fbig');
  return Number(value);
}

/** The address, once `byteLength` bytes from it are known to be inside. @throws GuestFault when not */
export function place(memory: GuestMemory, pointer: number, byteLength: number): number {
  const start = pointer >>> 0;
  const memoryBytes = memory.all().length;
  if (start + byteLength > memoryBytes) throw GuestFault.outOfBounds(start, byteLength, memoryBytes);
  return start;
}

/** @throws GuestFault */
export function writeU32(memory: GuestMemory, pointer: number, value: number): void {
  const at = place(memory, pointer, 4);
  memory.view().setUint32(at, value, true);
}

/** @throws GuestFault */
export function writeU64(memory: GuestMemory, pointer: number, value: bigint): void {
  const at = place(memory, pointer, 8);
  memory.view().setBigUint64(at, value, true);
}

export interface Fdstat {
  readonly filetype: number;
  readonly flags: number;
  readonly rightsBase: number;
  readonly rightsInheriting: number;
}

/** @throws GuestFault */
export function writeFdstat(memory: GuestMemory, pointer: number, stat: Fdstat): void {
  const at = place(memory, pointer, 24);
  const view = memory.view();
  view.setUint16(at, stat.filetype, true);
  view.setUint16(at + 2, stat.flags, true);
  view.setUint32(at + 4, 0, true);
  view.setBigUint64(at + 8, BigInt(stat.rightsBase), true);
  view.setBigUint64(at + 16, BigInt(stat.rightsInheriting), true);
}

export interface Filestat {
  readonly device: number;
  readonly inodeNumber: number;
  readonly filetype: number;
  readonly links: number;
  readonly size: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** The two editions of the interface: `wasi_snapshot_preview1`, and `wasi_unstable` before it. */
export type Edition = 'preview1' | 'unstable';

/** Links are a u64 in preview 1 and were a u32 before, which moved the rest. @throws GuestFault */
export function writeFilestat(memory: GuestMemory, pointer: number, stat: Filestat, edition: Edition): void {
  const at = place(memory, pointer, edition === 'preview1' ? 64 : 56);
  const view = memory.view();
  view.setBigUint64(at, BigInt(stat.device), true);
  view.setBigUint64(at + 8, BigInt(stat.inodeNumber), true);
  view.setBigUint64(at + 16, BigInt(stat.filetype), true);
  if (edition === 'preview1') view.setBigUint64(at + 24, BigInt(stat.links), true);
  else view.setUint32(at + 20, stat.links, true);
  const rest = edition === 'preview1' ? at + 32 : at + 24;
  view.setBigUint64(rest, BigInt(stat.size), true);
  view.setBigUint64(rest + 8, stat.accessedNs, true);
  view.setBigUint64(rest + 16, stat.modifiedNs, true);
  view.setBigUint64(rest + 24, stat.changedNs, true);
}
