#ifndef FAASM_TIME_H
#define FAASM_TIME_H

/* The wall clock, and marks for profiling a native build, which here are nothing. */

#include <stdio.h>
#include <time.h>

#define FAASM_PROF_START(name)
#define FAASM_PROF_END(name)

namespace faasm {

inline double getSecondsSinceEpoch() {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

}

#endif
