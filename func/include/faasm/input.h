#ifndef FAASM_INPUT_H
#define FAASM_INPUT_H

/* Input and output as text. What is returned here lives as long as the call. */

#include <stdlib.h>
#include <string.h>

#include "faasm/core.h"

namespace faasm {

inline const char* getStringInput(const char* defaultValue) {
    long size = faasmGetInputSize();
    if (size == 0) return defaultValue;
    char* text = static_cast<char*>(malloc(size + 1));
    if (text == nullptr) abort();
    text[faasmGetInput(text, size)] = 0;
    return text;
}

/* 0 for no input, or one that begins with no number. */
inline int getIntInput() { return atoi(getStringInput("0")); }

inline void setStringOutput(const char* text) { faasmSetOutput(text, strlen(text)); }

/* The first count numbers of a text, parted by spaces; those that it does not have are 0. */
inline int* parseStringToIntArray(const char* text, int count) {
    int* numbers = static_cast<int*>(calloc(count, sizeof(int)));
    if (numbers == nullptr) abort();
    char* rest = const_cast<char*>(text);
    for (int at = 0; at < count; at++) numbers[at] = strtol(rest, &rest, 10);
    return numbers;
}

}

#endif
