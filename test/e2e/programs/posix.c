/* Stock C: what works here as anywhere, and what says while it runs that there is no such thing here. */
#include <complex.h>
#include <dirent.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <fnmatch.h>
#include <getopt.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <langinfo.h>
#include <libgen.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <regex.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "check.h"

/* Fails with this error, and not otherwise. */
#define FAILS_WITH(error, call) (errno = 0, (call) == -1 && errno == (error))

static void temporaryFiles(void) {
    FILE* file = tmpfile();
    char text[16] = "", name[] = "/tmp/exampleXXXXXX", folder[] = "/tmp/folderXXXXXX";
    CHECK(file != NULL && fputs("kept", file) >= 0);
    rewind(file);
    CHECK(fgets(text, sizeof text, file) != NULL && strcmp(text, "kept") == 0);
    fclose(file);
    CHECK(access(tmpnam(NULL), F_OK) == -1);
    int made = mkstemp(name);
    CHECK(made >= 0 && strcmp(name, "/tmp/exampleXXXXXX") != 0 && access(name, F_OK) == 0);
    close(made);
    CHECK(mkdtemp(folder) == folder && rmdir(folder) == 0);
    CHECK(FAILS_WITH(EINVAL, mkstemp(text)));
}

static void processes(void) {
    int status;
    CHECK(system(NULL) == 0);
    CHECK(FAILS_WITH(ENOSYS, system("ls")));
    CHECK(popen("ls", "r") == NULL && errno == ENOSYS);
    CHECK(FAILS_WITH(ENOSYS, fork()));
    CHECK(FAILS_WITH(ENOSYS, execl("/bin/ls", "ls", (char*)NULL)));
    CHECK(FAILS_WITH(ECHILD, waitpid(-1, &status, WNOHANG)));
    CHECK(WIFEXITED(0x300) && WEXITSTATUS(0x300) == 3 && WIFSIGNALED(9) && WTERMSIG(9) == 9);
    pid_t child;
    CHECK(posix_spawnp(&child, "ls", NULL, NULL, NULL, NULL) == ENOSYS);
    CHECK(getpid() > 0 && getppid() > 0 && kill(getpid(), 0) == 0);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 0);
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
}

static void filesAndDescriptors(void) {
    int ends[2];
    int file = open("/tmp/file", O_RDWR | O_CREAT, 0644);
    CHECK(file >= 0);
    CHECK(FAILS_WITH(EINVAL, fcntl(file, F_DUPFD, 0)));
    CHECK(FAILS_WITH(ENOSYS, dup(file)));
    CHECK(FAILS_WITH(ENOSYS, pipe(ends)));
    CHECK(flock(file, LOCK_EX) == 0 && lockf(file, F_LOCK, 0) == 0 && fchown(file, 0, 0) == 0);
    CHECK(umask(077) == 022 && umask(022) == 077);
    CHECK(FAILS_WITH(ENOSYS, mkfifo("/tmp/fifo", 0600)));
    close(file);
    CHECK(sysconf(_SC_PAGESIZE) > 0 && getdtablesize() > 0);
    char* memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && (memory[65535] = 1) && munmap(memory, 65536) == 0);
}

static void users(void) {
    struct passwd* user = getpwuid(getuid());
    CHECK(user == NULL || user->pw_uid == getuid());
    CHECK(getpwnam("nobody at all") == NULL && getgrnam("nobody at all") == NULL);
    CHECK(getuid() == geteuid() && getgid() == getegid());
    CHECK(FAILS_WITH(EPERM, setuid(0)));
    FILE* file = fopen("/etc/group", "r");
    CHECK(file == NULL || getgrgid(getgid())->gr_gid == getgid());
    if (file != NULL) fclose(file);
    char name[256];
    struct utsname system;
    CHECK(gethostname(name, sizeof name) == 0 && uname(&system) == 0);
}

static volatile int got;
static void take(int signal) { got = signal; }
static void takeInfo(int signal, siginfo_t* info, void* context) { got = info->si_signo + signal + (context != NULL); }

static void signals(void) {
    struct sigaction action = {.sa_handler = take}, before;
    sigset_t set;
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0 && got == SIGUSR1);
    action = (struct sigaction){.sa_sigaction = takeInfo, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGUSR2, &action, &before) == 0 && kill(getpid(), SIGUSR2) == 0 && got == 2 * SIGUSR2);
    CHECK(before.sa_handler == SIG_DFL);
    CHECK(FAILS_WITH(ENOSYS, pause()));
    sigjmp_buf back;
    volatile int times = 0;
    if (sigsetjmp(back, 1) == 0) {
        times = times + 1;
        siglongjmp(back, 1);
    }
    CHECK(times == 1);
}

static void terminalsAndNetwork(void) {
    struct termios terminal;
    struct winsize size;
    CHECK(FAILS_WITH(ENOTTY, tcgetattr(0, &terminal)));
    CHECK(isatty(1) == 0 && ttyname(0) == NULL);
    CHECK(ioctl(1, TIOCGWINSZ, &size) == -1);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    CHECK(getaddrinfo("example.org", "80", &hints, &found) == EAI_NONAME);
    CHECK(getaddrinfo("127.0.0.1", "80", &hints, &found) == 0 && found->ai_family == AF_INET);
    freeaddrinfo(found);
    CHECK(gethostbyname("example.org") == NULL && h_errno == HOST_NOT_FOUND);
    CHECK(FAILS_WITH(ENOSYS, socket(AF_INET, SOCK_STREAM, 0)));
    CHECK(dlopen("libm.so", RTLD_NOW) == NULL && dlerror() != NULL);
}

static int compareTexts(const void* one, const void* two) { return strcmp(one, two); }

static void library(void) {
    regex_t expression;
    CHECK(regcomp(&expression, "^a+b$", REG_EXTENDED) == 0 && regexec(&expression, "aab", 0, NULL, 0) == 0);
    regfree(&expression);
    glob_t matches;
    CHECK(glob("/tmp/fil*", 0, NULL, &matches) == 0 && matches.gl_pathc == 1);
    globfree(&matches);
    CHECK(fnmatch("*.c", "a.c", 0) == 0);
    iconv_t converter = iconv_open("UTF-8", "ISO-8859-1");
    char in[] = "\xe9", out[8] = "", *from = in, *to = out;
    size_t inLeft = 1, outLeft = sizeof out;
    CHECK(iconv(converter, &from, &inLeft, &to, &outLeft) == 0 && strcmp(out, "\xc3\xa9") == 0);
    iconv_close(converter);
    char* arguments[] = {"program", "--long=x", "rest", NULL};
    struct option options[] = {{"long", required_argument, NULL, 'l'}, {0}};
    CHECK(getopt_long(3, arguments, "", options, NULL) == 'l' && strcmp(optarg, "x") == 0);
    void* tree = NULL;
    CHECK(tsearch("key", &tree, compareTexts) != NULL && tfind("key", &tree, compareTexts) != NULL);
    CHECK(cabs(3 + 4 * I) == 5 && fegetround() == FE_TONEAREST && setlocale(LC_ALL, "C") != NULL);
    wchar_t wide[8];
    CHECK(mbstowcs(wide, "wide", 8) == 4 && wcscmp(wide, L"wide") == 0);
    time_t zero = 0;
    tzset();
    CHECK(gmtime(&zero)->tm_year == 70 && strcmp(tzname[0], "UTC") == 0);
    char printed[64];
    long double read = 0;
    snprintf(printed, sizeof printed, "%.20Lf %La", 1.0L / 3, 0.5L);
    CHECK(strcmp(printed, "0.33333333333333333333 0x1p-1") == 0);
    CHECK(sscanf("2.5", "%Lf", &read) == 1 && read == 2.5L);
}

static void messages(void) {
    openlog("posix", LOG_PID, LOG_USER);
    errno = ENOENT;
    syslog(LOG_NOTICE, "%d%% of it: %m", 5);
    setlogmask(LOG_UPTO(LOG_ERR));
    syslog(LOG_INFO, "left out");
    errno = EACCES;
    warn("cannot %s", "open");
    warnx("plain");
}

int main(void) {
    temporaryFiles();
    processes();
    filesAndDescriptors();
    users();
    signals();
    terminalsAndNetwork();
    library();
    messages();
    printf("%d held, %d failed\n", held, failed);
    return failed != 0;
}
