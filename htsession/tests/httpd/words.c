/*
 * A module of httpd for tests/httpd_words.rs and for fuzz/. The directive `Words IN OUT`
 * reads files, each in hexadecimal on a line of IN, as httpd reads its configuration. It
 * answers each with a line of OUT, as soon as it has read it: for each line of the file its
 * number, its words as httpd splits them, and its words as APR splits a command, in
 * hexadecimal.
 *
 *   1.6f6e65.74776f|.6f6e65.74776f;2|;
 */

#include "apr_file_io.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "httpd.h"
#include "http_config.h"

/* A file that is in memory, and how far it was read. */
typedef struct {
    char bytes[32768];
    apr_size_t size, at;
} content_t;

static void write_word(apr_file_t *out, const char *word)
{
    static const char digits[] = "0123456789abcdef";
    apr_file_putc('.', out);
    for (; *word; word++) {
        apr_file_putc(digits[(unsigned char)*word >> 4], out);
        apr_file_putc(digits[*word & 15], out);
    }
}

static int digit(char c)
{
    return apr_isdigit(c) ? c - '0' : c - 'a' + 10;
}

static void unhex(content_t *content, const char *text)
{
    content->size = content->at = 0;
    while (apr_isxdigit(text[0]) && content->size < sizeof content->bytes) {
        content->bytes[content->size++] = digit(text[0]) << 4 | digit(text[1]);
        text += 2;
    }
}

static apr_status_t get_string(void *buffer, apr_size_t size, void *param)
{
    content_t *content = param;
    char *to = buffer;
    if (content->at == content->size) {
        return APR_EOF;
    }
    while (size > 1 && content->at < content->size) {
        char c = content->bytes[content->at++];
        *to++ = c;
        size--;
        if (c == '\n') {
            break;
        }
    }
    *to = '\0';
    return APR_SUCCESS;
}

static const char *split(content_t *content, apr_file_t *out, apr_pool_t *pool)
{
    ap_configfile_t *file =
        ap_pcfg_open_custom(pool, "words", content, NULL, get_string, NULL);
    char line[sizeof content->bytes];
    while (ap_cfg_getline(line, sizeof line, file) == APR_SUCCESS) {
        const char *rest = line;
        char **argv;
        apr_file_printf(out, "%u", file->line_number);
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
        apr_file_putc(';', out);
    }
    apr_file_putc('\n', out);
    apr_file_flush(out);
    return NULL;
}

static const char *words(cmd_parms *cmd, void *dir, const char *in_name, const char *out_name)
{
    static char hex[2 * sizeof(((content_t *)0)->bytes) + 2];
    static content_t content;
    const char *error = NULL;
    apr_file_t *in, *out;
    apr_pool_t *pool;
    (void)dir;
    if (apr_file_open(&in, in_name, APR_READ | APR_BUFFERED, 0, cmd->temp_pool) ||
        apr_file_open(&out, out_name, APR_WRITE | APR_CREATE | APR_BUFFERED, APR_OS_DEFAULT,
                      cmd->temp_pool) ||
        apr_pool_create(&pool, cmd->temp_pool)) {
        return "cannot open a file";
    }
    while (!error && apr_file_gets(hex, sizeof hex, in) == APR_SUCCESS) {
        unhex(&content, hex);
        error = split(&content, out, pool);
        apr_pool_clear(pool);
    }
    apr_file_close(out);
    return error;
}

static const command_rec commands[] = {
    AP_INIT_TAKE2("Words", words, NULL, RSRC_CONF | EXEC_ON_READ, "Words IN OUT"),
    { NULL }
};

module AP_MODULE_DECLARE_DATA words_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, NULL
};
