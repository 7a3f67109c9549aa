/* The batch as a whole: opened, looked at, cancelled. */
#include "ra/batch.h"

#include "base/clock.h"
#include "evidence/log.h"
#include "ra/application.h"

/* ---- seeing ---- */

static RC may_see(const struct peer *p, const struct batch *b)
{
	if (p->roles & (OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(ISSUE) | OFFICER(QUERY)))
		return OK;
	REQUIRE((p->roles & OFFICER(ENTRY)) && strcmp(p->person, b->by) == 0, NOT_YOURS, "batch %s", b->id);
	return OK;
}

RC batch_of(const struct request *q, struct db *db, struct batch *ret)
{
	struct slice id = request_param(q, "id");
	char text[RA_ID + 1];

	NEED(id.len == RA_ID, RC_NOTFOUND, "there is no such batch");
	memcpy(text, id.p, RA_ID);
	text[RA_ID] = '\0';
	TRY(ra_store_batch(db, text, ret));
	return may_see(q->peer, ret);
}

RC batch_json(struct db *db, const struct batch *b, json_t **ret)
{
	AUTO_JSON(o, json_object());
	json_t *states = json_object();
	int64_t done, errors, next, counts[APPLICATION_STATES];

	TRY(ra_store_batch_progress(db, b->id, &done, &errors, &next));
	TRY(ra_store_batch_counts(db, b->id, counts));
	json_put_cstr(o, "id", b->id);
	json_put_cstr(o, "name", b->name);
	json_put_cstr(o, "state",
	              b->state == BATCH_CANCELLED ? "cancelled"
	              : done == b->lines          ? "complete"
	                                          : "open");
	json_put_cstr(o, "by", b->by);
	json_put_time(o, "at", b->at);
	json_put_int(o, "lines", b->lines);
	json_put_int(o, "done", done);
	json_put_int(o, "errors", errors);
	json_put_int(o, "next", next);
	json_put_take(o, "applications", states);
	for (int s = APPLICATION_ENTERED; s < APPLICATION_STATES; s++) {
		if (counts[s] > 0)
			json_put_int(states, application_state_name((enum application_state)s), counts[s]);
	}
	TRY(json_put_result());
	*ret = MOVE(o);
	return OK;
}

RC batch_show(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	struct batch b;

	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(batch_of(q, lease->db, &b));
	return batch_json(lease->db, &b, ret);
}

struct listing {
	struct db *db;
	json_t *list;
	int64_t last;
};

static struct rc add_error(void *arg, const struct batch_error *e)
{
	struct listing *l = arg;
	json_t *o = json_object();

	json_put_int(o, "line", e->line);
	json_put_text(o, "code", e->code);
	json_put_text(o, "text", e->text);
	l->last = e->line;
	NEED(o != NULL && json_array_append_new(l->list, o) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

static RC page(const struct request *q, int64_t most, int64_t *after, int64_t *limit)
{
	*after = 0;
	*limit = most;
	TRY(request_query_only(q, "after", "limit", NULL));
	TRY(request_query_int(q, "after", 0, INT64_MAX, after));
	return request_query_int(q, "limit", 1, most, limit);
}

RC batch_errors(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct listing l = {.list = json_array()};
	int64_t after, limit;
	struct batch b;

	json_put_take(o, "errors", l.list);
	TRY(page(q, 1000, &after, &limit));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(batch_of(q, lease->db, &b));
	TRY(ra_store_batch_errors(lease->db, b.id, after, (size_t)limit, add_error, &l));
	if ((int64_t)json_array_size(l.list) == limit)
		json_put_int(o, "cursor", l.last);
	*ret = MOVE(o);
	return OK;
}

static struct rc add_full(void *arg, const struct ra_application *a)
{
	struct listing *l = arg;
	json_t *o = NULL;

	TRY(ra_full(l->db, a, &o));
	l->last = a->seq;
	NEED(json_array_append_new(l->list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

/* What waits for the reviewer, whole, so that his program can compute each approval itself. */
RC batch_applications(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct listing l = {.list = json_array()};
	struct ra_filter f = {.state = APPLICATION_ENTERED};
	struct batch b;
	int64_t limit;

	json_put_take(o, "applications", l.list);
	TRY(page(q, BATCH_PAGE, &f.after, &limit));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(batch_of(q, lease->db, &b));
	f.limit = (size_t)limit;
	f.batch = b.id;
	l.db = lease->db;
	TRY(ra_store_each(lease->db, &f, add_full, &l));
	if ((int64_t)json_array_size(l.list) == limit)
		json_put_int(o, "cursor", l.last);
	*ret = MOVE(o);
	return OK;
}

/* ---- opening, cancelling ---- */

struct changing {
	struct ra *ra;
	struct batch b;
	int64_t cancelled;
	struct slice reason; /* of a cancellation */
};

static RC log_batch(const struct changing *v, struct db_tx *tx, const char *kind, const char *by)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", v->b.id);
	json_put_hex(o, "sm3", SLICE_ARR(v->b.sm3));
	json_put_int(o, "lines", v->b.lines);
	json_put_cstr(o, "by", by);
	if (v->reason.len > 0)
		json_put_text(o, "reason", v->reason);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, kind, o, NULL, NULL);
}

static struct rc open_write(struct db_tx *tx, void *arg)
{
	struct changing *v = arg;
	struct batch known;
	struct rc rc = ra_store_batch_file(tx->db, v->b.sm3, v->b.by, &known);

	if (rc_ok(rc)) {
		REQUIRE(known.lines == v->b.lines, BATCH_STATE, "batch %s has %lld lines", known.id,
		        (long long)known.lines);
		v->b = known;
		return OK;
	}
	if (rc.code != RC_NOTFOUND)
		return rc;
	TRY(ra_store_batch_put(tx->db, &v->b));
	return log_batch(v, tx, "batch-opened", v->b.by);
}

RC batch_open(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_JSON(body, NULL);
	AUTO(db_lease, lease, NULL);
	struct changing v = {.ra = ra, .b = {.at = clock_now()}};
	struct slice name;

	TRY(request_json(q, &body));
	TRY(json_only(body, "name", "sm3", "lines", NULL));
	TRY(json_get_text(body, "name", BATCH_NAME_MAX, &name));
	TRY(json_get_hex(body, "sm3", v.b.sm3, sizeof(v.b.sm3)));
	TRY(json_get_int(body, "lines", 1, INT64_MAX >> 11, &v.b.lines));
	REQUIRE(v.b.lines <= BATCH_LINES_MAX, BATCH_LIMIT, "%lld lines, at most %d", (long long)v.b.lines,
	        BATCH_LINES_MAX);
	memcpy(v.b.name, name.p, name.len);
	(void)snprintf(v.b.by, sizeof(v.b.by), "%s", q->peer->person);
	TRY(ra_new_id(v.b.id));
	TRY(writer_run(instance_writer(ra->in), open_write, &v));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	return batch_json(lease->db, &v.b, ret);
}

struct cancelling {
	struct changing c;
	const struct request *q;
};

static struct rc cancel_write(struct db_tx *tx, void *arg)
{
	struct cancelling *v = arg;

	TRY(batch_of(v->q, tx->db, &v->c.b));
	if (v->c.b.state == BATCH_CANCELLED)
		return OK;
	TRY(ra_store_batch_cancel(tx->db, v->c.b.id, v->q->peer->person, clock_now(), &v->c.cancelled));
	v->c.b.state = BATCH_CANCELLED;
	return log_batch(&v->c, tx, "batch-cancelled", v->q->peer->person);
}

RC batch_cancel(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(body, NULL);
	struct cancelling v = {.c = {.ra = ra}, .q = q};

	TRY(request_json(q, &body));
	TRY(json_only(body, "reason", NULL));
	TRY(json_get_text(body, "reason", BATCH_REASON_MAX, &v.c.reason));
	NEED(v.c.reason.len > 0, RC_INPUT, "a reason is asked for");
	TRY(writer_run(instance_writer(ra->in), cancel_write, &v));
	atomic_fetch_add(&ra->counts[APPLICATION_CANCEL], (unsigned long)v.c.cancelled);
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	return batch_json(lease->db, &v.c.b, ret);
}
