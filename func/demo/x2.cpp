// Doubles a number. Numbers travel as decimal text, so that curl can read and write them.
//
//   curl -d 21 localhost:8001/f/demo/x2
//   42
//
// Other text is refused: the call fails with the return value 1.

#include <stdio.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    char text[24] = {};
    memory->getInput(reinterpret_cast<uint8_t*>(text), sizeof(text) - 1);

    char* end;
    long long number = strtoll(text, &end, 10);
    if (end == text) return 1;

    snprintf(text, sizeof(text), "%lld", 2 * number);
    memory->setOutput(text);
    return 0;
}
