/* Signals that a program raises itself, on top of signal() and raise(); from outside, none come. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { signalsMax = 65 };

static struct sigaction actions[signalsMax];

static int fail(int error) {
    errno = error;
    return -1;
}

static int isSignal(int number) { return number > 0 && number < signalsMax; }

static void handle(int number) {
    struct sigaction action = actions[number];
    if (action.sa_flags & (int)SA_RESETHAND) signal(number, SIG_DFL);
    siginfo_t info = {.si_signo = number, .si_pid = getpid()};
    if (action.sa_flags & SA_SIGINFO) action.sa_sigaction(number, &info, NULL);
    else action.sa_handler(number);
}

int sigaction(int number, const struct sigaction* wanted, struct sigaction* before) {
    if (!isSignal(number) || number == SIGKILL || number == SIGSTOP) return fail(EINVAL);
    if (before != NULL) *before = actions[number];
    if (wanted == NULL) return 0;
    actions[number] = *wanted;
    int isOwn = (wanted->sa_flags & SA_SIGINFO) != 0 ||
                (wanted->sa_handler != SIG_DFL && wanted->sa_handler != SIG_IGN);
    return signal(number, isOwn ? handle : wanted->sa_handler) == SIG_ERR ? -1 : 0;
}

/* The libc's set has one byte, and what is in it changes nothing. */
int sigemptyset(sigset_t* set) { return *set = 0; }
int sigfillset(sigset_t* set) {
    *set = 0xff;
    return 0;
}
int sigaddset(sigset_t* set, int number) {
    (void)set;
    return isSignal(number) ? 0 : fail(EINVAL);
}
int sigdelset(sigset_t* set, int number) { return sigaddset(set, number); }
int sigismember(const sigset_t* set, int number) { return isSignal(number) ? *set != 0 : fail(EINVAL); }
int sigpending(sigset_t* set) { return sigemptyset(set); }
int sigprocmask(int how, const sigset_t* wanted, sigset_t* before) {
    (void)how, (void)wanted;
    return before == NULL ? 0 : sigemptyset(before);
}
int pthread_sigmask(int how, const sigset_t* wanted, sigset_t* before) { return sigprocmask(how, wanted, before); }
int siginterrupt(int number, int interrupts) {
    (void)interrupts;
    return isSignal(number) ? 0 : fail(EINVAL);
}

/* They would wait for ever. */
int sigsuspend(const sigset_t* mask) {
    (void)mask;
    return fail(ENOSYS);
}
int pause(void) { return fail(ENOSYS); }
unsigned alarm(unsigned seconds) {
    (void)seconds;
    errno = ENOSYS;
    return 0;
}

int kill(pid_t process, int number) {
    if (process != getpid() && process != 0 && process != -1) return fail(ESRCH);
    return number == 0 ? 0 : raise(number);
}
int killpg(pid_t group, int number) { return kill(group, number); }
