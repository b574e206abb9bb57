#ifndef FAASM_FAASM_H
#define FAASM_FAASM_H

/*
 * Functions in C++. A function is a program that defines faasm::exec:
 *
 *     #include "faasm/faasm.h"
 *
 *     int faasm::exec(FaasmMemory* memory) {
 *         memory->setOutput("Hello faasm!");
 *         return 0;
 *     }
 *
 * or one that defines main(), and uses the calls of core.h; this is what a C program has of this header.
 * Constructors of global objects run once, before the snapshot that each call starts from; in a program with main()
 * so they do when it has a FAASM_ZYGOTE, or chains its own functions.
 *
 * Sizes and offsets are in bytes. Names and keys are C strings; a key has 1 to 512 bytes.
 * There is no failure to check for: what cannot be done (a pointer outside the memory, an input that is too large,
 * storage that does not answer) ends the call, and its caller gets the reason.
 */

#include "faasm/core.h"

#ifdef __cplusplus

#include "faasm/memory.h"

namespace faasm {

/* Yours to define. What it returns is the return value of the call: 0 for success, else the call has failed. */
int exec(FaasmMemory* memory);

}

#endif

#endif
