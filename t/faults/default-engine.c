/*
 * Makes an engine the default for AES-256-GCM, as mod_ssl's SSLCryptoDevice or
 * openssl.cnf may. It computes with OpenSSL's own code, but lets any tag pass if none
 * was set, as some engines for accelerators do.
 *
 * Preloaded by t/default-engine.t.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/engine.h>
#include <openssl/evp.h>

enum { MAX_SET = 4096 };

static EVP_CIPHER *cipher;
static int nids[] = { NID_aes_256_gcm };
static int (*compute)(EVP_CIPHER_CTX *, unsigned char *, const unsigned char *, size_t);
static int (*control)(EVP_CIPHER_CTX *, int, int, void *);

/* The contexts in which a tag was ever set. */
static const void *set[MAX_SET];
static int count;

static int has_tag(const EVP_CIPHER_CTX *context)
{
    for (int index = 0; index < count; index++)
        if (set[index] == context)
            return 1;
    return 0;
}

static int do_cipher(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, size_t length)
{
    int is_final = in == NULL && out != NULL;
    if (is_final && !EVP_CIPHER_CTX_is_encrypting(context) && !has_tag(context))
        return 0;
    return compute(context, out, in, length);
}

static int ctrl(EVP_CIPHER_CTX *context, int type, int number, void *pointer)
{
    if (type == EVP_CTRL_AEAD_SET_TAG && !has_tag(context) && count < MAX_SET)
        set[count++] = context;
    return control(context, type, number, pointer);
}

static int ciphers(ENGINE *engine, const EVP_CIPHER **found, const int **list, int nid)
{
    (void)engine;
    if (found == NULL) {
        *list = nids;
        return 1;
    }
    *found = nid == NID_aes_256_gcm ? cipher : NULL;
    return *found != NULL;
}

__attribute__((constructor)) static void make_default(void)
{
    const EVP_CIPHER *own = EVP_aes_256_gcm();
    ENGINE *engine = ENGINE_new();

    compute = EVP_CIPHER_meth_get_do_cipher(own);
    control = EVP_CIPHER_meth_get_ctrl(own);
    cipher  = EVP_CIPHER_meth_new(NID_aes_256_gcm, 1, 32);
    EVP_CIPHER_meth_set_iv_length(cipher, 12);
    EVP_CIPHER_meth_set_flags(cipher, EVP_CIPHER_get_flags(own));
    /* More than OpenSSL's own context takes. */
    EVP_CIPHER_meth_set_impl_ctx_size(cipher, 4096);
    EVP_CIPHER_meth_set_init(cipher, EVP_CIPHER_meth_get_init(own));
    EVP_CIPHER_meth_set_cleanup(cipher, EVP_CIPHER_meth_get_cleanup(own));
    EVP_CIPHER_meth_set_do_cipher(cipher, do_cipher);
    EVP_CIPHER_meth_set_ctrl(cipher, ctrl);
    ENGINE_set_id(engine, "lenient");
    ENGINE_set_name(engine, "lets a tag pass that is not set");
    ENGINE_set_ciphers(engine, ciphers);
    ENGINE_set_default_ciphers(engine);
}
