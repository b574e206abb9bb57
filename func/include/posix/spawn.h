/* A function starts no other program: each of these says ENOSYS. */
#ifndef FAASM_POSIX_SPAWN_H
#define FAASM_POSIX_SPAWN_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int flags;
} posix_spawnattr_t;
typedef struct {
    int count;
} posix_spawn_file_actions_t;

int posix_spawn(pid_t* process, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]);
int posix_spawnp(pid_t* process, const char* name, const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]);
int posix_spawnattr_init(posix_spawnattr_t* attributes);
int posix_spawnattr_destroy(posix_spawnattr_t* attributes);
int posix_spawn_file_actions_init(posix_spawn_file_actions_t* actions);
int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t* actions);
int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t* actions, int file);
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t* actions, int file, int wanted);
int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t* actions, int file, const char* path, int flags,
                                     mode_t mode);

#ifdef __cplusplus
}
#endif

#endif
