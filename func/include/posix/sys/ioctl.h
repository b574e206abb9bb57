/* What the libc leaves out of its sys/ioctl.h. No stream of a function is a terminal. */
#include_next <sys/ioctl.h>

#ifndef FAASM_POSIX_SYS_IOCTL_H
#define FAASM_POSIX_SYS_IOCTL_H

#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414

struct winsize {
    unsigned short ws_row;
    unsigned short ws_col;
    unsigned short ws_xpixel;
    unsigned short ws_ypixel;
};

#endif
