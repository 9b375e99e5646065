/*
 * Lengthens the session's cookie, and does nothing else: the yardstick beside a
 * module that encrypts. httpd and the client have the same work with it as with a
 * token of that length.
 *
 *     SessionPadTo 260     pads the cookie's value to this many bytes
 */

#include <string.h>

#include "httpd.h"
#include "http_config.h"
#include "apr_strings.h"
#include "mod_session.h"

/* mod_session escapes this byte in a session, and a cookie may contain it. */
#define PADDING '!'

module AP_MODULE_DECLARE_DATA session_padded_module;

static apr_status_t encode(request_rec *r, session_rec *z)
{
    const apr_size_t *wanted = ap_get_module_config(r->server->module_config, &session_padded_module);
    apr_size_t length = z->encoded ? strlen(z->encoded) : 0;
    char *padded;

    if (length == 0 || length >= *wanted) {
        return OK;
    }
    padded = apr_palloc(z->pool, *wanted + 1);
    memcpy(padded, z->encoded, length);
    memset(padded + length, PADDING, *wanted - length);
    padded[*wanted] = '\0';
    z->encoded = padded;
    return OK;
}

static apr_status_t decode(request_rec *r, session_rec *z)
{
    const char *end = z->encoded ? strchr(z->encoded, PADDING) : NULL;

    if (end) {
        z->encoded = apr_pstrmemdup(z->pool, z->encoded, end - z->encoded);
    }
    return OK;
}

static void *create(apr_pool_t *pool, server_rec *server)
{
    return apr_pcalloc(pool, sizeof(apr_size_t));
}

static const char *set_length(cmd_parms *command, void *unused, const char *word)
{
    apr_size_t *wanted = ap_get_module_config(command->server->module_config, &session_padded_module);

    *wanted = (apr_size_t)apr_atoi64(word);
    return NULL;
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("SessionPadTo", set_length, NULL, RSRC_CONF, "the bytes of the cookie's value"),
    {NULL}
};

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_session_encode(encode, NULL, NULL, APR_HOOK_LAST);
    ap_hook_session_decode(decode, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA session_padded_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create, NULL, directives, register_hooks
};
