/* Lists of objects, and their bytes, come in memory of the guest's. */
#include "faasm/host_interface.h"
#include "malloc_export.h"

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

FAASM_NEEDS_MALLOC;

IMPORT(__faasm_s3_list_buckets) void listBuckets(char** names, int* lens);
IMPORT(__faasm_s3_list_keys) void listKeys(const char* bucket, char** keys, int* lens);
IMPORT(__faasm_s3_get_key_bytes) int getKeyBytes(const char* bucket, const char* key, uint8_t** data, int* len);

void __faasm_s3_list_buckets(char** names, int* lens) { listBuckets(names, lens); }

void __faasm_s3_list_keys(const char* bucket, char** keys, int* lens) { listKeys(bucket, keys, lens); }

int __faasm_s3_get_key_bytes(const char* bucket, const char* key, uint8_t** data, int* len) {
    return getKeyBytes(bucket, key, data, len);
}
