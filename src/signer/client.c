#include "signer/client.h"

#include "base/clock.h"
#include "base/mem.h"
#include "signer/channel.h"
#include "signer/message.h"

#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A signer that leaves a request unanswered for this long counts as gone. */
#define ANSWER_MS 120000
/* Items of one frame; a batch is cut so that the signer's workers share it. */
#define SHARE 64

/* One request in flight; lives on the stack of its caller. */
struct slot {
	uint32_t id;
	uint8_t type;
	bool done, broken;
	struct buf body;
	pthread_cond_t wake;
	struct slot *next;
};

/* There is no thread of our own: one of the waiting callers reads for all (and hands the duty on
 * when its own answer has come). */
struct signer_client {
	int fd;
	pthread_mutex_t write, state;
	struct slot *waiting;
	uint32_t last_id;
	bool reading, gone;
};

RC signer_client_open(int fd, struct signer_client **ret)
{
	struct signer_client *c = mem_new(1, sizeof *c);
	if (c == NULL) {
		close(fd);
		FAIL(RC_NOMEM, "signer: client");
	}
	c->fd = fd;
	pthread_mutex_init(&c->write, NULL);
	pthread_mutex_init(&c->state, NULL);
	*ret = c;
	return OK;
}

void signer_client_close(struct signer_client *c)
{
	if (c == NULL)
		return;
	close(c->fd);
	pthread_mutex_destroy(&c->write);
	pthread_mutex_destroy(&c->state);
	mem_free(c);
}

/* ---- in flight ---- */
static RC slot_start(struct signer_client *c, struct slot *s, uint8_t type)
{
	pthread_condattr_t attr;
	*s = (struct slot){.type = type, .body = BUF(SIGNER_FRAME_MAX)};
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_lock(&c->state);
	bool gone = c->gone;
	s->id = ++c->last_id;
	s->next = c->waiting;
	c->waiting = s;
	pthread_mutex_unlock(&c->state);
	REQUIRE(!gone, SIGNER_GONE, "signer: closed");
	return OK;
}

static void slot_end(struct signer_client *c, struct slot *s)
{
	pthread_mutex_lock(&c->state);
	for (struct slot **p = &c->waiting; *p != NULL; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			break;
		}
	}
	pthread_mutex_unlock(&c->state);
	pthread_cond_destroy(&s->wake);
	buf_free(&s->body);
}

/* Both with c->state held. */
static void give_up(struct signer_client *c)
{
	c->gone = true;
	for (struct slot *s = c->waiting; s != NULL; s = s->next) {
		if (s->done)
			continue;
		s->done = s->broken = true;
		pthread_cond_signal(&s->wake);
	}
	shutdown(c->fd, SHUT_RDWR);
}

static bool deliver(struct signer_client *c, struct signer_header h, struct buf *body)
{
	for (struct slot *s = c->waiting; s != NULL; s = s->next) {
		if (s->id != h.id || s->done || (s->type | SIGNER_ANSWER) != h.type)
			continue;
		s->body = buf_take(body);
		s->done = true;
		pthread_cond_signal(&s->wake);
		return true;
	}
	return false;
}

static void hand_on(struct signer_client *c)
{
	c->reading = false;
	for (struct slot *s = c->waiting; s != NULL; s = s->next) {
		if (!s->done) {
			pthread_cond_signal(&s->wake);
			return;
		}
	}
}

/* Reads one frame; c->state is released meanwhile. */
static void read_one(struct signer_client *c, int timeout_ms)
{
	struct signer_header h;
	AUTO_BUF(body, SIGNER_FRAME_MAX);
	int fd;
	c->reading = true;
	pthread_mutex_unlock(&c->state);
	struct rc rc = channel_read(c->fd, timeout_ms, &h, &body, &fd);
	if (fd >= 0)
		close(fd);
	pthread_mutex_lock(&c->state);
	if (!rc_ok(rc) || !deliver(c, h, &body))
		give_up(c);
}

static RC slot_wait(struct signer_client *c, struct slot *s)
{
	uint64_t deadline = clock_mono_ms() + ANSWER_MS;
	struct timespec until = {.tv_sec = (time_t)(deadline / 1000),
	                         .tv_nsec = (long)(deadline % 1000) * 1000000};
	bool read = false;
	pthread_mutex_lock(&c->state);
	while (!s->done) {
		uint64_t now = clock_mono_ms();
		if (now >= deadline) {
			give_up(c);
		} else if (!c->reading || read) {
			read = true;
			read_one(c, (int)(deadline - now));
		} else {
			pthread_cond_timedwait(&s->wake, &c->state, &until);
		}
	}
	if (read)
		hand_on(c);
	bool broken = s->broken;
	pthread_mutex_unlock(&c->state);
	REQUIRE(!broken, SIGNER_GONE, "signer: no answer");
	return OK;
}

static RC slot_send(struct signer_client *c, const struct slot *s, struct slice body, int fd)
{
	struct signer_header h = {.id = s->id, .type = s->type};
	NEED(body.len <= SIGNER_FRAME_MAX, RC_INPUT, "signer: message of %zu bytes", body.len);
	pthread_mutex_lock(&c->write);
	struct rc rc = channel_write(c->fd, h, body, fd);
	pthread_mutex_unlock(&c->write);
	return rc;
}

/* The result at the head of an answer; r then stands at the payload. */
static RC answer_open(const struct slot *s, struct der_reader *r)
{
	*r = der_read(buf_slice(&s->body));
	der_enter(r, DER_SEQUENCE);
	return signer_get_result(r);
}

static RC answer_close(struct der_reader *r)
{
	der_leave(r);
	NEED(rc_ok(der_done(r, "signer answer")), RC_BUG, "signer: malformed answer");
	return OK;
}

static RC answer_octets(struct der_reader *r, struct buf *ret)
{
	buf_add(ret, der_octets(r));
	TRY(answer_close(r));
	return buf_done(ret);
}

/* One message, its answer decoded by `take`. */
struct call {
	struct signer_client *c;
	struct der_writer *w;
	int fd;
	RC (*take)(struct der_reader *r, void *arg);
	void *arg;
};

static RC call_slot(const struct call *call, struct slot *s)
{
	struct der_reader r;
	TRY(buf_done(&call->w->out));
	TRY(slot_send(call->c, s, buf_slice(&call->w->out), call->fd));
	TRY(slot_wait(call->c, s));
	TRY(answer_open(s, &r));
	return call->take(&r, call->arg);
}

static RC call(struct call call, enum signer_type type)
{
	struct slot s;
	struct rc rc = slot_start(call.c, &s, (uint8_t)type);
	if (rc_ok(rc))
		rc = call_slot(&call, &s);
	slot_end(call.c, &s);
	return rc;
}

static RC take_octets(struct der_reader *r, void *arg)
{
	return answer_octets(r, arg);
}

static RC take_nothing(struct der_reader *r, void *arg)
{
	(void)arg;
	return answer_close(r);
}

/* ---- batches in shares ---- */
struct share {
	struct slot slot;
	struct signer_result *ret;
	size_t n;
	bool sent;
};
#define SHARES 8

static RC share_take(struct signer_client *c, struct share *s)
{
	struct der_reader r;
	TRY(slot_wait(c, &s->slot));
	TRY(answer_open(&s->slot, &r));
	TRY(msg_get_results(&r, s->ret, s->n));
	return answer_close(&r);
}

/* Fills one frame from the front of the batch; *taken items went in. */
struct batch {
	enum signer_type type;
	const struct signer_item *items;
	struct slice key;
	const struct slice *tbs;
	struct signer_result *ret;
	size_t n;
};

static RC share_send(struct signer_client *c, struct share *s, const struct batch *b, size_t from)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	size_t n = b->n - from;
	if (b->type == SIGNER_CERTIFICATES)
		TRY(msg_put_certificates(&w, b->items + from, n, SHARE, &s->n));
	else
		TRY(msg_put_ocsp(&w, b->key, b->tbs + from, n, &s->n));
	TRY(buf_done(&w.out));
	s->ret = b->ret + from;
	return slot_send(c, &s->slot, buf_slice(&w.out), -1);
}

/* Sends up to SHARES frames, then takes their answers; all slots are ended whatever happens. */
static RC round_of(struct signer_client *c, const struct batch *b, size_t *from)
{
	struct share shares[SHARES];
	size_t started = 0, sent = 0;
	struct rc rc = OK;
	while (rc_ok(rc) && started < SHARES && *from < b->n) {
		struct share *s = &shares[started++];
		rc = slot_start(c, &s->slot, (uint8_t)b->type);
		if (rc_ok(rc))
			rc = share_send(c, s, b, *from);
		if (rc_ok(rc)) {
			*from += s->n;
			sent++;
		}
	}
	for (size_t i = 0; i < sent && rc_ok(rc); i++)
		rc = share_take(c, &shares[i]);
	for (size_t i = 0; i < started; i++)
		slot_end(c, &shares[i].slot);
	return rc;
}

static RC batch_run(struct signer_client *c, const struct batch *b)
{
	size_t from = 0;
	while (from < b->n)
		TRY(round_of(c, b, &from));
	return OK;
}

RC signer_certificates(struct signer_client *c, const struct signer_item *items, struct signer_result *ret,
                       size_t n)
{
	struct batch b = {.type = SIGNER_CERTIFICATES, .items = items, .ret = ret, .n = n};
	return batch_run(c, &b);
}

RC signer_ocsp(struct signer_client *c, struct slice key, const struct slice *tbs, struct signer_result *ret,
               size_t n)
{
	struct batch b = {.type = SIGNER_OCSP, .key = key, .tbs = tbs, .ret = ret, .n = n};
	return batch_run(c, &b);
}

/* ---- single messages ---- */
RC signer_crl(struct signer_client *c, struct slice key, int fd, uint8_t at, struct buf *sig)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_two(&w, key, slice_of(&at, 1));
	return call((struct call){c, &w, fd, take_octets, sig}, SIGNER_CRL);
}

RC signer_km_request(struct signer_client *c, struct slice key, struct slice ks_request,
                     struct slice approvals, struct buf *sig)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_km_request(&w, &(struct msg_km_request){key, ks_request, approvals, {SLICE_NONE}, 0});
	return call((struct call){c, &w, -1, take_octets, sig}, SIGNER_KM_REQUEST);
}

RC signer_km_restore(struct signer_client *c, struct slice key, struct slice ks_request,
                     const struct slice orders[2], struct buf *sig)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_km_request(&w,
	                   &(struct msg_km_request){key, ks_request, SLICE_NONE, {orders[0], orders[1]}, 2});
	return call((struct call){c, &w, -1, take_octets, sig}, SIGNER_KM_REQUEST);
}

struct stored_call {
	struct key_stored *ret;
	size_t n;
};

static RC take_stored(struct der_reader *r, void *arg)
{
	struct stored_call *s = arg;
	TRY(msg_get_stored(r, s->ret, s->n));
	return answer_close(r);
}

RC signer_km_generate(struct signer_client *c, struct slice key, struct key_stored *ret, size_t n)
{
	struct stored_call s = {ret, n};
	AUTO_DER(w, SIGNER_FRAME_MAX);
	NEED(n >= 1 && n <= SIGNER_BATCH, RC_BUG, "signer: 1 to %d keys at once", SIGNER_BATCH);
	msg_put_km_generate(&w, key, n);
	return call((struct call){c, &w, -1, take_stored, &s}, SIGNER_KM_GENERATE);
}

static RC km_respond(struct signer_client *c, const struct msg_km_respond *head,
                     const struct signer_km_answer *answers, size_t n, struct buf *ret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	AUTO_MEM(struct msg_km_respond, m, mem_new(1, sizeof *m));
	NEED(m != NULL, RC_NOMEM, "signer: message");
	NEED(n <= SIGNER_BATCH, RC_BUG, "signer: at most %d answers", SIGNER_BATCH);
	*m = *head;
	m->count = n;
	memcpy(m->answers, answers, n * sizeof *answers);
	msg_put_km_respond(&w, m);
	return call((struct call){c, &w, -1, take_octets, ret}, SIGNER_KM_RESPOND);
}

RC signer_km_respond(struct signer_client *c, struct slice key, struct slice ca_request,
                     const struct signer_km_answer *answers, size_t n, struct buf *ret)
{
	AUTO_MEM(struct msg_km_respond, m, mem_new(1, sizeof *m));
	NEED(m != NULL, RC_NOMEM, "signer: message");
	m->key = key;
	m->ca_request = ca_request;
	return km_respond(c, m, answers, n, ret);
}

RC signer_km_release(struct signer_client *c, struct slice ca_request, const struct signer_km_answer *answers,
                     size_t n, const struct signer_orders *orders, struct buf *ret)
{
	AUTO_MEM(struct msg_km_respond, m, mem_new(1, sizeof *m));
	NEED(m != NULL, RC_NOMEM, "signer: message");
	m->key = SLICE_LIT(SIGNER_KMC_KEY);
	m->ca_request = ca_request;
	m->order_count = orders->count;
	memcpy(m->orders, orders->at, sizeof m->orders);
	return km_respond(c, m, answers, n, ret);
}

struct judicial_call {
	struct buf *ret;
	size_t n;
};

static RC take_envelopes(struct der_reader *r, void *arg)
{
	struct judicial_call *j = arg;
	der_enter(r, DER_SEQUENCE);
	for (size_t i = 0; i < j->n; i++)
		buf_add(&j->ret[i], der_octets(r));
	der_leave(r);
	return answer_close(r);
}

RC signer_km_judicial(struct signer_client *c, const struct signer_orders *orders, const struct slice *blobs,
                      size_t n, struct buf *ret)
{
	struct judicial_call j = {ret, n};
	struct msg_judicial m = {.order_count = orders->count, .blob_count = n};
	AUTO_DER(w, SIGNER_FRAME_MAX);
	NEED(n >= 1 && n <= SIGNER_RESTORED, RC_BUG, "signer: 1 to %d keys at once", SIGNER_RESTORED);
	memcpy(m.orders, orders->at, sizeof m.orders);
	memcpy(m.blobs, blobs, n * sizeof *blobs);
	msg_put_judicial(&w, &m);
	return call((struct call){c, &w, -1, take_envelopes, &j}, SIGNER_KM_JUDICIAL);
}

RC signer_statement(struct signer_client *c, struct slice key, struct slice json, struct buf *ret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_two(&w, key, json);
	return call((struct call){c, &w, -1, take_octets, ret}, SIGNER_STATEMENT);
}

RC signer_timestamp(struct signer_client *c, struct slice info, struct buf *ret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_two(&w, SLICE_LIT(SIGNER_TIMESTAMP_KEY), info);
	return call((struct call){c, &w, -1, take_octets, ret}, SIGNER_TIMESTAMP);
}

/* n values of one size. */
struct values {
	uint8_t *ret;
	size_t n, size;
};

static RC take_values(struct der_reader *r, void *arg)
{
	struct values *v = arg;
	der_enter(r, DER_SEQUENCE);
	for (size_t i = 0; i < v->n; i++) {
		struct slice one = der_octets(r);
		NEED(one.len == v->size, RC_BUG, "signer: malformed answer");
		memcpy(v->ret + i * v->size, one.p, one.len);
	}
	der_leave(r);
	return answer_close(r);
}

static RC ask_values(struct signer_client *c, enum signer_type type, const struct slice *data,
                     struct values *ret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	NEED(ret->n >= 1 && ret->n <= SIGNER_BATCH, RC_BUG, "signer: 1 to %d values at once", SIGNER_BATCH);
	w.out.secret = type == SIGNER_WRAP;
	msg_put_list(&w, data, ret->n);
	return call((struct call){c, &w, -1, take_values, ret}, type);
}

RC signer_prf(struct signer_client *c, const struct slice *data, uint8_t (*ret)[16], size_t n)
{
	return ask_values(c, SIGNER_PRF, data, &(struct values){ret[0], n, 16});
}

RC signer_wrap(struct signer_client *c, const uint8_t (*keys)[16], size_t n, uint8_t (*ret)[SIGNER_WRAPPED])
{
	struct slice data[SIGNER_BATCH];
	for (size_t i = 0; i < n && i < SIGNER_BATCH; i++)
		data[i] = slice_of(keys[i], 16);
	return ask_values(c, SIGNER_WRAP, data, &(struct values){ret[0], n, SIGNER_WRAPPED});
}

RC signer_unwrap(struct signer_client *c, const uint8_t (*wrapped)[SIGNER_WRAPPED], size_t n,
                 uint8_t (*ret)[16])
{
	struct slice data[SIGNER_BATCH];
	for (size_t i = 0; i < n && i < SIGNER_BATCH; i++)
		data[i] = slice_of(wrapped[i], SIGNER_WRAPPED);
	return ask_values(c, SIGNER_UNWRAP, data, &(struct values){ret[0], n, 16});
}

static RC take_info(struct der_reader *r, void *arg)
{
	TRY(msg_get_info(r, arg));
	return answer_close(r);
}

RC signer_info(struct signer_client *c, struct signer_info *ret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_two(&w, SLICE_NONE, SLICE_NONE);
	return call((struct call){c, &w, -1, take_info, ret}, SIGNER_INFO);
}

RC signer_unlock(struct signer_client *c, struct slice secret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	w.out.secret = true;
	msg_put_two(&w, secret, SLICE_NONE);
	return call((struct call){c, &w, -1, take_nothing, NULL}, SIGNER_UNLOCK);
}

RC signer_responder(struct signer_client *c, struct slice old, struct buf *ret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_two(&w, old, SLICE_NONE);
	return call((struct call){c, &w, -1, take_octets, ret}, SIGNER_RESPONDER);
}

RC signer_tls(struct signer_client *c, struct slice csr, struct slice instance, struct buf *ret)
{
	AUTO_DER(w, SIGNER_FRAME_MAX);
	msg_put_two(&w, csr, instance);
	return call((struct call){c, &w, -1, take_octets, ret}, SIGNER_TLS);
}
