/* KMRespond (GM/T 0014 5.2.3, standards.md 3.1). */
#include "pki/km_common.h"

#include "base/mem.h"
#include "pki/form.h"

#define ERROR_MAX 0x7fffffffu

struct km_respond *km_respond_new(size_t count)
{
	struct km_respond *m;

	if (count < 1 || count > KM_BATCH)
		return NULL;
	m = mem_new(1, sizeof(*m) + count * sizeof(m->items[0]));
	if (m != NULL)
		m->count = count;
	return m;
}

void km_respond_free(struct km_respond *m)
{
	mem_free(m);
}

const struct km_respond_item *km_respond_find(const struct km_respond *m, struct slice serial)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->items[i].kind != KM_ERROR && slice_equal(m->items[i].serial, serial))
			return &m->items[i];
	return NULL;
}

/* ---- out ---- */

static void put_item(struct der_writer *w, const struct km_respond_item *i)
{
	der_begin(w, DER_CTXC(i->kind));
	if (i->kind == KM_ERROR) {
		der_put_uint(w, i->error);
		if (i->error_text.len > 0) {
			der_begin(w, DER_CTXC(0));
			der_begin(w, DER_SEQUENCE);
			der_put(w, DER_UTF8, i->error_text);
			der_end(w);
			der_end(w);
		}
	} else {
		der_put_integer(w, i->serial);
		if (i->kind != KM_REVOKE) {
			der_raw(w, i->key);
			der_raw(w, i->envelope);
		}
	}
	der_end(w);
}

RC km_respond_tbs(const struct km_respond *m, struct buf *ret)
{
	AUTO_DER(w, KM_RESPOND_MAX);

	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, KM_VERSION);
	km_put_name(&w, &m->km);
	der_begin(&w, DER_SEQUENCE);
	for (size_t i = 0; i < m->count; i++)
		put_item(&w, &m->items[i]);
	der_end(&w);
	der_put_gtime(&w, m->time);
	der_put_integer(&w, m->task);
	der_end(&w);
	return der_finish(&w, ret);
}

RC km_respond_assemble(struct slice tbs, struct slice signature, struct buf *ret)
{
	return km_assemble(tbs, signature, KM_RESPOND_MAX, ret);
}

RC km_respond_sign(const struct km_respond *m, const struct sm2_key *key, struct buf *ret)
{
	AUTO_BUF(tbs, KM_RESPOND_MAX);

	TRY(km_respond_tbs(m, &tbs));
	return km_sign_tbs(buf_slice(&tbs), key, KM_RESPOND_MAX, ret);
}

/* ---- in ---- */

/* errDesc in the three forms met: [0] with SEQUENCE of one text, [0] with a text, texts after one
 * another (the last is kept). */
static void take_error(struct der_reader *r, struct km_respond_item *ret)
{
	ret->error = (uint32_t)der_uint(r, ERROR_MAX);
	if (der_at(r, DER_CTXC(0))) {
		bool list;

		der_enter(r, DER_CTXC(0));
		list = der_at(r, DER_SEQUENCE);
		if (list)
			der_enter(r, DER_SEQUENCE);
		ret->error_text = km_take_text(r);
		if (list)
			der_leave(r);
		der_leave(r);
	}
	while (der_more(r))
		ret->error_text = km_take_text(r);
}

static void take_item(struct der_reader *r, struct km_respond_item *ret)
{
	bool nested;
	unsigned kind = km_enter_choice(r, &nested);

	ret->kind = (enum km_kind)kind;
	if (ret->kind == KM_ERROR) {
		take_error(r, ret);
	} else {
		ret->serial = km_take_number(r, KM_SERIAL_MAX);
		if (ret->kind != KM_REVOKE) {
			km_take_key(r, &ret->key, &ret->pub);
			ret->envelope = der_element_of(r, DER_SEQUENCE);
		}
	}
	km_leave_choice(r, nested);
}

static void take_tbs(struct der_reader *r, struct km_respond *m)
{
	der_enter(r, DER_SEQUENCE);
	if (der_uint(r, KM_VERSION) != KM_VERSION)
		der_fail(r, "version is not 1");
	km_take_name(r, &m->km);
	der_enter(r, DER_SEQUENCE);
	for (m->count = 0; der_more(r) && m->count < KM_BATCH; m->count++)
		take_item(r, &m->items[m->count]);
	der_leave(r);
	m->time = der_gtime(r);
	m->task = km_take_number(r, KM_TASK_MAX);
	der_leave(r);
	if (m->count == 0)
		der_fail(r, "no respond");
}

RC km_respond_parse(struct slice der, struct km_respond **ret)
{
	AUTO(km_respond, m, km_respond_new(KM_BATCH));
	struct der_reader r = der_read(der), in;

	NEED(m != NULL, RC_NOMEM, "km: out of memory");
	REQUIRE(der.len <= KM_RESPOND_MAX, KM_FORM, "km: %zu bytes, limit %u", der.len, KM_RESPOND_MAX);
	der_enter(&r, DER_SEQUENCE);
	km_take_signed(&r, &m->tbs, &m->signature);
	der_leave(&r);
	TRY(form_done(&r, ERR_KM_FORM, "KMRespond"));
	in = der_read(m->tbs);
	take_tbs(&in, m);
	TRY(form_done(&in, ERR_KM_FORM, "KSRespond"));
	*ret = MOVE(m);
	return OK;
}

RC km_respond_verify(const struct km_respond *m, const struct sm2_pub *pub)
{
	return km_verify(m->tbs, m->signature, pub);
}
