#include "kmc/store.h"

#include "sm/sm3.h"

/* ---- integrity value of a row ---- */

static void mac_field(struct sm3_hmac *c, struct slice s)
{
	uint8_t len[4] = {(uint8_t)(s.len >> 24), (uint8_t)(s.len >> 16), (uint8_t)(s.len >> 8),
	                  (uint8_t)s.len};

	sm3_hmac_update(c, SLICE_ARR(len));
	sm3_hmac_update(c, s);
}

static void mac_int(struct sm3_hmac *c, int64_t v)
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
	mac_field(c, SLICE_ARR(b));
}

static void mac_standby(const struct kmc_mac *mac, const struct kmc_key *k, uint8_t ret[32])
{
	struct sm3_hmac c;

	sm3_hmac_init(&c, SLICE_ARR(mac->key));
	mac_field(&c, SLICE_LIT("standby"));
	mac_field(&c, SLICE_ARR(k->pub));
	mac_field(&c, slice_of(k->wrapped, k->wrapped_len));
	sm3_hmac_final(&c, ret);
}

/* The same on both shelves: which shelf a key lies on is no part of it. */
static void mac_user(const struct kmc_mac *mac, const uint8_t ca[32], const struct kmc_user *u,
                     const struct kmc_key *k, uint8_t ret[32])
{
	struct sm3_hmac c;

	sm3_hmac_init(&c, SLICE_ARR(mac->key));
	mac_field(&c, SLICE_LIT("user"));
	mac_field(&c, slice_of(ca, 32));
	mac_field(&c, u->serial);
	mac_field(&c, SLICE_ARR(u->sign_key));
	mac_field(&c, SLICE_ARR(k->pub));
	mac_field(&c, slice_of(k->wrapped, k->wrapped_len));
	mac_int(&c, u->not_before);
	mac_int(&c, u->not_after);
	mac_field(&c, u->name);
	mac_field(&c, u->region);
	mac_field(&c, u->extend);
	sm3_hmac_final(&c, ret);
}

/* Columns n (pub) and n + 1 (wrapped). */
static RC key_read(struct db_rows *q, unsigned n, struct kmc_key *k)
{
	struct slice wrapped = db_blob(q, n + 1);

	REQUIRE(db_blob(q, n).len == KMC_PUB && wrapped.len <= sizeof(k->wrapped), KM_TAMPERED,
	        "a stored key has a wrong length");
	TRY(db_bytes(q, n, k->pub, sizeof(k->pub)));
	memcpy(k->wrapped, wrapped.p, wrapped.len);
	k->wrapped_len = wrapped.len;
	return OK;
}

static RC mac_check(const uint8_t want[32], struct slice got)
{
	REQUIRE(got.len == 32 && ct_equal(want, got.p, 32), KM_TAMPERED,
	        "a row of the key store was changed");
	return OK;
}

/* ---- standby ---- */

RC kmc_store_standby_add(struct db *db, const struct kmc_mac *mac, const struct kmc_key *k, int64_t at)
{
	uint8_t tag[32];

	mac_standby(mac, k, tag);
	return db_run(db, NULL, "INSERT INTO standby (pub, wrapped, mac, at) VALUES ($1, $2, $3, $4)",
	              DB_ARGS(DB_BLOB(SLICE_ARR(k->pub)), DB_BLOB(slice_of(k->wrapped, k->wrapped_len)),
	                      DB_BLOB(SLICE_ARR(tag)), DB_INT(at)));
}

RC kmc_store_standby_drop(struct db *db, int64_t before)
{
	return db_run(db, NULL, "DELETE FROM standby WHERE at < $1", DB_ARGS(DB_INT(before)));
}

RC kmc_store_standby_count(struct db *db, int64_t *ret)
{
	return db_scalar(db, ret, "SELECT count(*) FROM standby", DB_NOARGS);
}

static RC standby_take(struct db *db, const struct kmc_mac *mac, struct kmc_key *ret)
{
	AUTO(db_rows, q, NULL);
	uint8_t tag[32];
	bool row;

	TRY(db_query(db, &q,
	             "DELETE FROM standby WHERE id = (SELECT min(id) FROM standby) "
	             "RETURNING pub, wrapped, mac",
	             DB_NOARGS));
	TRY(db_next(q, &row));
	REQUIRE(row, KM_STOCK, "the standby store is empty");
	TRY(key_read(q, 0, ret));
	mac_standby(mac, ret, tag);
	return mac_check(tag, db_blob(q, 2));
}

RC kmc_store_assign(struct db *db, const struct kmc_mac *mac, const uint8_t ca[32], const struct kmc_user *u,
                    int64_t at, struct kmc_key *ret)
{
	uint8_t tag[32];

	TRY(standby_take(db, mac, ret));
	mac_user(mac, ca, u, ret, tag);
	return db_run(db, NULL,
	              "INSERT INTO in_use (ca, serial, sign_key, pub, wrapped, mac, not_before, not_after, "
	              "user_name, region, extend, at) "
	              "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
	              DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(u->serial), DB_BLOB(SLICE_ARR(u->sign_key)),
	                      DB_BLOB(SLICE_ARR(ret->pub)), DB_BLOB(slice_of(ret->wrapped, ret->wrapped_len)),
	                      DB_BLOB(SLICE_ARR(tag)), DB_INT(u->not_before), DB_INT(u->not_after),
	                      DB_BLOB_OPT(u->name), DB_BLOB_OPT(u->region), DB_BLOB_OPT(u->extend),
	                      DB_INT(at)));
}

/* ---- in use, history ---- */

#define USER_COLUMNS "pub, wrapped, mac, sign_key, not_before, not_after, user_name, region, extend"

/* Reads and checks the row a query of USER_COLUMNS stands on. */
static RC user_read(struct db_rows *q, const struct kmc_mac *mac, const uint8_t ca[32], struct slice serial,
                    uint8_t sign_key[32], struct kmc_key *k)
{
	struct kmc_user u = {.serial = serial};
	uint8_t tag[32];

	TRY(key_read(q, 0, k));
	REQUIRE(db_blob(q, 3).len == 32, KM_TAMPERED, "a row of the key store was changed");
	TRY(db_bytes(q, 3, u.sign_key, sizeof(u.sign_key)));
	u.not_before = db_int(q, 4);
	u.not_after = db_int(q, 5);
	u.name = db_blob(q, 6);
	u.region = db_blob(q, 7);
	u.extend = db_blob(q, 8);
	mac_user(mac, ca, &u, k, tag);
	TRY(mac_check(tag, db_blob(q, 2)));
	memcpy(sign_key, u.sign_key, sizeof(u.sign_key));
	return OK;
}

static RC shelf_find(struct db *db, const struct kmc_mac *mac, const char *sql, const uint8_t ca[32],
                     struct slice serial, bool *found, uint8_t sign_key[32], struct kmc_key *ret);

RC kmc_store_find(struct db *db, const struct kmc_mac *mac, const uint8_t ca[32], struct slice serial,
                  enum kmc_shelf *shelf, uint8_t sign_key[32], struct kmc_key *ret)
{
	bool found = false;

	*shelf = KMC_NOWHERE;
	TRY(shelf_find(db, mac, "SELECT " USER_COLUMNS " FROM in_use WHERE ca = $1 AND serial = $2", ca,
	               serial, &found, sign_key, ret));
	if (found) {
		*shelf = KMC_IN_USE;
		return OK;
	}
	TRY(shelf_find(db, mac, "SELECT " USER_COLUMNS " FROM history WHERE ca = $1 AND serial = $2", ca,
	               serial, &found, sign_key, ret));
	if (found)
		*shelf = KMC_HISTORY;
	return OK;
}

static RC shelf_find(struct db *db, const struct kmc_mac *mac, const char *sql, const uint8_t ca[32],
                     struct slice serial, bool *found, uint8_t sign_key[32], struct kmc_key *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q, sql, DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(serial))));
	TRY(db_next(q, found));
	return *found ? user_read(q, mac, ca, serial, sign_key, ret) : OK;
}

RC kmc_store_retire(struct db *db, const struct kmc_mac *mac, const uint8_t ca[32], struct slice serial,
                    int64_t at, bool *moved)
{
	uint8_t sign_key[32];
	enum kmc_shelf shelf;
	struct kmc_key k;

	*moved = false;
	TRY(kmc_store_find(db, mac, ca, serial, &shelf, sign_key, &k));
	REQUIRE(shelf != KMC_NOWHERE, KM_UNKNOWN, "no key is in use for that certificate");
	if (shelf == KMC_HISTORY)
		return OK;
	TRY(db_run(
	        db, NULL,
	        "INSERT INTO history (ca, serial, sign_key, pub, wrapped, mac, not_before, not_after, "
	        "user_name, region, extend, at, ended) "
	        "SELECT ca, serial, sign_key, pub, wrapped, mac, not_before, not_after, user_name, region, "
	        "extend, at, $3 FROM in_use WHERE ca = $1 AND serial = $2",
	        DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(serial), DB_INT(at))));
	TRY(db_run(db, NULL, "DELETE FROM in_use WHERE ca = $1 AND serial = $2",
	           DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(serial))));
	*moved = true;
	return OK;
}

/* ---- tasks ---- */

RC kmc_store_task(struct db *db, const uint8_t ca[32], struct slice number, const uint8_t request[32],
                  int64_t at, bool *answered, struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	*answered = false;
	TRY(db_query(db, &q, "SELECT request, answer FROM task WHERE ca = $1 AND number = $2",
	             DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(number))));
	TRY(db_next(q, &row));
	if (!row)
		return db_run(db, NULL, "INSERT INTO task (ca, number, request, at) VALUES ($1, $2, $3, $4)",
		              DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(number),
		                      DB_BLOB(slice_of(request, 32)), DB_INT(at)));
	REQUIRE(slice_equal(db_blob(q, 0), slice_of(request, 32)), KM_TASK,
	        "this taskNO came before with other bytes");
	if (db_is_null(q, 1))
		return OK;
	*answered = true;
	buf_add(ret, db_blob(q, 1));
	return buf_done(ret);
}

RC kmc_store_answer(struct db *db, const uint8_t ca[32], struct slice number, struct slice answer,
                    struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "UPDATE task SET answer = coalesce(answer, $3) WHERE ca = $1 AND number = $2 RETURNING "
	             "answer",
	             DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(number), DB_BLOB(answer))));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "an answer to a task that was never entered");
	buf_add(ret, db_blob(q, 0));
	return buf_done(ret);
}

RC kmc_store_counts(struct db *db, int64_t *standby, int64_t *in_use, int64_t *history, int64_t *tasks)
{
	TRY(kmc_store_standby_count(db, standby));
	TRY(db_scalar(db, in_use, "SELECT count(*) FROM in_use", DB_NOARGS));
	TRY(db_scalar(db, history, "SELECT count(*) FROM history", DB_NOARGS));
	return db_scalar(db, tasks, "SELECT count(*) FROM task", DB_NOARGS);
}
