#ifndef FAASM_FILES_H
#define FAASM_FILES_H

/* Files of the call, whole. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

namespace faasm {

/* In bytes; -1 where there is no such file. */
inline long getFileLength(const char* path) {
    struct stat found;
    return stat(path, &found) == 0 ? static_cast<long>(found.st_size) : -1;
}

/* All of it, ended by a NUL; to be freed. nullptr where it cannot be read. */
inline char* readFileToString(const char* path) {
    long size = getFileLength(path);
    FILE* file = size < 0 ? nullptr : fopen(path, "rb");
    if (file == nullptr) return nullptr;
    char* text = static_cast<char*>(malloc(size + 1));
    if (text != nullptr) text[fread(text, 1, size, file)] = 0;
    fclose(file);
    return text;
}

}

#endif
