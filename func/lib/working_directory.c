/*
 * For a program that asks where it is, or goes elsewhere: its libc takes that to be the root until it is told, and the
 * working directory that it is started in is in PWD.
 */
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor(200))) static void startInWorkingDirectory(void) {
    const char* path = getenv("PWD");
    if (path != NULL && path[0] == '/') chdir(path);
}
