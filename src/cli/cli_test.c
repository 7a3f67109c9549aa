/* The table of commands and what follows from it: parsing, help, languages, exit statuses (ui.md 4). */
#include "../../tests/lib/cli_run.h"

#include "base/clock.h"
#include "base/json.h"

#include <unistd.h>

/* Every row is complete, and no option hides another or a common one. */
static void the_table_is_complete(void **state)
{
	(void)state;
	for (const struct cli_command *k = cli_commands; k->name != NULL; k++) {
		assert_non_null(k->run);
		assert_true(k->zh[0] != '\0' && k->en[0] != '\0');
		assert_true(k->least <= k->most);
		assert_true((k->most > 0) == (k->operands != NULL));
		for (const struct cli_option *o = k->options; o->name != NULL; o++) {
			assert_true(o->zh[0] != '\0' && o->en[0] != '\0');
			assert_true(o->value != NULL || !(o->flags & CLI_REQUIRED));
			for (const struct cli_option *p = cli_common; p->name != NULL; p++)
				assert_string_not_equal(o->name, p->name);
			for (const struct cli_option *p = k->options; p < o; p++)
				assert_string_not_equal(o->name, p->name);
		}
		for (const struct cli_command *other = cli_commands; other < k; other++)
			assert_string_not_equal(other->name, k->name);
	}
}

/* The words of a command's name as arguments. */
static size_t words(const char *name, char store[64], const char *argv[4])
{
	size_t n = 1;
	char *space;

	(void)snprintf(store, 64, "%s", name);
	argv[0] = store;
	space = strchr(store, ' ');
	if (space != NULL) {
		*space = '\0';
		argv[n++] = space + 1;
	}
	argv[n] = NULL;
	return n;
}

static void help_names_every_option(void **state)
{
	(void)state;
	for (const struct cli_command *k = cli_commands; k->name != NULL; k++) {
		const char *argv[8];
		char store[64];
		size_t n = words(k->name, store, argv);
		struct run r;

		argv[n] = "--help";
		argv[n + 1] = "--lang";
		argv[n + 2] = "en";
		argv[n + 3] = NULL;
		r = run_program(argv);
		assert_int_equal(r.status, CLI_OK);
		assert_non_null(strstr(r.out, k->en));
		assert_string_equal(r.err, "");
		for (const struct cli_option *o = k->options; o->name != NULL; o++)
			assert_non_null(strstr(r.out, o->name));
		run_free(&r);
	}
}

/* What a row requires is asked for before anything is done. */
static void what_is_missing_is_usage(void **state)
{
	(void)state;
	for (const struct cli_command *k = cli_commands; k->name != NULL; k++) {
		bool required = k->least > 0;
		const char *argv[8];
		char store[64];
		size_t n = words(k->name, store, argv);

		for (const struct cli_option *o = k->options; o->name != NULL; o++)
			required |= (o->flags & CLI_REQUIRED) != 0;
		if (required)
			run_expect(CLI_USAGE, argv);
		argv[n] = "--no-such-option";
		argv[n + 1] = NULL;
		run_expect(CLI_USAGE, argv);
	}
}

static void wrong_calls(void **state)
{
	(void)state;
	EXPECT(CLI_USAGE, "frobnicate");
	EXPECT(CLI_USAGE, "cert", "frobnicate");
	EXPECT(CLI_USAGE, "cert");
	EXPECT(CLI_USAGE, "--lang");
	EXPECT(CLI_USAGE, "help", "--lang", "fr");
	EXPECT(CLI_USAGE, "help", "no-such-command");
	EXPECT(CLI_USAGE, "clock", "--data", "a", "--data", "b", "step", "1");
	EXPECT(CLI_USAGE, "clock", "--data");
	EXPECT(CLI_USAGE, "clock", "--data", "a", "step", "1", "2");
	EXPECT(CLI_USAGE, "clock", "--data=a", "jump", "1");
	EXPECT(CLI_USAGE, "up", "--data", "a", "--base-port", "70000");
	EXPECT(CLI_USAGE, "up", "--data", "a", "--base-port", "x");
	EXPECT(CLI_USAGE, "revoke", "sm2", "--as", "a", "--reason", "superseded");
	EXPECT(CLI_USAGE, "revoke", "sm2/xyz", "--as", "a", "--reason", "superseded");
	EXPECT(CLI_USAGE, "revoke", "sm2/1", "--as", "a", "--reason", "because");
	EXPECT(CLI_USAGE, "review", "x", "--as", "a");
	EXPECT(CLI_USAGE, "review", "x", "--as", "a", "--approve", "--refuse", "c", "--reason", "r");
	EXPECT(CLI_USAGE, "review", "x", "--as", "a", "--refuse", "c");
	EXPECT(CLI_USAGE, "fetch", "x", "--as", "a", "--out", "o", "--envelope", "zip");
	EXPECT(CLI_USAGE, "fetch", "x", "--as", "a", "--out", "o", "--key", "k");
	EXPECT(CLI_USAGE, "instance", "nobody", "--data", "a");
	EXPECT(CLI_USAGE, "instance", "shifan/nobody", "--data", "a");
	/* a credential that is not there is not wrong usage */
	EXPECT(CLI_NOTFOUND, "accept", "x", "--as", "/nonexistent");
	EXPECT(CLI_NOTFOUND, "cert", "show", "/nonexistent");
}

static void two_languages_and_json(void **state)
{
	struct run zh = RUN("--help"), en = RUN("--lang=en", "--help"), json = RUN("cert", "--json", "show"),
	           version;
	json_t *o;

	(void)state;
	assert_non_null(strstr(zh.out, "用法"));
	assert_null(strstr(zh.out, "Usage"));
	assert_non_null(strstr(en.out, "Usage"));
	assert_null(strstr(en.out, "用法"));
	assert_null(strstr(en.out, "(started by the supervisor)"));
	assert_int_equal(json.status, CLI_USAGE);
	o = json_loads(json.out, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "type")), "urn:yuandian:error:usage");
	assert_string_equal(json_string_value(json_object_get(o, "code")), "usage");
	assert_int_equal(json_integer_value(json_object_get(o, "status")), 400);
	json_decref(o);
	version = RUN("--version");
	assert_int_equal(version.status, CLI_OK);
	assert_non_null(strstr(version.out, YD_VERSION));
	run_free(&zh);
	run_free(&en);
	run_free(&json);
	run_free(&version);
}

/* Issue "Doors": an argument like -60 is an operand. */
static void a_negative_number_is_an_operand(void **state)
{
	char dir[] = "/tmp/yuandian-cli-XXXXXX", path[64];
	int64_t now;
	struct run r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/clock", dir);
	assert_ok(clock_create(path));
	EXPECT(CLI_OK, "clock", "--data", dir, "set", "2030-01-02T03:04:05Z");
	assert_ok(clock_open(path));
	now = clock_now();
	assert_true(now >= 1893553445 && now < 1893553445 + 60);
	EXPECT(CLI_OK, "clock", "step", "-3600", "--data", dir);
	assert_true(clock_now() < now);
	EXPECT(CLI_OK, "clock", "step", "+7200", "--data", dir);
	assert_true(clock_now() > now);
	EXPECT(CLI_USAGE, "clock", "--data", dir, "set", "nonsense");
	EXPECT(CLI_USAGE, "clock", "--data", dir, "step", "1h");
	r = RUN("clock", "step", "0", "--data", dir, "--json");
	assert_non_null(strstr(r.out, "\"yuandian/cli/clock/v1\""));
	run_free(&r);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* One map, written down again from ui.md 4. */
static void exit_statuses(void **state)
{
	static const struct {
		enum rc_code code;
		enum err err;
		int want;
	} table[] = {
	        {RC_INPUT, ERR_GENERIC_INPUT, 1},
	        {RC_INPUT, ERR_USAGE, 2},
	        {RC_DENIED, ERR_HTTP_ROLE, 3},
	        {RC_DENIED, ERR_SAME_PERSON, 3},
	        {RC_INPUT, ERR_KEY_PIN, 3},
	        {RC_NOTFOUND, ERR_GENERIC_NOTFOUND, 4},
	        {RC_CONFLICT, ERR_ALREADY_REVOKED, 5},
	        {RC_CONFLICT, ERR_APPLICATION_REFUSED, 5},
	        {RC_CONFLICT, ERR_NOT_COMPLETE, 6},
	        {RC_BUSY, ERR_UNREACHABLE, 7},
	        {RC_BUSY, ERR_DEADLINE, 7},
	        {RC_INPUT, ERR_NOT_VERIFIED, 8},
	        {RC_BUSY, ERR_GENERIC_BUSY, 1},
	        {RC_UNCERTAIN, ERR_GENERIC_UNCERTAIN, 1},
	        {RC_CRYPTO, ERR_GENERIC_CRYPTO, 1},
	        {RC_NOMEM, ERR_GENERIC_NOMEM, 1},
	        {RC_BUG, ERR_GENERIC_BUG, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rc_text t = {.code = table[i].code, .err = table[i].err};

		assert_int_equal(cli_exit_of(&t), table[i].want);
	}
}

/* A full disk is told, not taken for success. */
static void an_unwritable_result_is_a_failure(void **state)
{
	char *argv[] = {strdup("yuandian"), strdup("--version"), NULL}, *text = NULL;
	FILE *full = fopen("/dev/full", "w"), *err;
	size_t n;

	(void)state;
	assert_non_null(full);
	err = open_memstream(&text, &n);
	assert_int_equal(cli_main(2, argv, full, err), CLI_FAILURE);
	(void)fclose(full);
	(void)fclose(err);
	free(text);
	free(argv[0]);
	free(argv[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_table_is_complete),
	        cmocka_unit_test(help_names_every_option),
	        cmocka_unit_test(what_is_missing_is_usage),
	        cmocka_unit_test(wrong_calls),
	        cmocka_unit_test(two_languages_and_json),
	        cmocka_unit_test(a_negative_number_is_an_operand),
	        cmocka_unit_test(exit_statuses),
	        cmocka_unit_test(an_unwritable_result_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
