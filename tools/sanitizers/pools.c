/*
 * APR's pools for AddressSanitizer or valgrind: a gap after each piece of memory, and no use of
 * what a pool had after it was cleared or destroyed. For ThreadSanitizer: the end of a pool goes
 * before the next use of its memory.
 *
 * A pool takes large blocks and deals them out. So the first two would miss all mistakes within
 * a block. This library goes between httpd and libapr (LD_PRELOAD). AddressSanitizer asks its
 * view of memory in code that is built for it, and in calls of libc like memcpy and strlen from
 * all code. Valgrind asks in all code.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <apr_allocator.h>
#include <apr_pools.h>
#include <apr_strings.h>

/* A piece of memory that was just dealt out; a gap; and what was dealt out before. */
#ifdef FOR_VALGRIND
#include <valgrind/memcheck.h>
#define NEW(start, size) (void)VALGRIND_MAKE_MEM_UNDEFINED(start, size)
#define FORBID(start, size) (void)VALGRIND_MAKE_MEM_NOACCESS(start, size)
/* APR itself writes to a block when it deals it out anew. */
#define OVER(start, size) (void)VALGRIND_MAKE_MEM_UNDEFINED(start, size)
#elif defined FOR_THREADS
/* httpd hands pools from thread to thread through a list without a lock, in code that
 * ThreadSanitizer does not see. */
#include <sanitizer/tsan_interface.h>
#define PAGE 4096
#define EACH_PAGE(call, start, size)                                                         \
    for (size_t page = (size_t)(start) / PAGE; page <= ((size_t)(start) + (size)) / PAGE; page++) \
    call((void *)(page * PAGE))
#define NEW(start, size) EACH_PAGE(__tsan_acquire, start, size)
#define FORBID(start, size) (void)0
#define OVER(start, size) EACH_PAGE(__tsan_release, start, size)
#else
#include <sanitizer/asan_interface.h>
#define NEW(start, size) __asan_unpoison_memory_region(start, size)
#define FORBID(start, size) __asan_poison_memory_region(start, size)
#define OVER(start, size) __asan_poison_memory_region(start, size)
#endif

#define GAP 32
#define BUCKETS 4096

/* The pieces of memory that a pool has dealt out. */
struct pieces {
    struct pieces *next;
    apr_pool_t *pool;
    struct { char *start; apr_size_t size; } *all;
    size_t count, room;
};

static struct pieces *buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define NEXT(name) ((__typeof__(name) *)next_of(#name))

static void *next_of(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        abort();
    return function;
}

static struct pieces **find(apr_pool_t *pool)
{
    struct pieces **at = &buckets[(size_t)pool / 64 % BUCKETS];
    while (*at != NULL && (*at)->pool != pool)
        at = &(*at)->next;
    return at;
}

static void add(apr_pool_t *pool, char *start, apr_size_t size)
{
    pthread_mutex_lock(&lock);
    struct pieces **at = find(pool), *pieces = *at;
    if (pieces == NULL) {
        pieces = *at = calloc(1, sizeof *pieces);
        pieces->pool = pool;
    }
    if (pieces->count == pieces->room) {
        pieces->room = pieces->room ? 2 * pieces->room : 16;
        pieces->all = realloc(pieces->all, pieces->room * sizeof *pieces->all);
    }
    pieces->all[pieces->count].start = start;
    pieces->all[pieces->count++].size = size;
    pthread_mutex_unlock(&lock);
}

/* The last cleanup of a pool: from here on, nothing uses what the pool has dealt out. */
static apr_status_t forbid(void *pool)
{
    pthread_mutex_lock(&lock);
    struct pieces **at = find(pool), *pieces = *at;
    if (pieces != NULL)
        *at = pieces->next;
    pthread_mutex_unlock(&lock);
    if (pieces != NULL) {
        for (size_t i = 0; i < pieces->count; i++)
            OVER(pieces->all[i].start, pieces->all[i].size);
        free(pieces->all);
        free(pieces);
    }
    return APR_SUCCESS;
}

/* As apr_pool_cleanup_null, whose address would have to be known in programs without APR, which
 * httpd starts with this library. */
static apr_status_t nothing(void *pool)
{
    (void)pool;
    return APR_SUCCESS;
}

/* Cleanups run in the reverse order of their registration. */
static void watch(apr_pool_t *pool)
{
    apr_pool_cleanup_register(pool, pool, forbid, nothing);
}

void *apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    if (size == 0)
        return NEXT(apr_palloc)(pool, size);
    char *memory = NEXT(apr_palloc)(pool, size + GAP);
    if (memory != NULL) {
        NEW(memory, size);
        FORBID(memory + size, GAP);
        add(pool, memory, size + GAP);
    }
    return memory;
}

/* APR's own writes the text straight into a block. */
char *apr_pvsprintf(apr_pool_t *pool, const char *format, va_list arguments)
{
    for (apr_size_t size = 256;; size *= 2) {
        char *text = malloc(size);
        va_list copy;
        va_copy(copy, arguments);
        apr_size_t length = apr_vsnprintf(text, size, format, copy);
        va_end(copy);
        char *pooled = length + 1 < size ? memcpy(apr_palloc(pool, length + 1), text, length + 1) : NULL;
        free(text);
        if (pooled != NULL)
            return pooled;
    }
}

#if !defined FOR_VALGRIND && !defined FOR_THREADS
/* Whole blocks for buckets, which may have been a pool's. */
apr_memnode_t *apr_allocator_alloc(apr_allocator_t *allocator, apr_size_t size)
{
    apr_memnode_t *node = NEXT(apr_allocator_alloc)(allocator, size);
    if (node != NULL)
        NEW(node, node->endp - (char *)node);
    return node;
}
#endif

apr_status_t apr_pool_create_ex(apr_pool_t **pool, apr_pool_t *parent, apr_abortfunc_t abort_fn,
                                apr_allocator_t *allocator)
{
    apr_status_t status = NEXT(apr_pool_create_ex)(pool, parent, abort_fn, allocator);
    if (status == APR_SUCCESS)
        watch(*pool);
    return status;
}

void apr_pool_clear(apr_pool_t *pool)
{
    NEXT(apr_pool_clear)(pool);
    watch(pool);
}
