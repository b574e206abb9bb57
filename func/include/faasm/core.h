#ifndef FAASM_CORE_H
#define FAASM_CORE_H

/*
 * Functions in C. A function is an ordinary program: main() runs, standard input is the input of the call, standard
 * output its output, and what main() returns is its return value. These calls are the rest: chaining and state, and
 * input and output without a stream (the output is what faasmSetOutput() was given, if it was called).
 * They are there in C++ too, beside the class of memory.h.
 *
 * Sizes and offsets are in bytes. Names and keys are C strings; a key has 1 to 512 bytes.
 * There is no failure to check for: what cannot be done (a pointer outside the memory, an input that is too large,
 * storage that does not answer) ends the call, and its caller gets the reason.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faasm/host_interface.h"

#ifdef __cplusplus
#define FAASM_C_LINKAGE extern "C"
#else
#define FAASM_C_LINKAGE
#endif

/* In C too, the number of arguments tells which function of this name is meant. */
#define FAASM_CALL static inline __attribute__((overloadable))

#define BYTES(pointer) ((uint8_t*)(pointer))

/* ---- input and output ---- */

FAASM_CALL long faasmGetInputSize(void) { return __faasm_read_input(0, 0); }

/* Copies at most bufferSize bytes; gives the number copied. */
FAASM_CALL long faasmGetInput(void* buffer, long bufferSize) {
    long size = __faasm_read_input(buffer, bufferSize);
    return size < bufferSize ? size : bufferSize;
}

/* Replaces the output. */
FAASM_CALL void faasmSetOutput(const void* output, long outputSize) { __faasm_write_output(output, outputSize); }

/* ---- chaining: calls of functions of the same user ----
 *
 * A chained call starts when this one ends, or awaits its first.
 */

/* Calls a function by its name; gives an id to await. */
FAASM_CALL int faasmChainNamed(const char* name, const void* input, long size) {
    return __faasm_chain_name(name, input, size);
}

/* The older name of the same. */
FAASM_CALL int faasmChainFunction(const char* name, const void* input, long size) {
    return faasmChainNamed(name, input, size);
}

typedef int (*FaasmFuncPtr)(void);

/*
 * Calls a function of this module, in a Faaslet of its own: it sees the globals as they were before this call, and
 * its own input. What it returns is the return value of that call. Gives an id to await.
 */
FAASM_CALL int faasmChain(FaasmFuncPtr function, const void* input, long size) {
    return __faasm_chain_ptr(function, input, size);
}

/* Calls a function of this module so many times with a text, and awaits all; 0 when each of them gave 0. */
FAASM_C_LINKAGE unsigned int faasmChainBatch(FaasmFuncPtr function, const char* text, int count);

/* Waits for a chained call; gives what it returned, 0 for success. */
FAASM_CALL int faasmAwaitCall(int id) { return __faasm_await_call(id); }

/* The same, and its output; *output is to be freed. */
FAASM_CALL int faasmAwaitCallOutput(int id, char** output, int* size) {
    return __faasm_await_call_output(id, output, size);
}

/* ---- state: values shared by all functions of the user, on all hosts ----
 *
 * A read sees the newest value there is, and a write is safe before the call goes on. A last argument `async` of 1
 * makes both touch what this host has, which is faster; writes are then pushed in the background.
 */

/* 0 for a key without a value. */
FAASM_CALL long faasmGetStateSize(const char* key) { return __faasm_get_state_size(key); }

/* The other name of the same. */
FAASM_CALL size_t faasmReadStateSize(const char* key) { return __faasm_get_state_size(key); }

/* Copies at most size bytes; gives the number copied. */
FAASM_CALL long faasmReadState(const char* key, void* buffer, long size) {
    return __faasm_read_state(key, buffer, size);
}
FAASM_CALL void faasmReadState(const char* key, void* buffer, long size, int async) {
    __faasm_read_state(key, buffer, size, async);
}

/*
 * The value itself, made size bytes long where it is shorter, in memory that all Faaslets of the user on this host
 * share. Say what you changed with faasmFlagStateDirty(), and push it with faasmPushState() or
 * faasmPushStatePartial().
 */
FAASM_CALL uint8_t* faasmReadStatePtr(const char* key, long size) { return __faasm_read_state_ptr(key, size); }
FAASM_CALL uint8_t* faasmReadStatePtr(const char* key, long size, int async) {
    return __faasm_read_state_ptr(key, size, async);
}

/* Copies size bytes from offset on of a value of totalSize bytes. */
FAASM_CALL void faasmReadStateOffset(const char* key, long totalSize, long offset, void* buffer, long size) {
    __faasm_read_state_offset(key, totalSize, offset, buffer, size);
}
FAASM_CALL void faasmReadStateOffset(
    const char* key, long totalSize, long offset, void* buffer, long size, int async) {
    __faasm_read_state_offset(key, totalSize, offset, buffer, size, async);
}

/* Part of the value itself: of totalSize bytes, those from offset on. Only size bytes are fetched. */
FAASM_CALL uint8_t* faasmReadStateOffsetPtr(const char* key, long totalSize, long offset, long size) {
    return __faasm_read_state_offset_ptr(key, totalSize, offset, size);
}
FAASM_CALL uint8_t* faasmReadStateOffsetPtr(const char* key, long totalSize, long offset, long size, int async) {
    return __faasm_read_state_offset_ptr(key, totalSize, offset, size, async);
}

/* Replaces a value. */
FAASM_CALL void faasmWriteState(const char* key, const void* data, long size) {
    __faasm_write_state(key, data, size);
}
FAASM_CALL void faasmWriteState(const char* key, const void* data, long size, int async) {
    __faasm_write_state(key, data, size, async);
}

/* Replaces size bytes from offset on in a value of totalSize bytes, which is made where there is none. */
FAASM_CALL void faasmWriteStateOffset(const char* key, long totalSize, long offset, const void* data, long size) {
    __faasm_write_state_offset(key, totalSize, offset, data, size);
}
FAASM_CALL void faasmWriteStateOffset(
    const char* key, long totalSize, long offset, const void* data, long size, int async) {
    __faasm_write_state_offset(key, totalSize, offset, data, size, async);
}

/* Makes a file of this call a value; gives its size. A file that cannot be read is one without bytes. */
FAASM_C_LINKAGE unsigned long faasmWriteStateFromFile(const char* key, const char* path);

/* After a change through a pointer: the whole value, or size bytes of it from offset on, have to be pushed. */
FAASM_CALL void faasmFlagStateDirty(const char* key, long totalSize) { __faasm_flag_state_dirty(key, totalSize); }
FAASM_CALL void faasmFlagStateOffsetDirty(const char* key, long totalSize, long offset, long size) {
    __faasm_flag_state_offset_dirty(key, totalSize, offset, size);
}

/* Makes this host's value the one of all hosts: all of it, or only what is dirty. */
FAASM_CALL void faasmPushState(const char* key) { __faasm_push_state(key); }
FAASM_CALL void faasmPushStatePartial(const char* key) { __faasm_push_state_partial(key); }
/* Makes the newest value the one of this host. */
FAASM_CALL void faasmPullState(const char* key, long totalSize) { __faasm_pull_state(key, totalSize); }

/*
 * Locks hold between all calls of the user, on all hosts: many readers or one writer. They wait as long as the
 * call may run. A call that ends, in whatever way, gives its locks back.
 */
FAASM_CALL void faasmLockStateRead(const char* key) { __faasm_lock_state_read(key); }
FAASM_CALL void faasmUnlockStateRead(const char* key) { __faasm_unlock_state_read(key); }
FAASM_CALL void faasmLockStateWrite(const char* key) { __faasm_lock_state_write(key); }
FAASM_CALL void faasmUnlockStateWrite(const char* key) { __faasm_unlock_state_write(key); }

/* Adds a piece to the end of a value; needs no lock. */
FAASM_CALL void faasmAppendState(const char* key, const void* data, long size) {
    __faasm_append_state(key, data, size);
}
/* Copies the first count pieces one after the other, at most size bytes. */
FAASM_CALL void faasmReadAppendedState(const char* key, void* buffer, long size, long count) {
    __faasm_read_appended_state(key, buffer, size, count);
}
FAASM_CALL void faasmClearAppendedState(const char* key) { __faasm_clear_appended_state(key); }

/* ---- the rest ---- */

/* 1 for a setting that is on. */
FAASM_CALL unsigned int getConfFlag(const char* name) { return __faasm_conf_flag(name); }

/* Writes the stack, that many functions deep, to the call's log. */
FAASM_CALL void faasmBacktrace(int depth) { __faasm_backtrace(depth); }

/*
 * Code to run once, after the constructors and before the snapshot that each call starts from, so that no call has to
 * wait for it. A result other than 0 is for the program alone. With a name, there is nothing to return:
 *
 *     FAASM_ZYGOTE() { load(); return 0; }
 *     FAASM_ZYGOTE(load) { ... }
 */
#define FAASM_ZYGOTE(...)                                                                                    \
    __VA_OPT__(static void __VA_ARGS__(void);)                                                               \
    FAASM_C_LINKAGE __attribute__((export_name("_faasm_zygote"))) int _faasm_zygote(void) __VA_OPT__({       \
        __VA_ARGS__();                                                                                       \
        return 0;                                                                                            \
    } static void __VA_ARGS__(void))

#undef FAASM_CALL

#endif
