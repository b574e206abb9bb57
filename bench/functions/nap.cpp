// Sleeps for so many milliseconds, without holding its executor.
#include <unistd.h>

#include "faasm/faasm.h"

int faasm::exec(FaasmMemory* memory) {
    char input[16] = {};
    memory->getInput(reinterpret_cast<uint8_t*>(input), sizeof(input) - 1);
    usleep(atoi(input) * 1000);
    return 0;
}
