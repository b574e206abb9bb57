#ifndef FAASM_PRINT_H
#define FAASM_PRINT_H

#include <stddef.h>
#include <stdio.h>

namespace faasm {

/* Numbers of any kind, on one line of standard output. */
template <class T> void printArray(T* numbers, size_t length) {
    for (size_t at = 0; at < length; at++) printf(at == 0 ? "%g" : " %g", static_cast<double>(numbers[at]));
    printf("\n");
}

}

#endif
