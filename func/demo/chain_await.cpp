// Calls x2 three times at once, waits for the answers and adds them up.
//
//   curl -X POST localhost:8001/f/demo/chain_await
//   2 + 4 + 6 = 12

#include <stdio.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    const char* inputs[] = {"1", "2", "3"};
    int ids[3];
    for (int i = 0; i < 3; i++) ids[i] = memory->chainFunction("x2", inputs[i]);

    int doubled[3];
    for (int i = 0; i < 3; i++) {
        CallOutput answer = memory->awaitCallOutput(ids[i]);
        if (answer.returnValue() != 0) return answer.returnValue();
        char text[24];
        snprintf(text, sizeof(text), "%.*s", static_cast<int>(answer.size()), answer.data());
        doubled[i] = atoi(text);
    }

    char output[64];
    snprintf(
        output, sizeof(output), "%d + %d + %d = %d", doubled[0], doubled[1], doubled[2],
        doubled[0] + doubled[1] + doubled[2]);
    memory->setOutput(output);
    return 0;
}
