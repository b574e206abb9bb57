/* What leaves main(). Linked in its place by --wrap. */
#include "thrown.h"

extern "C" {

int __real___main_void();

int __wrap___main_void() {
    try {
        return __real___main_void();
    } catch (...) {
        faasm::endUncaught();
        throw;
    }
}
}
