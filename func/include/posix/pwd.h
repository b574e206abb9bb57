/* Users, as /etc/passwd has them. */
#ifndef FAASM_POSIX_PWD_H
#define FAASM_POSIX_PWD_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct passwd {
    char* pw_name;
    char* pw_passwd;
    uid_t pw_uid;
    gid_t pw_gid;
    char* pw_gecos;
    char* pw_dir;
    char* pw_shell;
};

struct passwd* getpwuid(uid_t user);
struct passwd* getpwnam(const char* name);
int getpwuid_r(uid_t user, struct passwd* entry, char* text, size_t size, struct passwd** found);
int getpwnam_r(const char* name, struct passwd* entry, char* text, size_t size, struct passwd** found);
void setpwent(void);
struct passwd* getpwent(void);
void endpwent(void);

#ifdef __cplusplus
}
#endif

#endif
