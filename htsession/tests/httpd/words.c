/*
 * A module of httpd for tests/httpd_words.rs. The directive `Words IN OUT` splits each
 * line of a file as httpd splits a line of its configuration, and as APR splits a
 * command. It writes both on one line, with each word in hexadecimal:
 *
 *   .6f6e65.74776f|.6f6e65.74776f
 */

#include "apr_file_io.h"
#include "apr_strings.h"
#include "httpd.h"
#include "http_config.h"

static void write_word(apr_file_t *out, const char *word)
{
    apr_file_putc('.', out);
    for (; *word; word++) {
        apr_file_printf(out, "%02x", (unsigned char)*word);
    }
}

static const char *words(cmd_parms *cmd, void *dir, const char *in_name, const char *out_name)
{
    apr_pool_t *pool = cmd->temp_pool;
    apr_file_t *in, *out;
    char line[1024];
    (void)dir;
    if (apr_file_open(&in, in_name, APR_READ | APR_BUFFERED, 0, pool) ||
        apr_file_open(&out, out_name, APR_WRITE | APR_CREATE | APR_BUFFERED, APR_OS_DEFAULT, pool)) {
        return "cannot open a file";
    }
    while (apr_file_gets(line, sizeof line, in) == APR_SUCCESS) {
        const char *rest = line;
        char **argv;
        line[strlen(line) - 1] = '\0';
        while (*rest) {
            write_word(out, ap_getword_conf(pool, &rest));
        }
        apr_file_putc('|', out);
        if (apr_tokenize_to_argv(line, &argv, pool) != APR_SUCCESS) {
            return "apr_tokenize_to_argv fails";
        }
        for (; *argv; argv++) {
            write_word(out, *argv);
        }
        apr_file_putc('\n', out);
    }
    apr_file_close(out);
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_TAKE2("Words", words, NULL, RSRC_CONF | EXEC_ON_READ, "Words IN OUT"),
    { NULL }
};

module AP_MODULE_DECLARE_DATA words_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, NULL
};
