/*
 * Which catch clause takes an exception. The engine stops at every frame that has one, and the code there asks, by
 * __wasm_lpad_context, as the exception handling document of the WebAssembly tool conventions says; the answer is
 * read from the table that the compiler makes for a function (the LSDA of the Itanium C++ ABI).
 */
#include <cstdint>

#include "thrown.h"

using namespace faasm;

/* Of libc++abi, which knows whether a type that was thrown is one that is caught. */
namespace __cxxabiv1 {
class __shim_type_info : public std::type_info {
public:
    ~__shim_type_info() override;
    virtual void noop1() const;
    virtual void noop2() const;
    virtual bool can_catch(const __shim_type_info* thrown, void*& adjusted) const = 0;
};
}  // namespace __cxxabiv1

using __cxxabiv1::__shim_type_info;

/* Shared with the code that the compiler makes. */
struct LandingPadContext {
    std::uintptr_t index;
    const std::uint8_t* table;
    std::uintptr_t selector;
};

extern "C" LandingPadContext __wasm_lpad_context;
LandingPadContext __wasm_lpad_context;

namespace {

constexpr std::uint8_t omitted = 0xff;

std::uintptr_t readUnsigned(const std::uint8_t*& at) {
    std::uintptr_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        std::uint8_t byte = *at++;
        value |= static_cast<std::uintptr_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
}

std::intptr_t readSigned(const std::uint8_t*& at) {
    std::uintptr_t value = 0;
    for (unsigned shift = 0;;) {
        std::uint8_t byte = *at++;
        value |= static_cast<std::uintptr_t>(byte & 0x7f) << shift;
        shift += 7;
        if (byte >= 0x80) continue;
        bool negative = (byte & 0x40) != 0 && shift < 8 * sizeof(value);
        return static_cast<std::intptr_t>(negative ? value | ~std::uintptr_t{0} << shift : value);
    }
}

struct Handlers {
    /* The list of what is caught at the landing pad; nullptr where there is only a cleanup. */
    const std::uint8_t* actions;
    /* Types are found backwards from here. */
    const std::uint8_t* types;
};

Handlers handlersAt(const std::uint8_t* table, std::uintptr_t landingPad) {
    const std::uint8_t* at = table;
    /* Where landing pads begin is left out: in wasm they have numbers in place of addresses. */
    if (*at++ != omitted) readUnsigned(at);
    const std::uint8_t* types = nullptr;
    if (*at++ != omitted) {
        std::uintptr_t size = readUnsigned(at);
        types = at + size;
    }
    at++;
    std::uintptr_t callSitesSize = readUnsigned(at);
    const std::uint8_t* actions = at + callSitesSize;
    while (at < actions) {
        std::uintptr_t number = readUnsigned(at);
        std::uintptr_t action = readUnsigned(at);
        if (number != landingPad) continue;
        return {action == 0 ? nullptr : actions + action - 1, types};
    }
    return {nullptr, types};
}

const __shim_type_info* typeAt(const std::uint8_t* types, std::intptr_t index) {
    return reinterpret_cast<const __shim_type_info* const*>(types)[-index];
}

bool catches(const __shim_type_info* type, _Unwind_Exception* unwind) {
    if (type == nullptr) return true;
    if (!isOurs(unwind)) return false;
    Thrown* thrown = thrownOf(unwind);
    void* adjusted = objectOf(thrown);
    if (!type->can_catch(static_cast<const __shim_type_info*>(thrown->type), adjusted)) return false;
    thrown->adjusted = adjusted;
    return true;
}

/* The number of the clause that takes it; 0 when none does. */
std::intptr_t selectorOf(Handlers handlers, _Unwind_Exception* unwind) {
    const std::uint8_t* at = handlers.actions;
    while (at != nullptr) {
        std::intptr_t index = readSigned(at);
        const std::uint8_t* next = at;
        std::intptr_t offset = readSigned(next);
        if (index > 0 && catches(typeAt(handlers.types, index), unwind)) return index;
        at = offset == 0 ? nullptr : at + offset;
    }
    return 0;
}

}  // namespace

extern "C" {

_Unwind_Reason_Code __gxx_wasm_personality_v0(int, _Unwind_Action, _Unwind_Exception_Class, _Unwind_Exception* unwind,
                                              _Unwind_Context* context) {
    auto* landingPad = reinterpret_cast<LandingPadContext*>(context);
    if (landingPad->table == nullptr) return _URC_CONTINUE_UNWIND;
    std::intptr_t selector = selectorOf(handlersAt(landingPad->table, landingPad->index), unwind);
    landingPad->selector = static_cast<std::uintptr_t>(selector);
    return selector == 0 ? _URC_CONTINUE_UNWIND : _URC_HANDLER_FOUND;
}

_Unwind_Reason_Code _Unwind_CallPersonality(_Unwind_Exception* unwind) {
    __wasm_lpad_context.selector = 0;
    return __gxx_wasm_personality_v0(1, _UA_SEARCH_PHASE, unwind->exception_class, unwind,
                                     reinterpret_cast<_Unwind_Context*>(&__wasm_lpad_context));
}
}
