/* Files that are made under names which nobody has yet. They live as long as the call. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char blank[] = "XXXXXX";

enum { blankLength = sizeof blank - 1, triesMax = 100 };

typedef int Make(const char* name, int flags);

static int makeFile(const char* name, int flags) {
    return open(name, (flags & ~O_ACCMODE) | O_RDWR | O_CREAT | O_EXCL, 0600);
}

static int makeFolder(const char* name, int flags) {
    (void)flags;
    return mkdir(name, 0700);
}

/* Fails where there is such a file. */
static int makeNothing(const char* name, int flags) {
    (void)flags;
    if (access(name, F_OK) != 0) return 0;
    errno = EEXIST;
    return -1;
}

/* Puts letters where `name` has its six X, `suffixLength` from its end, until `make` makes something of it. */
static int makeOf(char* name, int suffixLength, int flags, Make* make) {
    size_t length = strlen(name);
    if (suffixLength < 0 || length < blankLength + (size_t)suffixLength) {
        errno = EINVAL;
        return -1;
    }
    char* at = name + length - (size_t)suffixLength - blankLength;
    if (memcmp(at, blank, blankLength) != 0) {
        errno = EINVAL;
        return -1;
    }
    for (int tries = 0; tries < triesMax; tries++) {
        unsigned char random[blankLength];
        getentropy(random, sizeof random);
        for (int each = 0; each < blankLength; each++) at[each] = letters[random[each] % (sizeof letters - 1)];
        int made = make(name, flags);
        if (made >= 0 || errno != EEXIST) return made;
    }
    memcpy(at, blank, blankLength);
    return -1;
}

int mkostemps(char* name, int suffix_length, int flags) { return makeOf(name, suffix_length, flags, makeFile); }
int mkstemps(char* name, int suffix_length) { return mkostemps(name, suffix_length, 0); }
int mkostemp(char* name, int flags) { return mkostemps(name, 0, flags); }
int mkstemp(char* name) { return mkostemps(name, 0, 0); }

char* mkdtemp(char* name) { return makeOf(name, 0, 0, makeFolder) < 0 ? NULL : name; }

char* mktemp(char* name) {
    if (makeOf(name, 0, 0, makeNothing) < 0) name[0] = 0;
    return name;
}

char* tempnam(const char* folder, const char* prefix) {
    char name[PATH_MAX];
    int length = snprintf(name, sizeof name, "%s/%s%s", folder != NULL ? folder : P_tmpdir,
                          prefix != NULL ? prefix : "temp_", blank);
    if (length >= (int)sizeof name) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return makeOf(name, 0, 0, makeNothing) < 0 ? NULL : strdup(name);
}

char* tmpnam(char* name) {
    static char own[L_tmpnam];
    if (name == NULL) name = own;
    strcpy(name, P_tmpdir "/tmp_XXXXXX");
    return makeOf(name, 0, 0, makeNothing) < 0 ? NULL : name;
}

FILE* tmpfile(void) {
    char name[] = P_tmpdir "/tmpfile_XXXXXX";
    int file = mkstemp(name);
    if (file < 0) return NULL;
    unlink(name);
    FILE* stream = fdopen(file, "w+");
    if (stream == NULL) close(file);
    return stream;
}
