// Calls other functions and does not wait for them. They start when this call has ended.
// The input names them, with spaces between; without one they are echo and increment.
//
//   curl -d 'hello x2' localhost:8001/f/demo/chain
//   Chained hello
//   Chained x2

#include <string.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    char names[1024] = {};
    if (memory->getInput(reinterpret_cast<uint8_t*>(names), sizeof(names) - 1) == 0) {
        strcpy(names, "echo increment");
    }

    char output[8 * sizeof(names)] = {};
    for (char* name = strtok(names, " \n"); name != nullptr; name = strtok(nullptr, " \n")) {
        memory->chainFunction(name, "7");
        strcat(output, "Chained ");
        strcat(output, name);
        strcat(output, "\n");
    }
    memory->setOutput(output);
    return 0;
}
