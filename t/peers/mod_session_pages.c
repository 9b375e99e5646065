/* For t/peers.t: pages that use mod_session as another module of httpd does, through its
 * optional functions, and tell whether a session that is saved has changed.
 *
 *   SetHandler session-pages
 *
 * A request header X-Get names an entry of the session, which is the body of the answer.
 * X-Put has an entry `name=value` to write, or a name whose entry is to be dropped. Without
 * either, the body is HTTP_SESSION. The response header X-Dirty has 1 or 0 if the session is
 * saved. X-S goes from the request to the answer, for SessionHeader.
 */

#include "mod_session.h"
#include "apr_optional.h"
#include "apr_strings.h"
#include "http_protocol.h"

static int pages_save(request_rec *r, session_rec *z)
{
    apr_table_setn(r->headers_out, "X-Dirty", z->dirty ? "1" : "0");
    return DECLINED;
}

static int pages_handler(request_rec *r)
{
    APR_OPTIONAL_FN_TYPE(ap_session_load) *load = APR_RETRIEVE_OPTIONAL_FN(ap_session_load);
    APR_OPTIONAL_FN_TYPE(ap_session_get) *get = APR_RETRIEVE_OPTIONAL_FN(ap_session_get);
    APR_OPTIONAL_FN_TYPE(ap_session_set) *set = APR_RETRIEVE_OPTIONAL_FN(ap_session_set);
    const char *name = apr_table_get(r->headers_in, "X-Get");
    const char *put = apr_table_get(r->headers_in, "X-Put");
    const char *header = apr_table_get(r->headers_in, "X-S");
    const char *body = apr_table_get(r->subprocess_env, "HTTP_SESSION");
    session_rec *z = NULL;

    if (!r->handler || strcmp(r->handler, "session-pages")) {
        return DECLINED;
    }
    if (header) {
        apr_table_setn(r->headers_out, "X-S", header);
    }
    if (name || put) {
        body = NULL;
        if (load(r, &z)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (put) {
        char *key = apr_pstrdup(r->pool, put);
        char *value = strchr(key, '=');

        if (value) {
            *value++ = '\0';
        }
        if (set(r, z, key, value)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (name && get(r, z, name, &body)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, "text/plain");
    ap_rputs(body ? body : "(none)", r);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_handler(pages_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_session_save(pages_save, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(session_pages) =
{
    STANDARD20_MODULE_STUFF,
    NULL, NULL, NULL, NULL, NULL,
    register_hooks
};
