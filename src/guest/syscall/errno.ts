/** The error numbers of Linux, which a system call gives as a negative result. */
import { errno as wasi } from '../wasi/errno.ts';

export const linuxErrno = {
  perm: 1,
  noent: 2,
  io: 5,
  badf: 9,
  again: 11,
  nomem: 12,
  acces: 13,
  fault: 14,
  exist: 17,
  notdir: 20,
  isdir: 21,
  inval: 22,
  mfile: 24,
  notty: 25,
  fbig: 27,
  nospc: 28,
  spipe: 29,
  pipe: 32,
  range: 34,
  nametoolong: 36,
  nosys: 38,
  notempty: 39,
  loop: 40,
  overflow: 75,
  ilseq: 84,
  notsock: 88,
  opnotsupp: 95,
  netunreach: 101,
} as const;

/** Of the errors that the virtual file system gives, by WASI's numbers. */
const fromWasi = new Map<number, number>([
  [wasi.acces, linuxErrno.acces],
  [wasi.badf, linuxErrno.badf],
  [wasi.exist, linuxErrno.exist],
  [wasi.fault, linuxErrno.fault],
  [wasi.fbig, linuxErrno.fbig],
  [wasi.ilseq, linuxErrno.ilseq],
  [wasi.inval, linuxErrno.inval],
  [wasi.io, linuxErrno.io],
  [wasi.isdir, linuxErrno.isdir],
  [wasi.loop, linuxErrno.loop],
  [wasi.mfile, linuxErrno.mfile],
  [wasi.nametoolong, linuxErrno.nametoolong],
  [wasi.noent, linuxErrno.noent],
  [wasi.nospc, linuxErrno.nospc],
  [wasi.nosys, linuxErrno.nosys],
  [wasi.notcapable, linuxErrno.acces],
  [wasi.notdir, linuxErrno.notdir],
  [wasi.notempty, linuxErrno.notempty],
  [wasi.notsock, linuxErrno.notsock],
  [wasi.notsup, linuxErrno.opnotsupp],
  [wasi.overflow, linuxErrno.overflow],
  [wasi.perm, linuxErrno.perm],
  [wasi.pipe, linuxErrno.pipe],
  [wasi.spipe, linuxErrno.spipe],
]);

/** The result of a system call that failed so. */
export function toResult(wasiErrno: number): number {
  return -(fromWasi.get(wasiErrno) ?? linuxErrno.io);
}
