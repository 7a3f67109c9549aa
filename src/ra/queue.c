/* What could not be told to the CA: sent in the order it came, many at once, each with its own outcome, so
 * that none holds up the others (R31.4). */
#include "ra/forward.h"
#include "ra/loss.h"

#include "http/problem.h"

#define QUEUE_BATCH 100

struct waiting {
	struct ra_revocation r;
	enum order_event event;
	enum ra_revocation_state state;
	struct rc_text why;
	uint8_t serial[RA_SERIAL_MAX];
	bool ended;
};
struct queue {
	struct ra *ra;
	size_t n, left;
	int64_t last;
	json_t *statements;
	struct waiting at[QUEUE_BATCH];
};

static void queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	json_decref(q->statements);
	mem_free(q);
}
DROP(queue, queue_free);

/* What it orders; the statement was judged when it came in. */
static RC event_of(struct slice der, enum order_event *ret)
{
	AUTO(statement, s, NULL);
	struct order o;

	TRY(statement_open(der, &s));
	TRY(order_read(s, &o));
	*ret = o.event;
	return OK;
}

static struct rc gather(void *arg, const struct ra_revocation *r)
{
	struct queue *q = arg;
	struct waiting *w = &q->at[q->n++];
	AUTO_BUF(text, 2 * RA_STATEMENT_MAX);

	*w = (struct waiting){.r = *r};
	NEED(r->serial.len <= sizeof(w->serial), RC_BUG, "ra: a stored serial is too long");
	memcpy(w->serial, r->serial.p, r->serial.len);
	w->r.serial = slice_of(w->serial, r->serial.len);
	w->r.statement = SLICE_NONE;
	q->last = r->seq;
	TRY(event_of(r->statement, &w->event));
	buf_base64(&text, r->statement);
	TRY(buf_done(&text));
	NEED(json_array_append_new(q->statements, json_string(buf_cstr(&text))) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC load(struct queue *q)
{
	AUTO(db_lease, lease, NULL);

	json_decref(q->statements);
	q->statements = json_array();
	NEED(q->statements != NULL, RC_NOMEM, "no memory");
	q->n = 0;
	TRY(db_pool_lease(instance_readers(q->ra->in), &lease));
	return ra_store_revocations(lease->db, q->last, QUEUE_BATCH, gather, q);
}

/* Already what was wanted is as good as done; anything else somebody must look at. */
static void refused(struct queue *q, struct waiting *w, const json_t *error)
{
	AUTO_BUF(text, PROBLEM_MAX);
	int64_t status = 500;

	(void)rc_ok(json_get_int(error, "status", 100, 599, &status));
	if (rc_ok(json_canonical(error, &text)))
		(void)rc_ok(problem_failure((unsigned)status, buf_slice(&text)));
	w->why = *rc_last();
	if (ra_forward_again(&w->why)) {
		q->left++;
		return;
	}
	w->state = RA_REVOCATION_REFUSED;
	w->ended = true;
	if (w->why.err != ERR_ALREADY_REVOKED)
		instance_alarm(q->ra->in, "revocation-refused", slice_text(w->r.ca), w->why.text);
}

static RC take_results(struct queue *q, const json_t *answer)
{
	json_t *results;

	TRY(json_get_array(answer, "results", QUEUE_BATCH, &results));
	NEED(json_array_size(results) == q->n, RC_INPUT, "the CA answers what was not asked");
	for (size_t i = 0; i < q->n; i++) {
		const json_t *one = json_array_get(results, i), *error = json_object_get(one, "error");

		if (error != NULL) {
			refused(q, &q->at[i], error);
			continue;
		}
		TRY(ra_revocation_time(one, &q->at[i].r.revoked_at));
		q->at[i].state = RA_REVOCATION_DONE;
		q->at[i].ended = true;
	}
	return OK;
}

static struct rc end_write(struct db_tx *tx, void *arg)
{
	struct queue *q = arg;

	for (size_t i = 0; i < q->n; i++) {
		const struct waiting *w = &q->at[i];
		bool no = w->state == RA_REVOCATION_REFUSED;
		struct ra_revocation now;

		if (!w->ended)
			continue;
		TRY(ra_store_revocation_find(tx->db, w->r.hash, &now));
		if (now.state != RA_REVOCATION_QUEUED)
			continue;
		TRY(ra_store_revocation_end(tx->db, w->r.hash, w->state, w->r.revoked_at,
		                            no ? err_info(w->why.err)->name : "", no ? w->why.text : ""));
		if (!no)
			TRY(ra_loss_done(tx, &w->r, w->event, w->r.revoked_at));
	}
	return OK;
}

static RC count_again(struct ra *ra)
{
	AUTO(db_lease, lease, NULL);
	int64_t n;

	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_revocations_queued(lease->db, &n));
	atomic_store(&ra->revocations_queued, (unsigned long)n);
	return OK;
}

RC ra_ca_call(struct ra *ra, const char *path, const json_t *body, json_t **ret)
{
	AUTO_BUF(text, JSON_MAX);
	AUTO_ANSWER(answer, FORWARD_ANSWER_MAX);

	REQUIRE(ra->ca != NULL, UNREACHABLE, "no CA is configured");
	TRY(json_canonical(body, &text));
	TRY(http_call(ra->ca,
	              &(struct http_call){.method = "POST",
	                                  .path = path,
	                                  .media = "application/json",
	                                  .body = buf_slice(&text),
	                                  .deadline_ms = FORWARD_DEADLINE_MS},
	              &answer));
	return json_read(buf_slice(&answer.body), FORWARD_ANSWER_MAX, ret);
}

static RC send(struct queue *q)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);

	json_put_take(body, "statements", json_incref(q->statements));
	TRY(json_put_result());
	TRY(ra_ca_call(q->ra, "/v1/revocations/bulk", body, &answer));
	TRY(take_results(q, answer));
	TRY(writer_run_first(instance_writer(q->ra->in), end_write, q));
	return count_again(q->ra);
}

RC ra_queue_send(struct ra *ra)
{
	AUTO(queue, q, mem_new(1, sizeof(*q)));

	NEED(q != NULL, RC_NOMEM, "no memory");
	q->ra = ra;
	if (atomic_load(&ra->revocations_queued) == 0)
		return OK;
	do {
		TRY(load(q));
		if (q->n > 0)
			TRY(send(q));
	} while (q->n == QUEUE_BATCH && !instance_ending(ra->in));
	REQUIRE(q->left == 0, PEER_FAILED, "%zu revocations are unfinished at the CA", q->left);
	return OK;
}
