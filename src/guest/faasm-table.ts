/**
 * The host interface of Faasm, imported from `env`.
 * State reads and writes exist in two forms: the founding one ends in an `async` flag, the present one does not;
 * the import's own type tells which is meant.
 */
import type { ImportSpec, ImportTable, Signature } from './port.ts';

const call = (signature: Signature): ImportSpec => ({ signature, waits: false });
const wait = (signature: Signature): ImportSpec => ({ signature, waits: true });

export const faasmTable: ImportTable = {
  __faasm_read_input: call('ii:i'),
  __faasm_write_output: call('ii:'),
  __faasm_read_config: call('iii:i'),

  __faasm_chain_function: call('iii:i'),
  __faasm_chain_name: call('iii:i'),
  __faasm_chain_ptr: call('iii:i'),
  __faasm_await_call: wait('i:i'),
  __faasm_await_call_output: wait('iii:i'),

  __faasm_get_state_size: wait('i:i'),
  __faasm_read_state: wait('iii:i'),
  __faasm_write_state: wait('iii:'),
  __faasm_read_state_offset: wait('iiiii:'),
  __faasm_write_state_offset: wait('iiiii:'),
  __faasm_read_state_ptr: wait('ii:i'),
  __faasm_read_state_offset_ptr: wait('iiii:i'),
  __faasm_flag_state_dirty: wait('ii:'),
  __faasm_flag_state_offset_dirty: wait('iiii:'),
  __faasm_append_state: wait('iii:'),
  __faasm_read_appended_state: wait('iiii:'),
  __faasm_clear_appended_state: wait('i:'),
  __faasm_push_state: wait('i:'),
  __faasm_push_state_partial: wait('i:'),
  __faasm_pull_state: wait('ii:'),
  __faasm_s3_get_num_buckets: wait(':i'),
  __faasm_s3_list_buckets: wait('ii:'),
  __faasm_s3_get_num_keys: wait('i:i'),
  __faasm_s3_list_keys: wait('iii:'),
  __faasm_s3_add_key_bytes: wait('iiii:i'),
  __faasm_s3_get_key_bytes: wait('iiii:i'),

  __faasm_snapshot_memory: wait('i:'),
  __faasm_restore_memory: wait('i:'),
  __faasm_lock_state_read: wait('i:'),
  __faasm_unlock_state_read: wait('i:'),
  __faasm_lock_state_write: wait('i:'),
  __faasm_unlock_state_write: wait('i:'),
  __faasm_lock_state_global: wait('i:'),
  __faasm_unlock_state_global: wait('i:'),
  __faasm_push_state_partial_mask: wait('ii:'),
};

/** Of a program's own running. */
export const processTable: ImportTable = {
  abort: call(':'),
  exit: call('i:'),
  _exit: call('i:'),
  _Exit: call('i:'),
  __cxa_allocate_exception: call('i:i'),
  __cxa_throw: call('iii:'),
  _Unwind_RaiseException: call('i:i'),
  dlopen: call('ii:i'),
  dlsym: call('ii:i'),
  dlclose: call('i:i'),
  dlerror: call(':i'),
  puts: call('i:i'),
  __faasm_conf_flag: call('i:i'),
  __faasm_backtrace: call('i:'),
  __faasm_migrate_point: call('ii:'),
  __faasm_host_interface_test: call('i:'),
  __faasm_sm_var: call('ii:'),
  __faasm_sm_array: call('iii:'),
  __faasm_sm_raw: call('ii:'),
  __faasm_sm_reduce: call('iiii:'),
  __faasm_sm_default_shared: call(':'),
  __faasm_sm_critical_local: call(':'),
  __faasm_sm_critical_local_end: call(':'),
  emscripten_notify_memory_growth: call('i:'),
};

/** As AssemblyScript's programs import it. */
export const assemblyScriptTable: ImportTable = { abort: call('iiii:') };

/** Between the founding forms and the present ones. */
export const middleTable: ImportTable = { __faasm_read_state: wait('iii:') };

/** The founding forms, by the same names. */
export const foundingTable: ImportTable = {
  __faasm_read_config: call('ii:'),
  __faasm_read_state: wait('iiii:'),
  __faasm_write_state: wait('iiii:'),
  __faasm_read_state_offset: wait('iiiiii:'),
  __faasm_write_state_offset: wait('iiiiii:'),
  __faasm_read_state_ptr: wait('iii:i'),
  __faasm_read_state_offset_ptr: wait('iiiii:i'),
  __faasm_chain_function: call('iii:'),
  __faasm_sm_reduce: call('iii:'),
};
