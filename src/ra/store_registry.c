#include "ra/registry.h"

#include "base/clock.h"
#include "pki/cert.h"

#define CATCH_UP 200

static struct slice text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;
}

RC ra_registry_put(struct db *db, int64_t application, struct slice der)
{
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	const json_t *identity;
	struct slice code, unit;
	struct cert c;

	TRY(cert_parse(der, &c));
	TRY(ra_store_bodies(db, application, &(struct ra_bodies){.statement = &statement}));
	TRY(statement_open(buf_slice(&statement), &s));
	identity = json_object_get(s->body, "identity");
	code = text_of(identity, "organisation_code");
	if (code.len == 0)
		code = text_of(identity, "code");
	unit = text_of(identity, "department");
	return db_run(
	        db, NULL,
	        "INSERT INTO registry(application, code, unit, at, not_after) VALUES($1, $2, $3, $4, $5) "
	        "ON CONFLICT(application) DO NOTHING",
	        DB_ARGS(DB_INT(application), code.len > 0 ? DB_TEXT(code) : DB_NULL,
	                unit.len > 0 ? DB_TEXT(unit) : DB_NULL, DB_INT(clock_now()), DB_INT(c.not_after)));
}

/* ---- what was there before ---- */

struct catching {
	size_t n;
	int64_t application[CATCH_UP];
	struct buf der[CATCH_UP];
};

/* What is missing is found in the index alone; the certificates themselves are read only then. */
static RC find_missing(struct db *db, struct catching *c)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(
	        db, &q,
	        "SELECT m.application, c.der FROM (SELECT f.application, f.ca, f.serial FROM certificate f "
	        "WHERE f.part = 0 AND NOT EXISTS "
	        "(SELECT 1 FROM registry r WHERE r.application = f.application) LIMIT $1) AS m "
	        "JOIN certificate c ON c.ca = m.ca AND c.serial = m.serial",
	        DB_ARGS(DB_INT(CATCH_UP))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		c->application[c->n] = db_int(q, 0);
		c->der[c->n] = BUF(RA_CERTIFICATE_MAX);
		buf_add(&c->der[c->n], db_blob(q, 1));
		TRY(buf_done(&c->der[c->n++]));
	}
}

static struct rc catch_write(struct db_tx *tx, void *arg)
{
	struct catching *c = arg;

	TRY(find_missing(tx->db, c));
	for (size_t i = 0; i < c->n; i++)
		TRY(ra_registry_put(tx->db, c->application[i], buf_slice(&c->der[i])));
	return OK;
}

RC ra_registry_catch_up(struct ra *ra)
{
	AUTO_MEM(struct catching, c, mem_new(1, sizeof(*c)));
	struct rc rc;

	NEED(c != NULL, RC_NOMEM, "no memory");
	do {
		c->n = 0;
		rc = writer_run(instance_writer(ra->in), catch_write, c);
		for (size_t i = 0; i < c->n; i++)
			buf_free(&c->der[i]);
	} while (rc_ok(rc) && c->n == CATCH_UP);
	return rc;
}

/* ---- searching ---- */

RC ra_registry_of(struct db *db, struct slice code, struct slice unit, size_t limit,
                  struct rc (*each)(void *arg, const struct registry_row *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT r.application, r.not_after, c.ca, c.serial, a.subject, a.entity FROM registry r "
	             "JOIN certificate c ON c.application = r.application AND c.part = 0 "
	             "JOIN application a ON a.seq = r.application "
	             "WHERE r.code = $1 AND (r.unit = $2 OR $2 IS NULL) ORDER BY r.application LIMIT $3",
	             DB_ARGS(DB_TEXT(code), unit.len > 0 ? DB_TEXT(unit) : DB_NULL, DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct registry_row){.application = db_int(q, 0),
		                                     .not_after = db_int(q, 1),
		                                     .ca = db_text(q, 2),
		                                     .serial = db_blob(q, 3),
		                                     .subject = db_text(q, 4),
		                                     .entity = db_text(q, 5)}));
	}
}

RC ra_registry_ending(struct db *db, const struct registry_end *e,
                      struct rc (*each)(void *arg, const struct registry_row *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT r.application, r.not_after, c.ca, c.serial, a.entity FROM registry r "
	             "JOIN certificate c ON c.application = r.application AND c.part = 0 "
	             "JOIN application a ON a.seq = r.application "
	             "WHERE r.application > $4 AND r.not_after > $1 AND r.not_after <= $1 + $2 * 86400 "
	             "AND r.at <= r.not_after - $2 * 86400 AND NOT EXISTS "
	             "(SELECT 1 FROM expiry_notice n WHERE n.application = r.application AND n.days <= $2) "
	             "ORDER BY r.application LIMIT $3",
	             DB_ARGS(DB_INT(e->now), DB_INT(e->days), DB_INT(e->limit), DB_INT(e->after))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct registry_row){.application = db_int(q, 0),
		                                     .not_after = db_int(q, 1),
		                                     .ca = db_text(q, 2),
		                                     .serial = db_blob(q, 3),
		                                     .entity = db_text(q, 4)}));
	}
}

RC ra_registry_warned(struct db *db, int64_t application, int days, int64_t now, bool *first)
{
	int64_t changed = 0;

	TRY(db_run(
	        db, &changed,
	        "INSERT INTO expiry_notice(application, days, at) VALUES($1, $2, $3) ON CONFLICT DO NOTHING",
	        DB_ARGS(DB_INT(application), DB_INT(days), DB_INT(now))));
	*first = changed == 1;
	return OK;
}
