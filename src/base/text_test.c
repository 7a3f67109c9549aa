#include "base/text.h"
#include "base/check.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void utf8(void **state)
{
	static const char *const bad[] = {
	        "\xc0\xaf",     "\xe0\x80\xaf",     "\xf0\x80\x80\xaf",
	        "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
	        "\x80",         "\xe6\xba",         "\xf8\x88\x80\x80\x80",
	        "a\xc2",        "\xe6\x61\x61",
	};
	static const char *const unclean[] = {
	        "a\nb",         "\x7f",         "\xc2\x85",         "\xe2\x80\xae", "\xe2\x81\xa7",
	        "\xef\xbf\xbe", "\xef\xb7\x90", "\xf0\x9f\xbf\xbf", "\xef\xbb\xbf", "\xe2\x80\x8f",
	};
	size_t i;

	(void)state;
	assert_true(text_clean(SLICE_LIT("张三 Zhang \xf0\xa0\xae\xb7 ~")));
	assert_true(text_clean(SLICE_NONE));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(text_utf8(slice_text(bad[i])));
		assert_false(text_clean(slice_text(bad[i])));
	}
	for (i = 0; i < sizeof(unclean) / sizeof(unclean[0]); i++) {
		assert_true(text_utf8(slice_text(unclean[i])));
		assert_false(text_clean(slice_text(unclean[i])));
	}
	assert_false(text_clean(slice_of("a\0b", 3)));
}

static void hex(void **state)
{
	AUTO_BUF(b, 3);
	uint8_t out[2];

	(void)state;
	assert_ok(text_hex(SLICE_LIT("0aFf"), out, 2));
	assert_memory_equal(out, "\x0a\xff", 2);
	assert_rc(text_hex(SLICE_LIT("0aF"), out, 2), RC_INPUT);
	assert_rc(text_hex(SLICE_LIT("0aFg"), out, 2), RC_INPUT);
	assert_rc(text_hex_any(SLICE_LIT("012"), &b), RC_INPUT);
	assert_ok(text_hex_any(SLICE_LIT("010203"), &b));
	assert_int_equal(b.len, 3);
	assert_refused(text_hex_any(SLICE_LIT("04"), &b), TOO_LARGE);
}

/* RFC 4648, 10 */
static void base64_vectors(void **state)
{
	static const char *const vectors[][2] = {
	        {"", ""},
	        {"f", "Zg=="},
	        {"fo", "Zm8="},
	        {"foo", "Zm9v"},
	        {"foob", "Zm9vYg=="},
	        {"fooba", "Zm9vYmE="},
	        {"foobar", "Zm9vYmFy"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		AUTO_BUF(text, 100);
		AUTO_BUF(bytes, 100);
		AUTO_BUF(url, 100);

		buf_base64(&text, slice_text(vectors[i][0]));
		assert_string_equal(buf_cstr(&text), vectors[i][1]);
		assert_ok(text_base64(slice_text(vectors[i][1]), &bytes));
		assert_string_equal(buf_cstr(&bytes), vectors[i][0]);
		assert_ok(text_base64url(slice_text(vectors[i][1]), &url));
		assert_string_equal(buf_cstr(&url), vectors[i][0]);
	}
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = {
	        "Zg",       "Zg=",  "Zg===", "Z===", "====", "=",    "Zm9v\n",   " Zm9",
	        "Zm9v====", "Zm=v", "Zh==",  "Zm9=", "Zm9-", "Zm9_", "Zg==Zg==", "Zm9\x80",
	};
	static const char *const bad_url[] = {"Z",   "Zm9vY", "Zm9+", "Zm9/", "Zh",
	                                      "Zm9", "Zg=",   "Zg= ", "Zg==="};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_BUF(b, 100);

		if (rc_ok(text_base64(slice_text(bad[i]), &b)))
			fail_msg("accepted: %s", bad[i]);
	}
	for (i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++) {
		AUTO_BUF(b, 100);

		/* "Zm9" is good base64url of "fo" only when its last bits are zero */
		if (rc_ok(text_base64url(slice_text(bad_url[i]), &b)))
			fail_msg("accepted: %s", bad_url[i]);
	}
	AUTO_BUF(url, 100);
	assert_ok(text_base64url(SLICE_LIT("-_8"), &url));
	assert_memory_equal(url.p, "\xfb\xff", 2);
}

static void numbers(void **state)
{
	uint64_t v = 5;

	(void)state;
	assert_ok(text_u64(SLICE_LIT("18446744073709551615"), UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_rc(text_u64(SLICE_LIT("18446744073709551616"), UINT64_MAX, &v), RC_INPUT);
	assert_rc(text_u64(SLICE_LIT("99999999999999999999999"), UINT64_MAX, &v), RC_INPUT);
	assert_rc(text_u64(SLICE_LIT("11"), 10, &v), RC_INPUT);
	assert_rc(text_u64(SLICE_LIT(""), 10, &v), RC_INPUT);
	assert_rc(text_u64(SLICE_LIT("-1"), 10, &v), RC_INPUT);
	assert_rc(text_u64(SLICE_LIT(" 1"), 10, &v), RC_INPUT);
	assert_ok(text_u64(SLICE_LIT("010"), 10, &v));
	assert_int_equal(v, 10);
}

static void pem(void **state)
{
	static const char two[] = "notes\n-----BEGIN A-----\nZm9v\nYmFy\n-----END A-----\r\n"
	                          "-----BEGIN B-----\r\nZg==\r\n-----END B-----\n";
	static const char *const bad[] = {
	        "",
	        "text",
	        "-----BEGIN A-----\nZm9v\n",
	        "-----BEGIN A-----\nZm9v\n-----END B-----\n",
	        "-----BEGIN A-----\n-----END A-----\n",
	        "-----BEGIN A-----\nZm9\n-----END A-----\n",
	        "x-----BEGIN A-----\nZm9v\n-----END A-----\n",
	        "-----BEGIN A",
	        "-----BEGIN B-----\nZm9v\n-----END B-----\n",
	};
	uint8_t big[1000];
	size_t i;

	(void)state;
	AUTO_BUF(b, 100);
	assert_ok(text_pem(slice_text(two), "B", &b));
	assert_string_equal(buf_cstr(&b), "f");
	buf_clear(&b);
	assert_ok(text_pem(slice_text(two), NULL, &b));
	assert_string_equal(buf_cstr(&b), "foobar");
	buf_clear(&b);
	assert_ok(text_pem(slice_of("\x30\x00", 2), "A", &b));
	assert_int_equal(b.len, 2);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rc_ok(text_pem(slice_text(bad[i]), "A", &b)))
			fail_msg("accepted: %s", bad[i]);
	for (i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)i;
	for (i = 1; i < sizeof(big); i += 7) {
		AUTO_BUF(text, 2000);
		AUTO_BUF(back, 1000);

		text_to_pem(&text, "X Y", slice_of(big, i));
		assert_ok(buf_done(&text));
		assert_ok(text_pem(buf_slice(&text), "X Y", &back));
		assert_int_equal(back.len, i);
		assert_memory_equal(back.p, big, i);
	}
}

static int files_beside(const char *dir)
{
	char pattern[64];
	glob_t found;
	int n;

	(void)snprintf(pattern, sizeof(pattern), "%s.*", dir);
	n = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static void files(void **state)
{
	char dir[] = "/tmp/yd-text-XXXXXX", path[64], deep[64], cwd[512];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/f", dir);
	(void)snprintf(deep, sizeof(deep), "%s/a/b/c/", dir);
	AUTO_BUF(b, 100);
	assert_rc(file_read(path, 10, &b), RC_NOTFOUND);
	assert_ok(file_write(path, SLICE_LIT("0123456789"), 0640));
	assert_ok(file_read(path, 10, &b));
	assert_string_equal(buf_cstr(&b), "0123456789");
	assert_refused(file_read(path, 9, &b), TOO_LARGE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	AUTO_BUF(exact, 10);
	assert_ok(file_read(path, 1000, &exact));
	AUTO_BUF(small, 9);
	assert_refused(file_read(path, 1000, &small), TOO_LARGE);
	assert_ok(file_write(path, SLICE_LIT(""), 0600));
	buf_clear(&b);
	assert_ok(file_read(path, 10, &b));
	assert_int_equal(b.len, 0);
	assert_ok(dir_make(deep, 0700));
	assert_ok(dir_make(deep, 0700));
	assert_int_equal(stat(deep, &st), 0);
	assert_rc(dir_make(path, 0700), RC_CONFLICT);
	assert_rc(file_write(dir, SLICE_LIT("x"), 0600), RC_BUSY);
	assert_int_equal(files_beside(dir), 0); /* the temporary file is gone */
	/* a relative path, too */
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	assert_ok(file_write("relative", SLICE_LIT("x"), 0600));
	assert_int_equal(chdir(cwd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(utf8),           cmocka_unit_test(hex),
	        cmocka_unit_test(base64_vectors), cmocka_unit_test(base64_is_strict),
	        cmocka_unit_test(numbers),        cmocka_unit_test(pem),
	        cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
