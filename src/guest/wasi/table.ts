import type { ImportTable } from '../port.ts';

const answers = (signature: string) => ({ signature, waits: false });

/** WASI preview 1, as modules import it from `wasi_snapshot_preview1`. */
export const wasiTable: ImportTable = {
  args_get: answers('ii:i'),
  args_sizes_get: answers('ii:i'),
  environ_get: answers('ii:i'),
  environ_sizes_get: answers('ii:i'),
  clock_res_get: answers('ii:i'),
  clock_time_get: answers('iIi:i'),
  fd_advise: answers('iIIi:i'),
  fd_allocate: answers('iII:i'),
  fd_close: answers('i:i'),
  fd_datasync: answers('i:i'),
  fd_fdstat_get: answers('ii:i'),
  fd_fdstat_set_flags: answers('ii:i'),
  fd_fdstat_set_rights: answers('iII:i'),
  fd_filestat_get: answers('ii:i'),
  fd_filestat_set_size: answers('iI:i'),
  fd_filestat_set_times: answers('iIIi:i'),
  fd_pread: answers('iiiIi:i'),
  fd_prestat_get: answers('ii:i'),
  fd_prestat_dir_name: answers('iii:i'),
  fd_pwrite: answers('iiiIi:i'),
  fd_read: answers('iiii:i'),
  fd_readdir: answers('iiiIi:i'),
  fd_renumber: answers('ii:i'),
  fd_seek: answers('iIii:i'),
  fd_sync: answers('i:i'),
  fd_tell: answers('ii:i'),
  fd_write: answers('iiii:i'),
  path_create_directory: answers('iii:i'),
  path_filestat_get: answers('iiiii:i'),
  path_filestat_set_times: answers('iiiiIIi:i'),
  path_link: answers('iiiiiii:i'),
  path_open: answers('iiiiiIIii:i'),
  path_readlink: answers('iiiiii:i'),
  path_remove_directory: answers('iii:i'),
  path_rename: answers('iiiiii:i'),
  path_symlink: answers('iiiii:i'),
  path_unlink_file: answers('iii:i'),
  poll_oneoff: { signature: 'iiii:i', waits: true },
  proc_exit: answers('i:'),
  proc_raise: answers('i:i'),
  sched_yield: answers(':i'),
  random_get: answers('ii:i'),
  sock_accept: answers('iii:i'),
  sock_recv: answers('iiiiii:i'),
  sock_send: answers('iiiii:i'),
  sock_shutdown: answers('ii:i'),
};

const { sock_accept: _later, ...unstable } = wasiTable;

/** The edition before it, which older modules import from `wasi_unstable`: the same signatures, without `sock_accept`. */
export const wasiUnstableTable: ImportTable = unstable;
