/* What the libc leaves out of its fcntl.h. fcntl() answers these commands with EINVAL. */
#include_next <fcntl.h>

#ifndef FAASM_POSIX_FCNTL_H
#define FAASM_POSIX_FCNTL_H

#define F_DUPFD 0
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_SETOWN 8
#define F_GETOWN 9
#define F_DUPFD_CLOEXEC 1030

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

#endif
