#ifndef FAASM_RANDOM_H
#define FAASM_RANDOM_H

/* Random numbers, of the host's own source. */

#include <stdlib.h>

#include <string>
#include <utility>

namespace faasm {

/* From least to most, both included. */
inline int randomInteger(int least, int most) { return least + arc4random_uniform(most - least + 1); }

/* At least 0, less than 1. */
inline float randomFloat() { return (arc4random() >> 8) * 0x1p-24f; }

inline void shuffleArray(int* numbers, size_t length) {
    for (size_t left = length; left > 1; left--) std::swap(numbers[left - 1], numbers[arc4random_uniform(left)]);
}

/* The numbers from 0 to length - 1 in random order; to be deleted. */
inline int* randomIntRange(int length) {
    int* numbers = new int[length];
    for (int at = 0; at < length; at++) numbers[at] = at;
    shuffleArray(numbers, length);
    return numbers;
}

/* Of letters and digits. */
inline std::string randomString(int length) {
    static const char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::string text(length, 0);
    for (char& each : text) each = characters[arc4random_uniform(sizeof characters - 1)];
    return text;
}

}

#endif
