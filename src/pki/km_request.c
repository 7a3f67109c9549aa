/* CARequest (GM/T 0014 5.2.3, standards.md 3.1). */
#include "pki/km_common.h"

#include "base/mem.h"
#include "pki/form.h"

#define KEY_BITS 256

struct km_request *km_request_new(size_t count)
{
	struct km_request *m;

	if (count < 1 || count > KM_BATCH)
		return NULL;
	m = mem_new(1, sizeof(*m) + count * sizeof(m->items[0]));
	if (m != NULL)
		m->count = count;
	return m;
}

void km_request_free(struct km_request *m)
{
	mem_free(m);
}

/* ---- out ---- */

/* How the key must come back: under SM2, SM4 and SM3. */
static void put_return_algorithms(struct der_writer *w)
{
	der_put_algorithm(w, OID_SM2_ENCRYPT);
	der_put_algorithm(w, OID_SM4_ECB);
	der_put_algorithm(w, OID_SM3);
}

static void put_optional(struct der_writer *w, uint8_t n, uint8_t tag, struct slice s)
{
	if (s.len == 0)
		return;
	der_begin(w, DER_CTXC(n));
	der_put(w, tag, s);
	der_end(w);
}

static void put_apply(struct der_writer *w, const struct km_request_item *i)
{
	der_put_algorithm(w, OID_SM2);
	der_put_uint(w, KEY_BITS);
	put_return_algorithms(w);
	der_begin(w, DER_SEQUENCE);
	der_put_integer(w, i->serial);
	der_raw(w, i->user_key);
	der_put_gtime(w, i->not_before);
	der_put_gtime(w, i->not_after);
	put_optional(w, 0, DER_OCTET_STRING, i->user_name);
	put_optional(w, 1, DER_IA5, i->region);
	put_optional(w, 2, DER_IA5, i->extend);
	der_end(w);
}

static void put_item(struct der_writer *w, const struct km_request_item *i)
{
	der_begin(w, DER_CTXC(i->kind));
	if (i->kind == KM_APPLY) {
		put_apply(w, i);
	} else if (i->kind == KM_RESTORE) {
		put_return_algorithms(w);
		der_put_integer(w, i->serial);
		der_raw(w, i->user_key);
	} else {
		der_put_integer(w, i->serial);
	}
	der_end(w);
}

RC km_request_tbs(const struct km_request *m, struct buf *ret)
{
	AUTO_DER(w, KM_REQUEST_MAX);

	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, KM_VERSION);
	km_put_name(&w, &m->ca);
	der_begin(&w, DER_SEQUENCE);
	for (size_t i = 0; i < m->count; i++) {
		NEED(m->items[i].kind != KM_ERROR, RC_BUG, "km: an error is not a request");
		put_item(&w, &m->items[i]);
	}
	der_end(&w);
	der_put_gtime(&w, m->time);
	der_put_integer(&w, m->task);
	der_end(&w);
	return der_finish(&w, ret);
}

RC km_request_assemble(struct slice tbs, struct slice signature, struct buf *ret)
{
	return km_assemble(tbs, signature, KM_REQUEST_MAX, ret);
}

RC km_request_sign(const struct km_request *m, const struct sm2_key *key, struct buf *ret)
{
	AUTO_BUF(tbs, KM_REQUEST_MAX);

	TRY(km_request_tbs(m, &tbs));
	return km_sign_tbs(buf_slice(&tbs), key, KM_REQUEST_MAX, ret);
}

/* ---- in ---- */

static void take_return_algorithms(struct der_reader *r)
{
	struct slice params;
	enum oid o = der_algorithm(r, &params);

	if (o != OID_SM2_ENCRYPT && o != OID_SM2_EXCHANGE && o != OID_SM2)
		der_fail(r, "retAsymAlg is not SM2 encryption");
	o = der_algorithm(r, &params);
	if (o != OID_SM4_ECB && o != OID_SM4)
		der_fail(r, "retSymAlg is not SM4");
	if (der_algorithm(r, &params) != OID_SM3)
		der_fail(r, "retHashAlg is not SM3");
}

static struct slice take_optional(struct der_reader *r, uint8_t n)
{
	struct slice s;

	if (!der_at(r, DER_CTXC(n)))
		return SLICE_NONE;
	der_enter(r, DER_CTXC(n));
	s = km_take_text(r);
	der_leave(r);
	return s;
}

static void take_apply(struct der_reader *r, struct km_request_item *ret)
{
	struct slice params;
	enum oid o = der_algorithm(r, &params);

	if (o != OID_SM2 && o != OID_EC_KEY && o != OID_SM2_ENCRYPT)
		der_fail(r, "appKeyType is not SM2");
	if (der_uint(r, KEY_BITS) != KEY_BITS)
		der_fail(r, "appKeyLen is not 256");
	take_return_algorithms(r);
	der_enter(r, DER_SEQUENCE);
	ret->serial = km_take_number(r, KM_SERIAL_MAX);
	km_take_key(r, &ret->user_key, &ret->user_pub);
	ret->not_before = der_gtime(r);
	ret->not_after = der_gtime(r);
	ret->user_name = take_optional(r, 0);
	ret->region = take_optional(r, 1);
	ret->extend = take_optional(r, 2);
	der_leave(r);
	if (ret->not_before > ret->not_after)
		der_fail(r, "notBefore after notAfter");
}

static void take_item(struct der_reader *r, struct km_request_item *ret)
{
	bool nested;
	unsigned kind = km_enter_choice(r, &nested);

	ret->kind = (enum km_kind)kind;
	if (ret->kind == KM_APPLY) {
		take_apply(r, ret);
	} else if (ret->kind == KM_RESTORE) {
		take_return_algorithms(r);
		ret->serial = km_take_number(r, KM_SERIAL_MAX);
		km_take_key(r, &ret->user_key, &ret->user_pub);
	} else if (ret->kind == KM_REVOKE) {
		ret->serial = km_take_number(r, KM_SERIAL_MAX);
	} else {
		der_fail(r, "unknown request");
	}
	km_leave_choice(r, nested);
}

static void take_tbs(struct der_reader *r, struct km_request *m)
{
	der_enter(r, DER_SEQUENCE);
	if (der_uint(r, KM_VERSION) != KM_VERSION)
		der_fail(r, "version is not 1");
	km_take_name(r, &m->ca);
	der_enter(r, DER_SEQUENCE);
	for (m->count = 0; der_more(r) && m->count < KM_BATCH; m->count++)
		take_item(r, &m->items[m->count]);
	der_leave(r);
	m->time = der_gtime(r);
	m->task = km_take_number(r, KM_TASK_MAX);
	der_leave(r);
	if (m->count == 0)
		der_fail(r, "no request");
}

RC km_request_parse(struct slice der, struct km_request **ret)
{
	AUTO(km_request, m, km_request_new(KM_BATCH));
	struct der_reader r = der_read(der), in;

	NEED(m != NULL, RC_NOMEM, "km: out of memory");
	REQUIRE(der.len <= KM_REQUEST_MAX, KM_FORM, "km: %zu bytes, limit %u", der.len, KM_REQUEST_MAX);
	der_enter(&r, DER_SEQUENCE);
	km_take_signed(&r, &m->tbs, &m->signature);
	der_leave(&r);
	TRY(form_done(&r, ERR_KM_FORM, "CARequest"));
	in = der_read(m->tbs);
	take_tbs(&in, m);
	TRY(form_done(&in, ERR_KM_FORM, "KSRequest"));
	*ret = MOVE(m);
	return OK;
}

RC km_request_verify(const struct km_request *m, const struct sm2_pub *pub)
{
	return km_verify(m->tbs, m->signature, pub);
}
