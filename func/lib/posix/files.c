/* What a WASI file cannot do: be another number's too, be locked, be owned by somebody else. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { descriptorsMax = 1024 };

static int fail(int error) {
    errno = error;
    return -1;
}

int dup(int file) {
    (void)file;
    return fail(ENOSYS);
}
int dup2(int file, int wanted) { return file == wanted ? file : dup(file); }
int dup3(int file, int wanted, int flags) {
    (void)wanted, (void)flags;
    return dup(file);
}
int pipe(int ends[2]) {
    (void)ends;
    return fail(ENOSYS);
}
int pipe2(int ends[2], int flags) {
    (void)flags;
    return pipe(ends);
}
int mkfifo(const char* path, mode_t mode) {
    (void)path, (void)mode;
    return fail(ENOSYS);
}
int mknod(const char* path, mode_t mode, dev_t device) {
    (void)path, (void)mode, (void)device;
    return fail(ENOSYS);
}

/* No other program has these files, so every lock is had at once. */
int flock(int file, int operation) {
    struct stat found;
    (void)operation;
    return fstat(file, &found);
}
int lockf(int file, int command, off_t size) {
    (void)size;
    return flock(file, command);
}

/* All files are of the one user, and stay so. */
int fchownat(int folder, const char* path, uid_t user, gid_t group, int flags) {
    struct stat found;
    (void)user, (void)group;
    return fstatat(folder, path, &found, flags);
}
int chown(const char* path, uid_t user, gid_t group) {
    struct stat found;
    (void)user, (void)group;
    return stat(path, &found);
}
int lchown(const char* path, uid_t user, gid_t group) {
    struct stat found;
    (void)user, (void)group;
    return lstat(path, &found);
}
int fchown(int file, uid_t user, gid_t group) {
    struct stat found;
    (void)user, (void)group;
    return fstat(file, &found);
}

mode_t umask(mode_t mask) {
    static mode_t kept = 022;
    mode_t before = kept;
    kept = mask & 0777;
    return before;
}

int fchdir(int folder) {
    (void)folder;
    return fail(ENOSYS);
}
int chroot(const char* path) {
    (void)path;
    return fail(EPERM);
}
void sync(void) {}
int syncfs(int file) { return flock(file, LOCK_SH); }
int getdtablesize(void) { return descriptorsMax; }
char* get_current_dir_name(void) { return getcwd(NULL, 0); }
char* secure_getenv(const char* name) { return getenv(name); }

/* Calls have one thread. */
void flockfile(FILE* stream) { (void)stream; }
int ftrylockfile(FILE* stream) {
    (void)stream;
    return 0;
}
void funlockfile(FILE* stream) { (void)stream; }
