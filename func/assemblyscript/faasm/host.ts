/**
 * What a Faaslet may ask of its host: the imports `env.__faasm_*`, as they are.
 * Programs use "faasm", which says what each of them does. Keys and names are addresses of bytes that end in a NUL.
 */

@external("env", "__faasm_read_input")
export declare function readInput(buffer: usize, size: i32): i32;
@external("env", "__faasm_write_output")
export declare function writeOutput(data: usize, size: i32): void;
@external("env", "__faasm_read_config")
export declare function readConfig(name: usize, buffer: usize, size: i32): i32;

@external("env", "__faasm_chain_name")
export declare function chainName(name: usize, input: usize, size: i32): i32;
@external("env", "__faasm_await_call")
export declare function awaitCall(id: i32): i32;
@external("env", "__faasm_await_call_output")
export declare function awaitCallOutput(id: i32, output: usize, size: usize): i32;

@external("env", "__faasm_get_state_size")
export declare function getStateSize(key: usize): i32;
@external("env", "__faasm_read_state")
export declare function readState(key: usize, buffer: usize, size: i32, isAsync: i32): void;
@external("env", "__faasm_write_state")
export declare function writeState(key: usize, data: usize, size: i32, isAsync: i32): void;
@external("env", "__faasm_read_state_offset")
export declare function readStateOffset(
  key: usize, total: i32, offset: i32, buffer: usize, size: i32, isAsync: i32): void;
@external("env", "__faasm_write_state_offset")
export declare function writeStateOffset(
  key: usize, total: i32, offset: i32, data: usize, size: i32, isAsync: i32): void;
@external("env", "__faasm_read_state_ptr")
export declare function readStatePointer(key: usize, total: i32, isAsync: i32): usize;
@external("env", "__faasm_read_state_offset_ptr")
export declare function readStateOffsetPointer(
  key: usize, total: i32, offset: i32, size: i32, isAsync: i32): usize;

@external("env", "__faasm_flag_state_dirty")
export declare function flagStateDirty(key: usize, total: i32): void;
@external("env", "__faasm_flag_state_offset_dirty")
export declare function flagStateOffsetDirty(key: usize, total: i32, offset: i32, size: i32): void;
@external("env", "__faasm_push_state")
export declare function pushState(key: usize): void;
@external("env", "__faasm_push_state_partial")
export declare function pushStatePartial(key: usize): void;
@external("env", "__faasm_pull_state")
export declare function pullState(key: usize, total: i32): void;

@external("env", "__faasm_lock_state_read")
export declare function lockStateRead(key: usize): void;
@external("env", "__faasm_unlock_state_read")
export declare function unlockStateRead(key: usize): void;
@external("env", "__faasm_lock_state_write")
export declare function lockStateWrite(key: usize): void;
@external("env", "__faasm_unlock_state_write")
export declare function unlockStateWrite(key: usize): void;

@external("env", "__faasm_append_state")
export declare function appendState(key: usize, data: usize, size: i32): void;
@external("env", "__faasm_read_appended_state")
export declare function readAppendedState(key: usize, buffer: usize, size: i32, count: i32): void;
@external("env", "__faasm_clear_appended_state")
export declare function clearAppendedState(key: usize): void;
