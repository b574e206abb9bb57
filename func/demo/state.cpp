// Writes a value, then reads it back whole.
//
//   curl -X POST localhost:8001/f/demo/state
//   Read 10 bytes: some state
//   curl localhost:8002/s/demo/state_example
//   some state

#include <stdio.h>
#include <string.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    const char* key = "state_example";
    const char* value = "some state";
    memory->writeState(key, reinterpret_cast<const uint8_t*>(value), strlen(value));

    long size = memory->getStateSize(key);
    uint8_t buffer[64];
    if (size > static_cast<long>(sizeof(buffer))) return 1;
    memory->readState(key, buffer, size);

    char output[128];
    snprintf(output, sizeof(output), "Read %ld bytes: %.*s", size, static_cast<int>(size), buffer);
    memory->setOutput(output);
    return 0;
}
