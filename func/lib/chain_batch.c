#include <stdlib.h>
#include <string.h>

#include "faasm/core.h"

unsigned int faasmChainBatch(FaasmFuncPtr function, const char* text, int count) {
    int* ids = malloc(count * sizeof(int));
    if (ids == NULL) abort();
    for (int at = 0; at < count; at++) ids[at] = faasmChain(function, text, strlen(text));
    unsigned int failed = 0;
    for (int at = 0; at < count; at++) failed |= faasmAwaitCall(ids[at]) != 0;
    free(ids);
    return failed;
}
