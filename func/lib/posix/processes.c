/* A function is one process and starts no other; whatever would is told ENOSYS, and where it waits, ECHILD. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { processOfAll = 1 };

static int fail(int error) {
    errno = error;
    return -1;
}

/* Whether there is a shell: no. */
int system(const char* command) { return command == NULL ? 0 : fail(ENOSYS); }

FILE* popen(const char* command, const char* mode) {
    (void)command, (void)mode;
    errno = ENOSYS;
    return NULL;
}

int pclose(FILE* stream) {
    (void)stream;
    return fail(ECHILD);
}

pid_t fork(void) { return fail(ENOSYS); }
pid_t vfork(void) { return fail(ENOSYS); }
int daemon(int keeps_folder, int keeps_streams) {
    (void)keeps_folder, (void)keeps_streams;
    return fail(ENOSYS);
}

int execve(const char* path, char* const arguments[], char* const environment[]) {
    (void)path, (void)arguments, (void)environment;
    return fail(ENOSYS);
}
int execv(const char* path, char* const arguments[]) { return execve(path, arguments, NULL); }
int execvp(const char* name, char* const arguments[]) { return execve(name, arguments, NULL); }
int execvpe(const char* name, char* const arguments[], char* const environment[]) {
    return execve(name, arguments, environment);
}
int execl(const char* path, const char* argument, ...) {
    (void)argument;
    return execve(path, NULL, NULL);
}
int execlp(const char* name, const char* argument, ...) {
    (void)argument;
    return execve(name, NULL, NULL);
}
int execle(const char* path, const char* argument, ...) {
    (void)argument;
    return execve(path, NULL, NULL);
}

pid_t wait(int* status) {
    (void)status;
    return fail(ECHILD);
}
pid_t waitpid(pid_t child, int* status, int options) {
    (void)child, (void)options;
    return wait(status);
}
pid_t wait3(int* status, int options, struct rusage* usage) {
    (void)options, (void)usage;
    return wait(status);
}
pid_t wait4(pid_t child, int* status, int options, struct rusage* usage) {
    (void)child;
    return wait3(status, options, usage);
}

int posix_spawn(pid_t* process, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    (void)process, (void)path, (void)actions, (void)attributes, (void)arguments, (void)environment;
    return ENOSYS;
}
int posix_spawnp(pid_t* process, const char* name, const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    return posix_spawn(process, name, actions, attributes, arguments, environment);
}
int posix_spawnattr_init(posix_spawnattr_t* attributes) { return attributes->flags = 0; }
int posix_spawnattr_destroy(posix_spawnattr_t* attributes) { return attributes->flags = 0; }
int posix_spawn_file_actions_init(posix_spawn_file_actions_t* actions) { return actions->count = 0; }
int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t* actions) { return actions->count = 0; }
int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t* actions, int file) {
    (void)file;
    actions->count++;
    return 0;
}
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t* actions, int file, int wanted) {
    (void)wanted;
    return posix_spawn_file_actions_addclose(actions, file);
}
int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t* actions, int file, const char* path, int flags,
                                     mode_t mode) {
    (void)path, (void)flags, (void)mode;
    return posix_spawn_file_actions_addclose(actions, file);
}

pid_t getppid(void) { return processOfAll; }
pid_t gettid(void) { return getpid(); }
pid_t getpgrp(void) { return getpid(); }
pid_t getpgid(pid_t process) { return process == 0 || process == getpid() ? getpid() : fail(ESRCH); }
pid_t getsid(pid_t process) { return getpgid(process); }
int setpgid(pid_t process, pid_t group) {
    (void)process, (void)group;
    return fail(EPERM);
}
pid_t setpgrp(void) { return fail(EPERM); }
pid_t setsid(void) { return fail(EPERM); }

int getpriority(int which, unsigned who) {
    (void)which, (void)who;
    return 0;
}
int setpriority(int which, unsigned who, int priority) {
    (void)which, (void)who, (void)priority;
    return fail(EPERM);
}
int nice(int more) { return more == 0 ? 0 : fail(EPERM); }

int getloadavg(double* averages, int count) {
    (void)averages, (void)count;
    return -1;
}

/* What the host limits, it limits without being asked. */
int getrlimit(int resource, struct rlimit* limit) {
    if (resource < RLIMIT_CPU || resource > RLIMIT_AS) return fail(EINVAL);
    limit->rlim_cur = limit->rlim_max = resource == RLIMIT_NOFILE ? (rlim_t)getdtablesize() : RLIM_INFINITY;
    return 0;
}
int setrlimit(int resource, const struct rlimit* limit) {
    (void)limit;
    return fail(resource < RLIMIT_CPU || resource > RLIMIT_AS ? EINVAL : EPERM);
}
