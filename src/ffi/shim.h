/* Functions for httpd's C macros. `message` is text, never a format. */
#ifndef SESSION_CRYPTO_SHIM_H
#define SESSION_CRYPTO_SHIM_H

#include "httpd.h"

/* Returns non-zero if a line at this level would reach the log of this request. */
int session_crypto_logs_request(const request_rec *r, int level);

void session_crypto_log_request(const request_rec *r, int level,
                                apr_status_t status, const char *message);

/* If `s` is NULL, writes to the main server's log, or to stderr before it is open. */
void session_crypto_log_server(const server_rec *s, int level,
                               apr_status_t status, const char *message);

#endif
