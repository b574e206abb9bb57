// Calls itself n times, each call within the one before, and waits for the innermost. The output is the depth.
//
//   curl -d 1000 localhost:8001/f/demo/recurse
//   1000
//
// An n below 0 or above 1000 is refused: the call fails with the return value 1.

#include <stdio.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    char text[12] = {};
    memory->getInput(reinterpret_cast<uint8_t*>(text), sizeof(text) - 1);
    int n = atoi(text);
    if (n < 0 || n > 1000) return 1;

    int depth = 0;
    if (n > 0) {
        snprintf(text, sizeof(text), "%d", n - 1);
        CallOutput inner = memory->awaitCallOutput(memory->chainFunction("recurse", text));
        if (inner.returnValue() != 0) return inner.returnValue();
        snprintf(text, sizeof(text), "%.*s", static_cast<int>(inner.size()), inner.data());
        depth = atoi(text) + 1;
    }

    snprintf(text, sizeof(text), "%d", depth);
    memory->setOutput(text);
    return 0;
}
