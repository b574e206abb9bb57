#ifndef FAASM_HOST_INTERFACE_H
#define FAASM_HOST_INTERFACE_H

/*
 * What a Faaslet may ask of its host: the imports `env.__faasm_*`, as they are.
 * C++ programs use faasm.h and C programs core.h, which say what each of them does; this file is for those who
 * write another library on top, or a guest in a language of their own.
 *
 * Sizes and offsets are in bytes. Keys and names end in a NUL. A pointer outside the memory, or a request that the
 * host refuses, ends the call with an error: no function here returns a failure of its own.
 *
 * Reads and writes of state have two forms. With `async` 0 a read sees the newest value of all hosts, and a write is
 * in the global tier before the call goes on; with 1 both touch what this host has, which is pushed later.
 * The form without `async` is the one with 0. The number of arguments tells which is meant, in C as in C++.
 */

#include <stdint.h>

#define FAASM_IMPORT(name) __attribute__((import_module("env"), import_name(#name))) name
#define FAASM_FORM(name) __attribute__((overloadable, import_module("env"), import_name(#name))) name

#ifdef __cplusplus
extern "C" {
#endif

/* Copies at most len bytes of the input; gives the size of all of it. */
int FAASM_IMPORT(__faasm_read_input)(void* buf, int len);
/* Replaces the output. */
void FAASM_IMPORT(__faasm_write_output)(const void* data, int len);
/* Copies at most len bytes of a setting, ended by a NUL where there is room; gives its size, or -1 for none. */
int FAASM_IMPORT(__faasm_read_config)(const char* name, char* buf, int len);
/* 1 for a setting that is on. */
unsigned int FAASM_IMPORT(__faasm_conf_flag)(const char* name);
/* Writes the guest's stack, that many functions deep, to the call's log. */
void FAASM_IMPORT(__faasm_backtrace)(int depth);

/* Chains a function of the same user; gives an id to await. */
int FAASM_IMPORT(__faasm_chain_name)(const char* name, const void* in, int len);
/* Chains a function of this module. The module exports its table for it, which a build sees to. */
int FAASM_IMPORT(__faasm_chain_ptr)(int (*function)(void), const void* in, int len);
/* Waits; gives the return value, which is 0 for success. */
int FAASM_IMPORT(__faasm_await_call)(int id);
/* The same, and the output in memory from malloc, to be freed. Defined in libfaasm, which exports malloc for it. */
int __faasm_await_call_output(int id, char** out, int* len);

/* The size of a value, 0 where there is none. */
int FAASM_IMPORT(__faasm_get_state_size)(const char* key);

/* What was changed through a pointer, for the next push. */
void FAASM_IMPORT(__faasm_flag_state_dirty)(const char* key, int total);
void FAASM_IMPORT(__faasm_flag_state_offset_dirty)(const char* key, int total, int offset, int len);
/* To the global tier: the whole value, or only what is dirty. */
void FAASM_IMPORT(__faasm_push_state)(const char* key);
void FAASM_IMPORT(__faasm_push_state_partial)(const char* key);
/* From the global tier. */
void FAASM_IMPORT(__faasm_pull_state)(const char* key, int total);

void FAASM_IMPORT(__faasm_lock_state_read)(const char* key);
void FAASM_IMPORT(__faasm_unlock_state_read)(const char* key);
void FAASM_IMPORT(__faasm_lock_state_write)(const char* key);
void FAASM_IMPORT(__faasm_unlock_state_write)(const char* key);

void FAASM_IMPORT(__faasm_append_state)(const char* key, const void* data, int len);
/* Copies the first n appended pieces, one after the other, at most len bytes. */
void FAASM_IMPORT(__faasm_read_appended_state)(const char* key, void* buf, int len, int n);
void FAASM_IMPORT(__faasm_clear_appended_state)(const char* key);

/* Objects of the user's own, in the store of FAASM_OBJECTS. Those that give a list or bytes put each into memory from
 * malloc, to be freed; they are defined in libfaasm, which exports malloc for them. */
int FAASM_IMPORT(__faasm_s3_get_num_buckets)(void);
int FAASM_IMPORT(__faasm_s3_get_num_keys)(const char* bucket);
/* As many names, each ended by a NUL, and lengths as the functions above gave before. */
void __faasm_s3_list_buckets(char** names, int* lens);
void __faasm_s3_list_keys(const char* bucket, char** keys, int* lens);
/* Both give 0. */
int FAASM_IMPORT(__faasm_s3_add_key_bytes)(const char* bucket, const char* key, const void* data, int len);
int __faasm_s3_get_key_bytes(const char* bucket, const char* key, uint8_t** data, int* len);

#ifdef __cplusplus
}
/* Also for a program that includes this file within its own `extern "C"`. */
extern "C++" {
#endif

/* Copies at most len bytes and gives their number; without a buffer, the size of the value. */
int FAASM_FORM(__faasm_read_state)(const char* key, void* buf, int len);
/* Copies at most len bytes. */
void FAASM_FORM(__faasm_read_state)(const char* key, void* buf, int len, int async);
void FAASM_FORM(__faasm_write_state)(const char* key, const void* data, int len);
void FAASM_FORM(__faasm_write_state)(const char* key, const void* data, int len, int async);
void FAASM_FORM(__faasm_read_state_offset)(const char* key, int total, int offset, void* buf, int len);
void FAASM_FORM(__faasm_read_state_offset)(const char* key, int total, int offset, void* buf, int len, int async);
void FAASM_FORM(__faasm_write_state_offset)(const char* key, int total, int offset, const void* data, int len);
void FAASM_FORM(__faasm_write_state_offset)(
    const char* key, int total, int offset, const void* data, int len, int async);
/* The value itself, shared with all Faaslets of the user on this host. */
uint8_t* FAASM_FORM(__faasm_read_state_ptr)(const char* key, int total);
uint8_t* FAASM_FORM(__faasm_read_state_ptr)(const char* key, int total, int async);
uint8_t* FAASM_FORM(__faasm_read_state_offset_ptr)(const char* key, int total, int offset, int len);
uint8_t* FAASM_FORM(__faasm_read_state_offset_ptr)(const char* key, int total, int offset, int len, int async);

#ifdef __cplusplus
}
#endif

#undef FAASM_IMPORT
#undef FAASM_FORM

#endif
