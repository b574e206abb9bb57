// Writes and reads parts of a value, and reads it through a pointer: the bytes are then shared, and not copied.
//
//   curl -X POST localhost:8001/f/demo/state_offset
//   Part: 23
//   Whole: 0123456789
//   Shared: 0123456789

#include <stdio.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    const char* key = "state_offset_example";
    const long total = 10;
    memory->writeStateOffset(key, total, 0, reinterpret_cast<const uint8_t*>("01234"), 5);
    memory->writeStateOffset(key, total, 5, reinterpret_cast<const uint8_t*>("56789"), 5);

    uint8_t part[2];
    memory->readStateOffset(key, total, 2, part, sizeof(part));

    uint8_t whole[total];
    memory->readState(key, whole, total);

    uint8_t* shared = memory->readState(key, total);

    char output[128];
    snprintf(output, sizeof(output), "Part: %.2s\nWhole: %.10s\nShared: %.10s\n", part, whole, shared);
    memory->setOutput(output);
    return 0;
}
