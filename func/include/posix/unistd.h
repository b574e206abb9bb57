/* What the libc leaves out of its unistd.h. */
#include_next <unistd.h>

#ifndef FAASM_POSIX_UNISTD_H
#define FAASM_POSIX_UNISTD_H

#define F_ULOCK 0
#define F_LOCK 1
#define F_TLOCK 2
#define F_TEST 3

#ifdef __cplusplus
extern "C" {
#endif

/* One user, who owns what there is. */
uid_t getuid(void);
uid_t geteuid(void);
gid_t getgid(void);
gid_t getegid(void);
int getgroups(int count, gid_t groups[]);
int setuid(uid_t user);
int seteuid(uid_t user);
int setgid(gid_t group);
int setegid(gid_t group);
int setreuid(uid_t real, uid_t effective);
int setregid(gid_t real, gid_t effective);
char* getlogin(void);
int getlogin_r(char* name, size_t size);
int chown(const char* path, uid_t user, gid_t group);
int lchown(const char* path, uid_t user, gid_t group);
int fchown(int file, uid_t user, gid_t group);
int fchownat(int folder, const char* path, uid_t user, gid_t group, int flags);

/* One process, which starts no other. */
pid_t fork(void);
pid_t vfork(void);
int execve(const char* path, char* const arguments[], char* const environment[]);
int execv(const char* path, char* const arguments[]);
int execvp(const char* name, char* const arguments[]);
int execvpe(const char* name, char* const arguments[], char* const environment[]);
int execl(const char* path, const char* argument, ...);
int execlp(const char* name, const char* argument, ...);
int execle(const char* path, const char* argument, ...);
pid_t getppid(void);
pid_t getpgrp(void);
pid_t getpgid(pid_t process);
pid_t getsid(pid_t process);
int setpgid(pid_t process, pid_t group);
pid_t setpgrp(void);
pid_t setsid(void);
pid_t gettid(void);
int nice(int more);
int daemon(int keeps_folder, int keeps_streams);
unsigned alarm(unsigned seconds);
int pause(void);

/* A descriptor has one number, and files no locks that another program could hold. */
int pipe(int ends[2]);
int pipe2(int ends[2], int flags);
int dup(int file);
int dup2(int file, int wanted);
int dup3(int file, int wanted, int flags);
int lockf(int file, int command, off_t size);
int fchdir(int folder);
int chroot(const char* path);
void sync(void);
int syncfs(int file);
int getdtablesize(void);
char* get_current_dir_name(void);
char* ctermid(char* name);
char* ttyname(int file);
int ttyname_r(int file, char* name, size_t size);
pid_t tcgetpgrp(int file);
int tcsetpgrp(int file, pid_t group);
char* getpass(const char* prompt);

#ifdef __cplusplus
}
#endif

#endif
