/*
 * A PKCS#11 library that hands each call on to the one that SESSION_CRYPTO_PKCS11 names, for
 * t/hsm-faults.t. The file that SESSION_CRYPTO_FAULT names chooses the call that fails:
 *
 *     7 0x30    the seventh call from now on returns CKR_DEVICE_ERROR; then the file is gone
 *     0 0x30    all calls do
 *
 * C_OpenSession does not fail. libp11 before February 2025 then waits for ever for a session that
 * somebody else closes (its pull request 579).
 *
 * A call is one through the list of functions. All of them take longs and pointers and return a
 * long, so one wrapper serves them all.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Those of PKCS#11 2.40 (pkcs11f.h), from C_Initialize to C_WaitForSlotEvent. */
#define FUNCTIONS 68
/* Places in the list. */
#define GET_FUNCTION_LIST 3
#define OPEN_SESSION 12

typedef unsigned long call(long, long, long, long, long, long, long, long);

/* CK_FUNCTION_LIST, where structures are not packed. */
struct list {
    unsigned char version[2];
    call *function[FUNCTIONS];
};

static struct list *next;

/* The value that this call must return in place of its own, or 0. */
static unsigned long failure(void)
{
    const char *path = getenv("SESSION_CRYPTO_FAULT");
    char line[64] = "";
    unsigned long value = 0;
    int count = 0;
    int file = path ? open(path, O_RDWR) : -1;

    if (file < 0)
        return 0;
    if (read(file, line, sizeof line - 1) > 0
        && sscanf(line, "%d %lx", &count, &value) == 2) {
        if (count > 1) {
            int length = snprintf(line, sizeof line, "%d 0x%lx\n", count - 1, value);

            if (ftruncate(file, 0) != 0 || pwrite(file, line, length, 0) != length)
                abort();
            value = 0;
        }
        else if (count == 1)
            unlink(path);
    }
    close(file);
    return value;
}

#define WRAP(n)                                                                \
    static unsigned long wrap_##n(long a, long b, long c, long d, long e,      \
                                  long f, long g, long h)                      \
    {                                                                          \
        unsigned long value = n == OPEN_SESSION ? 0 : failure();               \
        return value ? value : next->function[n](a, b, c, d, e, f, g, h);      \
    }
#define EACH(X)                                                                \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)  \
    X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25)    \
    X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37)    \
    X(38) X(39) X(40) X(41) X(42) X(43) X(44) X(45) X(46) X(47) X(48) X(49)    \
    X(50) X(51) X(52) X(53) X(54) X(55) X(56) X(57) X(58) X(59) X(60) X(61)    \
    X(62) X(63) X(64) X(65) X(66) X(67)
#define NAME(n) wrap_##n,

EACH(WRAP)

static struct list wrapped = {{2, 40}, {EACH(NAME)}};

/* The one function that users of a PKCS#11 library look for. */
unsigned long C_GetFunctionList(struct list **list);
unsigned long C_GetFunctionList(struct list **list)
{
    if (!next) {
        void *library = dlopen(getenv("SESSION_CRYPTO_PKCS11"), RTLD_NOW | RTLD_LOCAL);
        unsigned long (*ask)(struct list **);

        if (!library || !(ask = (unsigned long (*)(struct list **))dlsym(library, "C_GetFunctionList"))
            || ask(&next) != 0)
            return 5; /* CKR_GENERAL_ERROR */
        wrapped.version[0] = next->version[0];
        wrapped.version[1] = next->version[1];
        wrapped.function[GET_FUNCTION_LIST] = (call *)C_GetFunctionList;
    }
    *list = &wrapped;
    return 0;
}
