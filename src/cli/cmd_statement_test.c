/* yuandian statement show|verify: every kind is shown; each way of not believing has its exit status and name
 * (R06.17, R06.19). */
#include "base/mem.h"
#include "base/text.h"
#include "statement/testing.h"
/* pki/testing.h has the same, with the text of what was refused */
#undef assert_ok
#undef assert_refused
#include "../../tests/lib/cli_run.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/statement-test-XXXXXX";

static const char *path_of(const char *name)
{
	static char paths[8][128];
	static size_t at;
	char *ret = paths[at++ % 8];

	(void)snprintf(ret, sizeof(paths[0]), "%s/%s", dir, name);
	return ret;
}

static void put(const char *name, struct slice content)
{
	assert_ok(file_write(path_of(name), content, 0600));
}

static int setup(void **state)
{
	static const char *const folders[] = {ORG, ORG "/ca", ORG "/ca/trust", ORG "/ca/trust/logs",
	                                      ORG "/ca/trust/grants"};
	static struct world w;
	AUTO_BUF(grant, STATEMENT_MAX);

	if (mkdtemp(dir) == NULL)
		return -1;
	world_setup(&w);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		(void)mkdir(path_of(folders[i]), 0700);
	put(ORG "/ca/trust/operator.cer", buf_slice(&w.certificate[W_OPERATOR]));
	put(ORG "/ca/trust/ceremony.cer", buf_slice(&w.certificate[W_CEREMONY]));
	put(ORG "/ca/trust/authority.cer", buf_slice(&w.certificate[W_AUTHORITY]));
	put(ORG "/ca/trust/logs/" ORG ".ca.cer", buf_slice(&w.certificate[W_LOG]));
	world_grant(&w, REVIEWER, "review", "2025-12-31T00:00:00Z", "2026-01-03T00:00:00Z", &grant);
	put(ORG "/ca/trust/grants/1.p7s", buf_slice(&grant));
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	world_free(*state);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void every_kind_is_shown(void **state)
{
	const struct world *w = *state;

	for (unsigned k = 0; k < STATEMENT_KINDS; k++) {
		AUTO_BUF(der, STATEMENT_MAX);
		struct run r;
		char needle[64];

		world_sign(w, (enum statement_kind)k, W_REVIEWER, &der);
		put("one.p7s", buf_slice(&der));
		r = RUN("statement", "show", path_of("one.p7s"), "--json");
		assert_int_equal(r.status, CLI_OK);
		(void)snprintf(needle, sizeof(needle), "\"kind\": \"%s\"",
		               statement_kind_name((enum statement_kind)k));
		assert_non_null(strstr(r.out, needle));
		assert_non_null(strstr(r.out, "\"subject\": "));
		assert_non_null(strstr(r.out, "\"role\": \"review\""));
		run_free(&r);
		EXPECT(CLI_OK, "statement", "show", path_of("one.p7s"));
		/* without a trust folder nobody knows the signer */
		EXPECT(CLI_UNVERIFIED, "statement", "verify", path_of("one.p7s"), "--at",
		       "2026-01-01T00:00:00Z");
	}
}

/* A refusal with this code. */
static void refused(const char *code, const char *file, const char *at)
{
	struct run r =
	        RUN("statement", "verify", file, "--trust", path_of(ORG "/ca/trust"), "--at", at, "--json");
	char needle[64];

	(void)snprintf(needle, sizeof(needle), "\"code\": \"%s\"", code);
	if (r.status != CLI_UNVERIFIED || strstr(r.out, needle) == NULL)
		fail_msg("%s: exit %d: %s", code, r.status, r.out);
	run_free(&r);
}

static void who_may_not_is_not_believed(void **state)
{
	static const char now[] = "2026-01-01T00:00:00Z";
	const struct world *w = *state;
	AUTO_BUF(good, STATEMENT_MAX);
	AUTO_BUF(clerk, STATEMENT_MAX);
	AUTO_BUF(stranger, STATEMENT_MAX);

	world_sign(w, STATEMENT_APPROVAL, W_REVIEWER, &good);
	put("good.p7s", buf_slice(&good));
	EXPECT(CLI_OK, "statement", "verify", path_of("good.p7s"), "--trust", path_of(ORG "/ca/trust"),
	       "--at", now);
	EXPECT(CLI_UNVERIFIED, "statement", "verify", path_of("good.p7s"), "--trust",
	       path_of(ORG "/ca/trust"), "--organisation", "other", "--at", now);
	refused("statement-future", path_of("good.p7s"), "2025-12-01T00:00:00Z");
	world_sign(w, STATEMENT_APPLICATION, W_CLERK, &clerk); /* no grant of that role lies in the folder */
	put("clerk.p7s", buf_slice(&clerk));
	refused("statement-role", path_of("clerk.p7s"), now);
	world_sign(w, STATEMENT_APPROVAL, W_STRANGER, &stranger);
	put("stranger.p7s", buf_slice(&stranger));
	refused("statement-certificate", path_of("stranger.p7s"), now);
	good.p[good.len - 1] ^= 1;
	put("bad.p7s", buf_slice(&good));
	refused("statement-signature", path_of("bad.p7s"), now);
	put("bytes.p7s", SLICE_LIT("no statement"));
	refused("statement-form", path_of("bytes.p7s"), now);
}

/* An authorisation as the next edition; its name is put where the one after finds it. */
static void edition(const struct world *w, const char *name, int64_t number, uint8_t previous[32])
{
	struct statement_head h = world_head(w, STATEMENT_AUTHORISATION, W_AUTHORITY);
	AUTO_JSON(body, world_body(STATEMENT_AUTHORISATION));
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	json_put_int(body, "number", number);
	if (number > 1)
		json_put_hex(body, "previous", slice_of(previous, 32));
	assert_ok(statement_sign(&h, body, &w->key[W_AUTHORITY], &der));
	assert_ok(statement_open(buf_slice(&der), &s));
	memcpy(previous, s->sm3, 32);
	put(name, buf_slice(&der));
}

static void chain_refused(const char *code, const char *first, const char *second, const char *at)
{
	struct run r = RUN("statement", "verify", first, second, "--trust", path_of(ORG "/ca/trust"), "--at",
	                   at, "--json");
	char needle[64];

	(void)snprintf(needle, sizeof(needle), "\"code\": \"%s\"", code);
	if (r.status != CLI_UNVERIFIED || strstr(r.out, needle) == NULL)
		fail_msg("%s: exit %d: %s", code, r.status, r.out);
	run_free(&r);
}

static void editions_are_taken_in_their_order(void **state)
{
	static const char now[] = "2026-01-02T00:00:00Z";
	const struct world *w = *state;
	uint8_t last[32] = {0}, other[32] = {1};

	edition(w, "1.p7s", 1, last);
	edition(w, "2.p7s", 2, last);
	edition(w, "3.p7s", 3, last);
	edition(w, "2b.p7s", 2, other);
	EXPECT(CLI_OK, "statement", "verify", path_of("1.p7s"), path_of("2.p7s"), path_of("3.p7s"), "--trust",
	       path_of(ORG "/ca/trust"), "--at", now);
	chain_refused("statement-rollback", path_of("2.p7s"), path_of("1.p7s"), now);
	chain_refused("statement-gap", path_of("1.p7s"), path_of("3.p7s"), now);
	chain_refused("statement-fork", path_of("1.p7s"), path_of("2b.p7s"), now);
	chain_refused("statement-freeze", path_of("1.p7s"), path_of("2.p7s"), "2026-05-01T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_kind_is_shown),
	        cmocka_unit_test(who_may_not_is_not_believed),
	        cmocka_unit_test(editions_are_taken_in_their_order),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
