/* Extensions of revocation lists and of their entries. */
#include "pki/ext.h"

#include "pki/named_bits.h"

#define REASONS 11

static const char *const reasons[REASONS] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", NULL,
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise",
};

const char *crl_reason_name(enum crl_reason r)
{
	return (unsigned)r < REASONS ? reasons[r] : NULL;
}

RC crl_reason_find(struct slice name, enum crl_reason *ret)
{
	for (unsigned i = 0; i < REASONS; i++) {
		if (reasons[i] != NULL && slice_is(name, reasons[i])) {
			*ret = (enum crl_reason)i;
			return OK;
		}
	}
	FAIL(RC_INPUT, "no revocation reason \"%.*s\" (RFC 5280 5.3.1)", (int)(name.len > 40 ? 40 : name.len),
	     (const char *)name.p);
}

void ext_put_crl_number(struct der_writer *w, uint64_t number)
{
	ext_begin(w, OID_CRL_NUMBER, false);
	der_put_uint(w, number);
	ext_end(w);
}

void ext_put_delta(struct der_writer *w, uint64_t base)
{
	ext_begin(w, OID_DELTA_CRL, true);
	der_put_uint(w, base);
	ext_end(w);
}

struct slice ext_take_crl_number(struct der_reader *r)
{
	struct slice n = der_integer(r);

	if (r->why == NULL && n.len > 20)
		der_fail(r, "number of more than 20 bytes (RFC 5280 5.2.3)");
	return n;
}

void ext_put_reason(struct der_writer *w, enum crl_reason reason)
{
	uint8_t octet = (uint8_t)reason;

	ext_begin(w, OID_CRL_REASON, false);
	der_put(w, DER_ENUMERATED, slice_of(&octet, 1));
	ext_end(w);
}

enum crl_reason ext_take_reason(struct der_reader *r)
{
	struct slice v = der_value(r, DER_ENUMERATED);

	if (r->why == NULL && (v.len != 1 || crl_reason_name((enum crl_reason)v.p[0]) == NULL))
		der_fail(r, "unknown revocation reason");
	return r->why == NULL ? (enum crl_reason)v.p[0] : REASON_UNSPECIFIED;
}

void ext_put_invalidity(struct der_writer *w, int64_t t)
{
	ext_begin(w, OID_INVALIDITY, false);
	der_put_gtime(w, t);
	ext_end(w);
}

int64_t ext_take_invalidity(struct der_reader *r)
{
	return der_gtime(r);
}

static void put_flag(struct der_writer *w, unsigned n, bool v)
{
	if (v)
		der_put(w, DER_CTX(n), SLICE_LIT("\xff"));
}

void ext_put_idp(struct der_writer *w, const struct ext_idp *i)
{
	ext_begin(w, OID_IDP, true);
	der_begin(w, DER_SEQUENCE);
	if (i->url.len > 0) {
		der_begin(w, DER_CTXC(0));
		der_begin(w, DER_CTXC(0));
		der_put(w, DER_CTX(GENERAL_URI), i->url);
		der_end(w);
		der_end(w);
	}
	put_flag(w, 1, i->user_only);
	put_flag(w, 2, i->ca_only);
	put_flag(w, 4, i->indirect);
	der_end(w);
	ext_end(w);
}

static bool take_flag(struct der_reader *r, unsigned n)
{
	struct slice v;

	if (!der_at(r, DER_CTX(n)))
		return false;
	v = der_value(r, DER_CTX(n));
	if (r->why == NULL && (v.len != 1 || v.p[0] != 0xff))
		der_fail(r, "flag is not TRUE, or its DEFAULT is written out");
	return true;
}

static void take_point_name(struct der_reader *r, struct ext_idp *ret)
{
	struct general_name g;

	der_enter(r, DER_CTXC(0));
	der_enter(r, DER_CTXC(0));
	while (der_more(r)) {
		general_take(r, &g);
		if (g.kind == GENERAL_URI && ret->url.len == 0)
			ret->url = g.value;
	}
	der_leave(r);
	der_leave(r);
}

void ext_take_idp(struct der_reader *r, struct ext_idp *ret)
{
	*ret = (struct ext_idp){0};
	der_enter(r, DER_SEQUENCE);
	if (der_at(r, DER_CTXC(0)))
		take_point_name(r, ret);
	ret->user_only = take_flag(r, 1);
	ret->ca_only = take_flag(r, 2);
	if (der_at(r, DER_CTX(3)))
		named_bits_take(r, DER_CTX(3), 9); /* onlySomeReasons */
	ret->indirect = take_flag(r, 4);
	der_leave(r);
}
