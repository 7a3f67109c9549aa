/* Signatures under the three kinds of keys. */
#include "pki/pubkey.h"

#include "pki/ossl.h"
#include "pki/signed_hash.h"

#include <openssl/core_names.h>
#include <pthread.h>

static RC verify_sm2(const struct pubkey *k, struct slice msg, struct slice sig, struct slice id)
{
	struct sm2_sig s;
	struct rc rc = sm2_sig_from_der(sig, &s);

	if (rc_ok(rc))
		rc = sm2_verify(&k->sm2, id, msg, &s);
	if (rc.code == RC_INPUT)
		REFUSE(SIGNATURE, "the SM2 signature does not verify");
	return rc;
}

static RC make_key(const char *type, int selection, OSSL_PARAM *params, EVP_PKEY **ret)
{
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new_from_name(NULL, type, NULL));

	if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 || EVP_PKEY_fromdata(c, ret, selection, params) != 1)
		return ossl_fail("public key");
	return OK;
}

/* The parameters of P-256 as a key without a point; copying them costs a sixth of looking the curve up
 * by its name.  Made once, constant afterwards. */
static EVP_PKEY *p256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_p256(void)
{
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	        OSSL_PARAM_construct_end(),
	};

	(void)rc_ok(make_key("EC", EVP_PKEY_KEY_PARAMETERS, params, &p256));
}

static RC load_p256(const struct pubkey *k, EVP_PKEY **ret)
{
	pthread_once(&once, make_p256);
	NEED(p256 != NULL, RC_CRYPTO, "public key: libcrypto has no P-256");
	AUTO(evp_pkey_st, key, EVP_PKEY_new());
	if (key == NULL || EVP_PKEY_copy_parameters(key, p256) != 1 ||
	    EVP_PKEY_set1_encoded_public_key(key, k->bits.p, k->bits.len) != 1)
		return ossl_fail("public key");
	*ret = MOVE(key);
	return OK;
}

/* OSSL_PARAM numbers are in the machine's byte order. */
static size_t native(struct slice magnitude, uint8_t *ret, size_t max)
{
	AUTO(bignum_st, n, BN_bin2bn(magnitude.p, (int)magnitude.len, NULL));

	return n != NULL && BN_bn2nativepad(n, ret, (int)max) >= 0 ? max : 0;
}

static RC load_rsa(const struct pubkey *k, EVP_PKEY **ret)
{
	uint8_t n[PUBKEY_RSA_BITS_MAX / 8], e[4];

	NEED(k->n.len <= sizeof(n) && k->e.len <= sizeof(e), RC_BUG, "public key: not a parsed one");
	NEED(native(k->n, n, sizeof(n)) && native(k->e, e, sizeof(e)), RC_NOMEM, "public key: out of memory");
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, sizeof(n)),
	        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, sizeof(e)),
	        OSSL_PARAM_construct_end(),
	};
	return make_key("RSA", EVP_PKEY_PUBLIC_KEY, params, ret);
}

static RC verify_evp(EVP_PKEY *key, struct slice msg, struct slice sig)
{
	AUTO(evp_md_ctx_st, m, EVP_MD_CTX_new());

	NEED(m != NULL, RC_NOMEM, "signature: out of memory");
	if (EVP_DigestVerifyInit_ex(m, NULL, "SHA256", NULL, NULL, key, NULL) != 1)
		return ossl_fail("signature");
	ERR_clear_error();
	if (EVP_DigestVerify(m, sig.p, sig.len, msg.p, msg.len) == 1)
		return OK;
	bool memory = false;
	for (unsigned long e; (e = ERR_get_error()) != 0;)
		memory |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
	NEED(!memory, RC_NOMEM, "signature: out of memory");
	REFUSE(SIGNATURE, "the signature does not verify");
}

static RC verify_evp_hash(EVP_PKEY *key, const uint8_t *hash, struct slice sig)
{
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new(key, NULL));

	NEED(c != NULL, RC_NOMEM, "signature: out of memory");
	if (EVP_PKEY_verify_init(c) != 1 || EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) != 1)
		return ossl_fail("signature");
	int n = EVP_PKEY_verify(c, sig.p, sig.len, hash, SIGNED_HASH);
	ERR_clear_error();
	REQUIRE(n == 1, SIGNATURE, "the signature does not verify");
	return OK;
}

static RC verify_sm2_hash(const struct pubkey *k, const uint8_t *hash, struct slice sig)
{
	struct sm2_sig s;

	REQUIRE(rc_ok(sm2_sig_from_der(sig, &s)) && rc_ok(sm2_verify_digest(&k->sm2, hash, &s)), SIGNATURE,
	        "the SM2 signature does not verify");
	return OK;
}

static RC fits(const struct pubkey *k, struct sigalg a)
{
	enum pubkey_kind kind;

	REQUIRE(sigalg_kind(a, &kind), SIGNATURE_ALGORITHM, "the signature algorithm is not supported");
	REQUIRE(kind == k->kind, SIGNATURE_ALGORITHM, "%s is not made by a key of kind %s", sigalg_name(a),
	        pubkey_kind_name(k->kind));
	return OK;
}

RC pubkey_verify_hash(const struct pubkey *k, struct sigalg a, const uint8_t hash[SIGNED_HASH],
                      struct slice sig)
{
	AUTO(evp_pkey_st, key, NULL);

	TRY(fits(k, a));
	if (k->kind == PUBKEY_SM2)
		return verify_sm2_hash(k, hash, sig);
	TRY(k->kind == PUBKEY_P256 ? load_p256(k, &key) : load_rsa(k, &key));
	return verify_evp_hash(key, hash, sig);
}

RC pubkey_verify(const struct pubkey *k, struct sigalg a, struct slice msg, struct slice sig, struct slice id)
{
	AUTO(evp_pkey_st, key, NULL);

	TRY(fits(k, a));
	if (k->kind == PUBKEY_SM2)
		return verify_sm2(k, msg, sig, id);
	TRY(k->kind == PUBKEY_P256 ? load_p256(k, &key) : load_rsa(k, &key));
	return verify_evp(key, msg, sig);
}
