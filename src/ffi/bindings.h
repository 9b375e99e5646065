/* The headers that bindgen reads. */
#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_cfgtree.h"
#include "ap_expr.h"
#include "ap_listen.h"
#include "ap_mpm.h"
#include "apr_dso.h"
#include "apr_optional_hooks.h"
#include "apr_pools.h"
#include "apr_strings.h"
#include "apr_thread_proc.h"
#include "mod_auth.h"
#include "mod_session.h"
#include "mod_status.h"
#include "mpm_common.h"

#include "shim.h"

/* MODULE_MAGIC_COOKIE of ap_mmn.h, with the type of its field in `module`. */
static const unsigned long SESSION_CRYPTO_MAGIC_COOKIE = MODULE_MAGIC_COOKIE;
