/* The way to the CA: approved applications are the queue, the database keeps it.  One thread walks it in
 * batches; what was not answered is sent again with the same key (design 9.5). */
#include "base/clock.h"
#include "evidence/alarm.h"
#include "ra/application.h"
#include "ra/forward.h"
#include "ra/revoke.h"

/* ---- a batch ---- */

static void batch_free(struct forward_batch *b)
{
	if (b == NULL)
		return;
	json_decref(b->requests);
	mem_free(b);
}
DROP(forward_batch, batch_free);

static struct rc gather(void *arg, const struct ra_application *a)
{
	struct forward_batch *b = arg;
	struct forward_item *i = &b->at[b->count++];

	*i = (struct forward_item){.seq = a->seq, .state = a->state};
	memcpy(i->id, a->id, sizeof(i->id));
	memcpy(i->authority, a->authority, sizeof(i->authority));
	memcpy(i->key, a->decision, sizeof(i->key));
	return OK;
}

static RC add_request(struct db *db, struct forward_batch *b, const struct forward_item *i)
{
	AUTO_BUF(application, RA_STATEMENT_MAX);
	AUTO_BUF(approval, RA_STATEMENT_MAX);
	AUTO_JSON(o, json_object());

	TRY(ra_store_bodies(db, i->seq,
	                    &(struct ra_bodies){.statement = &application, .decision = &approval}));
	json_put_hex(o, "key", SLICE_ARR(i->key));
	json_put_base64(o, "application", buf_slice(&application));
	json_put_base64(o, "approval", buf_slice(&approval));
	TRY(json_put_result());
	b->bytes += (application.len + approval.len) * 4 / 3 + 256;
	NEED(json_array_append(b->requests, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

/* The next ones behind b->last in that state, as many as one body holds. */
static RC load(struct ra *ra, enum application_state state, size_t limit, struct forward_batch *b)
{
	AUTO(db_lease, lease, NULL);
	struct ra_filter f = {.state = state, .after = b->last, .limit = limit};
	size_t n = 0;

	json_decref(b->requests);
	b->requests = json_array();
	NEED(b->requests != NULL, RC_NOMEM, "no memory");
	b->count = b->bytes = b->unfinished = 0;
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_each(lease->db, &f, gather, b));
	for (; n < b->count && (n == 0 || b->bytes < FORWARD_BYTES); n++)
		TRY(add_request(lease->db, b, &b->at[n]));
	b->count = n;
	if (n > 0)
		b->last = b->at[n - 1].seq;
	return OK;
}

/* ---- sending ---- */

bool ra_forward_again(const struct rc_text *why)
{
	return why->code == RC_BUSY || why->code == RC_UNCERTAIN || why->code == RC_NOMEM ||
	       why->code == RC_CRYPTO || why->code == RC_BUG;
}

/* The vault has the originals before the CA hears of what they prove. */
static RC keep(struct ra *ra, const struct forward_batch *b)
{
	AUTO(db_lease, lease, NULL);
	int64_t applications[FORWARD_BATCH];
	size_t n = 0;

	if (ra->vault == NULL)
		return OK;
	for (size_t i = 0; i < b->count; i++)
		if (b->at[i].state == APPLICATION_APPROVED)
			applications[n++] = b->at[i].seq;
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	return ra_keep_evidence(ra, lease->db, applications, n);
}

static RC send_batch(struct ra *ra, struct forward_batch *b)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(text, JSON_MAX);
	AUTO_ANSWER(a, FORWARD_ANSWER_MAX);

	TRY(keep(ra, b));
	json_put_take(body, "requests", json_incref(b->requests));
	TRY(json_canonical(body, &text));
	TRY(http_call(ra->ca,
	              &(struct http_call){.method = "POST",
	                                  .path = "/v1/requests",
	                                  .media = "application/json",
	                                  .body = buf_slice(&text),
	                                  .deadline_ms = FORWARD_DEADLINE_MS},
	              &a));
	TRY(json_read(buf_slice(&a.body), FORWARD_ANSWER_MAX, &answer));
	return forward_take(ra, b, answer);
}

/* The queue of one state, in the order of entry, from the first; approvals come in another order, so a walk
 * that follows the newest would leave those behind that it has passed.  *left tells how many are still there.
 * A body that the CA refuses as a whole is taken apart, so that one bad request does not hold up the others.
 */
static RC walk(struct ra *ra, enum application_state state, size_t *left)
{
	AUTO(forward_batch, b, mem_new(1, sizeof(*b)));
	size_t limit = FORWARD_BATCH, batches = 0;

	NEED(b != NULL, RC_NOMEM, "no memory");
	*left = 0;
	for (;;) {
		int64_t before = b->last;
		struct rc rc;

		TRY(load(ra, state, limit, b));
		if (b->count == 0 || instance_ending(ra->in))
			return OK;
		rc = send_batch(ra, b);
		if (!rc_ok(rc) && ra_forward_again(rc_last()))
			return rc;
		if (!rc_ok(rc) && limit > 1) {
			limit = 1;
			b->last = before;
			continue;
		}
		if (!rc_ok(rc))
			instance_alarm(ra->in, "request-not-taken", slice_text(b->at[0].id), rc_last()->text);
		*left += rc_ok(rc) ? b->unfinished : b->count;
		if (state == APPLICATION_APPROVED && limit > 1 &&
		    (++batches == FORWARD_WALK || b->count < limit)) {
			ra_forward_wake(ra); /* to look again from the start */
			return OK;
		}
	}
}

RC ra_forward_revocation(struct ra *ra, struct slice statement, json_t **ret)
{
	AUTO_ANSWER(a, JSON_MAX);

	REQUIRE(ra->ca != NULL, UNREACHABLE, "no CA is configured");
	TRY(http_call(ra->ca,
	              &(struct http_call){.method = "POST",
	                                  .path = "/v1/revocations",
	                                  .media = STATEMENT_MEDIA,
	                                  .body = statement,
	                                  .deadline_ms = FORWARD_DEADLINE_MS},
	              &a));
	return json_read(buf_slice(&a.body), JSON_MAX, ret);
}

/* ---- the thread ---- */

struct pace {
	uint64_t next, partial_next; /* clock_mono_ms() */
	uint64_t pause;              /* 0: the CA answers */
	unsigned failures;
};

static struct rc clear_alarm(struct db_tx *tx, void *arg)
{
	struct ra *ra = arg;

	return alarm_clear(instance_log(ra->in), tx, "ca-unreachable", instance_config(ra->in)->ca_name);
}

static void answered(struct ra *ra, struct pace *p)
{
	p->pause = 0;
	p->next = 0;
	p->failures = 0;
	if (ra->alarmed && rc_ok(writer_run(instance_writer(ra->in), clear_alarm, ra)))
		ra->alarmed = false;
}

static void failed(struct ra *ra, struct pace *p)
{
	atomic_fetch_add(&ra->forward_failures, 1);
	p->pause = p->pause == 0 ? FORWARD_PAUSE_MIN_MS : p->pause * 2;
	if (p->pause > FORWARD_PAUSE_MAX_MS)
		p->pause = FORWARD_PAUSE_MAX_MS;
	p->next = clock_mono_ms() + p->pause;
	if (++p->failures == FORWARD_ALARM) {
		instance_alarm(ra->in, "ca-unreachable", slice_text(instance_config(ra->in)->ca_name),
		               rc_last()->text);
		ra->alarmed = true;
	}
}

static bool standing(struct ra *ra)
{
	AUTO(trust, t, instance_trust(ra->in));

	return rc_ok(ra_standing(ra, t));
}

/* Revocations go first, always. */
static RC round_once(struct ra *ra, struct pace *p)
{
	size_t left = 0, half = 0;

	TRY(ra_queue_send(ra));
	/* R08.4: what is approved waits until the RA is approved again; revocations never do */
	if (!standing(ra)) {
		p->partial_next = clock_mono_ms() + FORWARD_PARTIAL_MS;
		return OK;
	}
	TRY(walk(ra, APPLICATION_APPROVED, &left));
	if (clock_mono_ms() >= p->partial_next) {
		TRY(walk(ra, APPLICATION_PARTIAL, &half));
		p->partial_next = clock_mono_ms() + FORWARD_PARTIAL_MS;
	}
	/* an answer without an end: the CA is at it, or was too busy for these */
	REQUIRE(left == 0, PEER_FAILED, "%zu requests are unfinished at the CA", left);
	return OK;
}

/* Until there is work and the pause is over; false: the end. */
static bool wait_work(struct ra *ra, const struct pace *p)
{
	struct timespec until;
	bool go;

	pthread_mutex_lock(&ra->lock);
	while (!ra->ending) {
		uint64_t now = clock_mono_ms(), at = p->next > 0 ? p->next : p->partial_next;

		if (now >= at || (ra->work && p->next == 0))
			break;
		until = (struct timespec){.tv_sec = (time_t)(at / 1000),
		                          .tv_nsec = (long)(at % 1000) * 1000000};
		(void)pthread_cond_timedwait(&ra->wake, &ra->lock, &until);
	}
	go = !ra->ending;
	ra->work = false;
	pthread_mutex_unlock(&ra->lock);
	return go;
}

static void *forwarder(void *arg)
{
	struct ra *ra = arg;
	struct pace p = {.next = 0};

	while (wait_work(ra, &p)) {
		if (rc_ok(round_once(ra, &p)))
			answered(ra, &p);
		else
			failed(ra, &p);
	}
	return NULL;
}

void ra_forward_wake(struct ra *ra)
{
	pthread_mutex_lock(&ra->lock);
	ra->work = true;
	pthread_cond_signal(&ra->wake);
	pthread_mutex_unlock(&ra->lock);
}

RC ra_forward_start(struct ra *ra)
{
	if (ra->ca == NULL)
		return OK;
	NEED(pthread_create(&ra->forwarder, NULL, forwarder, ra) == 0, RC_BUSY, "ra: no thread");
	ra->forwarding = true;
	return OK;
}

void ra_forward_end(struct ra *ra)
{
	pthread_mutex_lock(&ra->lock);
	ra->ending = true;
	pthread_cond_broadcast(&ra->wake);
	pthread_mutex_unlock(&ra->lock);
}

void ra_forward_stop(struct ra *ra)
{
	if (!ra->forwarding)
		return;
	ra_forward_end(ra);
	(void)pthread_join(ra->forwarder, NULL);
	ra->forwarding = false;
}
