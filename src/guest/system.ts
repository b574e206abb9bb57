/** What modules of Faasm's own toolchains import beside Faasm itself: an operating system, by its calls or its libc. */
import type { CallContext } from './call-context.ts';
import type { GuestMemory } from './guest-memory.ts';
import { createLibc, libcTable } from './libc/libc.ts';
import type { ImportFunctions, ImportTable } from './port.ts';
import { createStateFile, stateFileTable } from './state/state-file.ts';
import { createSyscalls, syscallTable } from './syscall/syscall.ts';
import type { WasiContext } from './wasi/context.ts';

export const systemTables: readonly ImportTable[] = [syscallTable, libcTable, stateFileTable];

/** Nothing for a module that imports none of it, as most. */
export function createSystem(
  names: readonly string[],
  memory: GuestMemory,
  context: CallContext,
  wasi: WasiContext,
): ImportFunctions {
  if (!names.some((name) => systemTables.some((table) => Object.hasOwn(table, name)))) return {};
  const syscalls = createSyscalls(memory, wasi);
  return {
    ...syscalls.imports,
    ...createLibc(memory, syscalls),
    ...createStateFile(memory, context, syscalls.context),
  };
}
