#include "signer/message.h"

/* errNo is a small number; its meaning is in pki/km.h. */
#define ERROR_MAX 0xffff

static void put_orders(struct der_writer *w, const struct slice *orders, size_t n)
{
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++)
		der_put_octets(w, orders[i]);
	der_end(w);
}

static void get_orders(struct der_reader *r, struct slice ret[SIGNER_ORDERS], size_t *n)
{
	*n = 0;
	der_enter(r, DER_SEQUENCE);
	while (der_more(r) && *n < SIGNER_ORDERS)
		ret[(*n)++] = der_octets(r);
	der_leave(r);
}

void msg_put_km_request(struct der_writer *w, const struct msg_km_request *m)
{
	der_begin(w, DER_SEQUENCE);
	der_put_octets(w, m->key);
	der_put_octets(w, m->tbs);
	der_put_octets(w, m->approvals);
	put_orders(w, m->orders, m->order_count);
	der_end(w);
}

RC msg_get_km_request(struct slice body, struct msg_km_request *ret)
{
	struct der_reader r = der_read(body);
	der_enter(&r, DER_SEQUENCE);
	ret->key = der_octets(&r);
	ret->tbs = der_octets(&r);
	ret->approvals = der_octets(&r);
	get_orders(&r, ret->orders, &ret->order_count);
	der_leave(&r);
	return der_done(&r, "signer request");
}

void msg_put_km_respond(struct der_writer *w, const struct msg_km_respond *m)
{
	der_begin(w, DER_SEQUENCE);
	der_put_octets(w, m->key);
	der_put_octets(w, m->ca_request);
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < m->count; i++) {
		der_begin(w, DER_SEQUENCE);
		der_put_octets(w, m->answers[i].blob);
		der_put_uint(w, m->answers[i].error);
		der_end(w);
	}
	der_end(w);
	put_orders(w, m->orders, m->order_count);
	der_end(w);
}

RC msg_get_km_respond(struct slice body, struct msg_km_respond *ret)
{
	struct der_reader r = der_read(body);
	ret->count = 0;
	der_enter(&r, DER_SEQUENCE);
	ret->key = der_octets(&r);
	ret->ca_request = der_octets(&r);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r) && ret->count < SIGNER_BATCH) {
		struct signer_km_answer *a = &ret->answers[ret->count++];
		der_enter(&r, DER_SEQUENCE);
		a->blob = der_octets(&r);
		a->error = (uint32_t)der_uint(&r, ERROR_MAX);
		der_leave(&r);
	}
	der_leave(&r);
	get_orders(&r, ret->orders, &ret->order_count);
	der_leave(&r);
	return der_done(&r, "signer request");
}

void msg_put_km_generate(struct der_writer *w, struct slice key, size_t n)
{
	der_begin(w, DER_SEQUENCE);
	der_put_octets(w, key);
	der_put_uint(w, n);
	der_end(w);
}

RC msg_get_km_generate(struct slice body, struct slice *key, size_t *n)
{
	struct der_reader r = der_read(body);
	der_enter(&r, DER_SEQUENCE);
	*key = der_octets(&r);
	*n = der_uint(&r, SIGNER_BATCH);
	der_leave(&r);
	return der_done(&r, "signer request");
}

void msg_put_stored(struct der_writer *w, const struct key_stored *k, size_t n)
{
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++) {
		der_put_octets(w, SLICE_ARR(k[i].pub.xy));
		der_put_octets(w, SLICE_ARR(k[i].blob));
	}
	der_end(w);
}

RC msg_get_stored(struct der_reader *r, struct key_stored *ret, size_t n)
{
	der_enter(r, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++) {
		struct slice pub = der_octets(r), blob = der_octets(r);
		NEED(r->why == NULL && pub.len == SM2_POINT && blob.len == KEY_STORED, RC_BUG,
		     "signer: malformed answer");
		memcpy(ret[i].pub.xy, pub.p, SM2_POINT);
		memcpy(ret[i].blob, blob.p, KEY_STORED);
	}
	der_leave(r);
	return OK;
}

void msg_put_judicial(struct der_writer *w, const struct msg_judicial *m)
{
	der_begin(w, DER_SEQUENCE);
	put_orders(w, m->orders, m->order_count);
	put_orders(w, m->blobs, m->blob_count);
	der_end(w);
}

RC msg_get_judicial(struct slice body, struct msg_judicial *ret)
{
	struct der_reader r = der_read(body);
	ret->blob_count = 0;
	der_enter(&r, DER_SEQUENCE);
	get_orders(&r, ret->orders, &ret->order_count);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r) && ret->blob_count < SIGNER_RESTORED)
		ret->blobs[ret->blob_count++] = der_octets(&r);
	der_leave(&r);
	der_leave(&r);
	return der_done(&r, "signer request");
}
