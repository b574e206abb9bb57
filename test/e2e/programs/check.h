/* Checks of a program that is itself a test: it says what does not hold, and how many did. */
#pragma once

#include <stdio.h>

static int held = 0;
static int failed = 0;

#define CHECK(condition)                                              \
    do {                                                              \
        if (condition) held++;                                        \
        else {                                                        \
            failed++;                                                 \
            printf("line %d does not hold: %s\n", __LINE__, #condition); \
        }                                                             \
    } while (0)

#ifdef __cplusplus

/* Whether it throws an Error, and not something else. */
template <class Error, class Action>
bool throws(Action action) {
    try {
        action();
    } catch (const Error&) {
        return true;
    } catch (...) {
    }
    return false;
}

#endif
