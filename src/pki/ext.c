/* The list of extensions and the kinds that certificates are judged by. */
#include "pki/ext.h"

#include "pki/named_bits.h"

static const char *const usages[USAGE_COUNT] = {
        "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
        "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
};

/* ---- the list ---- */

static void take_one(struct der_reader *r, struct exts *x)
{
	struct ext e = {.oid = OID_UNKNOWN};

	der_enter(r, DER_SEQUENCE);
	e.oid_raw = der_oid_raw(r);
	e.oid = oid_find(e.oid_raw);
	if (der_at(r, DER_BOOLEAN)) {
		e.critical = der_boolean(r);
		if (!e.critical)
			der_fail(r, "DEFAULT value is written out");
	}
	e.value = der_octets(r);
	der_leave(r);
	for (size_t i = 0; i < x->count; i++) {
		if (r->why == NULL && slice_equal(x->at[i].oid_raw, e.oid_raw))
			der_fail(r, "an extension stands twice");
	}
	if (r->why == NULL)
		x->at[x->count++] = e;
}

void exts_take(struct der_reader *r, struct exts *ret)
{
	ret->count = 0;
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no extension in the list");
	while (der_more(r)) {
		if (ret->count == EXT_MAX)
			der_fail(r, "too many extensions");
		else
			take_one(r, ret);
	}
	der_leave(r);
}

const struct ext *exts_find(const struct exts *x, enum oid oid)
{
	for (size_t i = 0; i < x->count; i++) {
		if (x->at[i].oid == oid)
			return &x->at[i];
	}
	return NULL;
}

void ext_begin(struct der_writer *w, enum oid oid, bool critical)
{
	der_begin(w, DER_SEQUENCE);
	der_put_oid(w, oid);
	if (critical)
		der_put_bool(w, true);
	der_begin(w, DER_OCTET_STRING);
}

void ext_end(struct der_writer *w)
{
	der_end(w);
	der_end(w);
}

/* ---- keyUsage ---- */

const char *key_usage_name(unsigned bit)
{
	return bit < USAGE_COUNT ? usages[bit] : NULL;
}

RC key_usage_find(struct slice name, uint32_t *ret)
{
	for (unsigned i = 0; i < USAGE_COUNT; i++) {
		if (slice_is(name, usages[i])) {
			*ret = 1u << i;
			return OK;
		}
	}
	FAIL(RC_INPUT, "keyUsage: no bit \"%.*s\"", (int)(name.len > 40 ? 40 : name.len),
	     (const char *)name.p);
}

void ext_put_key_usage(struct der_writer *w, uint32_t usage)
{
	ext_begin(w, OID_KEY_USAGE, true);
	der_put_named_bits(w, usage);
	ext_end(w);
}

uint32_t ext_take_key_usage(struct der_reader *r)
{
	uint32_t bits = named_bits_take(r, DER_BIT_STRING, USAGE_COUNT);

	if (r->why == NULL && bits == 0)
		der_fail(r, "keyUsage without a bit (RFC 5280 4.2.1.3)");
	return bits;
}

/* ---- extKeyUsage ---- */

void ext_put_purposes(struct der_writer *w, const struct ext_purposes *p, bool critical)
{
	ext_begin(w, OID_EKU, critical);
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < p->count; i++)
		der_put_oid(w, p->at[i]);
	der_end(w);
	ext_end(w);
}

void ext_take_purposes(struct der_reader *r, struct ext_purposes *ret)
{
	ret->count = 0;
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no purpose in the list");
	while (der_more(r)) {
		enum oid o = der_oid(r);
		if (ret->count == EXT_PURPOSES)
			der_fail(r, "too many purposes");
		else
			ret->at[ret->count++] = o;
	}
	der_leave(r);
}

bool ext_has_purpose(const struct ext_purposes *p, enum oid o)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->at[i] == o)
			return true;
	}
	return false;
}

/* ---- basicConstraints ---- */

void ext_put_basic(struct der_writer *w, bool ca, int path_length)
{
	ext_begin(w, OID_BASIC, true);
	der_begin(w, DER_SEQUENCE);
	if (ca)
		der_put_bool(w, true);
	if (ca && path_length >= 0)
		der_put_uint(w, (uint64_t)path_length);
	der_end(w);
	ext_end(w);
}

void ext_take_basic(struct der_reader *r, bool *ca, int *path_length)
{
	*ca = false;
	*path_length = -1;
	der_enter(r, DER_SEQUENCE);
	if (der_at(r, DER_BOOLEAN)) {
		*ca = der_boolean(r);
		if (!*ca)
			der_fail(r, "DEFAULT value is written out");
	}
	if (der_at(r, DER_INTEGER)) {
		*path_length = (int)der_uint(r, 255);
		if (!*ca)
			der_fail(r, "pathLenConstraint without cA (RFC 5280 4.2.1.9)");
	}
	der_leave(r);
}

/* ---- key identifiers ---- */

void ext_put_ski(struct der_writer *w, struct slice id)
{
	ext_begin(w, OID_SKI, false);
	der_put_octets(w, id);
	ext_end(w);
}

struct slice ext_take_ski(struct der_reader *r)
{
	struct slice id = der_octets(r);

	if (r->why == NULL && id.len == 0)
		der_fail(r, "empty key identifier");
	return id;
}

void ext_put_aki(struct der_writer *w, struct slice id)
{
	ext_begin(w, OID_AKI, false);
	der_begin(w, DER_SEQUENCE);
	der_put(w, DER_CTX(0), id);
	der_end(w);
	ext_end(w);
}

struct slice ext_take_aki(struct der_reader *r)
{
	struct slice id = SLICE_NONE;

	der_enter(r, DER_SEQUENCE);
	if (der_at(r, DER_CTX(0)))
		id = der_value(r, DER_CTX(0));
	/* authorityCertIssuer [1] and authorityCertSerialNumber [2] come together or not at all */
	if (der_at(r, DER_CTXC(1))) {
		der_element(r);
		der_element_of(r, DER_CTX(2));
	}
	der_leave(r);
	return id;
}

void ext_put_nocheck(struct der_writer *w)
{
	ext_begin(w, OID_OCSP_NOCHECK, false);
	der_put_null(w);
	ext_end(w);
}
