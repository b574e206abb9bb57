/*
 * The host puts the output of a chained call into memory that it asks the guest's own malloc for.
 * Only modules that await outputs link this file, so only they export malloc.
 */
#include <stdlib.h>

#include "faasm/host_interface.h"

__attribute__((import_module("env"), import_name("__faasm_await_call_output"))) int awaitCallOutput(
    int id, char** out, int* len);

__attribute__((export_name("malloc"))) void* faasmMalloc(size_t size) { return malloc(size); }

int __faasm_await_call_output(int id, char** out, int* len) { return awaitCallOutput(id, out, len); }
