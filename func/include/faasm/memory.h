#ifndef FAASM_MEMORY_H
#define FAASM_MEMORY_H

/* What a function in C++ has of its host, as one class: input and output, chaining, state. */

#include <stdint.h>
#include <stdlib.h>

#include "faasm/core.h"

namespace faasm {

/* What a chained call left: its return value, and its output for as long as this object lives. */
class CallOutput {
  public:
    explicit CallOutput(int id) { result = __faasm_await_call_output(id, &bytes, &length); }
    CallOutput(CallOutput&& other) : result(other.result), bytes(other.bytes), length(other.length) {
        other.bytes = nullptr;
        other.length = 0;
    }
    CallOutput(const CallOutput&) = delete;
    CallOutput& operator=(const CallOutput&) = delete;
    ~CallOutput() { free(bytes); }

    /* 0 for success. */
    int returnValue() const { return result; }
    /* Not ended by a NUL. */
    const char* data() const { return bytes; }
    long size() const { return length; }

  private:
    int result = 0;
    char* bytes = nullptr;
    int length = 0;
};

class FaasmMemory {
  public:
    /* ---- input and output ---- */

    long getInputSize() { return __faasm_read_input(nullptr, 0); }

    /* Copies at most bufferSize bytes of the input; gives the number copied. */
    long getInput(uint8_t* buffer, long bufferSize) {
        long size = __faasm_read_input(buffer, bufferSize);
        return size < bufferSize ? size : bufferSize;
    }

    /* The whole input as a std::string, a std::vector<uint8_t>, … : `memory->getInput<std::string>()`. */
    template <class Bytes> Bytes getInput() {
        Bytes input;
        input.resize(getInputSize());
        getInput(reinterpret_cast<uint8_t*>(input.data()), input.size());
        return input;
    }

    /* Replaces the output; a call that sets none has an empty one. */
    void setOutput(const uint8_t* output, long outputSize) { __faasm_write_output(output, outputSize); }

    void setOutput(const char* text) { __faasm_write_output(bytesOf(text), __builtin_strlen(text)); }

    /* A std::string, a std::vector, a CallOutput: all that has data() and size(). */
    template <class Bytes> auto setOutput(const Bytes& output) -> decltype(output.data(), output.size(), void()) {
        setOutput(bytesOf(output.data()), output.size() * sizeof(*output.data()));
    }

    /* Copies at most bufferSize bytes of a setting, ended by a NUL where there is room; its size, or -1 for none. */
    long getConfig(const char* name, char* buffer, long bufferSize) {
        return __faasm_read_config(name, buffer, bufferSize);
    }

    /* The same for a char array, whose size is known. */
    template <long size> long readConfig(const char* name, char (&buffer)[size]) {
        return getConfig(name, buffer, size);
    }

    /* ---- chaining: calls of functions of the same user ---- */

    /*
     * Calls a function; gives an id to await. The call starts when this one ends, or awaits its first.
     */
    int chainFunction(const char* name, const uint8_t* input, int size) {
        return __faasm_chain_name(name, input, size);
    }

    int chainFunction(const char* name) { return __faasm_chain_name(name, nullptr, 0); }

    int chainFunction(const char* name, const char* text) {
        return __faasm_chain_name(name, bytesOf(text), __builtin_strlen(text));
    }

    template <class Bytes>
    auto chainFunction(const char* name, const Bytes& input) -> decltype(input.data(), input.size(), int()) {
        return __faasm_chain_name(name, bytesOf(input.data()), input.size() * sizeof(*input.data()));
    }

    /* Calls a function of this module, in a Faaslet of its own; see faasmChain() in core.h. */
    int chainFunction(FaasmFuncPtr function, const uint8_t* input = nullptr, int size = 0) {
        return __faasm_chain_ptr(function, input, size);
    }

    /* Waits for a chained call; gives what it returned, 0 for success. */
    int awaitCall(int id) { return __faasm_await_call(id); }

    /* Waits for a chained call; gives its output too. */
    CallOutput awaitCallOutput(int id) { return CallOutput(id); }

    /* ---- state: values shared by all functions of the user, on all hosts ----
     *
     * With async false a read sees the newest value there is, and a write is safe before the call goes on.
     * With async true both touch what this host has, which is faster; writes are pushed in the background.
     */

    /* 0 for a key without a value. */
    long getStateSize(const char* key) { return __faasm_get_state_size(key); }

    /* Copies at most size bytes of a value; what the value does not have is left as it was. */
    void readState(const char* key, uint8_t* buffer, long size, bool async = false) {
        __faasm_read_state(key, buffer, size, async);
    }

    /*
     * The value itself, made size bytes long where it is shorter, in memory that all Faaslets of the user on this
     * host share. Say what you changed with flagStateDirty(), and push it with pushState() or pushStatePartial().
     */
    uint8_t* readState(const char* key, long size, bool async = false) {
        return __faasm_read_state_ptr(key, size, async);
    }

    /* Copies size bytes from offset on of a value of totalSize bytes. */
    void readStateOffset(
        const char* key, long totalSize, long offset, uint8_t* buffer, long size, bool async = false) {
        __faasm_read_state_offset(key, totalSize, offset, buffer, size, async);
    }

    /* Part of the value itself: of totalSize bytes, those from offset on. Only size bytes are fetched. */
    uint8_t* readStateOffset(const char* key, long totalSize, long offset, long size, bool async = false) {
        return __faasm_read_state_offset_ptr(key, totalSize, offset, size, async);
    }

    /* Replaces a value. */
    void writeState(const char* key, const uint8_t* data, long size, bool async = false) {
        __faasm_write_state(key, data, size, async);
    }

    /* Replaces size bytes from offset on in a value of totalSize bytes, which is made where there is none. */
    void writeStateOffset(
        const char* key, long totalSize, long offset, const uint8_t* data, long size, bool async = false) {
        __faasm_write_state_offset(key, totalSize, offset, data, size, async);
    }

    /* After a change through a pointer: the whole value, or size bytes of it from offset on, have to be pushed. */
    void flagStateDirty(const char* key, long totalSize) { __faasm_flag_state_dirty(key, totalSize); }
    void flagStateOffsetDirty(const char* key, long totalSize, long offset, long size) {
        __faasm_flag_state_offset_dirty(key, totalSize, offset, size);
    }

    /* Makes this host's value the one of all hosts: all of it, or only what is dirty. */
    void pushState(const char* key) { __faasm_push_state(key); }
    void pushStatePartial(const char* key) { __faasm_push_state_partial(key); }
    /* Makes the newest value the one of this host. */
    void pullState(const char* key, long totalSize) { __faasm_pull_state(key, totalSize); }

    /*
     * Locks hold between all calls of the user, on all hosts: many readers or one writer. They wait as long as the
     * call may run. A call that ends, in whatever way, gives its locks back.
     */
    void lockStateRead(const char* key) { __faasm_lock_state_read(key); }
    void unlockStateRead(const char* key) { __faasm_unlock_state_read(key); }
    void lockStateWrite(const char* key) { __faasm_lock_state_write(key); }
    void unlockStateWrite(const char* key) { __faasm_unlock_state_write(key); }

    /* Adds a piece to the end of a value; needs no lock. */
    void appendState(const char* key, const uint8_t* data, long size) { __faasm_append_state(key, data, size); }
    /* Copies the first count pieces one after the other, at most size bytes. */
    void readAppendedState(const char* key, uint8_t* buffer, long size, long count) {
        __faasm_read_appended_state(key, buffer, size, count);
    }
    void clearAppendedState(const char* key) { __faasm_clear_appended_state(key); }

  private:
    static const uint8_t* bytesOf(const void* data) { return static_cast<const uint8_t*>(data); }
};

}

#endif
