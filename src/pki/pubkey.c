/* Reading and writing public keys.  Points of P-256 are checked by libcrypto; its group is made
 * once and is constant afterwards. */
#include "pki/pubkey.h"

#include "pki/digest.h"
#include "pki/form.h"
#include "pki/ossl.h"
#include "sm/sm3.h"

#include <pthread.h>

static const char *const kinds[PUBKEY_KINDS] = {"sm2", "p256", "rsa"};
static EC_GROUP *p256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_group(void)
{
	p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
}

const char *pubkey_kind_name(enum pubkey_kind k)
{
	return kinds[k];
}

RC pubkey_kind_find(struct slice name, enum pubkey_kind *ret)
{
	for (unsigned i = 0; i < PUBKEY_KINDS; i++) {
		if (slice_is(name, kinds[i])) {
			*ret = (enum pubkey_kind)i;
			return OK;
		}
	}
	FAIL(RC_INPUT, "key kind \"%.*s\": one of sm2, p256, rsa", (int)(name.len > 32 ? 32 : name.len),
	     (const char *)name.p);
}

static RC check_p256(struct slice octets)
{
	REQUIRE(octets.len == 65 && octets.p[0] == 4, PUBKEY_CURVE,
	        "public key: a point is 04, X and Y (RFC 5480 2.2)");
	pthread_once(&once, make_group);
	NEED(p256 != NULL, RC_CRYPTO, "public key: libcrypto has no P-256");
	AUTO(ec_point_st, point, EC_POINT_new(p256));
	NEED(point != NULL, RC_NOMEM, "public key: out of memory");
	ERR_clear_error();
	if (EC_POINT_oct2point(p256, point, octets.p, octets.len, NULL) == 1)
		return OK;
	int why = ERR_GET_REASON(ERR_peek_error());
	if (why != EC_R_POINT_IS_NOT_ON_CURVE && why != EC_R_INVALID_ENCODING)
		return ossl_fail("public key"); /* want of memory, not a wrong point */
	ERR_clear_error();
	REFUSE(PUBKEY_CURVE, "public key: not a point of P-256");
}

static RC read_ec(struct pubkey *k, struct slice params)
{
	struct der_reader r = der_read(params);
	enum oid curve = der_oid(&r);

	TRY(form_done(&r, ERR_PUBKEY, "public key: curve"));
	REQUIRE(curve == OID_SM2 || curve == OID_P256, PUBKEY_CURVE, "public key: not SM2 or P-256");
	k->kind = curve == OID_SM2 ? PUBKEY_SM2 : PUBKEY_P256;
	if (curve == OID_P256)
		return check_p256(k->bits);
	REQUIRE(rc_ok(sm2_pub_from_octets(k->bits, &k->sm2)), PUBKEY_CURVE,
	        "public key: not a point of the SM2 curve");
	return OK;
}

unsigned pubkey_bits(const struct pubkey *k)
{
	unsigned bits;

	if (k->kind != PUBKEY_RSA)
		return 256;
	bits = (unsigned)k->n.len * 8;
	for (uint8_t top = k->n.p[0]; bits > 0 && !(top & 0x80); top = (uint8_t)(top << 1 | 1))
		bits--;
	return bits;
}

static RC read_rsa(struct pubkey *k, struct slice params)
{
	struct der_reader r = der_read(k->bits);

	REQUIRE(slice_equal(params, SLICE_LIT("\x05\0")), PUBKEY,
	        "public key: rsaEncryption has NULL parameters (RFC 3279 2.3.1)");
	der_enter(&r, DER_SEQUENCE);
	k->n = der_integer(&r);
	k->e = der_integer(&r);
	der_leave(&r);
	TRY(form_done(&r, ERR_PUBKEY, "public key: RSAPublicKey"));
	k->kind = PUBKEY_RSA;
	REQUIRE(pubkey_bits(k) >= PUBKEY_RSA_BITS_MIN, PUBKEY_WEAK, "public key: RSA of %u bits",
	        pubkey_bits(k));
	REQUIRE(pubkey_bits(k) <= PUBKEY_RSA_BITS_MAX, PUBKEY, "public key: RSA of more than %u bits",
	        PUBKEY_RSA_BITS_MAX);
	REQUIRE(k->n.p[k->n.len - 1] & 1, PUBKEY_WEAK, "public key: the RSA modulus is even");
	/* FIPS 186-5 A.1.1: odd, above 2^16; four bytes are enough for every client. */
	REQUIRE(k->e.len >= 3 && k->e.len <= 4 && (k->e.p[k->e.len - 1] & 1), PUBKEY_WEAK,
	        "public key: the RSA exponent is not odd and in [65537, 2^32)");
	return OK;
}

RC pubkey_parse(struct slice spki, struct pubkey *ret)
{
	struct der_reader r = der_read(spki);
	struct pubkey k = {.spki = spki};
	struct slice params;
	enum oid algorithm;

	REQUIRE(spki.len <= PUBKEY_SPKI_MAX, PUBKEY, "public key: more than %d bytes", PUBKEY_SPKI_MAX);
	der_enter(&r, DER_SEQUENCE);
	algorithm = der_algorithm(&r, &params);
	k.bits = der_bits(&r, NULL);
	der_leave(&r);
	TRY(form_done(&r, ERR_PUBKEY, "public key"));
	REQUIRE(algorithm == OID_EC_KEY || algorithm == OID_RSA, PUBKEY,
	        "public key: neither id-ecPublicKey nor rsaEncryption");
	TRY(algorithm == OID_RSA ? read_rsa(&k, params) : read_ec(&k, params));
	*ret = k;
	return OK;
}

bool pubkey_equal(const struct pubkey *a, const struct pubkey *b)
{
	return slice_equal(a->spki, b->spki);
}

void pubkey_sm3(const struct pubkey *k, uint8_t ret[32])
{
	sm3_hash(k->spki, ret);
}

RC pubkey_ski(const struct pubkey *k, uint8_t ret[PUBKEY_SKI])
{
	return digest(OID_SHA1, k->bits, ret);
}

/* ---- out ---- */

static RC put_ec(enum oid curve, const uint8_t xy[64], struct buf *ret)
{
	AUTO_DER(w, PUBKEY_SPKI_MAX);
	uint8_t octets[65];

	octets[0] = 4;
	memcpy(octets + 1, xy, 64);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_EC_KEY);
	der_put_oid(&w, curve);
	der_end(&w);
	der_put_bits(&w, SLICE_ARR(octets));
	der_end(&w);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

RC pubkey_put_sm2(const struct sm2_pub *pub, struct buf *ret)
{
	return put_ec(OID_SM2, pub->xy, ret);
}

RC pubkey_put_p256(const uint8_t xy[64], struct buf *ret)
{
	return put_ec(OID_P256, xy, ret);
}

RC pubkey_put_rsa(struct slice n, struct slice e, struct buf *ret)
{
	AUTO_DER(key, PUBKEY_SPKI_MAX);
	AUTO_DER(w, PUBKEY_SPKI_MAX);

	der_begin(&key, DER_SEQUENCE);
	der_put_integer(&key, n);
	der_put_integer(&key, e);
	der_end(&key);
	TRY(buf_done(&key.out));
	der_begin(&w, DER_SEQUENCE);
	der_put_algorithm_null(&w, OID_RSA);
	der_put_bits(&w, buf_slice(&key.out));
	der_end(&w);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}
