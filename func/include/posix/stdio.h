/* What the libc leaves out of its stdio.h. Temporary files are in /tmp; there are no other programs to talk to. */
#ifndef FAASM_POSIX_STDIO_H
#define FAASM_POSIX_STDIO_H

/* Declared there as what is better not used. */
#define tmpnam faasm_without_tmpnam
#define tmpfile faasm_without_tmpfile
#include_next <stdio.h>
#undef tmpnam
#undef tmpfile

#define L_tmpnam 20
#define L_ctermid 20
#define TMP_MAX 10000
#define P_tmpdir "/tmp"

#ifdef __cplusplus
extern "C" {
#endif

char* tmpnam(char* name);
FILE* tmpfile(void);
char* tempnam(const char* folder, const char* prefix);
FILE* popen(const char* command, const char* mode);
int pclose(FILE* stream);
void flockfile(FILE* stream);
int ftrylockfile(FILE* stream);
void funlockfile(FILE* stream);

#ifdef __cplusplus
}
#endif

#else
#include_next <stdio.h>
#endif
