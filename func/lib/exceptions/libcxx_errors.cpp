/*
 * What the standard library throws from code of its own that was built without exceptions: there, each throw is a call
 * of __libcpp_verbose_abort() with a text that names it. Taken here it becomes the exception.
 * Of the errors that carry more than a text, the function that would throw is replaced instead, by its name in that
 * build; of those, a module keeps what it uses.
 */
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <ios>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>

namespace {

template <class Error>
[[noreturn]] void throwWith(const char* text) {
    throw Error(text);
}

template <class Error>
[[noreturn]] void throwBare(const char*) {
    throw Error();
}

struct Row {
    const char* name;
    void (*raise)(const char* text);
};

constexpr Row rows[] = {
    {"length_error", throwWith<std::length_error>},
    {"out_of_range", throwWith<std::out_of_range>},
    {"invalid_argument", throwWith<std::invalid_argument>},
    {"overflow_error", throwWith<std::overflow_error>},
    {"runtime_error", throwWith<std::runtime_error>},
    {"bad_alloc", throwBare<std::bad_alloc>},
    {"bad_array_new_length", throwBare<std::bad_array_new_length>},
    {"bad_cast", throwBare<std::bad_cast>},
};

/* "… with error %i and message "%s"". */
[[noreturn]] void throwSystemError(va_list values) {
    int code = va_arg(values, int);
    throw std::system_error(code, std::generic_category(), va_arg(values, const char*));
}

constexpr char sign[] = " was thrown in -fno-exceptions mode";

/* The failed check of a hardened container, or an error that is in no table. */
[[noreturn]] void abortWith(const char* format, va_list values) {
    std::vfprintf(stderr, format, values);
    std::fputc('\n', stderr);
    std::abort();
}

}  // namespace

/* Declared noexcept there, which its callers do not rely on: they only know that it does not return. */
[[noreturn]] void verboseAbort(const char* format, ...) asm("_ZNSt3__222__libcpp_verbose_abortEPKcz");

void verboseAbort(const char* format, ...) {
    va_list values;
    va_start(values, format);
    const char* end = std::strstr(format, sign);
    if (end == nullptr) abortWith(format, values);
    auto length = static_cast<std::size_t>(end - format);
    if (std::strncmp("system_error", format, length) == 0) throwSystemError(values);
    bool hasText = std::strstr(end, "\"%s\"") != nullptr;
    for (const Row& row : rows) {
        if (std::strlen(row.name) != length || std::strncmp(row.name, format, length) != 0) continue;
        row.raise(hasText ? va_arg(values, const char*) : nullptr);
    }
    abortWith(format, values);
}

[[noreturn]] void throwFailure(const char* text) asm("_ZNSt3__215__throw_failureB9nqn220100EPKc");
void throwFailure(const char* text) { throw std::ios_base::failure(text); }

[[noreturn]] void throwFutureError(std::future_errc code) asm("_ZNSt3__220__throw_future_errorB9nqn220100ENS_11future_errcE");
void throwFutureError(std::future_errc code) { throw std::future_error(code); }

namespace fs = std::filesystem;

[[noreturn]] void throwFilesystemError(std::string& what, const std::error_code& code) asm(
    "_ZNSt3__210filesystem24__throw_filesystem_errorB9nqn220100IJRNS_12basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEEERKNS_10error_codeEEEEvDpOT_");
void throwFilesystemError(std::string& what, const std::error_code& code) { throw fs::filesystem_error(what, code); }

[[noreturn]] void throwFilesystemError(std::string& what, const fs::path& path, const std::error_code& code) asm(
    "_ZNSt3__210filesystem24__throw_filesystem_errorB9nqn220100IJRNS_12basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEEERKNS0_4pathERKNS_10error_codeEEEEvDpOT_");
void throwFilesystemError(std::string& what, const fs::path& path, const std::error_code& code) {
    throw fs::filesystem_error(what, path, code);
}

[[noreturn]] void throwFilesystemError(std::string& what, const fs::path& one, const fs::path& two, const std::error_code& code) asm(
    "_ZNSt3__210filesystem24__throw_filesystem_errorB9nqn220100IJRNS_12basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEEERKNS0_4pathESB_RKNS_10error_codeEEEEvDpOT_");
void throwFilesystemError(std::string& what, const fs::path& one, const fs::path& two, const std::error_code& code) {
    throw fs::filesystem_error(what, one, two, code);
}
