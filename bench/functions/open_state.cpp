// The input is a size in bytes: opens a value of that size by pointer, reads one byte of it, and tells how long that
// took, in nanoseconds.
#include <stdio.h>
#include <time.h>

#include "faasm/faasm.h"

static double nanoseconds() {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int faasm::exec(FaasmMemory* memory) {
    char input[32] = {};
    memory->getInput(reinterpret_cast<uint8_t*>(input), sizeof(input) - 1);
    long size = atol(input);
    char key[48];
    snprintf(key, sizeof key, "value-%ld", size);
    double start = nanoseconds();
    volatile uint8_t* value = memory->readState(key, size, true);
    uint8_t last = value[size - 1];
    double took = nanoseconds() - start;
    char output[64];
    int length = snprintf(output, sizeof output, "%.0f %d", took, last);
    memory->setOutput(reinterpret_cast<uint8_t*>(output), length);
    return 0;
}
