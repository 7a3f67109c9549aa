/* Reading revocation lists in place. */
#include "pki/crl.h"

#include "base/text.h"
#include "pki/form.h"
#include "pki/name.h"

static void take_entry_exts(struct der_reader *r, struct crl_entry *e)
{
	struct exts x;

	exts_take(r, &x);
	for (size_t i = 0; r->why == NULL && i < x.count; i++) {
		struct der_reader in = der_read(x.at[i].value);
		if (x.at[i].oid == OID_CRL_REASON) {
			e->reason = ext_take_reason(&in);
		} else if (x.at[i].oid == OID_INVALIDITY) {
			e->has_invalidity = true;
			e->invalidity = ext_take_invalidity(&in);
		} else if (x.at[i].critical) {
			/* certificateIssuer of indirect lists is one of these */
			der_fail(r, "critical entry extension that is not understood");
			return;
		} else {
			continue;
		}
		if (in.why != NULL || der_more(&in))
			der_fail(r, in.why != NULL ? in.why : "bytes after the value");
	}
}

static void take_entry(struct der_reader *r, struct crl_entry *e)
{
	*e = (struct crl_entry){.reason = REASON_UNSPECIFIED};
	der_enter(r, DER_SEQUENCE);
	e->serial = der_integer(r);
	e->revoked_at = der_time(r);
	if (der_more(r))
		take_entry_exts(r, e);
	der_leave(r);
}

RC crl_entry_parse(struct slice tlv, struct crl_entry *ret)
{
	struct der_reader r = der_read(tlv);

	take_entry(&r, ret);
	return form_done(&r, ERR_CRL, "revocation list: entry");
}

static RC decode(const struct ext *e, struct crl *c)
{
	struct der_reader r = der_read(e->value);

	switch ((int)e->oid) {
	case OID_CRL_NUMBER:
		c->number = ext_take_crl_number(&r);
		break;
	case OID_AKI:
		c->aki = ext_take_aki(&r);
		break;
	case OID_IDP:
		c->has_idp = true;
		ext_take_idp(&r, &c->idp);
		break;
	case OID_DELTA_CRL:
		c->delta = true;
		c->base = der_integer(&r);
		break;
	case OID_FRESHEST_CRL:
		ext_take_crldp(&r, &c->freshest);
		break;
	default:
		c->unknown_critical |= e->critical;
		return OK;
	}
	return form_done(&r, ERR_CRL, oid_name(e->oid));
}

static void take_tbs(struct der_reader *r, struct crl *c, struct exts *x)
{
	x->count = 0;
	der_enter(r, DER_SEQUENCE);
	if (der_uint(r, 255) != 1)
		der_fail(r, "version is not v2 (RFC 5280 5.1.2.1)");
	c->alg = sigalg_take(r);
	c->issuer = der_element_of(r, DER_SEQUENCE);
	c->this_update = der_time(r);
	if (der_at(r, DER_UTC_TIME) || der_at(r, DER_GENERALIZED_TIME))
		c->next_update = der_time(r);
	if (der_at(r, DER_SEQUENCE)) {
		c->entries = der_value(r, DER_SEQUENCE);
		if (r->why == NULL && c->entries.len == 0)
			der_fail(r, "an empty list is written out (RFC 5280 5.1.2.6)");
	}
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		exts_take(r, x);
		der_leave(r);
	}
	der_leave(r);
}

RC crl_parse_tbs(struct slice tbs, struct crl *ret)
{
	struct der_reader r = der_read_large(tbs, CRL_DER_MAX);
	struct crl c = {.tbs = tbs};
	struct exts x;
	struct name name;
	struct crl_entry e;

	take_tbs(&r, &c, &x);
	TRY(form_done(&r, ERR_CRL, "revocation list"));
	TRY(name_parse(c.issuer, &name));
	REQUIRE(name.count > 0, CRL, "revocation list: no issuer (RFC 5280 5.1.2.3)");
	for (size_t i = 0; i < x.count; i++)
		TRY(decode(&x.at[i], &c));
	r = crl_walk(&c);
	while (crl_next(&r, &e))
		;
	TRY(form_done(&r, ERR_CRL, "revocation list: entries"));
	*ret = c;
	return OK;
}

RC crl_parse(struct slice der, struct crl *ret)
{
	struct der_reader r = der_read_large(der, CRL_DER_MAX);
	struct slice tbs, signature;
	struct sigalg outer;

	der_enter(&r, DER_SEQUENCE);
	tbs = der_element_of(&r, DER_SEQUENCE);
	outer = sigalg_take(&r);
	signature = der_bits(&r, NULL);
	der_leave(&r);
	TRY(form_done(&r, ERR_CRL, "revocation list"));
	TRY(crl_parse_tbs(tbs, ret));
	REQUIRE(slice_equal(ret->alg.der, outer.der), CRL,
	        "revocation list: inner and outer algorithm differ (RFC 5280 5.1.1.2)");
	ret->der = der;
	ret->signature = signature;
	return OK;
}

RC crl_read(struct slice text, struct buf *der, struct crl *ret)
{
	TRY(text_pem(text, "X509 CRL", der));
	return crl_parse(buf_slice(der), ret);
}

RC crl_verify(const struct crl *c, const struct pubkey *issuer)
{
	return pubkey_verify(issuer, c->alg, c->tbs, c->signature, SM2_ID);
}

uint64_t crl_number(const struct crl *c)
{
	uint64_t n = 0;

	if (c->number.len == 0 || c->number.len > 8)
		return UINT64_MAX;
	for (size_t i = 0; i < c->number.len; i++)
		n = n << 8 | c->number.p[i];
	return n;
}

struct der_reader crl_walk(const struct crl *c)
{
	return der_read_large(c->entries, CRL_DER_MAX);
}

bool crl_next(struct der_reader *r, struct crl_entry *ret)
{
	if (!der_more(r))
		return false;
	take_entry(r, ret);
	return r->why == NULL;
}

RC crl_find(const struct crl *c, struct slice serial, struct crl_entry *ret)
{
	struct der_reader r = crl_walk(c);
	struct crl_entry e;

	while (crl_next(&r, &e)) {
		if (slice_equal(e.serial, serial)) {
			*ret = e;
			return OK;
		}
	}
	FAIL(RC_NOTFOUND, "revocation list: no entry with that serial number");
}
