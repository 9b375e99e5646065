/*
 * Steers callgrind from inside of httpd, by requests to the handler `counted`:
 *
 *     ?start   begins to count
 *     other    writes all counts since the last such request to a file, and
 *              sets them to zero
 *
 * Without valgrind, such a request does nothing.
 */

#include <string.h>

#include <valgrind/callgrind.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"

static int handle(request_rec *r)
{
    if (strcmp(r->handler, "counted") != 0) {
        return DECLINED;
    }
    if (r->args && strcmp(r->args, "start") == 0) {
        CALLGRIND_START_INSTRUMENTATION;
    }
    else {
        CALLGRIND_DUMP_STATS;
    }
    ap_rputs("done\n", r);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_LAST);
}

module AP_MODULE_DECLARE_DATA counted_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks
};
