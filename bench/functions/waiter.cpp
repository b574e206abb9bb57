// Chains a nap of as many milliseconds as its input says, and waits for it.
#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    uint8_t input[16] = {};
    long length = memory->getInput(input, sizeof(input) - 1);
    return memory->awaitCall(memory->chainFunction("nap", input, length));
}
