/**
 * The system calls under mapped memory and executor threads, on Linux x64 and arm64, where their numbers agree.
 * An address is a plain number: user space ends far below 2^53.
 */
import { readFileSync } from 'node:fs';
import type koffi from 'koffi';
import { FaasmError } from '../../proto/errors.ts';
import { loadKoffi } from '../koffi.ts';

export const protRead = 1;
export const protWrite = 2;
export const mapShared = 0x1;
export const mapPrivate = 0x2;
export const mapFixed = 0x10;
export const mapAnonymous = 0x20;
/** As V8 maps linear memories; the kernel joins neighbours only when they agree in it. */
export const mapNoReserve = 0x4000;
export const mremapMayMove = 1;
export const mremapFixed = 2;
export const adviceDontNeed = 4;
export const adviceRemove = 9;
export const adviceNoHugePage = 15;
export const memfdCloexec = 1;
export const memfdAllowSealing = 2;
export const addSeals = 1033;
export const sealSeal = 0x1;
export const sealShrink = 0x2;
export const sealGrow = 0x4;
export const sealWrite = 0x8;
const sysconfPageSize = 30;
const thisThread = 0;
const schedBatch = 3;

export interface Libc {
  /** The kernel's page size in bytes. */
  readonly pageBytes: number;
  /** Of the first byte of a buffer that does not move: a linear memory, a SharedArrayBuffer. */
  address(buffer: ArrayBufferLike): number;
  /** Each returns -1 on failure and leaves the reason in `errno`. */
  mmap(address: number, byteLength: number, prot: number, flags: number, fd: number, offset: number): number;
  mremap(from: number, fromLength: number, byteLength: number, flags: number, to: number): number;
  madvise(address: number, byteLength: number, advice: number): number;
  memfdCreate(name: string, flags: number): number;
  addSeals(fd: number, seals: number): number;
  /** @param argument an address. Gives what the request gives. */
  ioctl(fd: number, request: number, argument: number): number;
  close(fd: number): number;
  /** Of this thread alone: the kernel takes it for one that computes and does not preempt others when it is woken. */
  scheduleAsBatch(): number;
  /** The reason of the last failure in this thread, as in `ENOMEM`. */
  errno(): string;
}

let loaded: Libc | undefined;

/** Loaded once per thread. @throws Error where there is no koffi for this platform, or its libc lacks a call */
export function loadLibc(): Libc {
  return (loaded ??= bind(loadKoffi()));
}

function bind(ffi: typeof koffi): Libc {
  const lib = ffi.load(null);
  const fcntl = lib.func('int fcntl(int fd, int command, ...)');
  const names = new Map(Object.entries(ffi.os.errno).map(([name, value]) => [value, name]));
  const setScheduler = lib.func('int sched_setscheduler(int pid, int policy, const int *priority)');
  return {
    pageBytes: Number(lib.func('long sysconf(int name)')(sysconfPageSize)),
    address: (buffer) => Number(ffi.address(buffer)),
    mmap: lib.func('intptr_t mmap(uintptr_t at, size_t n, int prot, int flags, int fd, int64_t offset)'),
    mremap: lib.func('intptr_t mremap(uintptr_t from, size_t m, size_t n, int flags, uintptr_t to)'),
    madvise: lib.func('int madvise(uintptr_t at, size_t n, int advice)'),
    memfdCreate: lib.func('int memfd_create(const char *name, unsigned int flags)'),
    addSeals: (fd, seals) => fcntl(fd, addSeals, 'int', seals),
    ioctl: lib.func('int ioctl(int fd, unsigned long request, uintptr_t argument)'),
    close: lib.func('int close(int fd)'),
    scheduleAsBatch: () => setScheduler(thisThread, schedBatch, [0]),
    errno: () => names.get(ffi.errno()) ?? `errno ${ffi.errno()}`,
  };
}

/** What the kernel said no to, with the reason and the way out. */
export function kernelRefused(libc: Libc, what: string): FaasmError {
  const errno = libc.errno();
  return new FaasmError('no_capacity', `Cannot ${what}: the kernel says ${errno}; ${wayOut(errno)}`);
}

function wayOut(errno: string): string {
  switch (errno) {
    case 'ENOMEM':
      return `evict idle Faaslets, add memory, or raise vm.max_map_count (now ${maxMapCount()})`;
    case 'EMFILE':
      return 'raise the limit of open files (ulimit -n)';
    case 'ENFILE':
      return 'raise fs.file-max';
    default:
      return 'set FAASM_MEMORY=copy to do without mapped memory';
  }
}

function maxMapCount(): string {
  try {
    return readFileSync('/proc/sys/vm/max_map_count', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
