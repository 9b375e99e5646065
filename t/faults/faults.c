/*
 * Functions of OpenSSL that can fail, for t/faults.t. LD_PRELOAD puts them in front of
 * libcrypto's. The file that SESSION_CRYPTO_FAULT names chooses the call:
 *
 *     RAND_bytes 2    the second call from now on fails; then the file is gone
 *     RAND_bytes 0    all calls fail; then the file says `RAND_bytes failed`
 *
 * A failed call reports OpenSSL's error for a lack of memory. Only calls of the module
 * fail: OpenSSL's own calls come through these functions too, and succeed. For another caller
 * than the module, SESSION_CRYPTO_FAULT_CALLER has a part of its path.
 *
 *     cc -shared -fPIC -o faults.so faults.c -lcrypto
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

/* Whether an address is in the module, or in the caller that is to fail in its place. */
static int is_ours(void *address)
{
    const char *caller = getenv("SESSION_CRYPTO_FAULT_CALLER");
    Dl_info info;

    return dladdr(address, &info) != 0
        && strstr(info.dli_fname, caller ? caller : "mod_session_crypto") != NULL;
}

/* Whether this call must fail; `caller` is its return address. */
static int fails(const char *name, void *caller)
{
    const char *path = getenv("SESSION_CRYPTO_FAULT");
    char line[128] = "", armed[96];
    int count = 0, is_it = 0;
    int file = path ? open(path, O_RDWR) : -1;

    if (file < 0)
        return 0;
    if (read(file, line, sizeof line - 1) > 0
        && sscanf(line, "%95s %d", armed, &count) >= 1 && strcmp(armed, name) == 0
        && is_ours(caller)) {
        int length = count > 0 ? snprintf(line, sizeof line, "%s %d\n", name, count - 1)
                               : snprintf(line, sizeof line, "%s failed\n", name);

        is_it = count <= 1;
        if (is_it)
            ERR_raise(ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE);
        if (count == 1)
            unlink(path);
        else if (ftruncate(file, 0) != 0 || pwrite(file, line, length, 0) != length)
            abort();
    }
    close(file);
    return is_it;
}

/*
 * More arguments than any of these functions has. A function with fewer ignores the rest,
 * which is whatever registers and stack hold.
 */
typedef long call(long, long, long, long, long, long, long, long);

#define FAULT(name, failure)                                                   \
    call fault_##name __asm__(#name);                                          \
    long fault_##name(long a, long b, long c, long d, long e, long f, long g,  \
                      long h)                                                  \
    {                                                                          \
        static call *next;                                                     \
        if (fails(#name, __builtin_return_address(0)))                         \
            return failure;                                                    \
        if (!next)                                                             \
            next = (call *)dlsym(RTLD_NEXT, #name);                            \
        return next(a, b, c, d, e, f, g, h);                                   \
    }

/* t/faults.t reads the names from these lines. Each returns OpenSSL's value for failure. */
FAULT(BIO_new_mem_buf, 0)
FAULT(BN_CTX_new, 0)
FAULT(BN_bin2bn, 0)
FAULT(BN_bn2binpad, -1)
FAULT(BN_new, 0)
FAULT(BN_set_word, 0)
FAULT(ECDSA_SIG_new, 0)
FAULT(EC_GROUP_new_by_curve_name, 0)
FAULT(EC_KEY_check_key, 0)
FAULT(EC_KEY_generate_key, 0)
FAULT(EC_KEY_new, 0)
FAULT(EC_KEY_set_group, 0)
FAULT(EC_KEY_set_public_key, 0)
FAULT(EC_KEY_set_public_key_affine_coordinates, 0)
FAULT(EC_POINT_get_affine_coordinates, 0)
FAULT(EC_POINT_new, 0)
FAULT(EC_POINT_oct2point, 0)
FAULT(EVP_CIPHER_CTX_ctrl, 0)
FAULT(EVP_CIPHER_CTX_new, 0)
FAULT(EVP_CIPHER_fetch, 0)
FAULT(EVP_CipherFinal, 0)
FAULT(EVP_CipherInit_ex, 0)
FAULT(EVP_CipherUpdate, 0)
FAULT(EVP_DecryptInit_ex, 0)
FAULT(EVP_DigestSign, 0)
FAULT(EVP_DigestSignInit, 0)
FAULT(EVP_DigestVerify, 0)
FAULT(EVP_DigestVerifyInit, 0)
FAULT(EVP_EncryptInit_ex, 0)
FAULT(EVP_MD_CTX_new, 0)
FAULT(EVP_PKEY_CTX_add1_hkdf_info, 0)
FAULT(EVP_PKEY_CTX_ctrl, 0)
FAULT(EVP_PKEY_CTX_new, 0)
FAULT(EVP_PKEY_CTX_new_id, 0)
FAULT(EVP_PKEY_CTX_set1_hkdf_key, 0)
FAULT(EVP_PKEY_CTX_set_hkdf_md, 0)
FAULT(EVP_PKEY_CTX_set_hkdf_mode, 0)
FAULT(EVP_PKEY_CTX_set_rsa_mgf1_md, 0)
FAULT(EVP_PKEY_CTX_set_rsa_padding, 0)
FAULT(EVP_PKEY_CTX_set_rsa_pss_saltlen, 0)
FAULT(EVP_PKEY_decrypt, 0)
FAULT(EVP_PKEY_decrypt_init, 0)
FAULT(EVP_PKEY_derive, 0)
FAULT(EVP_PKEY_derive_init, 0)
FAULT(EVP_PKEY_derive_set_peer, 0)
FAULT(EVP_PKEY_encrypt, 0)
FAULT(EVP_PKEY_encrypt_init, 0)
FAULT(EVP_PKEY_eq, -2)
FAULT(EVP_PKEY_get1_EC_KEY, 0)
FAULT(EVP_PKEY_new, 0)
FAULT(EVP_PKEY_set1_EC_KEY, 0)
FAULT(EVP_PKEY_set1_RSA, 0)
FAULT(PEM_do_header, 0)
FAULT(PEM_get_EVP_CIPHER_INFO, 0)
FAULT(PEM_read_bio, 0)
FAULT(PKCS5_PBKDF2_HMAC, 0)
FAULT(RAND_bytes, 0)
FAULT(RSA_new, 0)
FAULT(RSA_set0_key, 0)
FAULT(X509_get_pubkey, 0)
FAULT(d2i_AutoPrivateKey, 0)
FAULT(d2i_ECDSA_SIG, 0)
FAULT(d2i_PKCS12, 0)
FAULT(d2i_PKCS8PrivateKey_bio, 0)
FAULT(d2i_X509, 0)
FAULT(d2i_X509_SIG, 0)
FAULT(i2d_ECDSA_SIG, -1)
FAULT(i2d_X509, -1)
