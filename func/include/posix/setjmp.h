/* There are no signals from outside, and so no mask of them to keep. */
#include_next <setjmp.h>

#ifndef FAASM_POSIX_SETJMP_H
#define FAASM_POSIX_SETJMP_H

#define _setjmp(environment) setjmp(environment)
#define _longjmp(environment, value) longjmp(environment, value)
#define sigsetjmp(environment, keeps_signals) setjmp(environment)
#define siglongjmp(environment, value) longjmp(environment, value)

#endif
