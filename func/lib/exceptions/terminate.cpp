/* std::terminate and its handler, which says what nobody caught. */
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "thrown.h"

extern "C" {
std::type_info* __cxa_current_exception_type();
void* __cxa_begin_catch(void* unwind) noexcept;
}

using Handler = void (*)();

namespace {

void say(const char* text) { write(STDERR_FILENO, text, std::strlen(text)); }

const char* builtinName(char letter) {
    switch (letter) {
        case 'b': return "bool";
        case 'c': return "char";
        case 'a': return "signed char";
        case 'h': return "unsigned char";
        case 's': return "short";
        case 't': return "unsigned short";
        case 'i': return "int";
        case 'j': return "unsigned int";
        case 'l': return "long";
        case 'm': return "unsigned long";
        case 'x': return "long long";
        case 'y': return "unsigned long long";
        case 'f': return "float";
        case 'd': return "double";
        case 'e': return "long double";
        case 'w': return "wchar_t";
        default: return nullptr;
    }
}

/* Names one after the other, each behind its length; the end of them, or nullptr where there is something else. */
const char* sayNames(const char* at, const char* end, bool dry) {
    for (bool first = true; at < end; first = false) {
        unsigned long length = 0;
        if (*at < '1' || *at > '9') return nullptr;
        while (*at >= '0' && *at <= '9') length = length * 10 + static_cast<unsigned long>(*at++ - '0');
        if (length > static_cast<unsigned long>(end - at)) return nullptr;
        if (!dry) {
            if (!first) say("::");
            if (std::strncmp(at, "_GLOBAL__N", 10) == 0) say("(anonymous namespace)");
            else write(STDERR_FILENO, at, length);
        }
        at += length;
    }
    return at;
}

/* Types without templates, which are nearly all that are thrown, as they stand in a source; others as the ABI has them. */
void sayType(const std::type_info* type) {
    const char* name = type->name();
    const char* at = name;
    const char* end = name + std::strlen(name);
    const char* suffix = "";
    const char* prefix = "";
    if (*at == 'P') {
        suffix = "*";
        at++;
        if (*at == 'K') {
            prefix = "const ";
            at++;
        }
    }
    if (end - at == 1 && builtinName(*at) != nullptr) {
        say(prefix);
        say(builtinName(*at));
        return say(suffix);
    }
    bool isNested = *at == 'N' && end[-1] == 'E';
    if (isNested) {
        at++;
        end--;
    }
    bool isStd = std::strncmp(at, "St", 2) == 0;
    if (isStd) at += 2;
    /* libc++ has most of its types in a namespace that nobody writes. */
    if (isStd && std::strncmp(at, "3__2", 4) == 0) at += 4;
    if (sayNames(at, end, true) == nullptr) return say(name);
    say(prefix);
    if (isStd) say("std::");
    sayNames(at, end, false);
    say(suffix);
}

[[noreturn]] void terminateByDefault() {
    if (faasm::exceptions.caught != nullptr) faasm::describeUncaught();
    else say("terminating without an exception\n");
    std::abort();
}

}  // namespace

extern "C" {
Handler __cxa_terminate_handler = terminateByDefault;
Handler __cxa_unexpected_handler = std::terminate;
Handler __cxa_new_handler = nullptr;
}

namespace std {

terminate_handler get_terminate() noexcept { return __cxa_terminate_handler; }
Handler get_unexpected() noexcept { return __cxa_unexpected_handler; }
new_handler get_new_handler() noexcept { return __cxa_new_handler; }

terminate_handler set_terminate(terminate_handler handler) noexcept {
    return exchange(__cxa_terminate_handler, handler != nullptr ? handler : terminateByDefault);
}

Handler set_unexpected(Handler handler) noexcept {
    return exchange(__cxa_unexpected_handler, handler != nullptr ? handler : terminate);
}

new_handler set_new_handler(new_handler handler) noexcept { return exchange(__cxa_new_handler, handler); }

[[noreturn]] void __terminate(terminate_handler handler) noexcept {
    try {
        handler();
    } catch (...) {
    }
    say("a terminate handler may neither return nor throw\n");
    std::abort();
}

/* What left a function that lets nothing out counts as handled, so that a handler can ask what it is. */
[[noreturn]] void terminate() noexcept {
    if (faasm::exceptions.uncaught != nullptr) __cxa_begin_catch(&faasm::exceptions.uncaught->unwind);
    __terminate(get_terminate());
}

[[noreturn]] void __unexpected(Handler handler) {
    handler();
    terminate();
}

[[noreturn]] void unexpected() { __unexpected(get_unexpected()); }

}  // namespace std

/* Handlers of the program's own are called while the exception is handled, as by any uncaught exception. */
void faasm::endUncaught() {
    if (std::get_terminate() != terminateByDefault) std::terminate();
    describeUncaught();
}

void faasm::describeUncaught() {
    say("terminating due to uncaught exception");
    const std::type_info* type = __cxa_current_exception_type();
    if (type == nullptr) return say(" of another language\n");
    say(" of type ");
    sayType(type);
    try {
        throw;
    } catch (const std::exception& exception) {
        say(": ");
        say(exception.what());
    } catch (...) {
    }
    say("\n");
}
