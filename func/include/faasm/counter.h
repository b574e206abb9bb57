#ifndef FAASM_COUNTER_H
#define FAASM_COUNTER_H

/* A number in state, counted by many calls at once without losing one. */

#include "faasm/memory.h"

namespace faasm {

inline void initCounter(FaasmMemory* memory, const char* key, bool async = false) {
    int count = 0;
    memory->writeState(key, BYTES(&count), sizeof count, async);
}

/* 0 where there is none yet. */
inline int getCounter(FaasmMemory* memory, const char* key, bool async = false) {
    int count = 0;
    memory->readState(key, BYTES(&count), sizeof count, async);
    return count;
}

inline void incrementCounter(FaasmMemory* memory, const char* key, bool async = false) {
    memory->lockStateWrite(key);
    int count = getCounter(memory, key, async) + 1;
    memory->writeState(key, BYTES(&count), sizeof count, async);
    memory->unlockStateWrite(key);
}

}

#endif
