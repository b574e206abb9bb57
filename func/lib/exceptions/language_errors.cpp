/* What the language itself throws: a dynamic_cast of a reference, a typeid of nothing, a new[] of too much. */
#include <new>
#include <typeinfo>

extern "C" {

[[noreturn]] void __cxa_bad_cast() { throw std::bad_cast(); }

[[noreturn]] void __cxa_bad_typeid() { throw std::bad_typeid(); }

[[noreturn]] void __cxa_throw_bad_array_new_length() { throw std::bad_array_new_length(); }
}
