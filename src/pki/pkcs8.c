/* PrivateKeyInfo and ECPrivateKey, both ways. */
#include "pki/pkcs8.h"

#include "asn1/der.h"
#include "pki/form.h"
#include "pki/private_key.h"
#include "sm/sm2.h"

void private_key_wipe(struct private_key *k)
{
	wipe(k, sizeof(*k));
}

/* ---- in ---- */

static enum oid take_curve(struct der_reader *r)
{
	enum oid o = der_oid(r);

	if (o != OID_SM2 && o != OID_P256)
		der_fail(r, "the curve is neither SM2 nor P-256");
	return o;
}

/* RFC 5915 3.  curve is OID_UNKNOWN when only the file itself can tell. */
static void take_ec(struct der_reader *r, enum oid curve, struct ec_parts *ret)
{
	struct slice d;

	*ret = (struct ec_parts){.curve = curve};
	der_enter(r, DER_SEQUENCE);
	if (der_uint(r, 1) != 1)
		der_fail(r, "version is not 1");
	d = der_octets(r);
	/* SEC 1 pads to the field size; some writers do not. */
	if (d.len < 1 || d.len > 32)
		der_fail(r, "the private key is not of 1 to 32 bytes");
	else
		memcpy(ret->d + 32 - d.len, d.p, d.len);
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		ret->curve = take_curve(r);
		der_leave(r);
		if (curve != OID_UNKNOWN && ret->curve != curve)
			der_fail(r, "two different curves");
	}
	if (der_at(r, DER_CTXC(1))) {
		unsigned unused;

		der_enter(r, DER_CTXC(1));
		ret->point = der_bits(r, &unused);
		der_leave(r);
	}
	der_leave(r);
}

/* The point in the file must be d*G. */
static RC finish(const struct ec_parts *parts, struct private_key *ret)
{
	REQUIRE(parts->curve != OID_UNKNOWN, KEY_ALGORITHM, "private key: the file names no curve");
	TRY(private_key_load(parts->curve, parts->d, ret));
	if (parts->point.len == 0)
		return OK;
	if (parts->point.len == 65 && parts->point.p[0] == 4 && memcmp(parts->point.p + 1, ret->xy, 64) == 0)
		return OK;
	private_key_wipe(ret);
	REFUSE(KEY_FORM, "private key: the public key in the file is another key's");
}

static RC finish_parts(struct ec_parts *parts, const struct der_reader *r, const char *what,
                       struct private_key *ret)
{
	struct rc rc = form_done(r, ERR_KEY_FORM, what);

	if (rc_ok(rc))
		rc = finish(parts, ret);
	wipe(parts, sizeof(*parts));
	return rc;
}

RC sec1_parse(struct slice der, struct private_key *ret)
{
	struct der_reader r = der_read(der);
	struct ec_parts parts;

	take_ec(&r, OID_UNKNOWN, &parts);
	return finish_parts(&parts, &r, "ECPrivateKey", ret);
}

RC pkcs8_parse(struct slice der, struct private_key *ret)
{
	struct der_reader r = der_read(der);
	struct ec_parts parts = {0};
	enum oid curve = OID_UNKNOWN;

	der_enter(&r, DER_SEQUENCE);
	(void)der_uint(&r, 1);
	der_enter(&r, DER_SEQUENCE);
	enum oid algorithm = der_oid(&r);

	REQUIRE(r.why != NULL || algorithm == OID_EC_KEY, KEY_ALGORITHM,
	        "private key: not an elliptic-curve key");
	curve = take_curve(&r);
	der_leave(&r);
	struct der_reader inner = der_read(der_octets(&r));

	while (der_more(&r) && (der_at(&r, DER_CTXC(0)) || der_at(&r, DER_CTX(1)) || der_at(&r, DER_CTXC(1))))
		(void)der_element(&r); /* attributes, publicKey (RFC 5958 2) */
	der_leave(&r);
	TRY(form_done(&r, ERR_KEY_FORM, "PrivateKeyInfo"));
	take_ec(&inner, curve, &parts);
	return finish_parts(&parts, &inner, "ECPrivateKey", ret);
}

/* ---- out ---- */

static void put_ec(struct der_writer *w, const struct private_key *k)
{
	uint8_t point[65] = {4};

	memcpy(point + 1, k->xy, 64);
	der_begin(w, DER_SEQUENCE);
	der_put_uint(w, 1);
	der_put_octets(w, SLICE_ARR(k->d));
	der_begin(w, DER_CTXC(1));
	der_put_bits(w, SLICE_ARR(point));
	der_end(w);
	der_end(w);
}

RC pkcs8_build(const struct private_key *k, struct buf *ret)
{
	AUTO_DER(w, 512);

	w.out.secret = true;
	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, 0);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_EC_KEY);
	der_put_oid(&w, k->curve);
	der_end(&w);
	der_begin(&w, DER_OCTET_STRING);
	put_ec(&w, k);
	der_end(&w);
	der_end(&w);
	return der_finish(&w, ret);
}
