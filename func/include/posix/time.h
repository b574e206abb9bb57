/* What the libc leaves out of its time.h. All times are in UTC. */
#include_next <time.h>

#ifndef FAASM_POSIX_TIME_H
#define FAASM_POSIX_TIME_H

#ifdef __cplusplus
extern "C" {
#endif

extern char* tzname[2];
extern long timezone;
extern int daylight;

void tzset(void);

#ifdef __cplusplus
}
#endif

#endif
