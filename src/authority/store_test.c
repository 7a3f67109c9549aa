/* The store of revocations and lists: what it promises, and that no failing call goes unnoticed. */
#include "../../tests/lib/fault_walk.h"

#include "base/check.h"

#include "authority/store.h"

static const uint8_t serial_a[16] = {0x11, 1}, serial_b[16] = {0x12, 2};

static struct revocation revocation_of(const uint8_t serial[16])
{
	return (struct revocation){.serial = slice_of(serial, 16),
	                           .at = 1000,
	                           .event = ORDER_REVOKE,
	                           .reason = 1,
	                           .has_invalidity = true,
	                           .invalidity = 900};
}

static struct crl_row crl_of(int64_t number)
{
	return (struct crl_row){.number = number,
	                        .this_update = 10,
	                        .next_update = 20,
	                        .last_seq = 1,
	                        .entries = 1,
	                        .sm3 = {7},
	                        .signature = {1, 2, 3},
	                        .signature_len = 3};
}

struct seen {
	size_t n;
	uint8_t first[4];
};

static RC see_all(struct db *db, const char *ca, int64_t last, struct seen *s)
{
	AUTO(db_rows, q, NULL);
	bool more;

	s->n = 0;
	TRY(authority_store_walk(db, ca, last, &q));
	for (;;) {
		struct revocation r;

		TRY(authority_store_step(q, &r, &more));
		if (!more)
			return OK;
		assert_true(s->n < 4 && r.serial.len == 16 && r.at == 1000);
		s->first[s->n++] = r.serial.p[0];
	}
}

/* R21.6: final; found again as it was taken. */
static void revocation_is_final(void **state)
{
	struct db *db = walk_database("ca");
	struct revocation r = revocation_of(serial_a), got;
	AUTO_BUF(statement, 100);

	(void)state;
	walk_ok(authority_store_event(db, "sm2", &r, SLICE_LIT("proof")));
	walk_refused(authority_store_event(db, "sm2", &r, SLICE_LIT("other")), ALREADY_REVOKED);
	walk_ok(authority_store_event(db, "ecdsa", &r, SLICE_LIT("same serial, other authority")));
	walk_ok(authority_store_last_event(db, "sm2", r.serial, &got));
	assert_int_equal(got.at, 1000);
	assert_int_equal(got.reason, 1);
	assert_true(got.has_invalidity && got.invalidity == 900);
	walk_ok(authority_store_statement(db, "sm2", r.serial, &statement));
	assert_true(slice_is(buf_slice(&statement), "proof"));
	assert_int_equal(authority_store_last_event(db, "sm2", SLICE_ARR(serial_b), &got).code, RC_NOTFOUND);
	assert_int_equal(authority_store_statement(db, "sm2", SLICE_ARR(serial_b), &statement).code,
	                 RC_NOTFOUND);
	db_close(db);
}

static struct revocation event_of(enum order_event event, int64_t at)
{
	return (struct revocation){.serial = slice_of(serial_a, 16),
	                           .event = event,
	                           .at = at,
	                           .reason = event == ORDER_HOLD ? REASON_HOLD : REASON_SUPERSEDED,
	                           .has_reported = true,
	                           .reported = at - 7,
	                           .has_ground = true,
	                           .ground = GROUND_RA};
}

static size_t entries_at(struct db *db, int64_t last, struct revocation *ret)
{
	AUTO(db_rows, q, NULL);
	struct revocation r;
	bool more = true;
	size_t n = 0;

	assert_ok(authority_store_walk(db, "sm2", last, &q));
	for (;; n++) {
		assert_ok(authority_store_step(q, &r, &more));
		if (!more)
			return n;
		*ret = r;
	}
}

/* R21.7: hold, release, hold, revocation.  Each list shows the state of its own last_seq, for ever. */
static void a_chain_of_events(void **state)
{
	struct db *db = walk_database("ca");
	struct revocation r = event_of(ORDER_RELEASE, 1), got;
	int64_t last, count, seq[5];

	(void)state;
	walk_refused(authority_store_event(db, "sm2", &r, SLICE_LIT("0")), CERTIFICATE_STATE);
	for (int i = 1; i <= 3; i++) {
		char proof[2] = {(char)('0' + i), 0};

		r = event_of(i == 2 ? ORDER_RELEASE : ORDER_HOLD, 1000 * i);
		walk_ok(authority_store_event(db, "sm2", &r, slice_text(proof)));
		walk_ok(authority_store_last(db, "sm2", &seq[i], &count));
		assert_int_equal(r.seq, seq[i]);
		assert_int_equal(count, i == 2 ? 0 : 1);
	}
	r = event_of(ORDER_HOLD, 3500);
	walk_refused(authority_store_event(db, "sm2", &r, SLICE_LIT("x")), CERTIFICATE_STATE);
	r = event_of(ORDER_REVOKE, 4000);
	walk_ok(authority_store_event(db, "sm2", &r, SLICE_LIT("4")));
	r = event_of(ORDER_RELEASE, 5000);
	walk_refused(authority_store_event(db, "sm2", &r, SLICE_LIT("x")), ALREADY_REVOKED);
	r = event_of(ORDER_HOLD, 5000);
	walk_refused(authority_store_event(db, "sm2", &r, SLICE_LIT("x")), ALREADY_REVOKED);
	walk_ok(authority_store_last(db, "sm2", &last, &count));
	assert_int_equal(count, 1);
	assert_int_equal(entries_at(db, seq[1], &got), 1);
	assert_true(got.reason == REASON_HOLD && got.since == 1000);
	assert_int_equal(entries_at(db, seq[2], &got), 0);
	assert_int_equal(entries_at(db, seq[3], &got), 1);
	assert_int_equal(got.since, 3000);
	assert_int_equal(entries_at(db, last, &got), 1);
	/* a hold that became a revocation counts since the hold (X.509 8.5.2.2) */
	assert_true(got.reason == REASON_SUPERSEDED && got.since == 3000 && got.at == 4000);
	assert_true(got.has_reported && got.reported == 3993 && got.has_ground && got.ground == GROUND_RA);
	walk_ok(authority_store_made_by(db, "sm2", SLICE_ARR(serial_a), SLICE_LIT("2"), &got));
	assert_true(got.event == ORDER_RELEASE && got.at == 2000);
	assert_int_equal(authority_store_made_by(db, "sm2", SLICE_ARR(serial_a), SLICE_LIT("x"), &got).code,
	                 RC_NOTFOUND);
	db_close(db);
}

static void lists_hold_what_was_revoked_by_then(void **state)
{
	struct db *db = walk_database("ca");
	struct revocation a = revocation_of(serial_a), b = revocation_of(serial_b);
	int64_t last = -1, count = -1;
	struct seen seen = {0};

	(void)state;
	walk_ok(authority_store_last(db, "sm2", &last, &count));
	assert_int_equal(last, 0);
	assert_int_equal(count, 0);
	walk_ok(authority_store_event(db, "sm2", &b, SLICE_LIT("1")));
	walk_ok(authority_store_last(db, "sm2", &last, &count));
	walk_ok(authority_store_event(db, "ecdsa", &a, SLICE_LIT("2")));
	walk_ok(authority_store_event(db, "sm2", &a, SLICE_LIT("3")));
	walk_ok(see_all(db, "sm2", last, &seen));
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.first[0], 0x12);
	walk_ok(authority_store_last(db, "sm2", &last, &count));
	assert_int_equal(count, 2);
	walk_ok(see_all(db, "sm2", last, &seen));
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.first[1], 0x11);
	db_close(db);
}

/* Law 1: CRL numbers only rise. */
static void numbers_only_rise(void **state)
{
	struct db *db = walk_database("source");
	struct crl_row row = crl_of(5), got;

	(void)state;
	assert_int_equal(authority_store_crl_last(db, "root", &got).code, RC_NOTFOUND);
	walk_ok(authority_store_crl_put(db, "root", &row));
	assert_int_equal(authority_store_crl_put(db, "root", &row).code, RC_CONFLICT);
	row.number = 4;
	assert_int_equal(authority_store_crl_put(db, "root", &row).code, RC_CONFLICT);
	row.number = 6;
	walk_ok(authority_store_crl_put(db, "root", &row));
	row.number = 1;
	walk_ok(authority_store_crl_put(db, "root-ecdsa", &row));
	walk_ok(authority_store_crl_last(db, "root", &got));
	assert_int_equal(got.number, 6);
	assert_int_equal(got.next_update, 20);
	assert_int_equal(got.sm3[0], 7);
	assert_int_equal(got.signature_len, 3);
	db_close(db);
}

/* ---- the walk ---- */

static RC fault_setup(struct db *db)
{
	struct revocation r = revocation_of(serial_a);
	struct crl_row row = crl_of(1);

	TRY(authority_store_event(db, "sm2", &r, SLICE_LIT("proof")));
	return authority_store_crl_put(db, "sm2", &row);
}

static RC fault_revoke(struct db *db)
{
	struct revocation r = revocation_of(serial_b);

	return authority_store_event(db, "sm2", &r, SLICE_LIT("proof"));
}

static RC fault_revoked(struct db *db)
{
	struct revocation r;

	return authority_store_last_event(db, "sm2", SLICE_ARR(serial_a), &r);
}

static RC fault_made_by(struct db *db)
{
	struct revocation r;

	return authority_store_made_by(db, "sm2", SLICE_ARR(serial_a), SLICE_LIT("proof"), &r);
}

static RC fault_statement(struct db *db)
{
	AUTO_BUF(b, 100);

	return authority_store_statement(db, "sm2", SLICE_ARR(serial_a), &b);
}

static RC fault_each(struct db *db)
{
	struct seen seen = {0};

	return see_all(db, "sm2", 10, &seen);
}

static RC fault_last(struct db *db)
{
	int64_t a, b;

	return authority_store_last(db, "sm2", &a, &b);
}

static RC fault_crl_put(struct db *db)
{
	struct crl_row row = crl_of(2);

	return authority_store_crl_put(db, "sm2", &row);
}

static RC fault_crl_last(struct db *db)
{
	struct crl_row row;

	return authority_store_crl_last(db, "sm2", &row);
}

static void every_failing_call_is_noticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"revoke", fault_revoke},   {"revoked", fault_revoked},   {"statement", fault_statement},
	        {"made_by", fault_made_by}, {"each", fault_each},         {"last", fault_last},
	        {"crl_put", fault_crl_put}, {"crl_last", fault_crl_last},
	};

	(void)state;
	walk_faults(&(struct walk){"ca", fault_setup, cases, sizeof(cases) / sizeof(cases[0])});
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, walk_open_folder, walk_remove_folder)
	const struct CMUnitTest tests[] = {
	        FRESH(revocation_is_final),
	        FRESH(a_chain_of_events),
	        FRESH(lists_hold_what_was_revoked_by_then),
	        FRESH(numbers_only_rise),
	        FRESH(every_failing_call_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
