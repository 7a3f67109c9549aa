#include "signer/state.h"

#include "base/mem.h"
#include "signer/anchors.h"
#include "signer/message.h"

#include <stdio.h>

/* type → who may ask, when, what comes along, what answers (OpenSSH's monitor table). */
static const struct {
	unsigned permit;
	signer_handler *handler;
} table[SIGNER_TYPES] = {
        [SIGNER_CERTIFICATES] = {SIGNER_BY_ROLE, signer_do_certificates},
        [SIGNER_CRL] = {SIGNER_BY_ROLE | SIGNER_WITH_FD, signer_do_crl},
        [SIGNER_OCSP] = {SIGNER_BY_ROLE, signer_do_ocsp},
        [SIGNER_KM_REQUEST] = {SIGNER_BY_ROLE, signer_do_km_request},
        [SIGNER_KM_GENERATE] = {SIGNER_BY_ROLE, signer_do_km_generate},
        [SIGNER_KM_RESPOND] = {SIGNER_BY_ROLE, signer_do_km_respond},
        [SIGNER_KM_JUDICIAL] = {SIGNER_BY_ROLE, signer_do_km_judicial},
        [SIGNER_STATEMENT] = {SIGNER_BY_ROLE, signer_do_statement},
        [SIGNER_RESPONDER] = {SIGNER_BY_ROLE, signer_do_responder},
        [SIGNER_WRAP] = {SIGNER_BY_ROLE, signer_do_wrap},
        [SIGNER_UNWRAP] = {SIGNER_BY_ROLE, signer_do_unwrap},
        [SIGNER_TIMESTAMP] = {SIGNER_BY_ROLE, signer_do_timestamp},
        [SIGNER_TLS] = {SIGNER_BY_CONTROL, signer_do_tls},
        [SIGNER_PRF] = {SIGNER_BY_ROLE, signer_do_prf},
        [SIGNER_INFO] = {SIGNER_BY_ROLE | SIGNER_BY_CONTROL | SIGNER_WHEN_LOCKED, signer_do_info},
        [SIGNER_UNLOCK] = {SIGNER_BY_CONTROL | SIGNER_WHEN_LOCKED, signer_do_unlock},
};

static RC may(const struct signer *s, const struct signer_call *q)
{
	REQUIRE(q->type < SIGNER_TYPES && table[q->type].handler != NULL, SIGNER_CHANNEL, "no request %u",
	        q->type);
	unsigned permit = table[q->type].permit;
	REQUIRE((permit & (unsigned)q->channel) != 0, SIGNER_CHANNEL, "request %u on this channel", q->type);
	REQUIRE((q->fd >= 0) == ((permit & SIGNER_WITH_FD) != 0), SIGNER_CHANNEL, "request %u: descriptor",
	        q->type);
	REQUIRE(key_accessible(s->keys) || (permit & SIGNER_WHEN_LOCKED) != 0, SIGNER_LOCKED, "%s", s->name);
	return OK;
}

static RC run(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	/* Unlocking replaces the keys under everybody, so it stands alone. */
	if (q->type == SIGNER_UNLOCK)
		pthread_rwlock_wrlock(&s->access);
	else
		pthread_rwlock_rdlock(&s->access);
	struct rc rc = may(s, q);
	if (rc_ok(rc))
		rc = table[q->type].handler(s, q, w);
	pthread_rwlock_unlock(&s->access);
	return rc;
}

RC signer_dispatch(struct signer *s, const struct signer_call *q, struct buf *answer)
{
	static const struct rc_text fine = {.code = RC_OK};
	AUTO_DER(payload, SIGNER_FRAME_MAX);
	AUTO_DER(w, SIGNER_FRAME_MAX);
	struct rc rc = run(s, q, &payload);
	if (rc_ok(rc))
		rc = buf_done(&payload.out);
	der_begin(&w, DER_SEQUENCE);
	signer_put_result(&w, rc_ok(rc) ? &fine : rc_last());
	if (rc_ok(rc))
		der_raw(&w, buf_slice(&payload.out));
	der_end(&w);
	return der_finish(&w, answer);
}

RC signer_key(const struct signer *s, struct slice name, uint32_t *index, struct key_info *info)
{
	TRY(key_find(s->keys, name, index));
	return key_info(s->keys, *index, info);
}

RC signer_do_info(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	struct slice a, b;
	AUTO_MEM(struct signer_info, i, mem_new(1, sizeof *i));
	NEED(i != NULL, RC_NOMEM, "info");
	TRY(msg_get_two(q->body, &a, &b));
	i->unlocked = key_accessible(s->keys);
	snprintf(i->device, sizeof i->device, "%s", key_device_name(s->device));
	for (uint32_t k = 1; k <= key_count(s->keys); k++)
		TRY(key_info(s->keys, k, &i->keys[i->n++]));
	msg_put_info(w, i);
	return OK;
}

RC signer_do_unlock(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	struct slice secret, none;
	(void)w;
	TRY(msg_get_two(q->body, &secret, &none));
	/* A second hand-over must not close what works. */
	if (key_accessible(s->keys))
		return OK;
	return key_access(s->keys, secret);
}

RC signer_do_prf(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	struct slice data[SIGNER_BATCH];
	uint8_t value[16];
	size_t n;
	TRY(msg_get_list(q->body, data, SIGNER_BATCH, &n));
	NEED(n > 0, RC_INPUT, "prf: nothing to do");
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++) {
		TRY(key_prf(s->keys, slice_text(s->name), data[i], value));
		der_put_octets(w, SLICE_ARR(value));
	}
	der_end(w);
	return OK;
}
