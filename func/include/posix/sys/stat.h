/* What the libc leaves out of its sys/stat.h. */
#include_next <sys/stat.h>

#ifndef FAASM_POSIX_SYS_STAT_H
#define FAASM_POSIX_SYS_STAT_H

#ifdef __cplusplus
extern "C" {
#endif

mode_t umask(mode_t mask);
int mkfifo(const char* path, mode_t mode);
int mknod(const char* path, mode_t mode, dev_t device);

#ifdef __cplusplus
}
#endif

#endif
