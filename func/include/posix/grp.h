/* Groups, as /etc/group has them. */
#ifndef FAASM_POSIX_GRP_H
#define FAASM_POSIX_GRP_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct group {
    char* gr_name;
    char* gr_passwd;
    gid_t gr_gid;
    char** gr_mem;
};

struct group* getgrgid(gid_t group);
struct group* getgrnam(const char* name);
int getgrgid_r(gid_t group, struct group* entry, char* text, size_t size, struct group** found);
int getgrnam_r(const char* name, struct group* entry, char* text, size_t size, struct group** found);
int initgroups(const char* user, gid_t group);
int setgroups(size_t count, const gid_t groups[]);

#ifdef __cplusplus
}
#endif

#endif
