/*
 * A hasty httpd: each second that it sleeps takes a fortieth of it.
 *
 * Its parent sleeps a second ten times between two looks at the key files
 * (server/mpm_common.c, ap_wait_or_timeout).
 */
#define _GNU_SOURCE
#include <time.h>

void apr_sleep(long long microseconds);

void apr_sleep(long long microseconds)
{
    long long nanoseconds = microseconds * 1000 / 40;
    struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    nanosleep(&time, NULL);
}
