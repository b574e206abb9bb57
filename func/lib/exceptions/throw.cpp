/* What a throw expression does, and `throw;`. */
#include "thrown.h"

using namespace faasm;

namespace {

/* "FAASMC++": a vendor and a language, in the bytes of a number. */
constexpr _Unwind_Exception_Class ourClass = 0x464141534d432b2b;

/* Called by a runtime of another kind when it is done with an exception of ours. */
void discard(_Unwind_Reason_Code, _Unwind_Exception* unwind) {
    Thrown* thrown = thrownOf(unwind);
    Thrown* primary = thrown->primary;
    if (thrown != primary) release(thrown);
    dropReference(primary);
}

}  // namespace

Exceptions faasm::exceptions;

bool faasm::isOurs(const _Unwind_Exception* unwind) { return unwind->exception_class == ourClass; }

void faasm::raise(Thrown* thrown) {
    exceptions.uncaughtCount++;
    thrown->nextUncaught = exceptions.uncaught;
    exceptions.uncaught = thrown;
    thrown->unwind.exception_class = ourClass;
    thrown->unwind.exception_cleanup = discard;
    thrown->adjusted = objectOf(thrown);
    _Unwind_RaiseException(&thrown->unwind);
    std::terminate();
}

void faasm::dropReference(Thrown* primary) {
    if (--primary->references > 0) return;
    if (primary->destroy != nullptr) primary->destroy(objectOf(primary));
    release(primary);
}

extern "C" {

void* __cxa_allocate_exception(std::size_t size) noexcept {
    auto* thrown = static_cast<Thrown*>(allocate(sizeof(Thrown) + size));
    if (thrown == nullptr) std::terminate();
    thrown->primary = thrown;
    return objectOf(thrown);
}

/* The constructor of the object threw. */
void __cxa_free_exception(void* object) noexcept { release(primaryOf(object)); }

__cxxabiv1::__cxa_exception* __cxa_init_primary_exception(void* object, std::type_info* type,
                                                          Destructor destroy) noexcept {
    Thrown* thrown = primaryOf(object);
    thrown->type = type;
    thrown->destroy = destroy;
    return reinterpret_cast<__cxxabiv1::__cxa_exception*>(thrown);
}

[[noreturn]] void __cxa_throw(void* object, std::type_info* type, Destructor destroy) {
    __cxa_init_primary_exception(object, type, destroy);
    Thrown* thrown = primaryOf(object);
    thrown->references = 1;
    raise(thrown);
}

[[noreturn]] void __cxa_rethrow() {
    Thrown* thrown = exceptions.caught;
    if (thrown == nullptr) std::terminate();
    if (!isOurs(&thrown->unwind)) {
        exceptions.caught = nullptr;
        _Unwind_RaiseException(&thrown->unwind);
        std::terminate();
    }
    thrown->handlers = -thrown->handlers;
    raise(thrown);
}

/* The same object again, by std::rethrow_exception. */
void __cxa_rethrow_primary_exception(void* object) {
    if (object == nullptr) return;
    auto* dependent = static_cast<Thrown*>(allocate(sizeof(Thrown)));
    if (dependent == nullptr) std::terminate();
    dependent->primary = primaryOf(object);
    dependent->type = dependent->primary->type;
    dependent->primary->references++;
    raise(dependent);
}
}
