/* Many decisions at once: each is a statement of its own on one application of the batch. */
#include "base/text.h"
#include "ra/batch.h"
#include "ra/review.h"

struct decision {
	struct statement *s;
	struct reviewing v;
	bool refused;
	struct rc_text why;
	char id[RA_ID + 1];
};
struct decisions {
	struct batch batch;
	size_t count;
	struct decision at[BATCH_CHUNK];
	struct crowd_item items[BATCH_CHUNK];
};

static void decisions_free(struct decisions *d)
{
	for (size_t i = 0; d != NULL && i < d->count; i++)
		statement_free(d->at[i].s);
	mem_free(d);
}
DROP(decisions, decisions_free);

static RC open_one(struct ra *ra, const struct request *q, const char *text, struct decision *d)
{
	AUTO_BUF(der, STATEMENT_MAX);
	struct request copy = *q;
	struct slice id;

	NEED(text != NULL, RC_INPUT, "statements holds something else");
	TRY(text_base64(slice_text(text), &der));
	copy.body = buf_slice(&der);
	TRY(ra_statement(ra, &copy, RA_KIND(APPROVAL) | RA_KIND(REFUSAL), &d->s));
	TRY(json_get_text(d->s->body, "id", RA_ID, &id));
	NEED(id.len == RA_ID, RC_NOTFOUND, "there is no such application");
	d->v = (struct reviewing){.ra = ra, .s = d->s, .person = q->peer->person};
	memcpy(d->v.id, id.p, RA_ID);
	memcpy(d->id, id.p, RA_ID);
	return OK;
}

static RC add_result(json_t *list, const struct decision *d)
{
	json_t *o = json_object();

	json_put_cstr(o, "id", d->id);
	if (d->refused) {
		json_put_cstr(o, "code", err_info(d->why.err)->name);
		json_put_cstr(o, "text", d->why.text);
	} else {
		json_put_cstr(o, "state", application_state_name(d->v.a.state));
	}
	NEED(o != NULL && json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

static void fail(struct decision *d, const struct rc_text *why)
{
	d->refused = true;
	d->why = *why;
}

static RC decide(struct ra *ra, struct decisions *d, json_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++) {
		if (!d->at[i].refused)
			d->items[n++] = (struct crowd_item){.fn = reviewing_write, .arg = &d->at[i].v};
	}
	TRY(crowd_run(instance_writer(ra->in), d->items, n));
	n = 0;
	for (size_t i = 0; i < d->count; i++) {
		if (!d->at[i].refused) {
			if (rc_ok(d->items[n].rc))
				reviewing_done(&d->at[i].v);
			else
				fail(&d->at[i], &d->items[n].why);
			n++;
		}
		TRY(add_result(list, &d->at[i]));
	}
	ra_forward_wake(ra);
	return OK;
}

RC batch_review(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(decisions, d, mem_new(1, sizeof(*d)));
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(body, NULL);
	AUTO_JSON(o, json_object());
	json_t *statements, *one, *list = json_array();
	size_t i;

	NEED(d != NULL, RC_NOMEM, "no memory");
	json_put_take(o, "results", list);
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(batch_of(q, lease->db, &d->batch));
	db_lease_free(MOVE(lease));
	TRY(request_json(q, &body));
	TRY(json_get_array(body, "statements", BATCH_CHUNK, &statements));
	json_array_foreach(statements, i, one)
	{
		struct decision *x = &d->at[d->count++];

		*x = (struct decision){.s = NULL};
		if (!rc_ok(open_one(ra, q, json_string_value(one), x)))
			fail(x, rc_last());
	}
	TRY(decide(ra, d, list));
	*ret = MOVE(o);
	return OK;
}
