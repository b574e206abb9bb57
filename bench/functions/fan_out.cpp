// Chains demo/dummy so many times: `all 1000` at once, `one 1000` one after the other.
#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    char input[32] = {};
    memory->getInput(reinterpret_cast<uint8_t*>(input), sizeof(input) - 1);
    int calls = atoi(input + 4);
    if (input[0] == 'o') {
        for (int i = 0; i < calls; i++) {
            if (memory->awaitCall(memory->chainFunction("dummy")) != 0) return 1;
        }
        return 0;
    }
    int last = 0;
    for (int i = 0; i < calls; i++) last = memory->chainFunction("dummy");
    for (int id = last - calls + 1; id <= last; id++) {
        if (memory->awaitCall(id) != 0) return 1;
    }
    return 0;
}
