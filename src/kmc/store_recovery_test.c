/* Recovery cases and judicial orders: no failing database call goes unnoticed or leaves half a change, and a
 * decision that was taken stands (R21.5, R06.14). */
#include "../../tests/lib/fault_walk.h"

#include "kmc/judicial.h"

static const char person[] = "11111111-0000-4000-8000-000000000001";
static const char other[] = "22222222-0000-4000-8000-000000000002";
static const uint8_t ca[32] = {1}, spki[32] = {2}, serial[16] = {0x21};

static struct kmc_case case_of(uint8_t n)
{
	struct kmc_case c = {.ca = {1},
	                     .spki = {2},
	                     .at = n,
	                     .statement = SLICE_LIT("statement"),
	                     .review = SLICE_LIT("review")};

	memset(c.id, 'a' + n, RECOVERY_ID);
	memcpy(c.organisation, "shifan", 7);
	return c;
}

static struct kmc_order order_of(uint8_t n)
{
	struct kmc_order o = {.ca = {1}, .at = n, .statement = SLICE_LIT("statement")};

	memset(o.id, 'a' + n, RECOVERY_ID);
	memcpy(o.person, person, sizeof(person));
	return o;
}

static struct kmc_decision decision_of(const char *by, bool approve)
{
	struct kmc_decision d = {.approve = approve, .at = 5, .statement = SLICE_LIT("decision")};

	memcpy(d.person, by, sizeof(d.person));
	return d;
}

static struct rc setup(struct db *db)
{
	struct kmc_case c = case_of(1);
	struct kmc_order o = order_of(1);
	struct kmc_decision d = decision_of(other, true);

	TRY(kmc_store_case_put(db, &c));
	TRY(kmc_store_decision_put(db, c.id, &d));
	TRY(kmc_store_order_put(db, &o));
	return kmc_store_order_decision_put(db, o.id, &d);
}

static struct rc count_decision(void *arg, const struct kmc_decision *d)
{
	NEED(d->approve, RC_BUG, "another decision");
	(*(int *)arg)++;
	return OK;
}

static struct rc count_case(void *arg, const struct kmc_case *c)
{
	(void)c;
	(*(int *)arg)++;
	return OK;
}

static struct rc count_id(void *arg, const char *id)
{
	(void)id;
	(*(int *)arg)++;
	return OK;
}

static struct rc case_put(struct db *db)
{
	struct kmc_case c = case_of(2), got;
	AUTO_BUF(statement, 64);
	AUTO_BUF(review, 64);

	TRY(kmc_store_case_put(db, &c));
	TRY(kmc_store_case(db, c.id, &got, &statement, &review));
	NEED(slice_is(buf_slice(&review), "review"), RC_BUG, "another case");
	return OK;
}

static struct rc cases_read(struct db *db)
{
	int n = 0;

	TRY(kmc_store_case_each(db, 9, count_case, &n));
	TRY(kmc_store_case_for(db, ca, spki, count_id, &n));
	NEED(n == 2, RC_BUG, "a case is lost");
	return OK;
}

static struct rc case_decision(struct db *db)
{
	struct kmc_case c = case_of(1);
	struct kmc_decision d = decision_of(person, true);
	int n = 0;

	TRY(kmc_store_decision_put(db, c.id, &d));
	TRY(kmc_store_decision_put(db, c.id, &d));
	TRY(kmc_store_decision_each(db, c.id, count_decision, &n));
	NEED(n == 2, RC_BUG, "a decision is lost");
	return OK;
}

static struct rc recovered(struct db *db)
{
	struct kmc_case c = case_of(1);
	int64_t n;

	TRY(kmc_store_recovered(db, ca, SLICE_ARR(serial), c.id, 7));
	TRY(kmc_store_recovered(db, ca, SLICE_ARR(serial), c.id, 8));
	TRY(kmc_store_recovered_count(db, &n));
	NEED(n == 1, RC_BUG, "counted twice");
	return OK;
}

static struct rc order_put(struct db *db)
{
	struct kmc_order o = order_of(2), got;
	AUTO_BUF(statement, 64);

	TRY(kmc_store_order_put(db, &o));
	TRY(kmc_store_order(db, o.id, &got, &statement));
	NEED(strcmp(got.person, person) == 0, RC_BUG, "another order");
	return OK;
}

static struct rc order_decision(struct db *db)
{
	struct kmc_order o = order_of(1);
	struct kmc_decision d = decision_of(person, true);
	int n = 0;

	TRY(kmc_store_order_decision_put(db, o.id, &d));
	TRY(kmc_store_order_decision_each(db, o.id, count_decision, &n));
	NEED(n == 2, RC_BUG, "a decision is lost");
	return OK;
}

static void every_failing_call_is_noticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"case_put", case_put},   {"cases_read", cases_read}, {"case_decision", case_decision},
	        {"recovered", recovered}, {"order_put", order_put},   {"order_decision", order_decision},
	};

	(void)state;
	walk_faults(&(struct walk){"kmc", setup, cases, sizeof(cases) / sizeof(cases[0])});
}

static void a_decision_stands(void **state)
{
	struct db *db = walk_database("kmc");
	struct kmc_case c = case_of(1);
	struct kmc_order o = order_of(1);
	struct kmc_decision against = decision_of(other, false);

	(void)state;
	walk_ok(setup(db));
	assert_int_equal(kmc_store_decision_put(db, c.id, &against).code, RC_CONFLICT);
	assert_int_equal(kmc_store_order_decision_put(db, o.id, &against).code, RC_CONFLICT);
	db_close(db);
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, walk_open_folder, walk_remove_folder)
	const struct CMUnitTest tests[] = {FRESH(every_failing_call_is_noticed), FRESH(a_decision_stands)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
