/* Configuration of an instance and platform.json: defaults, ranges, unknown keys. */
#include "base/json.h"
#include "base/text.h"
#include "instance/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];

static int open_folder(void **state)
{
	(void)state;
	memcpy(folder, "/tmp/yuandian-config-XXXXXX", 28);
	assert_non_null(mkdtemp(folder));
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static RC load(const char *yaml, struct config_file *ret)
{
	snprintf(path, sizeof(path), "%s/config.yaml", folder);
	TRY(file_write(path, slice_text(yaml), 0600));
	return config_file_load(path, ret);
}

static void what_is_left_out_has_its_default(void **state)
{
	struct config_file f;

	(void)state;
	assert_true(rc_ok(load("api_port: 7446\n", &f)));
	assert_int_equal(f.value.api_port, 7446);
	assert_int_equal(f.value.public_port, 0);
	assert_string_equal(f.value.api_address, "127.0.0.1");
	assert_int_equal(f.value.standby_keep, 512);
	assert_int_equal(f.value.standby_fill, 2048);
	assert_int_equal(f.value.crl_delay_ms, 250);
	assert_true(f.value.loops >= 1 && f.value.loops <= 4);
	assert_null(f.value.kmc_url);
	config_file_free(&f);
}

static void what_is_said_counts(void **state)
{
	struct config_file f;

	(void)state;
	assert_true(
	        rc_ok(load("api_address: 127.0.0.2\nkmc_url: https://127.0.0.1:1\nkmc_name: keycentre/kmc\n"
	                   "workers: 3\nloops: 2\nstandby_keep: 5\nstandby_fill: 6\ncrl_period_seconds: 60\n",
	                   &f)));
	assert_string_equal(f.value.api_address, "127.0.0.2");
	assert_string_equal(f.value.kmc_name, "keycentre/kmc");
	assert_int_equal(f.value.workers, 3);
	assert_int_equal(f.value.loops, 2);
	assert_int_equal(f.value.crl_period_seconds, 60);
	config_file_free(&f);
}

static void what_cannot_be_is_refused(void **state)
{
	static const char *const wrong[] = {
	        "api_port: 65536\n",
	        "workers: 1\n",
	        "workers: many\n",
	        "crl_delay_ms: 5\n",
	        "no_such_key: 1\n",
	        "api_port: 1\napi_port: 2\n",
	        "- 1\n",
	        "standby_keep: 9\nstandby_fill: 8\n",
	        "api_port: -1\n",
	        "loops: 65\n",
	        "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct config_file f;

		if (rc_ok(load(wrong[i], &f)))
			fail_msg("taken: %s", wrong[i]);
		assert_int_equal(rc_last()->code, RC_INPUT);
	}
}

/* ---- platform.json ---- */

static const char platform_text[] =
        "{\"schema\":\"yuandian/platform/v1\",\"base_port\":7440,\"test_clock\":false,\"test_keys\":true,"
        "\"instances\":[{\"name\":\"shifan/ca\",\"role\":\"ca\",\"uid\":61210,\"signer_uid\":61211,"
        "\"api_port\":7446,\"public_port\":0,\"management_port\":7448}]}";

static RC load_platform(const char *text, struct platform *ret)
{
	snprintf(path, sizeof(path), "%s/platform.json", folder);
	TRY(file_write(path, slice_text(text), 0600));
	return platform_load(folder, ret);
}

static void a_platform_is_read(void **state)
{
	struct platform p;

	(void)state;
	assert_true(rc_ok(load_platform(platform_text, &p)));
	assert_int_equal(p.count, 1);
	assert_true(p.test_keys && !p.test_clock);
	assert_non_null(platform_find(&p, "shifan/ca"));
	assert_int_equal(platform_find(&p, "shifan/ca")->management_port, 7448);
	assert_null(platform_find(&p, "shifan/ra"));
}

static void a_broken_platform_is_refused(void **state)
{
	struct platform p;

	(void)state;
	assert_false(rc_ok(load_platform("{}", &p)));
	assert_false(rc_ok(load_platform("{\"base_port\":70000,\"test_clock\":false,\"test_keys\":true,"
	                                 "\"instances\":[]}",
	                                 &p)));
	assert_false(rc_ok(load_platform("{\"base_port\":7440,\"test_clock\":false,\"test_keys\":true,"
	                                 "\"instances\":[{}]}",
	                                 &p)));
	(void)unlink(path);
	assert_int_equal(platform_load(folder, &p).code, RC_NOTFOUND);
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, open_folder, remove_folder)
	const struct CMUnitTest tests[] = {
	        FRESH(what_is_left_out_has_its_default), FRESH(what_is_said_counts),
	        FRESH(what_cannot_be_is_refused),        FRESH(a_platform_is_read),
	        FRESH(a_broken_platform_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
