/* RFC 4180 as a batch file uses it, and what a batch file may have wrong. */
#include "base/check.h"
#include "base/csv.h"
#include "base/mem.h"

#include <string.h>

struct source {
	struct slice left;
	size_t step;
};

static struct rc give(void *arg, uint8_t *to, size_t max, size_t *n)
{
	struct source *s = arg;

	*n = s->left.len < s->step ? s->left.len : s->step;
	*n = *n < max ? *n : max;
	if (*n > 0)
		memcpy(to, s->left.p, *n);
	s->left = slice_of(s->left.p + *n, s->left.len - *n);
	return OK;
}

/* Rows as "a|b;c;", a wrong row as "!LINE;". */
static void rows(const char *text, size_t step, bool plain, struct buf *ret)
{
	struct source s = {slice_text(text), step};
	AUTO(csv, c, NULL);
	bool more = true;

	assert_ok(csv_new(give, &s, &c));
	while (more) {
		struct rc rc = plain ? csv_line(c, &more) : csv_row(c, &more);

		if (!rc_ok(rc)) {
			assert_int_equal(rc_last()->err, ERR_CSV);
			buf_printf(ret, "!%zu;", csv_where(c));
			continue;
		}
		for (size_t i = 0; more && i < csv_count(c); i++) {
			if (i > 0)
				buf_text(ret, "|");
			buf_add(ret, csv_field(c, i));
		}
		if (more)
			buf_text(ret, ";");
	}
}

/* However the bytes arrive. */
static void check(const char *text, const char *want)
{
	for (size_t step = 1; step < 9; step++) {
		AUTO_BUF(got, 4096);

		rows(text, step, false, &got);
		assert_string_equal(buf_cstr(&got), want);
	}
}

static void rows_and_fields(void **state)
{
	(void)state;
	check("", "");
	check("a,b\nc,d", "a|b;c|d;");
	check("a,b\r\n\r\n\nc,d\r\n", "a|b;c|d;");
	check("\xef\xbb\xbf姓名,b\n", "姓名|b;");
	check("a,\n,b\n,\n", "a|;|b;|;");
	check("\"a,b\",\"c\"\"d\",\"\"\r\n", "a,b|c\"d|;");
	check("\"two\nlines\",x\ny\n", "two\nlines|x;y;");
	check("\"\"\n", ";");
}

static void a_wrong_row_does_not_spoil_the_next(void **state)
{
	(void)state;
	check("a\nb\"c\nd\n", "a;!2;d;");
	check("a\n\"b\"c\nd\n", "a;!2;d;");
	check("a\n\"b", "a;!2;");
	check("a\n\xff\nd\n", "a;!2;d;");
	check("a\n\"b\nc\"x\nd\n", "a;!2;d;");
}

/* R30.2, bad input: hard limits on rows and fields. */
static void limits(void **state)
{
	AUTO_BUF(text, 4 * CSV_ROW_MAX);
	AUTO_BUF(got, 4 * CSV_ROW_MAX);
	AUTO_BUF(many, 4096);

	(void)state;
	for (size_t i = 0; i <= CSV_ROW_MAX; i++)
		buf_u8(&text, 'x');
	buf_text(&text, "\nok\n");
	rows(buf_cstr(&text), 4096, false, &got);
	assert_string_equal(buf_cstr(&got), "!1;ok;");
	buf_clear(&got);
	rows(buf_cstr(&text), 4096, true, &got);
	assert_string_equal(buf_cstr(&got), "!1;ok;");
	for (size_t i = 0; i <= CSV_FIELDS_MAX; i++)
		buf_text(&many, ",");
	buf_text(&many, "\nok\n");
	buf_clear(&got);
	rows(buf_cstr(&many), 7, false, &got);
	assert_string_equal(buf_cstr(&got), "!1;ok;");
}

static void lines_keep_commas_and_quotes(void **state)
{
	AUTO_BUF(got, 4096);

	(void)state;
	rows("{\"a\":1,\"b\":2}\r\n\n{}\n", 3, true, &got);
	assert_string_equal(buf_cstr(&got), "{\"a\":1,\"b\":2};{};");
}

/* Every allocation fails once: the rows are right or the reader says that there is no memory. */
static RC read_all(const char *text, struct buf *ret)
{
	struct source s = {slice_text(text), 7};
	AUTO(csv, c, NULL);
	bool more;

	TRY(csv_new(give, &s, &c));
	for (;;) {
		TRY(csv_row(c, &more));
		if (!more)
			return buf_done(ret);
		for (size_t i = 0; i < csv_count(c); i++)
			buf_add(ret, csv_field(c, i));
	}
}

static void torture(void **state)
{
	static const char text[] = "name,number\r\n\"张三, senior\",1\n李四,\"2\"\"\"\n";
	AUTO_BUF(want, 4096);
	size_t n, failures = 0;

	(void)state;
	assert_ok(read_all(text, &want));
	for (n = 1; n < 1000; n++) {
		AUTO_BUF(have, 4096);
		struct rc rc;

		(void)mem_fail_after(n);
		rc = read_all(text, &have);
		if (mem_fail_after(0) < n)
			break;
		failures += !rc_ok(rc);
		if (rc_ok(rc))
			assert_string_equal(buf_cstr(&have), buf_cstr(&want));
		else
			assert_int_equal(rc.code, RC_NOMEM);
	}
	assert_true(n > 1 && n < 1000 && failures > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rows_and_fields), cmocka_unit_test(a_wrong_row_does_not_spoil_the_next),
	        cmocka_unit_test(limits),          cmocka_unit_test(lines_keep_commas_and_quotes),
	        cmocka_unit_test(torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
