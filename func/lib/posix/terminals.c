/* No stream of a function is a terminal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int notTerminal(int file) {
    (void)file;
    errno = ENOTTY;
    return -1;
}

int tcgetattr(int file, struct termios* terminal) {
    (void)terminal;
    return notTerminal(file);
}
int tcsetattr(int file, int when, const struct termios* terminal) {
    (void)when, (void)terminal;
    return notTerminal(file);
}
int tcsendbreak(int file, int duration) {
    (void)duration;
    return notTerminal(file);
}
int tcdrain(int file) { return notTerminal(file); }
int tcflush(int file, int queue) {
    (void)queue;
    return notTerminal(file);
}
int tcflow(int file, int action) {
    (void)action;
    return notTerminal(file);
}
pid_t tcgetsid(int file) { return notTerminal(file); }
pid_t tcgetpgrp(int file) { return notTerminal(file); }
int tcsetpgrp(int file, pid_t group) {
    (void)group;
    return notTerminal(file);
}

void cfmakeraw(struct termios* terminal) {
    terminal->c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    terminal->c_oflag &= ~(tcflag_t)OPOST;
    terminal->c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    terminal->c_cflag = (terminal->c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
}
speed_t cfgetispeed(const struct termios* terminal) { return terminal->c_ispeed; }
speed_t cfgetospeed(const struct termios* terminal) { return terminal->c_ospeed; }
int cfsetispeed(struct termios* terminal, speed_t speed) {
    terminal->c_ispeed = speed;
    return 0;
}
int cfsetospeed(struct termios* terminal, speed_t speed) {
    terminal->c_ospeed = speed;
    return 0;
}

char* ttyname(int file) {
    notTerminal(file);
    return NULL;
}
int ttyname_r(int file, char* name, size_t size) {
    (void)file, (void)name, (void)size;
    return ENOTTY;
}
char* ctermid(char* name) {
    static char own[L_ctermid];
    return strcpy(name != NULL ? name : own, "/dev/tty");
}
char* getpass(const char* prompt) {
    (void)prompt;
    errno = ENXIO;
    return NULL;
}
