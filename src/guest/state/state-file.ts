/** State out of a file of the function. */
import { stateKeyMaxBytes, toStateKey } from '../../../proto/names.ts';
import type { GuestState } from '../../state/tier/local-tier.ts';
import { GuestFault } from '../guest-fault.ts';
import { type Guest, type ImportFunctions, type ImportTable, waits } from '../port.ts';
import { SyscallContext } from '../syscall/context.ts';
import { ErrnoFailure, fail } from '../wasi/errno.ts';

export const stateFileTable: ImportTable = {
  __faasm_write_state_from_file: waits('ii:i'),
};

export function createStateFile({ memory, wasi }: Guest, state: () => GuestState): ImportFunctions {
  return {
    /** Gives its size. */
    async __faasm_write_state_from_file(key: number, pointer: number): Promise<number> {
      const name = toStateKey(memory.cString(key, stateKeyMaxBytes));
      const files = new SyscallContext(memory, wasi.context);
      const content = read(files, files.path(pointer));
      await state().write(name, content, true);
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
