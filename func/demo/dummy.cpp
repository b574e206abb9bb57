// Does nothing and has no output: what remains is the cost of a call.
//
//   curl -X POST localhost:8001/f/demo/dummy

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory*) {
    return 0;
}
