// The n-th Fibonacci number, by calling itself for the two before it. Calls that wait cost no thread.
//
//   curl -d 10 localhost:8001/f/demo/fibonacci
//   55
//
// An n below 0 or above 20 is refused (20 makes 21891 calls): the call fails with the return value 1.
// It fails with 2 when a call that it made has failed.

#include <stdio.h>

#include "faasm/faasm.h"

static int chain(faasm::FaasmMemory* memory, int n) {
    char input[12];
    snprintf(input, sizeof(input), "%d", n);
    return memory->chainFunction("fibonacci", input);
}

static bool await(faasm::FaasmMemory* memory, int id, int* number) {
    faasm::CallOutput answer = memory->awaitCallOutput(id);
    char text[12];
    snprintf(text, sizeof(text), "%.*s", static_cast<int>(answer.size()), answer.data());
    *number = atoi(text);
    return answer.returnValue() == 0;
}

int faasm::exec(FaasmMemory* memory) {
    char text[12] = {};
    memory->getInput(reinterpret_cast<uint8_t*>(text), sizeof(text) - 1);
    int n = atoi(text);
    if (n < 0 || n > 20) return 1;

    int number = n;
    if (n >= 2) {
        int oneId = chain(memory, n - 1);
        int twoId = chain(memory, n - 2);
        int one;
        int two;
        if (!await(memory, oneId, &one) || !await(memory, twoId, &two)) return 2;
        number = one + two;
    }

    snprintf(text, sizeof(text), "%d", number);
    memory->setOutput(text);
    return 0;
}
