// The smallest function there is.
//
//   curl -X POST localhost:8001/f/demo/hello
//   Hello faasm!

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    memory->setOutput("Hello faasm!");
    return 0;
}
