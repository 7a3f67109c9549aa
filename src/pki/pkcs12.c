#include "pki/pkcs12.h"

#include "pki/ossl.h"

#include <openssl/obj_mac.h>

#define SALT_LEN 16

static RC load_key(const struct private_key *k, EVP_PKEY **ret)
{
	AUTO_BUF(der, PKCS8_MAX);
	const unsigned char *p;

	der.secret = true;
	TRY(pkcs8_build(k, &der));
	p = der.p;
	*ret = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
	return *ret != NULL ? OK : ossl_fail("PKCS#12: private key");
}

static RC load_certificate(struct slice der, X509 **ret)
{
	const unsigned char *p = der.p;

	*ret = d2i_X509(NULL, &p, (long)der.len);
	if (*ret == NULL || p != der.p + der.len)
		return ossl_fail("PKCS#12: certificate");
	return OK;
}

static RC load_chain(const struct slice *chain, size_t n, struct stack_st_X509 *ret)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(x509_st, x, NULL);

		TRY(load_certificate(chain[i], &x));
		NEED(sk_X509_push(ret, x) > 0, RC_NOMEM, "PKCS#12: out of memory");
		x = NULL;
	}
	return OK;
}

static void drop_stack(struct stack_st_X509 **s)
{
	sk_X509_pop_free(*s, X509_free);
}

/* libcrypto wants a C string. */
static RC pin_text(struct slice pin, char ret[PKCS8_PIN_MAX + 1])
{
	REQUIRE(pin.len >= 1 && pin.len <= PKCS8_PIN_MAX && memchr(pin.p, 0, pin.len) == NULL, KEY_PIN,
	        "PKCS#12: a PIN has 1 to %d bytes", PKCS8_PIN_MAX);
	memcpy(ret, pin.p, pin.len);
	ret[pin.len] = 0;
	return OK;
}

static RC encode(const PKCS12 *p12, struct buf *ret)
{
	unsigned char *der = NULL;
	int len = i2d_PKCS12(p12, &der);

	if (len <= 0)
		return ossl_fail("PKCS#12: encoding");
	buf_add(ret, slice_of(der, (size_t)len));
	OPENSSL_clear_free(der, (size_t)len);
	return buf_done(ret);
}

static RC create(const struct private_key *k, const struct slice *chain, size_t n, const char *pin,
                 const char *name, PKCS12 **ret)
{
	bool sm2 = k->curve == OID_SM2;
	int cipher = sm2 ? NID_sm4_cbc : NID_aes_256_cbc;
	AUTO(evp_pkey_st, key, NULL);
	AUTO(x509_st, own, NULL);
	__attribute__((cleanup(drop_stack))) struct stack_st_X509 *more = sk_X509_new_null();

	NEED(more != NULL, RC_NOMEM, "PKCS#12: out of memory");
	TRY(load_key(k, &key));
	TRY(load_certificate(chain[0], &own));
	TRY(load_chain(chain + 1, n - 1, more));
	/* No MAC yet (-1): its hash is ours to choose. */
	*ret = PKCS12_create(pin, name, key, own, more, cipher, cipher, PKCS12_ROUNDS, -1, 0);
	if (*ret == NULL ||
	    PKCS12_set_mac(*ret, pin, -1, NULL, SALT_LEN, PKCS12_ROUNDS, sm2 ? EVP_sm3() : EVP_sha256()) != 1)
		return ossl_fail("PKCS#12");
	return OK;
}

RC pkcs12_build(const struct private_key *k, const struct slice *chain, size_t n, struct slice pin,
                const char *name, struct buf *ret)
{
	char text[PKCS8_PIN_MAX + 1];
	AUTO(PKCS12_st, p12, NULL);
	struct rc rc;

	NEED(n >= 1 && n <= PKCS12_CHAIN, RC_BUG, "PKCS#12: %zu certificates", n);
	TRY(pin_text(pin, text));
	rc = create(k, chain, n, text, name, &p12);
	wipe(text, sizeof(text));
	TRY(rc);
	return encode(p12, ret);
}
