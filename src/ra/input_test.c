/* Whatever the client let through: the RA refuses bad requests and identities by name, and keeps nothing of
 * them (R21.1, R30.2, R30.5). */
#include "../../tests/lib/small_ra.h"

#include "../../tests/lib/golden.h"

static struct slice bad_csr;

struct counts {
	int64_t of[APPLICATION_STATES];
};

static struct counts counts(void)
{
	AUTO(db_lease, lease, NULL);
	struct counts n;

	assert_ok(db_pool_lease(ra_in->readers, &lease));
	assert_ok(ra_store_counts(lease->db, n.of));
	return n;
}

static void unchanged(const struct counts *before)
{
	struct counts now = counts();

	assert_memory_equal(now.of, before->of, sizeof(now.of));
}

static void take_bad_csr(json_t *body)
{
	json_put_base64(body, "csr", bad_csr);
}

/* Malformed, of a wrong curve, off the curve, RSA below 3072, signed by another key … each under its name. */
static void bad_request(const struct golden *g)
{
	struct counts before = counts();
	char id[RA_ID + 1];
	AUTO_PAPER(p);

	bad_csr = g->der;
	assert_false(rc_ok(enter_text(PLAIN, take_bad_csr, id, &p)));
	if (strncmp(g->why, err_info(rc_last()->err)->name, strcspn(g->why, ":")) != 0)
		fail_msg("%s: %s (%s)", g->name, rc_last()->text, err_info(rc_last()->err)->name);
	unchanged(&before);
}

static void bad_requests_are_refused(void **state)
{
	(void)state;
	golden_each("csr/bad", 17, bad_request);
}

#define PERSON(name, number, until)                                                                          \
	"{\"profile\":\"person\",\"class\":\"GOV\"," TERMS ",\"identity\":{\"name\":\"" name                 \
	"\",\"document\":{\"type\":\"citizen\",\"number\":\"" number "\",\"valid_until\":\"" until "\"}}}"

static void bad_identities_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum err err;
	} cases[] = {
	        {PERSON("张\\u202e三", "11010519491231002X", "long-term"), ERR_IDENTITY_TEXT},
	        {PERSON("аpple", "11010519491231002X", "long-term"), ERR_IDENTITY_TEXT},
	        {PERSON("张三", "11010519491231002X", "2000-01-01"), ERR_IDENTITY_LAPSED},
	        {PERSON("张三", "11010519491231002X", "2000-13-01"), ERR_IDENTITY},
	        {PERSON("张三", "11010519491232002X", "long-term"), ERR_IDENTITY_NUMBER},
	        {PERSON("", "11010519491231002X", "long-term"), ERR_IDENTITY},
	};
	struct counts before = counts();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char id[RA_ID + 1];
		AUTO_PAPER(p);

		assert_false(rc_ok(enter_text(cases[i].text, NULL, id, &p)));
		if (rc_last()->err != cases[i].err)
			fail_msg("case %zu: %s (%s)", i, rc_last()->text, err_info(rc_last()->err)->name);
	}
	unchanged(&before);
}

/* A stranger's paper is no paper, however good it is. */
static void a_good_paper_from_a_stranger(void **state)
{
	struct counts before = counts();
	AUTO_JSON(body, body_of(PLAIN, next_key++));
	AUTO_JSON(answer, NULL);
	AUTO_PAPER(p);

	(void)state;
	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	assert_false(rc_ok(decide(ra_enter, &stranger, "", &p, &answer)));
	unchanged(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(bad_requests_are_refused, open_all, close_all),
	        cmocka_unit_test_setup_teardown(bad_identities_are_refused, open_all, close_all),
	        cmocka_unit_test_setup_teardown(a_good_paper_from_a_stranger, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
