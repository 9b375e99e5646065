/*
 * Functions of OpenSSL that can fail, for t/faults.t. LD_PRELOAD puts them in front of
 * libcrypto's. The file that SESSION_CRYPTO_FAULT names chooses the call:
 *
 *     RAND_bytes 2    the second call from now on fails; then the file is gone
 *     RAND_bytes 0    all calls fail; then the file says `RAND_bytes failed`
 *
 * A failed call reports OpenSSL's error for a lack of memory. Only calls of the module
 * fail: OpenSSL's own calls come through these functions too, and succeed. For another caller
 * than the module, SESSION_CRYPTO_FAULT_CALLER has a part of its path.
 *
 *     cc -shared -fPIC -o faults.so faults.c -lcrypto
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

/* Whether an address is in the module, or in the caller that is to fail in its place. */
static int is_ours(void *address)
{
    const char *caller = getenv("SESSION_CRYPTO_FAULT_CALLER");
    Dl_info info;

    return dladdr(address, &info) != 0
        && strstr(info.dli_fname, caller ? caller : "mod_session_crypto") != NULL;
}

/* Whether this call must fail; `caller` is its return address. */
static int fails(const char *name, void *caller)
{
    const char *path = getenv("SESSION_CRYPTO_FAULT");
    char line[128] = "", armed[96];
    int count = 0, is_it = 0;
    int file = path ? open(path, O_RDWR) : -1;

    if (file < 0)
        return 0;
    if (read(file, line, sizeof line - 1) > 0
        && sscanf(line, "%95s %d", armed, &count) >= 1 && strcmp(armed, name) == 0
        && is_ours(caller)) {
        int length = count > 0 ? snprintf(line, sizeof line, "%s %d\n", name, count - 1)
                               : snprintf(line, sizeof line, "%s failed\n", name);

        is_it = count <= 1;
        if (is_it)
            ERR_raise(ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE);
        if (count == 1)
            unlink(path);
        else if (ftruncate(file, 0) != 0 || pwrite(file, line, length, 0) != length)
            abort();
    }
    close(file);
    return is_it;
}

/*
 * More arguments than any of these functions has. A function with fewer ignores the rest,
 * which is whatever registers and stack hold.
 */
typedef long call(long, long, long, long, long, long, long, long);

#define FAULT(name, failure)                                                   \
    call fault_##name __asm__(#name);                                          \
    long fault_##name(long a, long b, long c, long d, long e, long f, long g,  \
                      long h)                                                  \
    {                                                                          \
        static call *next;                                                     \
        if (fails(#name, __builtin_return_address(0)))                         \
            return failure;                                                    \
        if (!next)                                                             \
            next = (call *)dlsym(RTLD_NEXT, #name);                            \
        return next(a, b, c, d, e, f, g, h);                                   \
    }

#include "openssl.h"
