// Reads a value that came from outside.
//
//   curl -X PUT -d 'put by curl' localhost:8002/s/demo/my_key
//   curl -X POST localhost:8001/f/demo/upload_state
//   put by curl
//
// Without a value the call fails with the return value 1.

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    long size = memory->getStateSize("my_key");
    if (size == 0) return 1;
    memory->setOutput(memory->readState("my_key", size), size);
    return 0;
}
