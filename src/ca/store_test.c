/* The CA's tables: idempotent requests, keys certified once, states that move one way. */
#include "../../tests/lib/fault_walk.h"

#include "ca/store.h"

static const char entity[] = "00000000-0000-4000-8000-000000000001";
static const char stranger[] = "00000000-0000-4000-8000-000000000002";

static struct ca_request request_of(uint8_t n, enum request_state state)
{
	struct ca_request r = {.key = {n},
	                       .application = {n, 1},
	                       .spki = {n, 2},
	                       .state = state,
	                       .pair = true,
	                       .serial = {{0x31, n}, {0x32, n}},
	                       .not_before = 5,
	                       .not_after = 9,
	                       .at = 4};

	memcpy(r.ca, "sm2", 4);
	memcpy(r.profile, "person", 7);
	memcpy(r.class, "GOV", 4);
	memcpy(r.entity, entity, sizeof(entity));
	return r;
}

static const struct ca_bytes bytes = {
        .application = SLICE_LIT("application"),
        .approval = SLICE_LIT("approval"),
        .tbs = {SLICE_LIT("sign-tbs"), SLICE_LIT("encrypt-tbs")},
};
static const struct ca_bytes half = {
        .application = SLICE_LIT("application"),
        .approval = SLICE_LIT("approval"),
        .tbs = {SLICE_LIT("sign-tbs")},
};

static struct slice serial_of(const struct ca_request *r, enum ca_part p)
{
	return slice_of(r->serial[p], CA_SERIAL);
}

static void a_request_is_found_as_it_was_put(void **state)
{
	struct db *db = walk_database("ca");
	struct ca_request r = request_of(1, REQUEST_PREPARED), got;

	(void)state;
	walk_ok(ca_store_put(db, &r, &bytes));
	assert_true(r.id > 0);
	walk_ok(ca_store_find(db, r.key, &got));
	assert_memory_equal(&got, &r, sizeof(r));
	assert_int_equal(ca_store_put(db, &r, &bytes).code, RC_CONFLICT);
	r.key[0] = 99;
	assert_int_equal(ca_store_find(db, r.key, &got).code, RC_NOTFOUND);
	db_close(db);
}

/* Design 9.8. */
static void a_key_is_certified_once(void **state)
{
	struct db *db = walk_database("ca");
	struct ca_request r = request_of(1, REQUEST_PREPARED);
	struct ca_certificate c;

	(void)state;
	walk_ok(ca_store_key_free(db, r.spki, entity));
	walk_ok(ca_store_put(db, &r, &bytes));
	walk_refused(ca_store_key_free(db, r.spki, stranger), SAME_KEY);
	assert_non_null(strstr(rc_last()->text, "another subscriber"));
	walk_refused(ca_store_key_free(db, r.spki, entity), SAME_KEY);
	walk_ok(ca_store_certificate_put(db, &r, CA_SIGN, SLICE_LIT("sig")));
	walk_ok(ca_store_revoke(db, "sm2", serial_of(&r, CA_SIGN), &c));
	walk_refused(ca_store_key_free(db, r.spki, entity), SAME_KEY);
	assert_non_null(strstr(rc_last()->text, "revoked"));
	db_close(db);
}

/* Design 9.8 again: what the KMC gave out is nobody else's, and no signing key. */
static void an_encryption_key_has_one_request(void **state)
{
	struct db *db = walk_database("ca");
	struct ca_request r = request_of(1, REQUEST_PREPARED), other = request_of(2, REQUEST_PREPARED);
	const uint8_t spki[32] = {9, 9};
	struct ca_certificate c;

	(void)state;
	walk_ok(ca_store_put(db, &r, &bytes));
	walk_ok(ca_store_encrypt_key_free(db, spki, r.key));
	walk_refused(ca_store_encrypt_key_free(db, r.spki, other.key), G07);
	walk_ok(ca_store_encrypt_key_put(db, spki, r.id));
	walk_ok(ca_store_encrypt_key_put(db, spki, r.id));
	walk_ok(ca_store_encrypt_key_free(db, spki, r.key));
	walk_refused(ca_store_encrypt_key_free(db, spki, other.key), G07);
	walk_refused(ca_store_key_free(db, spki, entity), SAME_KEY);
	walk_refused(ca_store_key_free(db, spki, stranger), SAME_KEY);
	/* a request that is dropped gives its key back */
	walk_ok(ca_store_drop(db, r.id));
	walk_ok(ca_store_encrypt_key_free(db, spki, other.key));
	walk_ok(ca_store_key_free(db, spki, entity));
	walk_ok(ca_store_put(db, &other, &bytes));
	walk_ok(ca_store_encrypt_key_put(db, spki, other.id));
	walk_ok(ca_store_certificate_put(db, &other, CA_ENCRYPT, SLICE_LIT("sig")));
	walk_ok(ca_store_revoke(db, "sm2", serial_of(&other, CA_ENCRYPT), &c));
	walk_refused(ca_store_key_free(db, spki, entity), SAME_KEY);
	assert_non_null(strstr(rc_last()->text, "revoked"));
	db_close(db);
}

/* A serial number that another certificate of the CA has, of either part, is refused when the request enters:
 * nothing has been signed, and that certificate stays what it is. */
static void a_serial_number_is_given_once(void **state)
{
	struct db *db = walk_database("ca");
	struct ca_request r = request_of(1, REQUEST_PREPARED), other = request_of(2, REQUEST_PREPARED);
	struct ca_certificate c;
	AUTO_BUF(tbs, 100);

	(void)state;
	walk_ok(ca_store_put(db, &r, &bytes));
	walk_ok(ca_store_certificate_put(db, &r, CA_SIGN, SLICE_LIT("sig")));
	for (int mine = CA_SIGN; mine <= CA_ENCRYPT; mine++) {
		for (int its = CA_SIGN; its <= CA_ENCRYPT; its++) {
			struct ca_request row, again = other;

			memcpy(again.serial[mine], r.serial[its], CA_SERIAL);
			assert_int_equal(ca_store_put(db, &again, &bytes).code, RC_CONFLICT);
			assert_int_equal(rc_last()->err, ERR_SERIAL_TAKEN);
			assert_int_equal(ca_store_find(db, again.key, &row).code, RC_NOTFOUND);
		}
	}
	/* of another authority it is another number; two parts have two */
	memcpy(other.serial[CA_SIGN], r.serial[CA_SIGN], CA_SERIAL);
	memcpy(other.ca, "ecdsa", sizeof("ecdsa"));
	walk_ok(ca_store_put(db, &other, &bytes));
	other = request_of(3, REQUEST_PREPARED);
	memcpy(other.serial[CA_ENCRYPT], other.serial[CA_SIGN], CA_SERIAL);
	assert_int_equal(ca_store_put(db, &other, &bytes).code, RC_CONFLICT);
	walk_ok(ca_store_certificate(db, "sm2", serial_of(&r, CA_SIGN), &c, &tbs));
	assert_int_equal(c.request.id, r.id);
	db_close(db);
}

/* Every pair of states: only the state the row is in moves. */
static void a_row_moves_only_from_its_state(void **state)
{
	struct db *db = walk_database("ca");

	(void)state;
	for (uint8_t is = REQUEST_PREPARED; is < REQUEST_STATES; is++) {
		for (uint8_t from = REQUEST_PREPARED; from < REQUEST_STATES; from++) {
			struct ca_request r = request_of((uint8_t)(is * 10 + from), (enum request_state)is),
			                  got;

			walk_ok(ca_store_put(db, &r, &bytes));
			assert_int_equal(
			        ca_store_move(db, r.id, (enum request_state)from, REQUEST_ISSUED).code,
			        is == from ? RC_OK : RC_CONFLICT);
			walk_ok(ca_store_find(db, r.key, &got));
			assert_int_equal(got.state, is == from ? REQUEST_ISSUED : is);
		}
	}
	db_close(db);
}

static void a_certificate_is_its_tbs_and_signature(void **state)
{
	struct db *db = walk_database("ca");
	struct ca_request r = request_of(1, REQUEST_PREPARED);
	AUTO_BUF(application, 100);
	AUTO_BUF(approval, 100);
	AUTO_BUF(tbs, 100);
	AUTO_BUF(sign, 100);
	AUTO_BUF(encrypt, 100);
	struct ca_load load = {&application, &approval, {&sign, &encrypt}, -1};
	struct ca_certificate c;

	(void)state;
	walk_ok(ca_store_put(db, &r, &bytes));
	walk_ok(ca_store_certificate_put(db, &r, CA_ENCRYPT, SLICE_LIT("sig")));
	assert_int_equal(ca_store_certificate_put(db, &r, CA_ENCRYPT, SLICE_LIT("sig")).code, RC_CONFLICT);
	walk_ok(ca_store_certificate(db, "sm2", serial_of(&r, CA_ENCRYPT), &c, &tbs));
	assert_int_equal(c.part, CA_ENCRYPT);
	assert_false(c.revoked);
	assert_true(slice_is(slice_of(c.signature, c.signature_len), "sig"));
	assert_true(slice_is(buf_slice(&tbs), "encrypt-tbs"));
	assert_int_equal(ca_store_certificate(db, "ecdsa", serial_of(&r, CA_ENCRYPT), &c, &tbs).code,
	                 RC_NOTFOUND);
	assert_int_equal(ca_store_certificate(db, "sm2", serial_of(&r, CA_SIGN), &c, &tbs).code, RC_NOTFOUND);
	assert_int_equal(ca_store_revoke(db, "sm2", serial_of(&r, CA_SIGN), &c).code, RC_NOTFOUND);
	walk_ok(ca_store_revoke(db, "sm2", serial_of(&r, CA_ENCRYPT), &c));
	buf_clear(&tbs);
	walk_ok(ca_store_certificate(db, "sm2", serial_of(&r, CA_ENCRYPT), &c, &tbs));
	assert_true(c.revoked);
	walk_ok(ca_store_load(db, r.id, &load));
	assert_int_equal(load.km, 0);
	assert_true(slice_is(buf_slice(&sign), "sign-tbs"));
	assert_true(slice_is(buf_slice(&encrypt), "encrypt-tbs"));
	assert_true(slice_is(buf_slice(&application), "application"));
	assert_true(slice_is(buf_slice(&approval), "approval"));
	db_close(db);
}

/* Design 9.7: the encryption half comes later. */
static void half_a_pair_is_completed(void **state)
{
	struct db *db = walk_database("ca");
	struct ca_request r = request_of(1, REQUEST_HALF_PREPARED);
	AUTO_BUF(der, 100);
	AUTO_BUF(request, 100);
	int64_t km;

	(void)state;
	walk_ok(ca_store_put(db, &r, &half));
	assert_int_equal(ca_store_km_of(db, r.id, &der).code, RC_NOTFOUND);
	walk_ok(ca_store_km_put(db, SLICE_LIT("request"), SLICE_LIT("respond"), 7, &km));
	walk_ok(ca_store_encrypt(db, r.id, SLICE_LIT("late-tbs"), km));
	walk_ok(ca_store_km_of(db, r.id, &der));
	assert_true(slice_is(buf_slice(&der), "respond"));
	buf_clear(&der);
	walk_ok(ca_store_km(db, km, &request, &der));
	assert_true(slice_is(buf_slice(&request), "request"));
	assert_true(slice_is(buf_slice(&der), "respond"));
	assert_int_equal(ca_store_encrypt(db, 999, SLICE_LIT("x"), km).code, RC_NOTFOUND);
	db_close(db);
}

static void nothing_issued_is_dropped(void **state)
{
	struct db *db = walk_database("ca");
	struct ca_request a = request_of(1, REQUEST_PREPARED), b = request_of(2, REQUEST_PARTIAL), got;
	struct ca_request c = request_of(3, REQUEST_PREPARED);

	(void)state;
	walk_ok(ca_store_put(db, &a, &bytes));
	walk_ok(ca_store_put(db, &b, &bytes));
	walk_ok(ca_store_put(db, &c, &bytes));
	walk_ok(ca_store_certificate_put(db, &c, CA_SIGN, SLICE_LIT("sig")));
	walk_ok(ca_store_drop(db, a.id));
	assert_int_equal(ca_store_find(db, a.key, &got).code, RC_NOTFOUND);
	assert_int_equal(ca_store_drop(db, b.id).code, RC_CONFLICT);
	assert_int_equal(ca_store_drop(db, c.id).code, RC_CONFLICT);
	db_close(db);
}

struct seen {
	size_t n;
	int64_t last;
};

static struct rc see(void *arg, const struct ca_request *r)
{
	struct seen *s = arg;

	assert_true(r->id > s->last);
	assert_string_equal(r->profile, "person");
	s->last = r->id;
	s->n++;
	return OK;
}

static void unfinished_work_is_found_again(void **state)
{
	struct db *db = walk_database("ca");
	struct seen seen = {0};
	int64_t open, requests;

	(void)state;
	for (uint8_t n = 1; n <= 6; n++) {
		struct ca_request r = request_of(n, n <= 4 ? REQUEST_PREPARED : REQUEST_PARTIAL);

		walk_ok(ca_store_put(db, &r, n <= 4 ? &bytes : &half));
	}
	walk_ok(ca_store_each(db, REQUEST_PREPARED, 0, 3, see, &seen));
	assert_int_equal(seen.n, 3);
	walk_ok(ca_store_each(db, REQUEST_PREPARED, seen.last, 3, see, &seen));
	assert_int_equal(seen.n, 4);
	seen = (struct seen){0};
	walk_ok(ca_store_each(db, REQUEST_PARTIAL, 0, 100, see, &seen));
	assert_int_equal(seen.n, 2);
	walk_ok(ca_store_counts(db, &open, &requests));
	assert_int_equal(open, 6);
	assert_int_equal(requests, 6);
	db_close(db);
}

static struct rc see_notice(void *arg, struct slice serial)
{
	struct seen *s = arg;

	assert_int_equal(serial.len, 3);
	s->n++;
	return OK;
}

static void notices_wait_until_told(void **state)
{
	struct db *db = walk_database("ca");
	struct seen seen = {0};

	(void)state;
	walk_ok(ca_store_notice_put(db, SLICE_LIT("abc"), 1));
	walk_ok(ca_store_notice_put(db, SLICE_LIT("abc"), 2));
	walk_ok(ca_store_notice_put(db, SLICE_LIT("abd"), 2));
	walk_ok(ca_store_notice_each(db, 10, see_notice, &seen));
	assert_int_equal(seen.n, 2);
	walk_ok(ca_store_notice_drop(db, SLICE_LIT("abc")));
	walk_ok(ca_store_notice_each(db, 10, see_notice, &seen));
	assert_int_equal(seen.n, 3);
	db_close(db);
}

/* ---- the walk ---- */

static struct ca_request stored; /* row 1 of the walked database */
static int64_t stored_km;

static RC fault_setup(struct db *db)
{
	struct ca_bytes b = bytes;

	stored = request_of(1, REQUEST_PREPARED);
	TRY(ca_store_km_put(db, SLICE_LIT("request"), SLICE_LIT("respond"), 7, &stored_km));
	b.km = stored_km;
	TRY(ca_store_put(db, &stored, &b));
	TRY(ca_store_certificate_put(db, &stored, CA_SIGN, SLICE_LIT("sig")));
	return ca_store_notice_put(db, SLICE_LIT("abc"), 1);
}

static RC fault_find(struct db *db)
{
	struct ca_request r;

	return ca_store_find(db, stored.key, &r);
}

static RC fault_key_free(struct db *db)
{
	const uint8_t spki[32] = {77};

	return ca_store_key_free(db, spki, entity);
}

static RC fault_put(struct db *db)
{
	struct ca_request r = request_of(2, REQUEST_PREPARED);

	return ca_store_put(db, &r, &bytes);
}

static RC fault_km_put(struct db *db)
{
	int64_t id;

	return ca_store_km_put(db, SLICE_NONE, SLICE_LIT("x"), 1, &id);
}

static RC fault_encrypt(struct db *db)
{
	return ca_store_encrypt(db, stored.id, SLICE_LIT("x"), stored_km);
}

static RC fault_encrypt_key_free(struct db *db)
{
	const uint8_t spki[32] = {78};

	return ca_store_encrypt_key_free(db, spki, stored.key);
}

static RC fault_encrypt_key_put(struct db *db)
{
	const uint8_t spki[32] = {79};

	return ca_store_encrypt_key_put(db, spki, stored.id);
}

static RC fault_move(struct db *db)
{
	return ca_store_move(db, stored.id, REQUEST_PREPARED, REQUEST_ISSUED);
}

static RC fault_drop(struct db *db)
{
	struct ca_request r = request_of(3, REQUEST_PREPARED);

	TRY(ca_store_put(db, &r, &bytes));
	return ca_store_drop(db, r.id);
}

static RC fault_certificate_put(struct db *db)
{
	return ca_store_certificate_put(db, &stored, CA_ENCRYPT, SLICE_LIT("sig"));
}

static RC fault_each(struct db *db)
{
	struct seen seen = {0};

	return ca_store_each(db, REQUEST_PREPARED, 0, 10, see, &seen);
}

static RC fault_load(struct db *db)
{
	AUTO_BUF(a, 100);
	AUTO_BUF(b, 100);
	AUTO_BUF(c, 100);
	AUTO_BUF(d, 100);
	struct ca_load load = {&a, &b, {&c, &d}, 0};

	return ca_store_load(db, stored.id, &load);
}

static RC fault_km(struct db *db)
{
	AUTO_BUF(a, 100);
	AUTO_BUF(b, 100);

	return ca_store_km(db, stored_km, &a, &b);
}

static RC fault_km_of(struct db *db)
{
	AUTO_BUF(a, 100);

	return ca_store_km_of(db, stored.id, &a);
}

static RC fault_certificate(struct db *db)
{
	struct ca_certificate c;
	AUTO_BUF(a, 100);

	return ca_store_certificate(db, "sm2", serial_of(&stored, CA_SIGN), &c, &a);
}

static RC fault_revoke(struct db *db)
{
	struct ca_certificate c;

	return ca_store_revoke(db, "sm2", serial_of(&stored, CA_SIGN), &c);
}

static RC fault_notice_put(struct db *db)
{
	return ca_store_notice_put(db, SLICE_LIT("new"), 1);
}

static RC fault_notice_each(struct db *db)
{
	struct seen seen = {0};

	return ca_store_notice_each(db, 10, see_notice, &seen);
}

static RC fault_notice_drop(struct db *db)
{
	return ca_store_notice_drop(db, SLICE_LIT("abc"));
}

static RC fault_counts(struct db *db)
{
	int64_t n;

	return ca_store_counts(db, &n, &n);
}

static void every_failing_call_is_noticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"find", fault_find},
	        {"key_free", fault_key_free},
	        {"put", fault_put},
	        {"km_put", fault_km_put},
	        {"encrypt", fault_encrypt},
	        {"encrypt_key_free", fault_encrypt_key_free},
	        {"encrypt_key_put", fault_encrypt_key_put},
	        {"move", fault_move},
	        {"drop", fault_drop},
	        {"certificate_put", fault_certificate_put},
	        {"each", fault_each},
	        {"load", fault_load},
	        {"km", fault_km},
	        {"km_of", fault_km_of},
	        {"certificate", fault_certificate},
	        {"revoke", fault_revoke},
	        {"notice_put", fault_notice_put},
	        {"notice_each", fault_notice_each},
	        {"notice_drop", fault_notice_drop},
	        {"counts", fault_counts},
	};

	(void)state;
	walk_faults(&(struct walk){"ca", fault_setup, cases, sizeof(cases) / sizeof(cases[0])});
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, walk_open_folder, walk_remove_folder)
	const struct CMUnitTest tests[] = {
	        FRESH(a_request_is_found_as_it_was_put),  FRESH(a_key_is_certified_once),
	        FRESH(an_encryption_key_has_one_request), FRESH(a_serial_number_is_given_once),
	        FRESH(a_row_moves_only_from_its_state),   FRESH(a_certificate_is_its_tbs_and_signature),
	        FRESH(half_a_pair_is_completed),          FRESH(nothing_issued_is_dropped),
	        FRESH(unfinished_work_is_found_again),    FRESH(notices_wait_until_told),
	        FRESH(every_failing_call_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
