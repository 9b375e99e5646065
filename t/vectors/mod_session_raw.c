/* For t/make-vectors: lets the crypto module seal any bytes.
 *
 * mod_session escapes a session before the crypto module sees it, so its own
 * sessions are ASCII and have at least three bytes ("a=b"). This module runs
 * between the two. It replaces the session by the hexadecimal bytes of the
 * request header X-Raw.
 */

#include "mod_session.h"
#include "apr_escape.h"
#include "apr_strings.h"

static apr_status_t raw_encode(request_rec *r, session_rec *z)
{
    const char *hex = apr_table_get(r->headers_in, "X-Raw");

    if (hex) {
        /* apr_unescape_hex writes no NUL at the end. */
        char *bytes = apr_pcalloc(r->pool, strlen(hex) / 2 + 1);

        apr_unescape_hex(bytes, hex, APR_ESCAPE_STRING, 0, NULL);
        z->encoded = bytes;
    }
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    /* mod_session: REALLY_FIRST; mod_session_crypto: LAST */
    ap_hook_session_encode(raw_encode, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(session_raw) =
{
    STANDARD20_MODULE_STUFF,
    NULL, NULL, NULL, NULL, NULL,
    register_hooks
};
