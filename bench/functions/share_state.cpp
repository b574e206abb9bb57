// The input is "push" or "pull", and a number: opens a value of 64 MiB by pointer, changes 10 of its 1,024 chunks to that
// number and pushes them, or pulls and looks for the number in all of them. Tells how long the push or pull took, in
// nanoseconds.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "faasm/core.h"

static const long size = 64L * 1024 * 1024;
static const long chunk = 64L * 1024;

static double nanoseconds() {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int main() {
    char input[32] = {};
    faasmGetInput(reinterpret_cast<uint8_t*>(input), sizeof(input) - 1);
    char what[8];
    int number = 0;
    sscanf(input, "%7s %d", what, &number);
    uint8_t* value = faasmReadStatePtr("shared", size, 1);
    double start = 0, end = 0;
    int wrong = 0;
    if (strcmp(what, "push") == 0) {
        for (long at = 0; at < 10; at++) {
            memset(value + at * 100 * chunk, number, chunk);
            faasmFlagStateOffsetDirty("shared", size, at * 100 * chunk, chunk);
        }
        start = nanoseconds();
        faasmPushStatePartial("shared");
        end = nanoseconds();
    } else {
        start = nanoseconds();
        faasmPullState("shared", size);
        end = nanoseconds();
        for (long at = 0; at < 10; at++) wrong += value[at * 100 * chunk + chunk - 1] != number;
    }
    char output[64];
    int length = snprintf(output, sizeof output, "%.0f %d", end - start, wrong);
    faasmSetOutput(reinterpret_cast<uint8_t*>(output), length);
    return 0;
}
