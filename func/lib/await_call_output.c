/* The output of a chained call comes in memory of the guest's. */
#include "faasm/host_interface.h"
#include "malloc_export.h"

FAASM_NEEDS_MALLOC;

__attribute__((import_module("env"), import_name("__faasm_await_call_output"))) int awaitCallOutput(
    int id, char** out, int* len);

int __faasm_await_call_output(int id, char** out, int* len) { return awaitCallOutput(id, out, len); }
