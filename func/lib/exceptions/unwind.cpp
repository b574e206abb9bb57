/* The level below C++: exceptions of any runtime. The engine unwinds, so there are no frames to look at. */
#include <unwind.h>

/* The tag that C++ exceptions are thrown with; its one value is the address of the unwind header. */
asm(".tagtype __cpp_exception i32\n"
    ".globl __cpp_exception\n"
    "__cpp_exception:\n");

extern "C" {

/* The first tag that the compiler knows is __cpp_exception. */
_Unwind_Reason_Code _Unwind_RaiseException(_Unwind_Exception* unwind) { __builtin_wasm_throw(0, unwind); }

_Unwind_Reason_Code _Unwind_Resume_or_Rethrow(_Unwind_Exception* unwind) { __builtin_wasm_throw(0, unwind); }

void _Unwind_Resume(_Unwind_Exception* unwind) { __builtin_wasm_throw(0, unwind); }

void _Unwind_DeleteException(_Unwind_Exception* unwind) {
    if (unwind->exception_cleanup != nullptr) unwind->exception_cleanup(_URC_FOREIGN_EXCEPTION_CAUGHT, unwind);
}

_Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn, void*) { return _URC_END_OF_STACK; }
}
