/* Functions for httpd's log calls, which httpd offers only as C macros.
 *
 * APLOG_USE_MODULE gives every line this module's own log index, which
 * "LogLevel session_crypto:debug" needs. The macros read the level inline, so a
 * line below the level costs a comparison.
 */
#include "httpd.h"
#include "http_config.h"
#include "http_log.h"
#include "http_request.h"

#include "shim.h"

APLOG_USE_MODULE(session_crypto);

int session_crypto_logs_request(const request_rec *r, int level)
{
    /* APLOG_R_IS_LEVEL is true of all levels from APLOG_NOTICE up, and leaves it to
     * ap_log_rerror to drop them. */
    return level == APLOG_NOTICE
           || ap_get_request_module_loglevel(r, APLOG_MODULE_INDEX) >= level;
}

void session_crypto_log_request(const request_rec *r, int level,
                                apr_status_t status, const char *message)
{
    ap_log_rerror(APLOG_MARK, level, status, r, "%s", message);
}

void session_crypto_log_server(const server_rec *s, int level,
                               apr_status_t status, const char *message)
{
    ap_log_error(APLOG_MARK, level, status, s, "%s", message);
}
