/* One user, who is in /etc/passwd and /etc/group as others may be. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ownId = 1000, lineMax = 1024, passwdFields = 7, groupFields = 4, membersMax = 32 };

uid_t getuid(void) { return ownId; }
uid_t geteuid(void) { return ownId; }
gid_t getgid(void) { return ownId; }
gid_t getegid(void) { return ownId; }

int getgroups(int count, gid_t groups[]) {
    if (count > 0) groups[0] = ownId;
    return 1;
}

static int become(unsigned id) {
    if (id == ownId || id == (unsigned)-1) return 0;
    errno = EPERM;
    return -1;
}

int setuid(uid_t user) { return become(user); }
int seteuid(uid_t user) { return become(user); }
int setgid(gid_t group) { return become(group); }
int setegid(gid_t group) { return become(group); }
int setreuid(uid_t real, uid_t effective) { return become(real) != 0 ? -1 : become(effective); }
int setregid(gid_t real, gid_t effective) { return become(real) != 0 ? -1 : become(effective); }
int setgroups(size_t count, const gid_t groups[]) {
    (void)count, (void)groups;
    return become(0);
}
int initgroups(const char* user, gid_t group) {
    (void)user;
    return become(group);
}

/* What stands between colons, in its place; whether there are as many as wanted. */
static int split(char* line, char** fields, int count) {
    line[strcspn(line, "\n")] = 0;
    for (int at = 0; at < count; at++) {
        fields[at] = line;
        char* end = strchr(line, ':');
        if (end == NULL) return at == count - 1;
        if (at < count - 1) *end = 0;
        line = end + 1;
    }
    return 1;
}

/* The next line with so many fields; 0 at the end. */
static int readFields(FILE* file, char* text, size_t size, char** fields, int count) {
    while (fgets(text, (int)size, file) != NULL) {
        if (text[0] != '#' && split(text, fields, count)) return 1;
    }
    return 0;
}

static void fillUser(struct passwd* entry, char** fields) {
    *entry = (struct passwd){
        .pw_name = fields[0],
        .pw_passwd = fields[1],
        .pw_uid = (uid_t)strtoul(fields[2], NULL, 10),
        .pw_gid = (gid_t)strtoul(fields[3], NULL, 10),
        .pw_gecos = fields[4],
        .pw_dir = fields[5],
        .pw_shell = fields[6],
    };
}

static int findUser(const char* name, uid_t user, struct passwd* entry, char* text, size_t size,
                    struct passwd** found) {
    char* fields[passwdFields];
    FILE* file = fopen("/etc/passwd", "r");
    *found = NULL;
    if (file == NULL) return 0;
    while (*found == NULL && readFields(file, text, size, fields, passwdFields)) {
        fillUser(entry, fields);
        if (name != NULL ? strcmp(entry->pw_name, name) == 0 : entry->pw_uid == user) *found = entry;
    }
    fclose(file);
    return 0;
}

int getpwuid_r(uid_t user, struct passwd* entry, char* text, size_t size, struct passwd** found) {
    return findUser(NULL, user, entry, text, size, found);
}
int getpwnam_r(const char* name, struct passwd* entry, char* text, size_t size, struct passwd** found) {
    return findUser(name, 0, entry, text, size, found);
}

static struct passwd ownUser;
static char ownUserText[lineMax];

struct passwd* getpwuid(uid_t user) {
    struct passwd* found;
    getpwuid_r(user, &ownUser, ownUserText, sizeof ownUserText, &found);
    return found;
}
struct passwd* getpwnam(const char* name) {
    struct passwd* found;
    getpwnam_r(name, &ownUser, ownUserText, sizeof ownUserText, &found);
    return found;
}

static FILE* allUsers;

void endpwent(void) {
    if (allUsers != NULL) fclose(allUsers);
    allUsers = NULL;
}
void setpwent(void) { endpwent(); }
struct passwd* getpwent(void) {
    char* fields[passwdFields];
    if (allUsers == NULL) allUsers = fopen("/etc/passwd", "r");
    if (allUsers == NULL || !readFields(allUsers, ownUserText, sizeof ownUserText, fields, passwdFields)) return NULL;
    fillUser(&ownUser, fields);
    return &ownUser;
}

int getlogin_r(char* name, size_t size) {
    struct passwd* user = getpwuid(getuid());
    if (user == NULL) return ENXIO;
    if (strlen(user->pw_name) >= size) return ERANGE;
    strcpy(name, user->pw_name);
    return 0;
}
char* getlogin(void) {
    static char name[64];
    errno = getlogin_r(name, sizeof name);
    return errno == 0 ? name : NULL;
}

/* The list of members stands behind the text, in what is left of its memory. */
static int fillGroup(struct group* entry, char** fields, char* text, size_t size) {
    char* end = strchr(fields[3], 0) + 1;
    end += -(size_t)end % sizeof(char*);
    char** members = (char**)end;
    size_t room = end < text + size ? (size_t)(text + size - end) / sizeof(char*) : 0;
    size_t count = 0;
    for (char* member = strtok(fields[3], ","); member != NULL; member = strtok(NULL, ",")) {
        if (count + 1 >= room || count >= membersMax) break;
        members[count++] = member;
    }
    if (room == 0) return ERANGE;
    members[count] = NULL;
    *entry = (struct group){
        .gr_name = fields[0],
        .gr_passwd = fields[1],
        .gr_gid = (gid_t)strtoul(fields[2], NULL, 10),
        .gr_mem = members,
    };
    return 0;
}

static int findGroup(const char* name, gid_t group, struct group* entry, char* text, size_t size,
                     struct group** found) {
    char* fields[groupFields];
    int error = 0;
    FILE* file = fopen("/etc/group", "r");
    *found = NULL;
    if (file == NULL) return 0;
    while (error == 0 && *found == NULL && readFields(file, text, size, fields, groupFields)) {
        error = fillGroup(entry, fields, text, size);
        if (error != 0) break;
        if (name != NULL ? strcmp(entry->gr_name, name) == 0 : entry->gr_gid == group) *found = entry;
    }
    fclose(file);
    return error;
}

int getgrgid_r(gid_t group, struct group* entry, char* text, size_t size, struct group** found) {
    return findGroup(NULL, group, entry, text, size, found);
}
int getgrnam_r(const char* name, struct group* entry, char* text, size_t size, struct group** found) {
    return findGroup(name, 0, entry, text, size, found);
}

static struct group ownGroup;
static char ownGroupText[lineMax];

struct group* getgrgid(gid_t group) {
    struct group* found;
    errno = getgrgid_r(group, &ownGroup, ownGroupText, sizeof ownGroupText, &found);
    return found;
}
struct group* getgrnam(const char* name) {
    struct group* found;
    errno = getgrnam_r(name, &ownGroup, ownGroupText, sizeof ownGroupText, &found);
    return found;
}
