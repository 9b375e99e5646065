/*
 * Calls of the system about sockets that fail, for t/store-faults.t. LD_PRELOAD puts them in
 * front of libc's. The file that SESSION_CRYPTO_SOCKET_FAULT names chooses the call:
 *
 *     3 104    the third call from now on fails with ECONNRESET; then the file is gone
 *     3 0      the same, but where it is recv, the other side has closed the connection
 *
 * Only calls of the module fail, which are those of the agent and of a parent that waits for it.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -1, or the number of the error with which this call must fail. */
static int failure(void *caller)
{
    const char *path = getenv("SESSION_CRYPTO_SOCKET_FAULT");
    char line[64] = "";
    int count = 0, number = -1, file;
    Dl_info info;

    if (!path || dladdr(caller, &info) == 0 || !strstr(info.dli_fname, "mod_session_crypto"))
        return -1;
    if ((file = open(path, O_RDWR)) < 0)
        return -1;
    if (read(file, line, sizeof line - 1) <= 0 || sscanf(line, "%d %d", &count, &number) != 2)
        number = -1;
    else if (count > 1) {
        int length = snprintf(line, sizeof line, "%d %d\n", count - 1, number);

        if (ftruncate(file, 0) != 0 || pwrite(file, line, length, 0) != length)
            abort();
        number = -1;
    }
    else
        unlink(path);
    close(file);
    return number;
}

typedef long call(long, long, long, long, long, long);

#define FAULT(name, failed)                                                    \
    call fault_##name __asm__(#name);                                          \
    long fault_##name(long a, long b, long c, long d, long e, long f)          \
    {                                                                          \
        static call *next;                                                     \
        int number = failure(__builtin_return_address(0));                     \
        if (number >= 0) {                                                     \
            errno = number ? number : ECONNRESET;                              \
            return failed;                                                     \
        }                                                                      \
        if (!next)                                                             \
            next = (call *)dlsym(RTLD_NEXT, #name);                            \
        return next(a, b, c, d, e, f);                                         \
    }

FAULT(connect, -1)
FAULT(getaddrinfo, EAI_AGAIN)
FAULT(getsockopt, -1)
FAULT(ioctl, -1)
FAULT(poll, -1)
FAULT(recv, number ? -1 : 0)
FAULT(send, -1)
FAULT(setsockopt, -1)
FAULT(socket, -1)
