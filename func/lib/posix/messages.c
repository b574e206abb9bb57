/* What a program says beside its output: syslog, warn and err. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static const char* logName = "";
static int logMask = 0xff;

void openlog(const char* name, int options, int facility) {
    (void)options, (void)facility;
    logName = name != NULL ? name : "";
}
void closelog(void) { logName = ""; }
int setlogmask(int mask) {
    int before = logMask;
    if (mask != 0) logMask = mask;
    return before;
}

/* `%m` is the error's text, as it stood before this was called. */
static void expandError(const char* format, char* expanded, size_t size, const char* error) {
    size_t length = 0;
    while (*format != 0 && length + 1 < size) {
        if (format[0] == '%' && format[1] == 'm') {
            length += (size_t)snprintf(expanded + length, size - length, "%s", error);
            if (length >= size) length = size - 1;
            format += 2;
        } else {
            if (format[0] == '%' && format[1] == '%' && length + 2 < size) expanded[length++] = *format++;
            expanded[length++] = *format++;
        }
    }
    expanded[length] = 0;
}

void vsyslog(int priority, const char* format, va_list values) {
    char expanded[1024];
    if ((logMask & LOG_MASK(LOG_PRI(priority))) == 0) return;
    expandError(format, expanded, sizeof expanded, strerror(errno));
    if (logName[0] != 0) fprintf(stderr, "%s: ", logName);
    vfprintf(stderr, expanded, values);
    fputc('\n', stderr);
}
void syslog(int priority, const char* format, ...) {
    va_list values;
    va_start(values, format);
    vsyslog(priority, format, values);
    va_end(values);
}

void vwarnx(const char* format, va_list values) {
    if (format != NULL) vfprintf(stderr, format, values);
    fputc('\n', stderr);
}
void vwarn(const char* format, va_list values) {
    const char* error = strerror(errno);
    if (format != NULL) {
        vfprintf(stderr, format, values);
        fputs(": ", stderr);
    }
    fprintf(stderr, "%s\n", error);
}
_Noreturn void verr(int status, const char* format, va_list values) {
    vwarn(format, values);
    exit(status);
}
_Noreturn void verrx(int status, const char* format, va_list values) {
    vwarnx(format, values);
    exit(status);
}
void warn(const char* format, ...) {
    va_list values;
    va_start(values, format);
    vwarn(format, values);
    va_end(values);
}
void warnx(const char* format, ...) {
    va_list values;
    va_start(values, format);
    vwarnx(format, values);
    va_end(values);
}
_Noreturn void err(int status, const char* format, ...) {
    va_list values;
    va_start(values, format);
    verr(status, format, values);
}
_Noreturn void errx(int status, const char* format, ...) {
    va_list values;
    va_start(values, format);
    verrx(status, format, values);
}
