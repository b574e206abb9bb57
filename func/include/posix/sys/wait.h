/* A function is one process, and has no children: there is never anything to wait for. */
#ifndef FAASM_POSIX_SYS_WAIT_H
#define FAASM_POSIX_SYS_WAIT_H

#include <sys/types.h>

#define WNOHANG 1
#define WUNTRACED 2
#define WCONTINUED 8

#define WEXITSTATUS(status) (((status) >> 8) & 0xff)
#define WTERMSIG(status) ((status) & 0x7f)
#define WSTOPSIG(status) WEXITSTATUS(status)
#define WCOREDUMP(status) ((status) & 0x80)
#define WIFEXITED(status) (WTERMSIG(status) == 0)
#define WIFSIGNALED(status) (WTERMSIG(status) != 0 && WTERMSIG(status) != 0x7f)
#define WIFSTOPPED(status) (((status) & 0xff) == 0x7f)
#define WIFCONTINUED(status) ((status) == 0xffff)

#ifdef __cplusplus
extern "C" {
#endif

struct rusage;

pid_t wait(int* status);
pid_t waitpid(pid_t child, int* status, int options);
pid_t wait3(int* status, int options, struct rusage* usage);
pid_t wait4(pid_t child, int* status, int options, struct rusage* usage);

#ifdef __cplusplus
}
#endif

#endif
