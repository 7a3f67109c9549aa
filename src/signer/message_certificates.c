#include "signer/message.h"

#include "base/mem.h"

/* Room for the framing of a message beside its byte strings. */
#define OVERHEAD 64

struct slice msg_object(const struct msg_certificates *m, unsigned n)
{
	return n == 0 ? SLICE_NONE : m->objects[n - 1];
}

/* Number of the object; a new one is added.  Items mostly share with their neighbours, so the
 * search runs backwards. */
static unsigned number_of(struct msg_certificates *m, struct slice s, size_t *bytes)
{
	if (s.len == 0)
		return 0;
	for (size_t i = m->object_count; i > 0; i--)
		if (m->objects[i - 1].p == s.p && m->objects[i - 1].len == s.len)
			return (unsigned)i;
	m->objects[m->object_count++] = s;
	*bytes += s.len + OVERHEAD;
	return (unsigned)m->object_count;
}

static void put(struct der_writer *w, const struct msg_certificates *m)
{
	der_begin(w, DER_SEQUENCE);
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < m->object_count; i++)
		der_put_octets(w, m->objects[i]);
	der_end(w);
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < m->count; i++) {
		const struct msg_item *it = &m->items[i];
		der_begin(w, DER_SEQUENCE);
		der_put_octets(w, it->key);
		der_put_octets(w, it->tbs);
		der_put_uint(w, it->application);
		der_put_uint(w, it->approval);
		der_put_uint(w, it->km);
		der_put_uint(w, it->old[0]);
		der_put_uint(w, it->old[1]);
		der_end(w);
	}
	der_end(w);
	der_end(w);
}

RC msg_put_certificates(struct der_writer *w, const struct signer_item *items, size_t n, size_t most,
                        size_t *taken)
{
	AUTO_MEM(struct msg_certificates, m, mem_new(1, sizeof *m));
	NEED(m != NULL, RC_NOMEM, "signer: message");
	size_t bytes = 0;
	for (size_t i = 0; i < n && m->count < most && m->count < SIGNER_BATCH; i++) {
		const struct signer_item *it = &items[i];
		size_t before = m->object_count;
		struct msg_item *to = &m->items[m->count];
		to->key = it->key;
		to->tbs = it->tbs;
		to->application = number_of(m, it->application, &bytes);
		to->approval = number_of(m, it->approval, &bytes);
		to->km = number_of(m, it->km_respond, &bytes);
		to->old[0] = number_of(m, it->old[0], &bytes);
		to->old[1] = number_of(m, it->old[1], &bytes);
		bytes += it->key.len + it->tbs.len + OVERHEAD;
		if (bytes > SIGNER_FRAME_MAX - OVERHEAD) {
			m->object_count = before;
			break;
		}
		m->count++;
	}
	REQUIRE(m->count > 0, TOO_LARGE, "signer: one item exceeds a frame");
	put(w, m);
	*taken = m->count;
	return OK;
}

static RC get_item(struct der_reader *r, size_t objects, struct msg_item *ret)
{
	der_enter(r, DER_SEQUENCE);
	ret->key = der_octets(r);
	ret->tbs = der_octets(r);
	ret->application = (unsigned)der_uint(r, objects);
	ret->approval = (unsigned)der_uint(r, objects);
	ret->km = (unsigned)der_uint(r, objects);
	ret->old[0] = (unsigned)der_uint(r, objects);
	ret->old[1] = (unsigned)der_uint(r, objects);
	der_leave(r);
	NEED(r->why == NULL, RC_INPUT, "signer request: %s", r->why);
	return OK;
}

RC msg_get_certificates(struct slice body, struct msg_certificates *ret)
{
	struct der_reader r = der_read(body);
	ret->object_count = ret->count = 0;
	der_enter(&r, DER_SEQUENCE);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r) && ret->object_count < MSG_OBJECTS)
		ret->objects[ret->object_count++] = der_octets(&r);
	der_leave(&r);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r) && ret->count < SIGNER_BATCH)
		TRY(get_item(&r, ret->object_count, &ret->items[ret->count++]));
	der_leave(&r);
	der_leave(&r);
	TRY(der_done(&r, "signer request"));
	NEED(ret->count > 0, RC_INPUT, "signer request: no certificate");
	return OK;
}

/* ---- OCSP: the same idea, one key ---- */
RC msg_put_ocsp(struct der_writer *w, struct slice key, const struct slice *tbs, size_t n, size_t *taken)
{
	size_t bytes = 0, i = 0;
	der_begin(w, DER_SEQUENCE);
	der_put_octets(w, key);
	der_begin(w, DER_SEQUENCE);
	for (; i < n && i < SIGNER_BATCH; i++) {
		bytes += tbs[i].len + OVERHEAD;
		if (bytes > SIGNER_FRAME_MAX - OVERHEAD)
			break;
		der_put_octets(w, tbs[i]);
	}
	der_end(w);
	der_end(w);
	REQUIRE(i > 0, TOO_LARGE, "signer: one answer exceeds a frame");
	*taken = i;
	return OK;
}

RC msg_get_ocsp(struct slice body, struct msg_ocsp *ret)
{
	struct der_reader r = der_read(body);
	ret->count = 0;
	der_enter(&r, DER_SEQUENCE);
	ret->key = der_octets(&r);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r) && ret->count < SIGNER_BATCH)
		ret->tbs[ret->count++] = der_octets(&r);
	der_leave(&r);
	der_leave(&r);
	TRY(der_done(&r, "signer request"));
	NEED(ret->count > 0, RC_INPUT, "signer request: no answer to sign");
	return OK;
}
