/* What applications follow (migrations/ra/020_basis.sql). */
#include "ra/basis.h"

RC ra_store_find_certificate(struct db *db, const char *ca, struct slice serial, struct ra_application *ret,
                             struct buf *der)
{
	AUTO(db_rows, q, NULL);
	char id[RA_ID + 1];
	bool row;

	TRY(db_query(db, &q,
	             "SELECT a.id, c.der FROM certificate c JOIN application a ON a.seq = c.application "
	             "WHERE c.ca = $1 AND c.serial = $2 AND c.part = $3",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial), DB_INT(RA_SIGN))));
	TRY(db_next(q, &row));
	NEED(row && db_text(q, 0).len == RA_ID, RC_NOTFOUND, "there is no such signing certificate");
	memcpy(id, db_text(q, 0).p, RA_ID);
	id[RA_ID] = '\0';
	buf_add(der, db_blob(q, 1));
	TRY(buf_done(der));
	return ra_store_find(db, id, ret);
}

RC ra_store_basis_put(struct db *db, int64_t application, const struct ra_basis *b)
{
	return db_run(db, NULL,
	              "INSERT INTO basis(application, kind, ca, serial, old) VALUES($1, $2, $3, $4, $5)",
	              DB_ARGS(DB_INT(application), DB_INT(b->b.kind), DB_CSTR(b->b.ca),
	                      DB_BLOB(basis_serial(&b->b)), DB_INT(b->old)));
}

RC ra_store_basis(struct db *db, int64_t application, struct ra_basis *ret)
{
	AUTO(db_rows, q, NULL);
	struct slice ca, serial;
	bool row;

	*ret = (struct ra_basis){.b = {.kind = BASIS_NONE}};
	TRY(db_query(db, &q, "SELECT kind, ca, serial, old FROM basis WHERE application = $1",
	             DB_ARGS(DB_INT(application))));
	TRY(db_next(q, &row));
	if (!row)
		return OK;
	ca = db_text(q, 1);
	serial = db_blob(q, 2);
	NEED(ca.len <= BASIS_CA_MAX && serial.len <= BASIS_SERIAL_MAX, RC_BUG, "ra: a stored basis");
	ret->b.kind = (enum basis_kind)db_int(q, 0);
	memcpy(ret->b.ca, ca.p, ca.len);
	memcpy(ret->b.serial, serial.p, serial.len);
	ret->b.serial_len = serial.len;
	ret->old = db_int(q, 3);
	return OK;
}

RC ra_store_envelope_kept(struct db *db, int64_t application)
{
	int64_t changed = 0;

	TRY(db_run(db, &changed,
	           "UPDATE application_body SET envelope = "
	           "(SELECT o.envelope FROM basis b JOIN application_body o ON o.application = b.old "
	           "WHERE b.application = $1 AND b.kind = $2) WHERE application = $1",
	           DB_ARGS(DB_INT(application), DB_INT(BASIS_EXTEND))));
	NEED(changed == 1, RC_BUG, "ra: no such application");
	return OK;
}
