/* The entry of a module that defines faasm::exec. Linked into those alone. */
#include "faasm/faasm.h"

/* Writes out what stdio holds back; there only in modules that use stdio streams. */
extern "C" void __stdio_exit(void) __attribute__((weak));

extern "C" __attribute__((export_name("exec"))) int faasmEntry() {
    faasm::FaasmMemory memory;
    int returnValue = faasm::exec(&memory);
    if (__stdio_exit) __stdio_exit();
    return returnValue;
}
