/**
 * Functions of libc that Faasm's own toolchains leave to the host, from `env`: those of memory and the process, which
 * are system calls by another name, and those that one thread without signals can do without.
 */
import type { GuestMemory } from '../guest-memory.ts';
import type { ImportFunctions, ImportTable } from '../port.ts';
import type { Syscalls } from '../syscall/syscall.ts';
import { errno } from '../wasi/errno.ts';
import { writeU32 } from '../wasi/layout.ts';
import { absentFunctions, absentTable } from './absent.ts';
import { toTable } from './names.ts';

const offsetUnitBytes = 4096n;

const withoutEffect = toTable({
  ':i': 'pthread_self',
  'i:': '_Unwind_DeleteException',
  'i:i': `pthread_attr_destroy pthread_attr_init pthread_cond_broadcast pthread_cond_destroy pthread_cond_signal
    pthread_condattr_init pthread_getspecific pthread_key_delete pthread_mutex_destroy pthread_mutex_lock
    pthread_mutex_trylock pthread_mutex_unlock pthread_mutexattr_destroy pthread_mutexattr_init`,
  'ii:i': `pthread_attr_setstacksize pthread_cond_init pthread_condattr_setclock pthread_key_create pthread_mutex_init
    pthread_mutexattr_settype pthread_setspecific setgroups setrlimit signal`,
  'iii:i': 'msync',
});

export const libcTable: ImportTable = {
  ...absentTable,
  ...withoutEffect,
  ...toTable({
    ':i': 'getegid geteuid getgid getpid getppid getuid',
    'i:i': '__copy_tls __sbrk dup umask uname',
    'ii:i': '__wasi_fd_dup chmod getcwd getrlimit munmap',
    'iii:i': 'ioctl',
    'iiiiiI:i': 'mmap',
  }),
};

/** They give -1 for what failed; `errno` is the guest's own, which the host cannot set. */
export function createLibc(memory: GuestMemory, { call }: Pick<Syscalls, 'call'>): ImportFunctions {
  const run = (...[name, ...parameters]: Parameters<typeof call>): number =>
    Math.max(-1, Number(call(name, ...parameters)));
  return {
    ...absentFunctions,
    ...Object.fromEntries(Object.keys(withoutEffect).map((name) => [name, () => 0])),
    __sbrk: (byteLength: number) => run('sbrk', byteLength),
    mmap: (address: number, length: number, protection: number, flags: number, fd: number, offset: bigint) =>
      run('mmap2', address, length, protection, flags, fd, Number(offset / offsetUnitBytes)),
    munmap: (start: number, length: number) => run('munmap', start, length),
    dup: (fd: number) => run('dup', fd),
    __wasi_fd_dup(fd: number, out: number): number {
      const copy = run('dup', fd);
      if (copy < 0) return errno.mfile;
      writeU32(memory, out, copy);
      return errno.success;
    },
    ioctl: (fd: number, request: number, pointer: number) => run('ioctl', fd, request, pointer),
    chmod: (path: number, mode: number) => run('chmod', path, mode),
    umask: (mode: number) => run('umask', mode),
    getcwd: (buffer: number, byteLength: number) => (run('getcwd', buffer, byteLength) < 0 ? 0 : buffer),
    uname: (out: number) => run('uname', out),
    getrlimit: (resource: number, out: number) => run('prlimit64', 0, resource, 0, out),
    getpid: () => run('getpid'),
    getppid: () => run('getppid'),
    getuid: () => run('getuid32'),
    geteuid: () => run('geteuid32'),
    getgid: () => run('getgid32'),
    getegid: () => run('getegid32'),
    __copy_tls: (pointer: number) => pointer,
  };
}
