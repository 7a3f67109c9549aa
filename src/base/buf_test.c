#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

static void writes_and_grows(void **state)
{
	AUTO_BUF(b, 1000);
	static const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', '4', '2'};

	(void)state;
	buf_u8(&b, 1);
	buf_u16be(&b, 0x0203);
	buf_u32be(&b, 0x04050607);
	buf_u64be(&b, 0x08090a0b0c0d0e0fULL);
	buf_printf(&b, "x%d", 42);
	assert_ok(buf_done(&b));
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	assert_string_equal(buf_cstr(&b) + 15, "x42");
	while (b.len < 999)
		buf_u8(&b, 0);
	assert_ok(buf_done(&b));
	assert_int_equal(b.p[17], '2');
}

static void a_failure_sticks(void **state)
{
	AUTO_BUF(b, 4);

	(void)state;
	buf_text(&b, "abcd");
	assert_ok(buf_done(&b));
	buf_u8(&b, 'e');
	assert_refused(buf_done(&b), TOO_LARGE);
	assert_int_equal(buf_slice(&b).len, 0);
	assert_string_equal(buf_cstr(&b), "");
	buf_clear(&b);
	buf_text(&b, "x");
	assert_ok(buf_done(&b));
	assert_null(buf_room(&b, SIZE_MAX));
	assert_rc(buf_done(&b), RC_INPUT);
}

static void hex_and_base64_limits(void **state)
{
	AUTO_BUF(b, 8);
	const struct slice six = SLICE_LIT("foobar"), seven = SLICE_LIT("foobar!");

	(void)state;
	buf_base64(&b, six);
	assert_ok(buf_done(&b));
	assert_string_equal(buf_cstr(&b), "Zm9vYmFy");
	buf_clear(&b);
	buf_base64(&b, seven);
	assert_rc(buf_done(&b), RC_INPUT);
	buf_clear(&b);
	buf_hex(&b, slice_of("\x00\xff\x1a\x80", 4));
	assert_string_equal(buf_cstr(&b), "00ff1a80");
	buf_hex(&b, slice_of(six.p, 1));
	assert_rc(buf_done(&b), RC_INPUT);
}

static void taking_leaves_it_empty(void **state)
{
	AUTO_BUF(b, 100);
	struct buf taken;

	(void)state;
	buf_text(&b, "content");
	taken = buf_take(&b);
	assert_null(b.p);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_cstr(&taken), "content");
	buf_free(&taken);
}

/* Every allocation may fail: the result is then RC_NOMEM and nothing is lost or leaked. */
static void torture(void **state)
{
	size_t n;

	(void)state;
	for (n = 1; n <= 20; n++) {
		AUTO_BUF(b, 10000);
		int i;

		b.secret = n % 2 == 0;
		(void)mem_fail_after(n);
		for (i = 0; i < 500; i++)
			buf_printf(&b, "%d,", i);
		buf_hex(&b, SLICE_LIT("abc"));
		if (mem_fail_after(0) < n)
			assert_ok(buf_done(&b));
		else
			assert_rc(buf_done(&b), RC_NOMEM);
	}
}

static void equal_in_constant_time(void **state)
{
	(void)state;
	assert_true(ct_equal("abc", "abc", 3));
	assert_false(ct_equal("abc", "abd", 3));
	assert_false(ct_equal("bbc", "abc", 3));
	assert_true(ct_equal("a", "b", 0));
	assert_true(slice_equal(SLICE_NONE, slice_of("", 0)));
	assert_false(slice_equal(SLICE_LIT("a"), SLICE_LIT("ab")));
}

static void memory_limits(void **state)
{
	struct secret *s;
	void *p;

	(void)state;
	assert_null(mem_new(SIZE_MAX, 2));
	assert_null(mem_grow(NULL, SIZE_MAX, 2));
	assert_null(mem_copy(slice_of("", SIZE_MAX)));
	p = mem_new(0, 0);
	assert_non_null(p);
	mem_free(p);
	assert_null(secret_new(2u << 20));
	s = secret_new(5000);
	assert_non_null(s);
	assert_int_equal(s->len, 5000);
	assert_int_equal(s->p[4999], 0);
	memset(s->p, 1, 5000);
	secret_free(s);
	secret_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(writes_and_grows),
	        cmocka_unit_test(a_failure_sticks),
	        cmocka_unit_test(hex_and_base64_limits),
	        cmocka_unit_test(taking_leaves_it_empty),
	        cmocka_unit_test(torture),
	        cmocka_unit_test(equal_in_constant_time),
	        cmocka_unit_test(memory_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
