#include <time.h>

static char utc[] = "UTC";

char* tzname[2] = {utc, utc};
long timezone = 0;
int daylight = 0;

void tzset(void) {}
