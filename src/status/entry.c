/* What entries of the CA's log mean to the status service: applied to the database inside a transaction, and
 * to a table after its commit. */
#include "status/entry.h"

static RC read_serial(const json_t *data, uint8_t serial[CERT_SERIAL_MAX], struct slice *ret)
{
	AUTO_BUF(b, CERT_SERIAL_MAX);
	struct slice text;

	TRY(json_get_text(data, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, &b));
	memcpy(serial, b.p, b.len);
	*ret = slice_of(serial, b.len);
	return OK;
}

bool status_entry(struct status *s, const struct status_row *row, struct table_entry *ret)
{
	char id[TRUST_ID_MAX + 1] = "";
	const struct issuer *i;

	if (row->ca.len > TRUST_ID_MAX || row->serial.len == 0 || row->serial.len > TABLE_SERIAL)
		return false;
	memcpy(id, row->ca.p, row->ca.len);
	i = status_issuer(s, id);
	if (i == NULL)
		return false;
	*ret = (struct table_entry){
	        .len = (uint8_t)row->serial.len,
	        .issuer = (uint8_t)(i - s->issuer),
	        .revoked = row->revoked,
	        .reason = (uint8_t)row->reason,
	        .revoked_at = row->revoked_at,
	};
	memcpy(ret->serial, row->serial.p, row->serial.len);
	return true;
}

static RC show(struct applying *a, const struct status_row *row, bool issued)
{
	struct table_entry e, known;

	if (!status_entry(a->s, row, &e))
		return OK;
	/* read again after a commit that failed: what became of it since stays */
	if (issued && table_find(a->into, e.issuer, row->serial, &known)) {
		if (a->shown != NULL)
			a->shown[a->count++] = known;
		return OK;
	}
	TRY(table_put(a->into, &e));
	if (a->shown == NULL)
		return OK;
	ocsp_changed(a->s, e.issuer, row->serial);
	a->shown[a->count++] = e;
	return OK;
}

static RC take_issued(struct applying *a, struct db *db, const json_t *data)
{
	struct status_row row = {0};
	uint8_t sm3[32], serial[CERT_SERIAL_MAX];

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &row.ca));
	TRY(read_serial(data, serial, &row.serial));
	TRY(json_get_time(data, "not_before", &row.not_before));
	TRY(json_get_time(data, "not_after", &row.not_after));
	TRY(json_get_hex(data, "certificate", sm3, sizeof(sm3)));
	row.sm3 = sm3;
	if (db != NULL)
		return a->again ? status_store_correct(db, &row) : status_store_issued(db, &row);
	return show(a, &row, true);
}

static RC take_revoked(struct applying *a, struct db *db, const json_t *data)
{
	struct status_row row = {.revoked = true};
	uint8_t serial[CERT_SERIAL_MAX];
	struct slice name;
	enum crl_reason reason;

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &row.ca));
	TRY(read_serial(data, serial, &row.serial));
	/* of a hold that was revoked: since the hold */
	TRY(json_get_time(data, json_object_get(data, "since") != NULL ? "since" : "at", &row.revoked_at));
	TRY(json_get_text(data, "reason", 64, &name));
	TRY(crl_reason_find(name, &reason));
	row.reason = (int)reason;
	if (db != NULL)
		return a->again ? OK
		                : status_store_revoked(db, row.ca, row.serial, row.revoked_at, row.reason);
	return show(a, &row, false);
}

static RC take_released(struct applying *a, struct db *db, const json_t *data)
{
	struct status_row row = {.revoked = false};
	uint8_t serial[CERT_SERIAL_MAX];

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &row.ca));
	TRY(read_serial(data, serial, &row.serial));
	if (db != NULL)
		return a->again ? OK : status_store_released(db, row.ca, row.serial);
	return show(a, &row, false);
}

static RC take_list(struct applying *a, struct db *db, const json_t *data)
{
	struct slice ca;
	int64_t number;
	uint8_t sm3[32];

	if (db == NULL && !a->again)
		atomic_store(&a->s->announced, true);
	if (db == NULL || (a->again && a->next < atomic_load(&a->s->next)))
		return OK;
	/* a delta list has a name of its own */
	TRY(json_get_text(data, json_object_get(data, "list") != NULL ? "list" : "ca", TRUST_ID_MAX, &ca));
	TRY(json_get_int(data, "number", 1, INT64_MAX, &number));
	TRY(json_get_hex(data, "sm3", sm3, sizeof(sm3)));
	return status_store_announce(db, ca, (uint64_t)number, sm3);
}

/* Kinds that concern status; the others are only counted.  Called twice: with db inside the transaction,
 * without it after the commit, for the table. */
static const struct {
	const char *kind;
	struct rc (*take)(struct applying *a, struct db *db, const json_t *data);
} kinds[] = {
        {"issued", take_issued}, {"revoked", take_revoked}, {"released", take_released}, {"crl", take_list}};

RC entry_take(struct applying *a, struct db *db, const json_t *e)
{
	json_t *entry, *data;
	struct slice kind;

	TRY(json_get(e, "entry", &entry));
	TRY(json_get_text(entry, "kind", LOG_KIND_MAX, &kind));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (slice_is(kind, kinds[i].kind)) {
			TRY(json_get(entry, "data", &data));
			return kinds[i].take(a, db, data);
		}
	}
	return OK;
}
