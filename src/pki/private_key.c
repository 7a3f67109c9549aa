/* Scalars and points, and the files that carry them. */
#include "pki/private_key.h"

#include "asn1/der.h"
#include "base/rand.h"
#include "base/text.h"
#include "pki/ossl.h"
#include "sm/sm2.h"

#define NEW_TRIES 64 /* each fails with probability < 2^-32 */

/* xy = d * G on P-256; RC_INPUT when d is outside [1, n-1]. */
static RC p256_point(const uint8_t d[32], uint8_t xy[64])
{
	AUTO(ec_group_st, g, EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
	AUTO(bignum_st, k, BN_secure_new());
	AUTO(bignum_st, x, BN_new());
	AUTO(bignum_st, y, BN_new());
	AUTO(ec_point_st, p, g != NULL ? EC_POINT_new(g) : NULL);

	NEED(k != NULL && x != NULL && y != NULL && p != NULL, RC_NOMEM, "private key: out of memory");
	BN_set_flags(k, BN_FLG_CONSTTIME);
	NEED(BN_bin2bn(d, 32, k) != NULL, RC_NOMEM, "private key: out of memory");
	NEED(!BN_is_zero(k) && BN_cmp(k, EC_GROUP_get0_order(g)) < 0, RC_INPUT,
	     "private key: not in [1, n-1]");
	if (EC_POINT_mul(g, p, k, NULL, NULL, NULL) != 1 ||
	    EC_POINT_get_affine_coordinates(g, p, x, y, NULL) != 1 || BN_bn2binpad(x, xy, 32) != 32 ||
	    BN_bn2binpad(y, xy + 32, 32) != 32)
		return ossl_fail("private key: P-256");
	return OK;
}

static RC sm2_point(const uint8_t d[32], uint8_t xy[64])
{
	struct sm2_key k;

	TRY(sm2_key_load(d, &k));
	memcpy(xy, k.pub.xy, 64);
	sm2_key_wipe(&k);
	return OK;
}

RC private_key_load(enum oid curve, const uint8_t d[32], struct private_key *ret)
{
	struct rc rc;

	REQUIRE(curve == OID_SM2 || curve == OID_P256, KEY_ALGORITHM, "private key: curve %s",
	        oid_name(curve));
	rc = curve == OID_SM2 ? sm2_point(d, ret->xy) : p256_point(d, ret->xy);
	REQUIRE(rc.code != RC_INPUT, KEY_FORM, "private key: out of range");
	TRY(rc);
	ret->curve = curve;
	memcpy(ret->d, d, 32);
	return OK;
}

RC private_key_new(enum oid curve, struct private_key *ret)
{
	uint8_t d[32];
	struct rc rc = OK;

	for (unsigned i = 0; i < NEW_TRIES; i++) {
		TRY(rand_bytes(d, sizeof(d)));
		rc = private_key_load(curve, d, ret);
		if (rc_ok(rc) || rc_last()->err != ERR_KEY_FORM)
			break;
	}
	wipe(d, sizeof(d));
	return rc;
}

/* ---- files ---- */

/* PrivateKeyInfo: version 0 or 1, AlgorithmIdentifier; ECPrivateKey: version 1, OCTET STRING;
 * EncryptedPrivateKeyInfo: AlgorithmIdentifier. */
static RC read_der(struct slice der, struct slice pin, struct private_key *ret)
{
	struct der_reader r = der_read(der);

	der_enter(&r, DER_SEQUENCE);
	if (der_at(&r, DER_SEQUENCE)) {
		AUTO_BUF(plain, PKCS8_MAX);

		plain.secret = true;
		TRY(pkcs8_decrypt(der, pin, &plain));
		return pkcs8_parse(buf_slice(&plain), ret);
	}
	(void)der_uint(&r, 1);
	return der_at(&r, DER_OCTET_STRING) ? sec1_parse(der, ret) : pkcs8_parse(der, ret);
}

RC private_key_read(struct slice file, struct slice pin, struct private_key *ret)
{
	static const char *const labels[] = {
	        "PRIVATE KEY",
	        "ENCRYPTED PRIVATE KEY",
	        "EC PRIVATE KEY",
	        "SM2 PRIVATE KEY",
	};

	REQUIRE(file.len <= PKCS8_MAX, KEY_FORM, "private key: %zu bytes, limit %d", file.len, PKCS8_MAX);
	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		AUTO_BUF(der, PKCS8_MAX);
		struct rc rc;

		der.secret = true;
		rc = text_pem(file, labels[i], &der);
		if (rc_ok(rc))
			return read_der(buf_slice(&der), pin, ret);
		NEED(rc.code == RC_INPUT, rc.code, "private key: out of memory");
	}
	REFUSE(KEY_FORM, "private key: no PEM block of a private key and not DER");
}

RC private_key_write(const struct private_key *k, struct slice pin, struct buf *ret)
{
	AUTO_BUF(plain, PKCS8_MAX);
	AUTO_BUF(der, PKCS8_MAX);

	plain.secret = true;
	TRY(pkcs8_build(k, &plain));
	TRY(pkcs8_encrypt(buf_slice(&plain), k->curve == OID_SM2 ? PKCS8_SM4_CBC : PKCS8_AES256_CBC, pin,
	                  &der));
	text_to_pem(ret, "ENCRYPTED PRIVATE KEY", buf_slice(&der));
	return buf_done(ret);
}
