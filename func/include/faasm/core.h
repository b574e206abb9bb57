#ifndef FAASM_CORE_H
#define FAASM_CORE_H

/*
 * Functions in C. A function is an ordinary program: main() runs, standard input is the input of the call, standard
 * output its output, and what main() returns is its return value. These calls are the rest: chaining and state, and
 * input and output without a stream (the output is what faasmSetOutput() was given, if it was called).
 *
 * Sizes, failures and the meaning of `async` are those of faasm.h.
 */

#include <stdint.h>

#include "faasm/host_interface.h"

static inline long faasmGetInputSize(void) { return __faasm_read_input(0, 0); }

/* Copies at most bufferSize bytes; gives the number copied. */
static inline long faasmGetInput(uint8_t* buffer, long bufferSize) {
    long size = __faasm_read_input(buffer, bufferSize);
    return size < bufferSize ? size : bufferSize;
}

static inline void faasmSetOutput(const uint8_t* output, long outputSize) { __faasm_write_output(output, outputSize); }

/* Gives an id to await. */
static inline int faasmChainFunction(const char* name, const uint8_t* input, int size) {
    return __faasm_chain_name(name, input, size);
}

static inline int faasmAwaitCall(int id) { return __faasm_await_call(id); }

/* *output is to be freed. */
static inline int faasmAwaitCallOutput(int id, char** output, int* size) {
    return __faasm_await_call_output(id, output, size);
}

static inline long faasmGetStateSize(const char* key) { return __faasm_get_state_size(key); }

static inline void faasmReadState(const char* key, uint8_t* buffer, long size, int async) {
    __faasm_read_state(key, buffer, size, async);
}

static inline uint8_t* faasmReadStatePtr(const char* key, long size, int async) {
    return __faasm_read_state_ptr(key, size, async);
}

static inline void faasmReadStateOffset(
    const char* key, long totalSize, long offset, uint8_t* buffer, long size, int async) {
    __faasm_read_state_offset(key, totalSize, offset, buffer, size, async);
}

static inline uint8_t* faasmReadStateOffsetPtr(const char* key, long totalSize, long offset, long size, int async) {
    return __faasm_read_state_offset_ptr(key, totalSize, offset, size, async);
}

static inline void faasmWriteState(const char* key, const uint8_t* data, long size, int async) {
    __faasm_write_state(key, data, size, async);
}

static inline void faasmWriteStateOffset(
    const char* key, long totalSize, long offset, const uint8_t* data, long size, int async) {
    __faasm_write_state_offset(key, totalSize, offset, data, size, async);
}

static inline void faasmFlagStateDirty(const char* key, long totalSize) { __faasm_flag_state_dirty(key, totalSize); }
static inline void faasmPushState(const char* key) { __faasm_push_state(key); }
static inline void faasmPushStatePartial(const char* key) { __faasm_push_state_partial(key); }
static inline void faasmPullState(const char* key, long totalSize) { __faasm_pull_state(key, totalSize); }
static inline void faasmLockStateRead(const char* key) { __faasm_lock_state_read(key); }
static inline void faasmUnlockStateRead(const char* key) { __faasm_unlock_state_read(key); }
static inline void faasmLockStateWrite(const char* key) { __faasm_lock_state_write(key); }
static inline void faasmUnlockStateWrite(const char* key) { __faasm_unlock_state_write(key); }

static inline void faasmAppendState(const char* key, const uint8_t* data, long size) {
    __faasm_append_state(key, data, size);
}

static inline void faasmReadAppendedState(const char* key, uint8_t* buffer, long size, long count) {
    __faasm_read_appended_state(key, buffer, size, count);
}

static inline void faasmClearAppendedState(const char* key) { __faasm_clear_appended_state(key); }

#endif
