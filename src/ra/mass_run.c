/* The statements of a mass operation: verified together, sent to the CA together, each with its own outcome
 * and its own row.  A CA that is away gets them later, like every other revocation. */
#include "ra/forward.h"
#include "ra/loss.h"
#include "ra/mass.h"

#include "base/clock.h"
#include "base/text.h"
#include "http/problem.h"

struct item {
	struct statement *s;
	struct revoking v;
	enum mass_state state;
	struct rc_text why;
	bool open;
};
struct run {
	struct ra *ra;
	struct mass_row mass;
	size_t n, queued;
	struct item at[MASS_STATEMENTS];
};

static void run_free(struct run *r)
{
	for (size_t i = 0; r != NULL && i < r->n; i++)
		statement_free(r->at[i].s);
	mem_free(r);
}
DROP(run, run_free);

static void refuse(struct item *i)
{
	i->why = *rc_last();
	i->state = MASS_REFUSED;
}

/* ---- what came ---- */

static RC open_one(struct run *r, const struct request *q, const json_t *text, struct item *i)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);

	NEED(json_is_string(text), RC_INPUT, "statements: not base64");
	TRY(text_base64(slice_of(json_string_value(text), json_string_length(text)), &der));
	TRY(statement_open(buf_slice(&der), &i->s));
	NEED(i->s->kind == STATEMENT_REVOCATION, RC_INPUT, "not a revocation");
	REQUIRE(slice_is(i->s->organisation, instance_org(r->ra->in)), STATEMENT_CERTIFICATE,
	        "only officers of %s decide here", instance_org(r->ra->in));
	REQUIRE(slice_is(i->s->person, q->peer->person), OTHER_SIGNER, "signed by another person");
	TRY(revoking_open(&i->v, r->ra, i->s, q->peer->person));
	NEED(i->v.order.event == r->mass.event, RC_INPUT, "the operation is another one");
	return OK;
}

/* Still open in this operation; what was done before is not done again. */
static RC is_open(struct db *db, const struct run *r, struct item *i)
{
	TRY(ra_store_mass_state(db, r->mass.id, i->v.r.ca, i->v.r.serial, &i->state));
	i->open = i->state == MASS_OPEN;
	return OK;
}

static RC verify(struct run *r)
{
	AUTO(trust, t, instance_trust(r->ra->in));
	AUTO_MEM(struct statement_check, checks, mem_new(MASS_STATEMENTS, sizeof(*checks)));
	size_t n = 0, next = 0;

	NEED(checks != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < r->n; i++) {
		if (r->at[i].open)
			checks[n++].s = r->at[i].s;
	}
	statement_verify_batch(trust_statements(t), clock_now(), checks, n);
	for (size_t i = 0; i < r->n; i++) {
		if (!r->at[i].open)
			continue;
		if (!rc_ok(checks[next].rc)) {
			r->at[i].why = checks[next].why;
			r->at[i].state = MASS_REFUSED;
			r->at[i].open = false;
		}
		next++;
	}
	return OK;
}

static RC take(struct run *r, const struct request *q, const json_t *list)
{
	AUTO(db_lease, lease, NULL);
	const json_t *one;
	size_t i;

	TRY(db_pool_lease(instance_readers(r->ra->in), &lease));
	TRY(ra_mass_find(lease->db, request_param(q, "id"), &r->mass));
	json_array_foreach(list, i, one)
	{
		struct item *item = &r->at[r->n++];

		if (!rc_ok(open_one(r, q, one, item)) || !rc_ok(is_open(lease->db, r, item)))
			refuse(item);
	}
	return verify(r);
}

/* ---- to the CA ---- */

static RC take_result(struct item *i, const json_t *result)
{
	const json_t *error = json_object_get(result, "error");
	AUTO_BUF(text, PROBLEM_MAX);
	int64_t status = 500;

	if (error == NULL) {
		TRY(ra_revocation_time(result, &i->v.r.revoked_at));
		i->state = MASS_DONE;
		i->v.r.state = RA_REVOCATION_DONE;
		return OK;
	}
	(void)rc_ok(json_get_int(error, "status", 100, 599, &status));
	TRY(json_canonical(error, &text));
	(void)rc_ok(problem_failure((unsigned)status, buf_slice(&text)));
	i->why = *rc_last();
	i->state = ra_forward_again(&i->why) ? MASS_QUEUED : MASS_REFUSED;
	return OK;
}

static RC post(struct run *r)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	json_t *list = json_array(), *results;
	size_t next = 0, n = 0;

	json_put_take(body, "statements", list);
	for (size_t i = 0; i < r->n; i++) {
		AUTO_BUF(text, 2 * RA_STATEMENT_MAX);

		if (!r->at[i].open)
			continue;
		buf_base64(&text, buf_slice(&r->at[i].s->der));
		TRY(buf_done(&text));
		NEED(json_array_append_new(list, json_string(buf_cstr(&text))) == 0, RC_NOMEM, "no memory");
		n++;
	}
	if (n == 0)
		return OK;
	TRY(ra_ca_call(r->ra, "/v1/revocations/bulk", body, &answer));
	TRY(json_get_array(answer, "results", MASS_STATEMENTS, &results));
	NEED(json_array_size(results) == n, RC_INPUT, "the CA answers what was not asked");
	for (size_t i = 0; i < r->n; i++) {
		if (r->at[i].open)
			TRY(take_result(&r->at[i], json_array_get(results, next++)));
	}
	return OK;
}

static void queue_all(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->at[i].open)
			r->at[i].state = MASS_QUEUED;
	}
}

static RC write_one(struct db_tx *tx, struct run *r, struct item *i)
{
	if (i->state != MASS_REFUSED) {
		i->v.r.state = i->state == MASS_DONE ? RA_REVOCATION_DONE : RA_REVOCATION_QUEUED;
		TRY(revoking_put(tx, &i->v));
	}
	if (i->state == MASS_QUEUED)
		r->queued++;
	return ra_store_mass_end(
	        tx->db, r->mass.id,
	        &(struct mass_item){.ca = slice_text(i->v.r.ca),
	                            .serial = i->v.r.serial,
	                            .state = i->state,
	                            .code = i->state == MASS_REFUSED ? err_info(i->why.err)->name : NULL});
}

static struct rc run_write(struct db_tx *tx, void *arg)
{
	struct run *r = arg;

	r->queued = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (r->at[i].open)
			TRY(write_one(tx, r, &r->at[i]));
	}
	return OK;
}

static RC answer(const struct run *r, json_t **ret)
{
	static const char *const names[] = {"open", "done", "queued", "refused"};
	AUTO_JSON(list, json_array());

	for (size_t i = 0; i < r->n; i++) {
		json_t *o = json_object();

		json_put_cstr(o, "state", names[r->at[i].state]);
		if (r->at[i].why.code != RC_OK && r->at[i].state == MASS_REFUSED)
			json_put_cstr(o, "code", err_info(r->at[i].why.err)->name);
		NEED(json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	}
	*ret = json_object();
	json_put_take(*ret, "results", json_incref(list));
	return json_put_result();
}

RC ra_mass_statements(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(run, r, mem_new(1, sizeof(*r)));
	AUTO_JSON(body, NULL);
	json_t *list;

	NEED(r != NULL, RC_NOMEM, "no memory");
	r->ra = ra;
	TRY(request_json(q, &body));
	TRY(json_only(body, "statements", NULL));
	TRY(json_get_array(body, "statements", MASS_STATEMENTS, &list));
	TRY(take(r, q, list));
	if (!rc_ok(post(r))) {
		if (!ra_forward_again(rc_last()))
			return rc_restore(rc_last());
		queue_all(r);
	}
	TRY(writer_run_first(instance_writer(ra->in), run_write, r));
	if (r->queued > 0) {
		atomic_fetch_add(&ra->revocations_queued, r->queued);
		ra_forward_wake(ra);
	}
	atomic_fetch_add(&ra->revocations, r->n);
	return answer(r, ret);
}
