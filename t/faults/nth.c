/*
 * The Nth call of a class fails, for SessionCrypto::Faults, which says what to do in the
 * file that SESSION_CRYPTO_FAULTS names. All processes of a server have the file mapped.
 *
 * | class | calls that fail                                                            |
 * |-------|----------------------------------------------------------------------------|
 * |   1   | functions of OpenSSL that the module calls                                 |
 * |   2   | allocations by OpenSSL and the C library for the module                    |
 * |   4   | random bytes that the module asks for, or OpenSSL for it                   |
 * |   8   | files                                                                      |
 * |  16   | shared memory, processes, threads, pipes                                   |
 * |  32   | allocations by the module itself, whose language then ends the process     |
 *
 * Other modules' calls are neither counted nor changed: the first caller outside of
 * OpenSSL and the C library has to be the module.
 *
 *     cc -shared -fPIC -o nth.so nth.c -lcrypto
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

enum { OPENSSL = 1, MEMORY = 2, RANDOM = 4, FILES = 8, SYSTEM = 16, RUST = 32 };
enum { MAX_ROUNDS = 10 };

/* As SessionCrypto::Faults packs and unpacks it. */
struct orders {
    uint32_t classes; /* those that count; 0 for none */
    uint32_t nth;     /* the call that fails; 0 for none */
    uint32_t onwards; /* whether all later ones fail too */
    int32_t only;     /* a process; its negative is every other one; 0 is all */
    uint32_t count;   /* calls so far */
    uint32_t failed;  /* those that failed */
    uint32_t round;   /* another one each time that calls begin to count */
    char name[64];    /* the one that failed first */
};

static struct orders *orders;
static int is_hasty;
/* This thread is in a function of this file, whose own calls do not count. */
static __thread int is_busy;

__attribute__((constructor)) static void map_orders(void)
{
    const char *path = getenv("SESSION_CRYPTO_FAULTS");
    int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    long start;

    is_hasty = getenv("SESSION_CRYPTO_HASTE") != NULL;
    if (file < 0)
        return;
    start = syscall(SYS_mmap, NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (start != -1)
        orders = (struct orders *)start;
}

/* LIBRARY has this file too, which stands between the module and OpenSSL. */
enum caller { MODULE, LIBRARY, OTHER };

static enum caller caller_at(void *address)
{
    struct dl_find_object found;
    const char *name;

    if (_dl_find_object(address, &found) != 0)
        return OTHER;
    name = strrchr(found.dlfo_link_map->l_name, '/');
    name = name ? name + 1 : found.dlfo_link_map->l_name;
    if (strcmp(name, "mod_session_crypto.so") == 0)
        return MODULE;
    return strncmp(name, "libcrypto", 9) == 0 || strncmp(name, "libssl", 6) == 0
               || strncmp(name, "libc.", 5) == 0 || strcmp(name, "nth.so") == 0
        ? LIBRARY : OTHER;
}

/* The places of allocations, by a hash of the addresses on the way from the module. */
enum { PLACES = 1 << 16, PER_PLACE = 2 };
static struct { uint64_t hash; uint32_t calls; } places[PLACES];
static uint32_t round_of_places;

struct walk {
    void *first; /* the return address to begin with */
    enum caller caller;
    int has_begun;
    uint64_t hash;
};

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *argument)
{
    struct walk *walk = argument;
    void *address = (void *)_Unwind_GetIP(context);
    struct dl_find_object found;

    walk->has_begun |= address == walk->first;
    if (!walk->has_begun)
        return _URC_NO_REASON;
    walk->caller = caller_at(address);
    if (_dl_find_object(address, &found) == 0)
        walk->hash = (walk->hash ^ ((char *)address - (char *)found.dlfo_map_start)) * 0x100000001b3;
    return walk->caller == LIBRARY ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* Whether a place has not made its calls yet. A table that is full lets all pass. */
static int is_new(uint64_t hash)
{
    uint32_t index = hash % PLACES;

    if (round_of_places != orders->round) {
        memset(places, 0, sizeof places);
        round_of_places = orders->round;
    }
    for (int step = 0; step < 64; step++, index = (index + 1) % PLACES) {
        if (places[index].calls == 0)
            places[index].hash = hash;
        if (places[index].hash == hash)
            return places[index].calls++ < PER_PLACE;
    }
    return 1;
}

/* Whether a library with this return address works for the module. An allocation counts
   twice at most for each way to it: loops make very many of them. */
static int works_for_module(void *address, int is_allocation)
{
    struct walk walk = {address, OTHER, 0, 0xcbf29ce484222325};

    _Unwind_Backtrace(look, &walk);
    return walk.caller == MODULE && (!is_allocation || is_new(walk.hash));
}

/* Whether this call must fail. `own` is its class for the module, and `inner` for OpenSSL and
   the C library when they work for the module. */
static int fails(const char *name, uint32_t own, uint32_t inner, void *address)
{
    uint32_t armed, number;
    int result = 0, error = errno;
    enum caller caller;

    if (!orders || is_busy)
        return 0;
    armed = __atomic_load_n(&orders->classes, __ATOMIC_ACQUIRE);
    if (!(armed & (own | inner)))
        return 0;
    if (orders->only > 0 ? getpid() != orders->only : orders->only < 0 && getpid() == -orders->only)
        return 0;
    is_busy = 1;
    caller = caller_at(address);
    if (caller == MODULE ? armed & own
                         : caller == LIBRARY && armed & inner && works_for_module(address, inner == MEMORY)) {
        number = __atomic_add_fetch(&orders->count, 1, __ATOMIC_RELAXED);
        if (orders->nth && (number == orders->nth || (orders->onwards && number > orders->nth))) {
            if (__atomic_fetch_add(&orders->failed, 1, __ATOMIC_RELAXED) == 0)
                strncpy(orders->name, name, sizeof orders->name - 1);
            result = 1;
        }
    }
    is_busy = 0;
    errno = error;
    return result;
}

static void raise_error(void)
{
    is_busy = 1;
    ERR_raise(ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE);
    is_busy = 0;
}

/*
 * More arguments than any of these functions has. A function with fewer ignores the rest,
 * which is whatever registers and stack hold.
 */
typedef long call(long, long, long, long, long, long, long, long);

/*
 * The fifth argument: with SESSION_CRYPTO_HASTE, the rounds of PKCS5_PBKDF2_HMAC are cut,
 * because a test starts some hundred servers. Any other function gets its own.
 */
static long rounds(const char *name, long fifth)
{
    return is_hasty && strcmp(name, "PKCS5_PBKDF2_HMAC") == 0 && fifth > MAX_ROUNDS ? MAX_ROUNDS : fifth;
}

/*
 * Calls of this thread within which no allocation fails. OpenSSL 3.0 writes to the context of
 * Concat KDF without asking whether it has got one (sskdf_new in sskdf.c). OpenSSL 3.5 waits for
 * itself for ever if it has no memory for a lock of its own as it starts: the error that it
 * notes starts it again (CRYPTO_malloc, ERR_new, OPENSSL_init_crypto).
 */
static _Thread_local int spared;

static void spare(const char *name, int one)
{
    if (strcmp(name, "EVP_KDF_CTX_new") == 0
        || (strcmp(name, "OPENSSL_init_crypto") == 0 && OpenSSL_version_num() >= 0x30100000L))
        spared += one;
}

#define NTH(name, own, inner, on_failure, failure)                             \
    call nth_##name __asm__(#name);                                            \
    long nth_##name(long a, long b, long c, long d, long e, long f, long g,    \
                    long h)                                                    \
    {                                                                          \
        static call *next;                                                     \
        long answer;                                                           \
        if (fails(#name, own, inner, __builtin_return_address(0))) {           \
            on_failure;                                                        \
            return failure;                                                    \
        }                                                                      \
        if (!next)                                                             \
            next = (call *)dlsym(RTLD_NEXT, #name);                            \
        spare(#name, 1);                                                       \
        answer = next(a, b, c, d, rounds(#name, e), f, g, h);                  \
        spare(#name, -1);                                                      \
        return answer;                                                         \
    }

/* Random bytes are a class of their own too. */
#define FAULT(name, failure)                                                   \
    NTH(name, OPENSSL | (strncmp(#name, "RAND_", 5) == 0 ? RANDOM : 0), 0, raise_error(), failure)
#include "openssl.h"
#include "openssl-startup.h"

#define FILE_CALL(name) NTH(name, FILES, FILES, errno = EIO, -1)
FILE_CALL(read)
FILE_CALL(write)
FILE_CALL(writev)
FILE_CALL(fstat64)
FILE_CALL(stat64)
FILE_CALL(lstat64)
FILE_CALL(fstat)
FILE_CALL(stat)
FILE_CALL(statx)
FILE_CALL(rename)
FILE_CALL(unlink)
FILE_CALL(fsync)
FILE_CALL(fdatasync)
FILE_CALL(lseek64)
FILE_CALL(readlink)
NTH(realpath, FILES, FILES, errno = EIO, 0)
NTH(getcwd, FILES, FILES, errno = EIO, 0)
NTH(fopen, FILES, FILES, errno = EMFILE, 0)
NTH(fopen64, FILES, FILES, errno = EMFILE, 0)

/* The file is closed all the same, as Linux does it. */
#define CLOSED syscall(SYS_close, (int)a); errno = EIO
NTH(close, FILES, FILES, CLOSED, -1)

#define SYSTEM_CALL(name, error) NTH(name, SYSTEM, 0, errno = error, -1)
SYSTEM_CALL(mmap, ENOMEM)
SYSTEM_CALL(mmap64, ENOMEM)
SYSTEM_CALL(memfd_create, EMFILE)
SYSTEM_CALL(ftruncate64, ENOSPC)
SYSTEM_CALL(madvise, EAGAIN)
SYSTEM_CALL(fcntl, EINVAL)
SYSTEM_CALL(eventfd, EMFILE)
SYSTEM_CALL(pipe2, EMFILE)
SYSTEM_CALL(socketpair, EMFILE)
SYSTEM_CALL(fork, EAGAIN)
SYSTEM_CALL(poll, ENOMEM)
SYSTEM_CALL(prctl, EINVAL)
SYSTEM_CALL(setpgid, EPERM)
/* These return the number of the error. */
NTH(pthread_create, SYSTEM, 0, (void)0, EAGAIN)
NTH(posix_spawnp, SYSTEM, 0, (void)0, EAGAIN)

/* A file of random bytes is both. */
static uint32_t class_of(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 ? FILES | RANDOM : FILES;
}

#define OPEN_CALL(name, path)                                                  \
    NTH(name, class_of((const char *)path), class_of((const char *)path), errno = EMFILE, -1)
OPEN_CALL(open, a)
OPEN_CALL(open64, a)
OPEN_CALL(openat, b)
OPEN_CALL(openat64, b)

NTH(getrandom, RANDOM, RANDOM, errno = ENOSYS, -1)
NTH(getentropy, RANDOM, RANDOM, errno = EIO, -1)

/* dlsym may allocate, so these have glibc's own names for what they replace. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static int lacks(const char *name, void *address)
{
    if (spared || !fails(name, RUST, MEMORY, address))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return lacks("malloc", __builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return lacks("calloc", __builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return lacks("realloc", __builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *new = lacks("posix_memalign", __builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
    if (!new)
        return ENOMEM;
    *memory = new;
    return 0;
}
