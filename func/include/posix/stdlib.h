/* What the libc leaves out of its stdlib.h. */
#include_next <stdlib.h>

#ifndef FAASM_POSIX_STDLIB_H
#define FAASM_POSIX_STDLIB_H

#include <sys/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

int system(const char* command);
int mkstemp(char* name);
int mkostemp(char* name, int flags);
int mkstemps(char* name, int suffix_length);
int mkostemps(char* name, int suffix_length, int flags);
char* mkdtemp(char* name);
char* mktemp(char* name);
char* secure_getenv(const char* name);
int getloadavg(double* averages, int count);

#ifdef __cplusplus
}
#endif

#endif
