/*
 * A C++ exception in memory, by the Itanium C++ ABI (level II), thrown by the exception handling of WebAssembly: what
 * the tag __cpp_exception carries is the address of the unwind header.
 *
 *     [ Thrown: ... | unwind ][ the object ]      a primary exception, made by a throw expression
 *     [ Thrown: ... | unwind ]                    a dependent one, made by std::rethrow_exception: its object is the
 *                                                 primary's, so that one object can be in flight more than once
 */
#pragma once

#include <unwind.h>

#include <cstddef>
#include <exception>
#include <typeinfo>

namespace faasm {

/* A destructor gives back what it is called with. */
using Destructor = void* (*)(void*);

struct Thrown {
    /* What the object belongs to: this one, or for a dependent exception another. */
    Thrown* primary;
    std::type_info* type;
    Destructor destroy;
    /* Of the primary: by throws and by std::exception_ptr. */
    unsigned references;
    /* Catch clauses that handle it now; below zero when it is thrown again out of them. */
    int handlers;
    Thrown* nextCaught;
    Thrown* nextUncaught;
    /* The object as the catch clause that was found sees it: a base of it, or a pointer's value. */
    void* adjusted;
    _Unwind_Exception unwind;
};

static_assert(sizeof(Thrown) % alignof(std::max_align_t) == 0, "the object comes right behind, aligned");

/* The first two are what __cxa_get_globals() gives. */
struct Exceptions {
    Thrown* caught;
    unsigned uncaughtCount;
    /* The one thrown last first, and so the one that is caught first. */
    Thrown* uncaught;
};

extern Exceptions exceptions;

inline void* objectOf(Thrown* thrown) { return thrown->primary + 1; }
inline Thrown* primaryOf(void* object) { return static_cast<Thrown*>(object) - 1; }
inline Thrown* thrownOf(_Unwind_Exception* unwind) {
    return reinterpret_cast<Thrown*>(reinterpret_cast<char*>(unwind) - offsetof(Thrown, unwind));
}

/* Other languages and runtimes throw with the same tag. */
bool isOurs(const _Unwind_Exception* unwind);

/* Counts it as in flight and throws it. */
[[noreturn]] void raise(Thrown* thrown);

/* Zeroed, of memory that is there even when malloc has no more; nullptr when that is used up too. */
void* allocate(std::size_t size);
void release(void* memory);

/* Takes a reference to the primary away, and with the last one the object. */
void dropReference(Thrown* primary);

/* On standard error: what was thrown, and its what(). To be called while it is handled. */
void describeUncaught();

/* For what nobody in the program caught, before it goes on to the host. To be called while it is handled. */
void endUncaught();

}  // namespace faasm
