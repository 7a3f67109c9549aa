/* SQL of mass operations. */
#include "pki/cert.h"
#include "ra/mass.h"

RC ra_store_mass_put(struct db *db, const struct mass_row *m, const uint8_t token[32])
{
	return db_run(db, NULL, "INSERT INTO mass(id, token, event, by, at) VALUES($1, $2, $3, $4, $5)",
	              DB_ARGS(DB_CSTR(m->id), DB_BLOB(slice_of(token, 32)), DB_INT(m->event), DB_CSTR(m->by),
	                      DB_INT(m->at)));
}

RC ra_store_mass_item(struct db *db, const char *id, const struct mass_item *i)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO mass_item(mass, n, ca, serial, state, code) VALUES($1, $2, $3, $4, $5, $6) "
	        "ON CONFLICT DO NOTHING",
	        DB_ARGS(DB_CSTR(id), DB_INT(i->n), DB_TEXT(i->ca), DB_BLOB(i->serial),
	                DB_INT(i->code != NULL ? MASS_REFUSED : MASS_OPEN),
	                i->code != NULL ? DB_CSTR(i->code) : DB_NULL));
}

RC ra_store_mass_state(struct db *db, const char *id, const char *ca, struct slice serial,
                       enum mass_state *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT state FROM mass_item WHERE mass = $1 AND ca = $2 AND serial = $3",
	             DB_ARGS(DB_CSTR(id), DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "the certificate is not in this operation");
	*ret = (enum mass_state)db_int(q, 0);
	return OK;
}

RC ra_store_mass_end(struct db *db, const char *id, const struct mass_item *i)
{
	return db_run(
	        db, NULL,
	        "UPDATE mass_item SET state = $4, code = $5 WHERE mass = $1 AND ca = $2 AND serial = $3",
	        DB_ARGS(DB_CSTR(id), DB_TEXT(i->ca), DB_BLOB(i->serial), DB_INT(i->state),
	                i->code != NULL ? DB_CSTR(i->code) : DB_NULL));
}

RC ra_store_mass_counts(struct db *db, const char *id, json_t *o)
{
	static const char *const names[] = {"open", "done", "queued", "refused"};
	AUTO(db_rows, q, NULL);
	bool row;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_put_int(o, names[i], 0);
	TRY(db_query(db, &q, "SELECT state, count(*) FROM mass_item WHERE mass = $1 GROUP BY state",
	             DB_ARGS(DB_CSTR(id))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return json_put_result();
		if (db_int(q, 0) >= 0 && db_int(q, 0) < (int64_t)(sizeof(names) / sizeof(names[0])))
			json_put_int(o, names[db_int(q, 0)], db_int(q, 1));
	}
}

RC ra_store_mass_list(struct db *db, const char *id, enum mass_state state, json_t *list)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT ca, serial, code FROM mass_item WHERE mass = $1 AND state = $2 ORDER BY n",
	             DB_ARGS(DB_CSTR(id), DB_INT(state))));
	for (;;) {
		char serial[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];
		json_t *o;

		TRY(db_next(q, &row));
		if (!row)
			return json_put_result();
		cert_serial_text(db_blob(q, 1), serial);
		snprintf(name, sizeof(name), "%.*s/%s", (int)db_text(q, 0).len, (const char *)db_text(q, 0).p,
		         serial);
		o = json_object();
		json_put_cstr(o, "certificate", name);
		if (!db_is_null(q, 2))
			json_put_text(o, "code", db_text(q, 2));
		NEED(json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	}
}

RC ra_mass_find(struct db *db, struct slice id, struct mass_row *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	NEED(id.len == MASS_ID, RC_NOTFOUND, "there is no such operation");
	*ret = (struct mass_row){.event = ORDER_REVOKE};
	memcpy(ret->id, id.p, MASS_ID);
	TRY(db_query(db, &q, "SELECT event, by, at FROM mass WHERE id = $1", DB_ARGS(DB_CSTR(ret->id))));
	TRY(db_next(q, &row));
	NEED(row && db_text(q, 1).len <= RA_UUID, RC_NOTFOUND, "there is no such operation");
	ret->event = (enum order_event)db_int(q, 0);
	memcpy(ret->by, db_text(q, 1).p, db_text(q, 1).len);
	ret->at = db_int(q, 2);
	return OK;
}
