/* Lines of a batch on their way in. */
#include "base/text.h"
#include "ra/application.h"
#include "ra/batch.h"

struct line {
	struct batch *batch;
	int64_t number;
	struct statement *s;
	struct entering *e; /* NULL: it was refused before the database was asked */
	char id[RA_ID + 1];
	struct buf code; /* of a refusal, now or before */
	struct rc_text why;
	bool refused;
};

struct chunk {
	struct ra *ra;
	struct trust *trust;
	struct batch batch;
	size_t count;
	struct line at[BATCH_CHUNK];
	struct crowd_item items[BATCH_CHUNK];
};

static void chunk_free(struct chunk *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++) {
		statement_free(c->at[i].s);
		entering_free(c->at[i].e);
		buf_free(&c->at[i].code);
	}
	trust_drop(c->trust);
	mem_free(c);
}
DROP(chunk, chunk_free);

/* The sender can mend it; anything else is tried again with the whole chunk. */
static bool is_refusal(const struct rc_text *t)
{
	return t->code == RC_INPUT || t->code == RC_DENIED || t->code == RC_NOTFOUND ||
	       t->code == RC_CONFLICT;
}

/* ---- reading ---- */

static RC open_statement(struct chunk *c, const struct request *q, struct line *l, const json_t *one)
{
	AUTO_BUF(der, STATEMENT_MAX);
	struct request copy = *q;

	TRY(json_get_base64(one, "statement", STATEMENT_MAX, &der));
	copy.body = buf_slice(&der);
	TRY(ra_statement(c->ra, &copy, RA_KIND(APPLICATION), &l->s));
	l->e = mem_new(1, sizeof(*l->e));
	NEED(l->e != NULL, RC_NOMEM, "no memory");
	*l->e = (struct entering){.ra = c->ra, .trust = c->trust};
	TRY(entering_open(l->e, l->s, q->peer->person));
	memcpy(l->e->a.batch, c->batch.id, sizeof(l->e->a.batch));
	/* the source is asked by the job, one after the other */
	if (source_wanted(c->ra, slice_text(l->e->a.profile)))
		l->e->source = (struct source_answer){.result = SOURCE_WAITING};
	entering_state(l->e);
	return OK;
}

static void refuse(struct line *l)
{
	l->why = *rc_last();
	l->refused = true;
	entering_free(l->e);
	l->e = NULL;
}

/* The clerk's own program found what no statement can be made of. */
static RC told_error(struct line *l, const json_t *one)
{
	struct slice code, text;

	TRY(json_get_text(one, "code", RA_NAME, &code));
	TRY(json_get_text(one, "text", BATCH_TEXT_MAX, &text));
	l->why = (struct rc_text){.code = RC_INPUT};
	(void)snprintf(l->why.text, sizeof(l->why.text), "%.*s", (int)text.len, (const char *)text.p);
	buf_add(&l->code, code);
	l->refused = true;
	return buf_done(&l->code);
}

static RC read_line(struct chunk *c, const struct request *q, const json_t *one)
{
	struct line *l = &c->at[c->count++];
	struct rc rc;

	*l = (struct line){.batch = &c->batch, .code = BUF(RA_NAME)};
	TRY(json_get_int(one, "line", 1, c->batch.lines, &l->number));
	if (json_object_get(one, "statement") == NULL)
		return told_error(l, one);
	rc = open_statement(c, q, l, one);
	if (!rc_ok(rc) && is_refusal(rc_last()))
		refuse(l);
	else
		TRY(rc);
	return OK;
}

/* ---- writing ---- */

static RC still_open(struct db *db, const struct batch *b)
{
	struct batch now;

	TRY(ra_store_batch(db, b->id, &now));
	REQUIRE(now.state == BATCH_OPEN, BATCH_STATE, "batch %s is cancelled", b->id);
	return OK;
}

/* Known lines keep their result: nothing is entered twice. */
static RC known_line(struct db *db, struct line *l, bool *known)
{
	struct rc rc = ra_store_line(db, l->batch->id, l->number, l->id, &l->code);

	*known = rc_ok(rc);
	return rc_ok(rc) || rc.code == RC_NOTFOUND ? OK : rc;
}

static struct rc line_write(struct db_tx *tx, void *arg)
{
	struct line *l = arg;
	struct batch_line row = {.line = l->number};
	bool known;

	TRY(still_open(tx->db, l->batch));
	TRY(known_line(tx->db, l, &known));
	if (known)
		return OK;
	TRY(entering_write(tx, l->e));
	/* an application that came by itself, or in another batch, is not this line's */
	REQUIRE(!l->e->known, DUPLICATE, "application %s", l->e->a.id);
	memcpy(l->id, l->e->a.id, sizeof(l->id));
	row.application = l->e->a.seq;
	return ra_store_line_put(tx->db, l->batch->id, &row);
}

static struct rc error_write(struct db_tx *tx, void *arg)
{
	struct line *l = arg;
	struct batch_line row = {.line = l->number, .text = l->why.text};
	bool known;

	TRY(still_open(tx->db, l->batch));
	/* what the clerk's program told stands in code already */
	row.code = l->code.len > 0 ? buf_cstr(&l->code) : err_info(l->why.err)->name;
	TRY(ra_store_line_put(tx->db, l->batch->id, &row));
	buf_clear(&l->code);
	return known_line(tx->db, l, &known);
}

/* First what can be entered, then what that refused, together with what was refused before. */
static RC write_all(struct chunk *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (!c->at[i].refused)
			c->items[n++] = (struct crowd_item){.fn = line_write, .arg = &c->at[i]};
	}
	TRY(crowd_run(instance_writer(c->ra->in), c->items, n));
	for (size_t i = 0; i < n; i++) {
		struct line *l = c->items[i].arg;

		if (rc_ok(c->items[i].rc))
			continue;
		if (!is_refusal(&c->items[i].why) || c->items[i].why.err == ERR_BATCH_STATE)
			return rc_restore(&c->items[i].why);
		l->why = c->items[i].why;
		l->refused = true;
	}
	n = 0;
	for (size_t i = 0; i < c->count; i++) {
		if (c->at[i].refused)
			c->items[n++] = (struct crowd_item){.fn = error_write, .arg = &c->at[i]};
	}
	TRY(crowd_run(instance_writer(c->ra->in), c->items, n));
	for (size_t i = 0; i < n; i++) {
		if (!rc_ok(c->items[i].rc))
			return rc_restore(&c->items[i].why);
	}
	return OK;
}

/* ---- the door ---- */

static RC answer(struct chunk *c, json_t **ret)
{
	AUTO_JSON(o, json_object());
	json_t *list = json_array();

	json_put_take(o, "results", list);
	for (size_t i = 0; i < c->count; i++) {
		struct line *l = &c->at[i];
		json_t *one = json_object();

		json_put_int(one, "line", l->number);
		if (l->id[0] != '\0')
			json_put_cstr(one, "id", l->id);
		else
			json_put_cstr(one, "code", buf_cstr(&l->code));
		NEED(one != NULL && json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	}
	TRY(json_put_result());
	*ret = MOVE(o);
	return OK;
}

RC batch_lines(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(chunk, c, mem_new(1, sizeof(*c)));
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(body, NULL);
	json_t *lines, *one;
	size_t i;

	NEED(c != NULL, RC_NOMEM, "no memory");
	c->ra = ra;
	c->trust = instance_trust(ra->in);
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(batch_of(q, lease->db, &c->batch));
	db_lease_free(MOVE(lease));
	REQUIRE(strcmp(c->batch.by, q->peer->person) == 0, NOT_YOURS, "batch %s", c->batch.id);
	REQUIRE(c->batch.state == BATCH_OPEN, BATCH_STATE, "batch %s is cancelled", c->batch.id);
	TRY(request_json(q, &body));
	TRY(json_get_array(body, "lines", BATCH_CHUNK, &lines));
	json_array_foreach(lines, i, one) TRY(read_line(c, q, one));
	TRY(write_all(c));
	for (i = 0; i < c->count; i++) {
		if (c->at[i].id[0] != '\0')
			atomic_fetch_add(&ra->counts[APPLICATION_ENTER], 1);
	}
	return answer(c, ret);
}
