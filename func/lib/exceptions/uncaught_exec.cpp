/* What leaves faasm::exec. Linked in its place by --wrap. */
#include "thrown.h"

namespace faasm {
class FaasmMemory;
}

extern "C" {

int __real__ZN5faasm4execEPNS_11FaasmMemoryE(faasm::FaasmMemory* memory);

int __wrap__ZN5faasm4execEPNS_11FaasmMemoryE(faasm::FaasmMemory* memory) {
    try {
        return __real__ZN5faasm4execEPNS_11FaasmMemoryE(memory);
    } catch (...) {
        faasm::endUncaught();
        throw;
    }
}
}
