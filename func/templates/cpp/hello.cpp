// Greets whoever the input names. FaasmMemory has state and calls of other functions too.

#include <string>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    std::string name = memory->getInput<std::string>();
    memory->setOutput("Hello " + (name.empty() ? "World" : name));
    return 0;  // The return value of the call: 0 for success.
}
