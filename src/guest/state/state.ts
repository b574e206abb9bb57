/**
 * State, as a guest reads and writes it.
 *
 * The founding forms end in an `async` flag: 0 reads the newest global value and writes through to the global tier
 * before the call goes on, 1 reads and writes the local tier. The present forms have no flag: there it is as the function
 * is set, else the host.
 */
import type { StateAccess } from '../../../proto/function-settings.ts';
import { type StateKey, stateKeyMaxBytes, toStateKey } from '../../../proto/names.ts';
import { nodePowers } from '../../power/node.ts';
import { createLocalTier, type GuestState, type LocalTier } from '../../state/tier/local-tier.ts';
import type { TierAsk } from '../../state/tier/messages.ts';
import { type Capability, type Guest, type GuestFunctions, type ImportFunctions, waits } from '../port.ts';
import { createStateFile, stateFileTable } from './state-file.ts';
import { StateWindows } from './state-windows.ts';

export const state: Capability = {
  module: 'env',
  imports: [
    {
      __faasm_get_state_size: waits('i:i'),
      __faasm_read_state: waits('iii:i'),
      __faasm_write_state: waits('iii:'),
      __faasm_read_state_offset: waits('iiiii:'),
      __faasm_write_state_offset: waits('iiiii:'),
      __faasm_read_state_ptr: waits('ii:i'),
      __faasm_read_state_offset_ptr: waits('iiii:i'),
      __faasm_flag_state_dirty: waits('ii:'),
      __faasm_flag_state_offset_dirty: waits('iiii:'),
      __faasm_append_state: waits('iii:'),
      __faasm_read_appended_state: waits('iiii:'),
      __faasm_clear_appended_state: waits('i:'),
      __faasm_push_state: waits('i:'),
      __faasm_push_state_partial: waits('i:'),
      __faasm_push_state_partial_mask: waits('ii:'),
      __faasm_pull_state: waits('ii:'),
      __faasm_snapshot_memory: waits('i:'),
      __faasm_restore_memory: waits('i:'),
      __faasm_lock_state_read: waits('i:'),
      __faasm_unlock_state_read: waits('i:'),
      __faasm_lock_state_write: waits('i:'),
      __faasm_unlock_state_write: waits('i:'),
      __faasm_lock_state_global: waits('i:'),
      __faasm_unlock_state_global: waits('i:'),
      ...stateFileTable,
    },
    // Between the founding forms and the present ones.
    { __faasm_read_state: waits('iii:') },
    // The founding forms.
    {
      __faasm_read_state: waits('iiii:'),
      __faasm_write_state: waits('iiii:'),
      __faasm_read_state_offset: waits('iiiiii:'),
      __faasm_write_state_offset: waits('iiiiii:'),
      __faasm_read_state_ptr: waits('iii:i'),
      __faasm_read_state_offset_ptr: waits('iiiii:i'),
    },
  ],
  open({ owner, ask, stateAccess }) {
    const tier = createLocalTier({
      timers: nodePowers.timers,
      owner,
      ask: (op, user, key, value) => ask('state', op, user, { key, value } satisfies TierAsk),
    });
    return (guest) => createState(guest, tier, guest.program.settings.stateAccess ?? stateAccess);
  },
};

function createState(guest: Guest, tier: LocalTier, access: StateAccess): GuestFunctions {
  const { memory, call } = guest;
  const windows = new StateWindows(guest);
  /** As this call uses it. */
  let used: GuestState | undefined;
  const state = (): GuestState => (used ??= tier.begin(call.user));
  const keyAt = (pointer: number): StateKey => toStateKey(memory.cString(pointer, stateKeyMaxBytes));
  const into = (pointer: number, byteLength: number) => (): Uint8Array => memory.bytes(pointer, byteLength);
  const isSync = (flag?: number): boolean => (flag === undefined ? access === 'synchronous' : flag === 0);

  /** A synchronous read first asks for the newest value; where no other host writes, that asks nobody. */
  const fresh = <T>(key: StateKey, sync: boolean, read: () => T | Promise<T>): T | Promise<T> => {
    const pulled = sync ? state().pull(key) : undefined;
    return pulled === undefined ? read() : pulled.then(read);
  };
  const read = (pointer: number, target: () => Uint8Array, sync: boolean) => {
    const key = keyAt(pointer);
    return fresh(key, sync, () => state().read(key, 0, target));
  };
  const readAt = (
    pointer: number,
    total: number,
    offset: number,
    target: () => Uint8Array,
    sync: boolean,
  ) => {
    const key = keyAt(pointer);
    return fresh(key, sync, () => state().readAt(key, total, offset, target));
  };

  const size = (pointer: number) => {
    const key = keyAt(pointer);
    return fresh(key, isSync(), () => state().size(key));
  };

  const pointer = (name: number, total: number, offset: number, sync: boolean) => {
    const key = keyAt(name);
    const address = fresh(key, sync, () => windows.open(state(), key, total));
    return address instanceof Promise ? address.then((start) => start + offset) : address + offset;
  };

  const functions: ImportFunctions = {
    ...createStateFile(guest, state),
    __faasm_get_state_size: (key: number) => size(key),

    /** Without a buffer, the size of the value. */
    __faasm_read_state(key: number, buffer: number, byteLength: number, async?: number) {
      if (buffer === 0 && async === undefined) return size(key);
      return read(key, into(buffer, byteLength), isSync(async));
    },

    __faasm_write_state: (key: number, data: number, byteLength: number, async?: number) =>
      state().write(keyAt(key), memory.bytes(data, byteLength), isSync(async)),

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
      return state().writeAt(keyAt(key), total >>> 0, offset >>> 0, bytes, isSync(async));
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
      windows.flagDirty(state(), keyAt(key), 0, total >>> 0),
    __faasm_flag_state_offset_dirty: (key: number, _total: number, offset: number, byteLength: number) =>
      windows.flagDirty(state(), keyAt(key), offset >>> 0, byteLength >>> 0),

    __faasm_append_state: (key: number, data: number, byteLength: number) =>
      state().append(keyAt(key), memory.bytes(data, byteLength)),
    __faasm_read_appended_state: (key: number, buffer: number, byteLength: number) =>
      read(key, into(buffer, byteLength), isSync()),
    __faasm_clear_appended_state: (key: number) => state().write(keyAt(key), new Uint8Array(0), true),

    __faasm_push_state: (key: number) => state().push(keyAt(key)),
    __faasm_push_state_partial: (key: number) => state().push(keyAt(key)),
    /** Only what has changed is pushed anyway, whatever a mask says. */
    __faasm_push_state_partial_mask: (key: number) => state().push(keyAt(key)),
    __faasm_pull_state: (key: number) => state().pull(keyAt(key)),

    /** All of the memory, kept as a state value. */
    __faasm_snapshot_memory: (key: number) => state().write(keyAt(key), memory.all(), true),
    /** As it was; what the memory has grown by since stays. */
    async __faasm_restore_memory(key: number): Promise<void> {
      const name = keyAt(key);
      await state().pull(name);
      const sizeBytes = await state().size(name);
      const lacking = sizeBytes - memory.all().length;
      if (lacking > 0) memory.grow(Math.ceil(lacking / 65_536));
      await state().read(name, 0, () => memory.all());
    },

    __faasm_lock_state_read: (key: number) => state().lockRead(keyAt(key)),
    __faasm_unlock_state_read: (key: number) => state().unlock(keyAt(key)),
    __faasm_lock_state_write: (key: number) => state().lockWrite(keyAt(key)),
    __faasm_unlock_state_write: (key: number) => state().unlock(keyAt(key)),
    __faasm_lock_state_global: (key: number) => state().lockWrite(keyAt(key)),
    __faasm_unlock_state_global: (key: number) => state().unlock(keyAt(key)),
  };
  return {
    functions,
    /** What was written under a lock counts once that was given back. */
    finish: () => (used?.holdsLocks ? used.unlockAll() : undefined),
    reset() {
      windows.reset();
      used?.end();
      used = undefined;
    },
  };
}
