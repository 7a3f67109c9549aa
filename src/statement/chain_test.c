/* R06.17, R06.19: editions that follow one another, and each attack on them by its own name. */
#include "statement/chain.h"

#include "statement/testing.h"

static int setup(void **state)
{
	static struct world w;

	world_setup(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* One edition of the practice statement, from signed bytes. */
static struct edition make(const struct world *w, int64_t version, const struct edition *before,
                           int64_t issued)
{
	struct statement_head h = world_head(w, STATEMENT_CPS, W_CEREMONY);
	AUTO_JSON(body, world_body(STATEMENT_CPS));
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	struct edition e;
	bool is;

	h.issued = issued;
	json_put_int(body, "version", version);
	json_put_cstr(body, "next_update", "2026-02-01T00:00:00Z");
	if (before != NULL)
		json_put_hex(body, "previous", SLICE_ARR(before->sm3));
	assert_ok(statement_sign(&h, body, &w->key[W_CEREMONY], &der));
	assert_ok(statement_open(buf_slice(&der), &s));
	assert_ok(statement_verify(s, w->trust, INT64_MAX));
	assert_ok(edition_of(s, &is, &e));
	assert_true(is);
	return e;
}

static void editions_follow_one_another(void **state)
{
	const struct world *w = *state;
	struct edition a = make(w, 1, NULL, JUDGE_NOW), b = make(w, 2, &a, JUDGE_NOW + 1),
	               c = make(w, 3, &b, JUDGE_NOW + 2);
	struct chain all = {0}, some = {0};

	assert_ok(chain_add(&all, &a));
	assert_ok(chain_add(&all, &b));
	assert_ok(chain_add(&all, &b)); /* once more is no attack */
	assert_ok(chain_add(&all, &c));
	assert_int_equal(all.count, 1);
	assert_ok(chain_current(&all, JUDGE_NOW));
	assert_ok(chain_add(&some, &b)); /* who begins late begins there */
	assert_ok(chain_add(&some, &c));
}

static void each_attack_has_its_own_name(void **state)
{
	const struct world *w = *state;
	struct edition a = make(w, 1, NULL, JUDGE_NOW), b = make(w, 2, &a, JUDGE_NOW),
	               c = make(w, 3, &b, JUDGE_NOW), other = make(w, 1, NULL, JUDGE_NOW + 5),
	               forked = make(w, 2, &other, JUDGE_NOW), twice = make(w, 2, &a, JUDGE_NOW + 7),
	               early = make(w, 3, &b, JUDGE_NOW - 60), bare = make(w, 2, NULL, JUDGE_NOW),
	               zeroth = make(w, 1, &a, JUDGE_NOW);
	struct chain k = {0};

	assert_ok(chain_add(&k, &a));
	assert_refused(chain_add(&k, &other), STATEMENT_FORK);
	assert_refused(chain_add(&k, &c), STATEMENT_GAP);
	assert_refused(chain_add(&k, &bare), STATEMENT_GAP);
	assert_refused(chain_add(&k, &forked), STATEMENT_FORK);
	assert_ok(chain_add(&k, &b));
	assert_refused(chain_add(&k, &twice), STATEMENT_FORK);
	assert_refused(chain_add(&k, &a), STATEMENT_ROLLBACK);
	assert_refused(chain_add(&k, &early), STATEMENT_ROLLBACK);
	assert_ok(chain_add(&k, &c));
	assert_refused(chain_current(&k, c.until + 1), STATEMENT_FREEZE);
	assert_ok(chain_current(&k, c.until));
	k.count = 0;
	assert_refused(chain_add(&k, &zeroth), STATEMENT_FORK);
	assert_refused(chain_add(&k, &bare), STATEMENT_GAP);
}

/* Every kind is asked; those with a number are the three of the table, and each keeps its own series. */
static void kinds_without_a_number_are_no_editions(void **state)
{
	static const char *const numbers[STATEMENT_KINDS] = {[STATEMENT_AUTHORISATION] = "number",
	                                                     [STATEMENT_CPS] = "version",
	                                                     [STATEMENT_CALENDAR] = "edition"};
	const struct world *w = *state;
	struct chain k = {0};

	for (unsigned i = 0; i < STATEMENT_KINDS; i++) {
		AUTO_JSON(body, world_body((enum statement_kind)i));
		AUTO_BUF(der, STATEMENT_MAX);
		AUTO(statement, s, NULL);
		struct statement_head h = world_head(w, (enum statement_kind)i, W_CEREMONY);
		struct edition e;
		bool is;

		assert_ok(statement_sign(&h, body, &w->key[W_CEREMONY], &der));
		assert_ok(statement_open(buf_slice(&der), &s));
		assert_ok(edition_of(s, &is, &e));
		assert_int_equal(is, numbers[i] != NULL);
		if (is)
			assert_ok(chain_add(&k, &e));
	}
	assert_int_equal(k.count, 3);
}

/* Approvals of registration authorities are editions once they have a number. */
static void subjects_have_their_own_series(void **state)
{
	const struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_RA_APPROVAL, W_CEREMONY);
	struct chain k = {0};

	for (unsigned i = 0; i < 2; i++) {
		AUTO_JSON(body, world_body(STATEMENT_RA_APPROVAL));
		AUTO_BUF(der, STATEMENT_MAX);
		AUTO(statement, s, NULL);
		struct edition e;
		bool is;

		json_put_int(body, "edition", 1);
		json_put_cstr(body, "ra", i == 0 ? "shifan/ra" : "shifan/rb");
		assert_ok(statement_sign(&h, body, &w->key[W_CEREMONY], &der));
		assert_ok(statement_open(buf_slice(&der), &s));
		assert_ok(edition_of(s, &is, &e));
		assert_true(is);
		assert_ok(chain_add(&k, &e));
	}
	assert_int_equal(k.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(editions_follow_one_another),
	        cmocka_unit_test(each_attack_has_its_own_name),
	        cmocka_unit_test(kinds_without_a_number_are_no_editions),
	        cmocka_unit_test(subjects_have_their_own_series),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
