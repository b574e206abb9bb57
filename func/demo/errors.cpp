// Fails in the way that its input names, to show what a caller sees and that nobody else is harmed.
//
//   curl -d return localhost:8001/f/demo/errors    returns 3
//   curl -d exit localhost:8001/f/demo/errors      exits with status 4
//   curl -d trap localhost:8001/f/demo/errors      executes an unreachable instruction
//   curl -d loop localhost:8001/f/demo/errors      never ends; the deadline stops it
//   curl -d memory localhost:8001/f/demo/errors    allocates until there is no memory, then aborts
//   curl -d stack localhost:8001/f/demo/errors     recurses without an end
//
// With another input it succeeds; the output is then the list of these words.

#include <string.h>

#include "faasm/faasm.h"

static volatile int depth = 0;

__attribute__((noinline)) static int recurse(int n) {
    depth = n;
    int deeper = recurse(n + 1);
    return deeper + depth;
}

static void allocateForEver() {
    const size_t block = 1 << 20;
    for (;;) {
        void* bytes = malloc(block);
        if (bytes == nullptr) abort();
        memset(bytes, 1, block);
        // Keeps the compiler from leaving out what is never read.
        asm volatile("" : : "r"(bytes) : "memory");
    }
}

int faasm::exec(FaasmMemory* memory) {
    char how[16] = {};
    memory->getInput(reinterpret_cast<uint8_t*>(how), sizeof(how) - 1);

    if (strcmp(how, "return") == 0) return 3;
    if (strcmp(how, "exit") == 0) exit(4);
    if (strcmp(how, "trap") == 0) __builtin_trap();
    if (strcmp(how, "loop") == 0) {
        for (;;) depth = depth + 1;
    }
    if (strcmp(how, "memory") == 0) allocateForEver();
    if (strcmp(how, "stack") == 0) return recurse(0);

    memory->setOutput("return exit trap loop memory stack");
    return 0;
}
