/*
 * A clock for a server under test: the real time, and as many seconds as stand in the file
 * that SESSION_CRYPTO_CLOCK names.
 *
 * APR asks gettimeofday, and Rust clock_gettime.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void)
{
    const char *name = getenv("SESSION_CRYPTO_CLOCK");
    FILE *file = name == NULL ? NULL : fopen(name, "r");
    long seconds = 0;
    if (file == NULL || fscanf(file, "%ld", &seconds) != 1)
        abort();
    fclose(file);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME)
        time->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    int failed = syscall(SYS_gettimeofday, time, zone);
    if (!failed)
        time->tv_sec += offset();
    return failed;
}
