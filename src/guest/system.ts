/** What modules of Faasm's own toolchains import beside Faasm itself: an operating system, by its calls or its libc. */
import { createLibc, libcTable } from './libc/libc.ts';
import type { Capability } from './port.ts';
import { createSyscalls, syscallTable } from './syscall/syscall.ts';

export const system: Capability = {
  module: 'env',
  imports: [syscallTable, libcTable],
  open: () => (guest) => {
    const syscalls = createSyscalls(guest.memory, guest.wasi.context);
    return { functions: { ...syscalls.imports, ...createLibc(guest.memory, syscalls) } };
  },
};
