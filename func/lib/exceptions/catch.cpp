/* What a catch clause does as it begins and ends, and what can be asked within it. */
#include "thrown.h"

using namespace faasm;

namespace {

void* beginForeign(Thrown* thrown) {
    if (exceptions.caught != nullptr) std::terminate();
    exceptions.caught = thrown;
    return nullptr;
}

/* One of another runtime is alone on the stack, and has the unwind header only. */
void endForeign(Thrown* thrown) {
    exceptions.caught = nullptr;
    _Unwind_DeleteException(&thrown->unwind);
}

}  // namespace

extern "C" {

Exceptions* __cxa_get_globals() { return &exceptions; }
Exceptions* __cxa_get_globals_fast() { return &exceptions; }

void* __cxa_get_exception_ptr(void* unwind) noexcept {
    return thrownOf(static_cast<_Unwind_Exception*>(unwind))->adjusted;
}

void* __cxa_begin_catch(void* caught) noexcept {
    auto* unwind = static_cast<_Unwind_Exception*>(caught);
    Thrown* thrown = thrownOf(unwind);
    if (!isOurs(unwind)) return beginForeign(thrown);
    thrown->handlers = (thrown->handlers < 0 ? -thrown->handlers : thrown->handlers) + 1;
    if (exceptions.caught != thrown) {
        thrown->nextCaught = exceptions.caught;
        exceptions.caught = thrown;
    }
    exceptions.uncaughtCount--;
    exceptions.uncaught = thrown->nextUncaught;
    return thrown->adjusted;
}

void __cxa_end_catch() {
    Thrown* thrown = exceptions.caught;
    if (thrown == nullptr) return;
    if (!isOurs(&thrown->unwind)) return endForeign(thrown);
    /* Thrown again: it lives on, in whatever catches it next. */
    if (thrown->handlers < 0) {
        if (++thrown->handlers == 0) exceptions.caught = thrown->nextCaught;
        return;
    }
    if (--thrown->handlers > 0) return;
    exceptions.caught = thrown->nextCaught;
    Thrown* primary = thrown->primary;
    if (thrown != primary) release(thrown);
    dropReference(primary);
}

std::type_info* __cxa_current_exception_type() {
    Thrown* thrown = exceptions.caught;
    return thrown != nullptr && isOurs(&thrown->unwind) ? thrown->type : nullptr;
}

bool __cxa_uncaught_exception() noexcept { return exceptions.uncaughtCount > 0; }
unsigned __cxa_uncaught_exceptions() noexcept { return exceptions.uncaughtCount; }

/* The rest is what std::exception_ptr is made of. */

void __cxa_increment_exception_refcount(void* object) noexcept {
    if (object != nullptr) primaryOf(object)->references++;
}

void __cxa_decrement_exception_refcount(void* object) noexcept {
    if (object != nullptr) dropReference(primaryOf(object));
}

void* __cxa_current_primary_exception() noexcept {
    Thrown* thrown = exceptions.caught;
    if (thrown == nullptr || !isOurs(&thrown->unwind)) return nullptr;
    void* object = objectOf(thrown);
    __cxa_increment_exception_refcount(object);
    return object;
}
}
