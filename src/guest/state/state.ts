/**
 * State, as a guest reads and writes it.
 *
 * The founding forms end in an `async` flag: 0 reads the newest global value and writes through to the global tier
 * before the call goes on, 1 reads and writes the local tier. The present forms have no flag: there it is as the function
 * is set, else the host.
 */
import type { StateAccess } from '../../../proto/function-settings.ts';
import { type StateKey, stateKeyMaxBytes, toStateKey } from '../../../proto/names.ts';
import type { CallContext } from '../call-context.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { ImportFunctions } from '../port.ts';
import type { StateWindows } from './state-windows.ts';

export function createState(
  memory: GuestMemory,
  context: CallContext,
  windows: StateWindows,
  access: StateAccess,
): ImportFunctions {
  const keyAt = (pointer: number): StateKey => toStateKey(memory.cString(pointer, stateKeyMaxBytes));
  const into = (pointer: number, byteLength: number) => (): Uint8Array => memory.bytes(pointer, byteLength);
  const isSync = (flag?: number): boolean => (flag === undefined ? access === 'synchronous' : flag === 0);

  /** A synchronous read first asks for the newest value; where no other host writes, that asks nobody. */
  const fresh = <T>(key: StateKey, sync: boolean, read: () => T | Promise<T>): T | Promise<T> => {
    const pulled = sync ? context.state().pull(key) : undefined;
    return pulled === undefined ? read() : pulled.then(read);
  };
  const read = (pointer: number, target: () => Uint8Array, sync: boolean) => {
    const key = keyAt(pointer);
    return fresh(key, sync, () => context.state().read(key, 0, target));
  };
  const readAt = (
    pointer: number,
    total: number,
    offset: number,
    target: () => Uint8Array,
    sync: boolean,
  ) => {
    const key = keyAt(pointer);
    return fresh(key, sync, () => context.state().readAt(key, total, offset, target));
  };

  const size = (pointer: number) => {
    const key = keyAt(pointer);
    return fresh(key, isSync(), () => context.state().size(key));
  };

  const pointer = (name: number, total: number, offset: number, sync: boolean) => {
    const key = keyAt(name);
    const address = fresh(key, sync, () => windows.open(context.state(), key, total));
    return address instanceof Promise ? address.then((start) => start + offset) : address + offset;
  };

  return {
    __faasm_get_state_size: (key: number) => size(key),

    /** Without a buffer, the size of the value. */
    __faasm_read_state(key: number, buffer: number, byteLength: number, async?: number) {
      if (buffer === 0 && async === undefined) return size(key);
      return read(key, into(buffer, byteLength), isSync(async));
    },

    __faasm_write_state: (key: number, data: number, byteLength: number, async?: number) =>
      context.state().write(keyAt(key), memory.bytes(data, byteLength), isSync(async)),

    __faasm_read_state_offset: (
      key: number,
      total: number,
      offset: number,
      buffer: number,
      byteLength: number,
      async?: number,
    ) => readAt(key, total >>> 0, offset >>> 0, into(buffer, byteLength), isSync(async)),

    __faasm_write_state_offset: (
      key: number,
      total: number,
      offset: number,
      data: number,
      byteLength: number,
      async?: number,
    ) => {
      const bytes = memory.bytes(data, byteLength);
      return context.state().writeAt(keyAt(key), total >>> 0, offset >>> 0, bytes, isSync(async));
    },

    __faasm_read_state_ptr: (key: number, total: number, async?: number) =>
      pointer(key, total >>> 0, 0, isSync(async)),
    __faasm_read_state_offset_ptr: (
      key: number,
      total: number,
      offset: number,
      byteLength: number,
      async?: number,
    ) =>
      pointer(key, Math.max(total >>> 0, (offset >>> 0) + (byteLength >>> 0)), offset >>> 0, isSync(async)),
    __faasm_flag_state_dirty: (key: number, total: number) =>
      windows.flagDirty(context.state(), keyAt(key), 0, total >>> 0),
    __faasm_flag_state_offset_dirty: (key: number, _total: number, offset: number, byteLength: number) =>
      windows.flagDirty(context.state(), keyAt(key), offset >>> 0, byteLength >>> 0),

    __faasm_append_state: (key: number, data: number, byteLength: number) =>
      context.state().append(keyAt(key), memory.bytes(data, byteLength)),
    __faasm_read_appended_state: (key: number, buffer: number, byteLength: number) =>
      read(key, into(buffer, byteLength), isSync()),
    __faasm_clear_appended_state: (key: number) => context.state().write(keyAt(key), new Uint8Array(0), true),

    __faasm_push_state: (key: number) => context.state().push(keyAt(key)),
    __faasm_push_state_partial: (key: number) => context.state().push(keyAt(key)),
    /** Only what has changed is pushed anyway, whatever a mask says. */
    __faasm_push_state_partial_mask: (key: number) => context.state().push(keyAt(key)),
    __faasm_pull_state: (key: number) => context.state().pull(keyAt(key)),

    /** All of the memory, kept as a state value. */
    __faasm_snapshot_memory: (key: number) => context.state().write(keyAt(key), memory.all(), true),
    /** As it was; what the memory has grown by since stays. */
    async __faasm_restore_memory(key: number): Promise<void> {
      const name = keyAt(key);
      await context.state().pull(name);
      const sizeBytes = await context.state().size(name);
      const lacking = sizeBytes - memory.all().length;
      if (lacking > 0) memory.grow(Math.ceil(lacking / 65_536));
      await context.state().read(name, 0, () => memory.all());
    },

    __faasm_lock_state_read: (key: number) => context.state().lockRead(keyAt(key)),
    __faasm_unlock_state_read: (key: number) => context.state().unlock(keyAt(key)),
    __faasm_lock_state_write: (key: number) => context.state().lockWrite(keyAt(key)),
    __faasm_unlock_state_write: (key: number) => context.state().unlock(keyAt(key)),
    __faasm_lock_state_global: (key: number) => context.state().lockWrite(keyAt(key)),
    __faasm_unlock_state_global: (key: number) => context.state().unlock(keyAt(key)),
  };
}
