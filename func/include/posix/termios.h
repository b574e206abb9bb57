/* No stream of a function is a terminal: whatever asks for one is told ENOTTY. */
#ifndef FAASM_POSIX_TERMIOS_H
#define FAASM_POSIX_TERMIOS_H

#include <sys/types.h>

typedef unsigned char cc_t;
typedef unsigned int speed_t;
typedef unsigned int tcflag_t;

#define NCCS 32

#define VINTR 0
#define VQUIT 1
#define VERASE 2
#define VKILL 3
#define VEOF 4
#define VTIME 5
#define VMIN 6
#define VSTART 8
#define VSTOP 9
#define VSUSP 10
#define VEOL 11

#define BRKINT 0000002
#define ICRNL 0000400
#define IGNBRK 0000001
#define IGNCR 0000200
#define IGNPAR 0000004
#define INLCR 0000100
#define INPCK 0000020
#define ISTRIP 0000040
#define IXANY 0004000
#define IXOFF 0010000
#define IXON 0002000
#define PARMRK 0000010

#define OPOST 0000001
#define ONLCR 0000004

#define CSIZE 0000060
#define CS5 0000000
#define CS6 0000020
#define CS7 0000040
#define CS8 0000060
#define CSTOPB 0000100
#define CREAD 0000200
#define PARENB 0000400
#define PARODD 0001000
#define HUPCL 0002000
#define CLOCAL 0004000

#define ECHO 0000010
#define ECHOE 0000020
#define ECHOK 0000040
#define ECHONL 0000100
#define ICANON 0000002
#define IEXTEN 0100000
#define ISIG 0000001
#define NOFLSH 0000200
#define TOSTOP 0000400

#define TCSANOW 0
#define TCSADRAIN 1
#define TCSAFLUSH 2
#define TCIFLUSH 0
#define TCOFLUSH 1
#define TCIOFLUSH 2

#define B0 0
#define B9600 13
#define B19200 14
#define B38400 15
#define B57600 4097
#define B115200 4098

struct termios {
    tcflag_t c_iflag;
    tcflag_t c_oflag;
    tcflag_t c_cflag;
    tcflag_t c_lflag;
    cc_t c_line;
    cc_t c_cc[NCCS];
    speed_t c_ispeed;
    speed_t c_ospeed;
};

#ifdef __cplusplus
extern "C" {
#endif

int tcgetattr(int file, struct termios* terminal);
int tcsetattr(int file, int when, const struct termios* terminal);
int tcsendbreak(int file, int duration);
int tcdrain(int file);
int tcflush(int file, int queue);
int tcflow(int file, int action);
pid_t tcgetsid(int file);
void cfmakeraw(struct termios* terminal);
speed_t cfgetispeed(const struct termios* terminal);
speed_t cfgetospeed(const struct termios* terminal);
int cfsetispeed(struct termios* terminal, speed_t speed);
int cfsetospeed(struct termios* terminal, speed_t speed);

#ifdef __cplusplus
}
#endif

#endif
