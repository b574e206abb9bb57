// The output is the input, whatever its bytes are.
//
//   curl -d 'any bytes' localhost:8001/f/demo/echo
//   any bytes
//
// An input too large for the memory is refused: the call fails with the return value 1.

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    long size = memory->getInputSize();
    uint8_t* input = static_cast<uint8_t*>(malloc(size));
    if (input == nullptr) return 1;
    memory->getInput(input, size);
    memory->setOutput(input, size);
    return 0;
}
