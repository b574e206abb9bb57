/** State out of a file of the function. */
import { stateKeyMaxBytes, toStateKey } from '../../../proto/names.ts';
import type { CallContext } from '../call-context.ts';
import { GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { ImportFunctions, ImportTable } from '../port.ts';
import type { SyscallContext } from '../syscall/context.ts';
import { ErrnoFailure, fail } from '../wasi/errno.ts';

export const stateFileTable: ImportTable = {
  __faasm_write_state_from_file: { signature: 'ii:i', waits: true },
};

export function createStateFile(
  memory: GuestMemory,
  context: CallContext,
  files: Pick<SyscallContext, 'path' | 'existing'>,
): ImportFunctions {
  return {
    /** Gives its size. */
    async __faasm_write_state_from_file(key: number, pointer: number): Promise<number> {
      const name = toStateKey(memory.cString(key, stateKeyMaxBytes));
      const content = read(files, files.path(pointer));
      await context.state().write(name, content, true);
      return content.length;
    },
  };
}

function read(files: Pick<SyscallContext, 'existing'>, path: string): Uint8Array {
  try {
    const file = files.existing(path, 'always');
    if (file.kind !== 'file') fail('isdir');
    const content = new Uint8Array(file.size);
    file.read(0, content);
    return content;
  } catch (thrown) {
    throw thrown instanceof ErrnoFailure
      ? new GuestFault(`State cannot be written from ${path}: no file is there`)
      : thrown;
  }
}
