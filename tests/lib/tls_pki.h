#ifndef TESTS_TLS_PKI_H
#define TESTS_TLS_PKI_H
/* Small P-256 authorities and certificates for TLS tests, made by libcrypto. */
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TLS_PKI_PEM 4096

struct tls_ca {
	EVP_PKEY *key;
	X509 *cert;
	char pem[TLS_PKI_PEM];
};
struct tls_pair {
	char cert[TLS_PKI_PEM], key[TLS_PKI_PEM];
	uint8_t der[2048];
	size_t der_len;
};

static inline void tls_pki_text(BIO *b, char *ret)
{
	char *p = NULL;
	long n = BIO_get_mem_data(b, &p);

	assert(n > 0 && n < TLS_PKI_PEM);
	memcpy(ret, p, (size_t)n);
	ret[n] = '\0';
	BIO_free(b);
}

static inline void tls_pki_cert_pem(X509 *x, char *ret)
{
	BIO *b = BIO_new(BIO_s_mem());

	assert(PEM_write_bio_X509(b, x) == 1);
	tls_pki_text(b, ret);
}

static inline void tls_pki_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/* Validity in seconds from now. */
static inline X509 *tls_pki_base(const char *cn, EVP_PKEY *key, X509 *issuer, long from, long until)
{
	static long serial = 1;
	X509 *x = X509_new();

	assert(x != NULL && X509_set_version(x, 2) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), from);
	X509_gmtime_adj(X509_getm_notAfter(x), until);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)cn,
	                           -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer : x));
	X509_set_pubkey(x, key);
	return x;
}

static inline void tls_ca_new(struct tls_ca *ca, const char *cn)
{
	ca->key = EVP_EC_gen("P-256");
	ca->cert = tls_pki_base(cn, ca->key, NULL, -3600, 86400);
	tls_pki_extend(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	tls_pki_extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign");
	tls_pki_extend(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	assert(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
	tls_pki_cert_pem(ca->cert, ca->pem);
}

static inline void tls_ca_free(struct tls_ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

/* san: "URI:yuandian://shifan/ca,DNS:localhost,IP:127.0.0.1" */
static inline void tls_issue(struct tls_ca *ca, const char *san, long from, long until, struct tls_pair *ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = tls_pki_base("leaf", key, ca->cert, from, until);
	uint8_t *p = ret->der;
	BIO *b = BIO_new(BIO_s_mem());

	tls_pki_extend(x, ca->cert, NID_subject_alt_name, san);
	tls_pki_extend(x, ca->cert, NID_ext_key_usage, "serverAuth,clientAuth");
	tls_pki_extend(x, ca->cert, NID_key_usage, "critical,digitalSignature");
	assert(X509_sign(x, ca->key, EVP_sha256()) > 0);
	tls_pki_cert_pem(x, ret->cert);
	assert(PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1);
	tls_pki_text(b, ret->key);
	assert(i2d_X509(x, NULL) < (int)sizeof(ret->der));
	ret->der_len = (size_t)i2d_X509(x, &p);
	X509_free(x);
	EVP_PKEY_free(key);
}

#endif
