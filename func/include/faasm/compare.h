#ifndef FAASM_COMPARE_H
#define FAASM_COMPARE_H

/* Arrays, compared and printed. */

#include "faasm/print.h"

namespace faasm {

/* Prints both where they differ. */
template <class T> bool compareArrays(T* one, T* two, int length) {
    for (int at = 0; at < length; at++) {
        if (one[at] == two[at]) continue;
        printArray(one, length);
        printArray(two, length);
        return false;
    }
    return true;
}

}

#endif
