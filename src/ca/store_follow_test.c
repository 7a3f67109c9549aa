/* What requests follow, holds and kept keys: no failing database call goes unnoticed or leaves half a change
 * (R21.3, R21.7). */
#include "../../tests/lib/fault_walk.h"

#include "ca/revoke.h"
#include "ca/store_follow.h"

static const char entity[] = "00000000-0000-4000-8000-000000000001";
static const uint8_t old_serial[CA_SERIAL] = {0x31, 1}, other_serial[CA_SERIAL] = {0x31, 2};

static struct rc setup(struct db *db)
{
	static const struct ca_bytes bytes = {
	        .application = SLICE_LIT("application"),
	        .approval = SLICE_LIT("approval"),
	        .tbs = {SLICE_LIT("sign-tbs")},
	};

	for (uint8_t n = 1; n <= 2; n++) {
		struct ca_request r = {.key = {n},
		                       .application = {n, 1},
		                       .spki = {n, 2},
		                       .state = REQUEST_PREPARED,
		                       .serial = {{0x31, n}, {0x32, n}},
		                       .not_before = 5,
		                       .not_after = 9,
		                       .at = 4};

		memcpy(r.ca, "sm2", 4);
		memcpy(r.profile, "person", 7);
		memcpy(r.class, "GOV", 4);
		memcpy(r.entity, entity, sizeof(entity));
		TRY(ca_store_put(db, &r, &bytes));
		TRY(ca_store_certificate_put(db, &r, CA_SIGN, SLICE_LIT("signature")));
	}
	return ca_store_escrow_put(db, SLICE_ARR(other_serial), SLICE_ARR(old_serial));
}

static struct rc follow_put(struct db *db)
{
	return ca_store_follow_put(db, &(struct ca_follow){.request = 2,
	                                                   .kind = BASIS_EXTEND,
	                                                   .ca = "sm2",
	                                                   .serial = SLICE_ARR(old_serial)});
}

static struct rc followed(struct db *db)
{
	bool yes;

	TRY(follow_put(db));
	TRY(ca_store_followed(db, "sm2", SLICE_ARR(old_serial), &yes));
	NEED(yes, RC_BUG, "the successor is not seen");
	TRY(ca_store_extended(db, 2, &yes));
	NEED(yes, RC_BUG, "the extension is not seen");
	return OK;
}

static struct rc key_kept(struct db *db)
{
	static const uint8_t spki[32] = {1, 2};

	return ca_store_key_kept(db, spki, entity);
}

static struct rc escrow_put(struct db *db)
{
	static const uint8_t newest[CA_SERIAL] = {0x31, 3};
	AUTO_BUF(origin, CA_SERIAL);

	TRY(ca_store_escrow_put(db, SLICE_ARR(newest), SLICE_ARR(other_serial)));
	TRY(ca_store_escrow(db, SLICE_ARR(newest), &origin));
	NEED(slice_equal(buf_slice(&origin), SLICE_ARR(old_serial)), RC_BUG, "not the first number");
	return OK;
}

static struct rc oldest_hold(struct db *db)
{
	int64_t at;

	TRY(ca_store_oldest_hold(db, 1, &at));
	NEED(at == INT64_MAX, RC_BUG, "a hold out of nothing");
	return OK;
}

static struct rc see_hold(void *arg, struct slice ca, struct slice serial)
{
	(void)arg;
	(void)ca;
	(void)serial;
	return OK;
}

static struct rc holds(struct db *db)
{
	return ca_store_holds(db, 1, 2, 3, see_hold, NULL);
}

static void every_failing_call_is_noticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"follow_put", follow_put}, {"followed", followed},       {"key_kept", key_kept},
	        {"escrow_put", escrow_put}, {"oldest_hold", oldest_hold}, {"holds", holds},
	};

	(void)state;
	walk_faults(&(struct walk){"ca", setup, cases, sizeof(cases) / sizeof(cases[0])});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(every_failing_call_is_noticed, walk_open_folder,
	                                        walk_remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
