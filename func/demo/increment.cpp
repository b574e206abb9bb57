// A counter in state. The lock makes calls count right that run at the same time, on whatever host.
//
//   curl -X POST localhost:8001/f/demo/increment
//   Counter: 001
//   curl -X POST localhost:8001/f/demo/increment
//   Counter: 002
//   curl localhost:8002/s/demo/count
//   002

#include <stdio.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    char count[16] = {};

    memory->lockStateWrite("count");
    memory->readState("count", reinterpret_cast<uint8_t*>(count), sizeof(count) - 1);
    int size = snprintf(count, sizeof(count), "%03d", atoi(count) + 1);
    memory->writeState("count", reinterpret_cast<uint8_t*>(count), size);
    memory->unlockStateWrite("count");

    char output[32];
    snprintf(output, sizeof(output), "Counter: %s", count);
    memory->setOutput(output);
    return 0;
}
