/* What the libc leaves out of its signal.h. The only signals are those that the program raises itself. */
#include_next <signal.h>

#ifndef FAASM_POSIX_SIGNAL_H
#define FAASM_POSIX_SIGNAL_H

#include <__typedef_sigset_t.h>
#include <sys/types.h>

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define SA_NOCLDSTOP 1
#define SA_NOCLDWAIT 2
#define SA_SIGINFO 4
#define SA_ONSTACK 0x08000000
#define SA_RESTART 0x10000000
#define SA_NODEFER 0x40000000
#define SA_RESETHAND 0x80000000

#ifdef __cplusplus
extern "C" {
#endif

union sigval {
    int sival_int;
    void* sival_ptr;
};

typedef struct {
    int si_signo;
    int si_errno;
    int si_code;
    pid_t si_pid;
    uid_t si_uid;
    int si_status;
    void* si_addr;
    union sigval si_value;
} siginfo_t;

struct sigaction {
    union {
        void (*sa_handler)(int signal);
        void (*sa_sigaction)(int signal, siginfo_t* info, void* context);
    };
    sigset_t sa_mask;
    int sa_flags;
};

int sigaction(int signal, const struct sigaction* wanted, struct sigaction* before);
int sigprocmask(int how, const sigset_t* wanted, sigset_t* before);
int pthread_sigmask(int how, const sigset_t* wanted, sigset_t* before);
int sigemptyset(sigset_t* set);
int sigfillset(sigset_t* set);
int sigaddset(sigset_t* set, int signal);
int sigdelset(sigset_t* set, int signal);
int sigismember(const sigset_t* set, int signal);
int sigpending(sigset_t* set);
int sigsuspend(const sigset_t* mask);
int siginterrupt(int signal, int interrupts);
int kill(pid_t process, int signal);
int killpg(pid_t group, int signal);

#ifdef __cplusplus
}
#endif

#endif
