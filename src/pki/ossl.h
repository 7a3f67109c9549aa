#ifndef YD_PKI_OSSL_H
#define YD_PKI_OSSL_H
/* Ownership of libcrypto objects: AUTO(bignum_st, n, BN_new()).  Nothing of libcrypto leaves pki/. */
#include "base/auto.h"
#include "base/rc.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

DROP(bignum_st, BN_clear_free);
DROP(bignum_ctx, BN_CTX_free);
DROP(ec_group_st, EC_GROUP_free);
DROP(ec_point_st, EC_POINT_clear_free);
DROP(evp_pkey_st, EVP_PKEY_free);
DROP(evp_pkey_ctx_st, EVP_PKEY_CTX_free);
DROP(evp_cipher_ctx_st, EVP_CIPHER_CTX_free);
DROP(evp_md_ctx_st, EVP_MD_CTX_free);
DROP(x509_st, X509_free);
DROP(PKCS12_st, PKCS12_free);

/* A failure of libcrypto itself, with the first text of its queue, which is emptied. */
static inline struct rc ossl_fail(const char *what)
{
	char text[120];

	ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
	ERR_clear_error();
	return rc_fail(RC_CRYPTO, "%s: %s", what, text);
}

#endif
