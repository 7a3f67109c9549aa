/* DER: examples of X.690, every refusal once, reader and writer against each other's rules. */
#include "asn1/der.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"

/* ---- reader ---- */

static struct buf bytes(const char *hex)
{
	struct buf b = BUF(1 << 16);

	assert_ok(text_hex_any(slice_text(hex), &b));
	return b;
}

/* One element read by `take`; why NULL: all is well. */
static void one(const char *hex, void (*take)(struct der_reader *r), const char *why)
{
	struct buf b = bytes(hex);
	struct der_reader r = der_read(buf_slice(&b));

	take(&r);
	if (why == NULL) {
		assert_ok(der_done(&r, hex));
	} else {
		assert_refused(der_done(&r, hex), DER);
		if (r.why == NULL)
			assert_non_null(strstr(rc_last()->text, why));
		else
			assert_string_equal(r.why, why);
	}
	buf_free(&b);
}

static void any(struct der_reader *r)
{
	der_element(r);
}
static void integer(struct der_reader *r)
{
	der_integer(r);
}
static void boolean(struct der_reader *r)
{
	der_boolean(r);
}
static void object(struct der_reader *r)
{
	der_oid_raw(r);
}
static void octet_bits(struct der_reader *r)
{
	der_bits(r, NULL);
}
static void null(struct der_reader *r)
{
	der_null(r);
}
static void any_time(struct der_reader *r)
{
	der_time(r);
}
static void gtime(struct der_reader *r)
{
	der_gtime(r);
}

static void bits(struct der_reader *r)
{
	unsigned unused;

	der_bits(r, &unused);
}

static void small(struct der_reader *r)
{
	der_uint(r, 300);
}

static void sequence(struct der_reader *r)
{
	der_enter(r, DER_SEQUENCE);
	der_integer(r);
	der_leave(r);
}

static void test_lengths_X690_10_1(void **state)
{
	(void)state;
	one("0400", any, NULL);
	one("04", any, "bad length");
	one("040100", any, NULL);
	one("0402ff", any, "bad length");
	one("04810100", any, "bad length"); /* long form where short is enough */
	one("0482008000", any, "bad length");
	one("0480", any, "bad length"); /* indefinite */
	one("0485000000000100", any, "bad length");
	one("04ff00", any, "bad length");
	one("1f8101", any, "high tag number");
	one("", any, "an element is missing");
	one("04000400", any, "2 bytes after the end");
}

static void test_integers_X690_8_3(void **state)
{
	(void)state;
	one("020100", integer, NULL);
	one("02020080", integer, NULL);
	one("0200", integer, "bad INTEGER");
	one("020180", integer, "negative INTEGER");
	one("0202007f", integer, "INTEGER is not minimal");
	one("03020001", integer, "unexpected tag");
	one("0202012c", small, NULL);
	one("0202012d", small, "INTEGER out of range");
	one("0209010000000000000000", small, "INTEGER out of range");
}

static void test_primitives(void **state)
{
	(void)state;
	one("0101ff", boolean, NULL);
	one("010100", boolean, NULL);
	one("010101", boolean, "bad BOOLEAN"); /* X.690 11.1 */
	one("0102ffff", boolean, "bad BOOLEAN");
	one("0500", null, NULL);
	one("050100", null, "bad NULL");
	one("0603813403", object, NULL); /* X.690 8.19.5: {2 100 3} */
	one("0600", object, "bad OBJECT IDENTIFIER");
	one("06028134", object, NULL);
	one("06028180", object, "bad OBJECT IDENTIFIER");
	one("0603558003", object, "bad OBJECT IDENTIFIER");
	one("0307040a3b5f291cd0", bits, NULL); /* X.690 8.6.4.2 */
	one("0307040a3b5f291cd8", bits, "unused bits are not zero");
	one("030109", bits, "bad BIT STRING");
	one("030101", bits, "bad BIT STRING");
	one("0300", bits, "bad BIT STRING");
	one("030100", bits, NULL);
	one("03020480", octet_bits, "BIT STRING is not whole octets");
}

static void test_times_RFC5280_4_1_2_5(void **state)
{
	(void)state;
	one("170d3439313233313233353935395a", any_time, NULL);
	one("170b343931323331323335395a", any_time, "bad UTCTime");
	one("180f32303530303130313030303030305a", any_time, NULL);
	one("180f32303439313233313030303030305a", any_time, "GeneralizedTime before 2050");
	one("180f32303439313233313030303030305a", gtime, NULL);
	one("180f32303530303233303030303030305a", gtime, "bad GeneralizedTime");
	one("040100", any_time, "unexpected tag");
}

static void test_nesting(void **state)
{
	struct der_reader r = der_read(SLICE_LIT("\x30\0"));
	uint8_t deep[2 * (DER_DEPTH + 1)];

	(void)state;
	one("3003020105", sequence, NULL);
	one("3000", sequence, "an element is missing");
	one("30060201050201", sequence, "bad length");
	one("3006020105020106", sequence, "unexpected element at the end");
	one("3103020105", sequence, "unexpected tag");
	der_enter(&r, DER_SEQUENCE);
	assert_refused(der_done(&r, "open"), DER);
	r = der_read(SLICE_LIT("\x30\0"));
	der_leave(&r);
	assert_refused(der_done(&r, "closed"), DER);
	for (size_t i = 0; i <= DER_DEPTH; i++) {
		deep[2 * i] = DER_SEQUENCE;
		deep[2 * i + 1] = (uint8_t)(sizeof(deep) - 2 * i - 2);
	}
	r = der_read(SLICE_ARR(deep));
	for (size_t i = 0; i <= DER_DEPTH; i++)
		der_enter(&r, DER_SEQUENCE);
	assert_string_equal(r.why, "nested too deeply");
}

/* After the first failure everything is empty and the first reason stays. */
static void test_failure_sticks(void **state)
{
	struct der_reader r = der_read(SLICE_LIT("\x02\x01\x80\x02\x01\x05"));
	struct slice params;

	(void)state;
	assert_int_equal(der_integer(&r).len, 0);
	assert_int_equal(der_integer(&r).len, 0);
	assert_int_equal(der_uint(&r, 10), 0);
	assert_false(der_more(&r));
	assert_int_equal(der_tag(&r), 0);
	assert_int_equal(der_oid(&r), OID_UNKNOWN);
	assert_int_equal(der_algorithm(&r, &params), OID_UNKNOWN);
	der_fail(&r, "later");
	assert_string_equal(r.why, "negative INTEGER");
	assert_refused(der_done(&r, "x"), DER);
}

static void test_values(void **state)
{
	struct buf b = bytes("300d06092a864886f70d01010b0500");
	struct der_reader r = der_read(buf_slice(&b));
	struct slice params;

	(void)state;
	assert_int_equal(der_algorithm(&r, &params), OID_RSA_SHA256);
	assert_true(slice_equal(params, SLICE_LIT("\5\0")));
	buf_free(&b);
	r = der_read(SLICE_LIT("\x02\x02\x00\x80\x02\x03\x01\x00\x01"));
	assert_true(slice_equal(der_integer(&r), SLICE_LIT("\x80")));
	assert_int_equal(der_uint(&r, UINT64_MAX), 65537);
	r = der_read_large(SLICE_LIT("\4\1a"), 2);
	assert_refused(der_done(&r, "large"), DER);
}

static void ordered(const char *hex, bool sorted)
{
	struct buf b = bytes(hex);
	struct der_reader r = der_read(buf_slice(&b));
	struct slice last = SLICE_NONE;

	while (der_more(&r)) {
		const uint8_t *from = r.p;
		der_element(&r);
		der_ordered(&r, from, &last);
	}
	assert_int_equal(rc_ok(der_done(&r, "set")), sorted);
	buf_free(&b);
}

static void test_order_X690_11_6(void **state)
{
	(void)state;
	ordered("020101020102", true);
	ordered("020101020101", true);
	ordered("020102020101", false);
	ordered("02010102020100", true);
	ordered("020201000201ff", false);
}

/* ---- writer ---- */

static void writes(struct der_writer *w, const char *hex)
{
	struct buf out = BUF(1 << 20);
	struct buf want = bytes(hex);

	assert_ok(der_finish(w, &out));
	if (!slice_equal(buf_slice(&out), buf_slice(&want))) {
		struct buf text = BUF(1 << 16);
		buf_hex(&text, buf_slice(&out));
		fail_msg("%s, wanted %s", buf_cstr(&text), hex);
	}
	buf_free(&out);
	buf_free(&want);
	der_writer_free(w);
}

#define WRITES(hex, ...)                                                                                     \
	do {                                                                                                 \
		struct der_writer w = DER_WRITER(1 << 20);                                                   \
		__VA_ARGS__;                                                                                 \
		writes(&w, hex);                                                                             \
	} while (0)

static void test_writer(void **state)
{
	static const uint8_t long_text[200];

	(void)state;
	WRITES("020100", der_put_uint(&w, 0));
	WRITES("02017f", der_put_uint(&w, 127));
	WRITES("02020080", der_put_uint(&w, 128));
	WRITES("020900ffffffffffffffff", der_put_uint(&w, UINT64_MAX));
	WRITES("02020080", der_put_integer(&w, SLICE_LIT("\0\0\x80")));
	WRITES("020100", der_put_integer(&w, SLICE_NONE));
	WRITES("0101ff010100", der_put_bool(&w, true); der_put_bool(&w, false));
	WRITES("0500", der_put_null(&w));
	WRITES("06082a811ccf55018375", der_put_oid(&w, OID_SM2_SM3));
	WRITES("03020061", der_put_bits(&w, SLICE_LIT("a")));
	/* X.690 11.2.2; keyUsage bytes of a real CA and of a real encryption certificate (standards.md 2.1)
	 */
	WRITES("03020106", der_put_named_bits(&w, 1 << 5 | 1 << 6));
	WRITES("03020338", der_put_named_bits(&w, 1 << 2 | 1 << 3 | 1 << 4));
	WRITES("0303070080", der_put_named_bits(&w, 1 << 8));
	WRITES("030100", der_put_named_bits(&w, 0));
	WRITES("170d3439313233313233353935395a", der_put_time(&w, 2524607999));
	WRITES("180f32303530303130313030303030305a", der_put_time(&w, 2524608000));
	WRITES("180f32303236303130313030303030305a", der_put_gtime(&w, 1767225600));
	WRITES("300a06082a811ccf55018375", der_put_algorithm(&w, OID_SM2_SM3));
	WRITES("300c06082a811ccf550183750500", der_put_algorithm_null(&w, OID_SM2_SM3));
	WRITES("3006a004a0020500", der_begin(&w, DER_SEQUENCE); der_begin(&w, DER_CTXC(0));
	       der_begin(&w, DER_CTXC(0)); der_put_null(&w); der_end(&w); der_end(&w); der_end(&w));
	WRITES("3109020101020102020103", der_begin(&w, DER_SET); der_put_uint(&w, 3); der_put_uint(&w, 1);
	       der_put_uint(&w, 2); der_end_set(&w));
	struct der_writer w = DER_WRITER(1 << 12);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_octets(&w, SLICE_ARR(long_text));
	der_end(&w);
	der_end(&w);
	assert_memory_equal(w.out.p, "\x30\x81\xce\x30\x81\xcb\x04\x81\xc8\0", 10);
	assert_int_equal(w.out.len, 209);
	der_writer_free(&w);
}

static void test_writer_failures(void **state)
{
	struct buf out = BUF(1 << 10);

	(void)state;
	struct der_writer w = DER_WRITER(1 << 10);
	der_begin(&w, DER_SEQUENCE);
	assert_rc(der_finish(&w, &out), RC_BUG);
	der_writer_free(&w);
	w = DER_WRITER(1 << 10);
	der_end(&w);
	assert_false(rc_ok(der_finish(&w, &out)));
	der_writer_free(&w);
	w = DER_WRITER(4);
	der_put_octets(&w, SLICE_LIT("abc"));
	assert_false(rc_ok(der_finish(&w, &out)));
	der_writer_free(&w);
	w = DER_WRITER(1 << 10);
	der_put_oid_raw(&w, SLICE_NONE);
	assert_false(rc_ok(der_finish(&w, &out)));
	der_writer_free(&w);
	w = DER_WRITER(1 << 10);
	der_put_time(&w, INT64_MAX);
	assert_false(rc_ok(der_finish(&w, &out)));
	der_writer_free(&w);
	w = DER_WRITER(1 << 10);
	for (int i = 0; i <= DER_DEPTH; i++)
		der_begin(&w, DER_SEQUENCE);
	assert_true(w.out.failed);
	der_writer_free(&w);
	assert_int_equal(out.len, 0);
}

static struct rc write_fresh(void)
{
	AUTO_DER(w, 1 << 12);
	AUTO_BUF(out, 1 << 12);

	der_begin(&w, DER_SET);
	der_put_octets(&w,
	               SLICE_LIT("0123456789012345678901234567890123456789012345678901234567890123456789"));
	der_put_null(&w);
	der_end_set(&w);
	return der_finish(&w, &out);
}

static void test_torture(void **state)
{
	size_t n = 0, failed = 0;
	struct rc rc;

	(void)state;
	do {
		(void)mem_fail_after(++n);
		rc = write_fresh();
		(void)mem_fail_after(0);
		failed += !rc_ok(rc);
		assert_true(rc_ok(rc) || rc.code == RC_NOMEM);
	} while (!rc_ok(rc));
	assert_true(failed >= 2);
}

/* ---- identifiers ---- */

static void test_oids(void **state)
{
	AUTO_BUF(b, 64);
	AUTO_BUF(text, 64);

	(void)state;
	for (unsigned o = 1; o < OID_COUNT; o++) {
		struct slice c = oid_contents((enum oid)o);
		assert_true(c.len >= 3);
		assert_int_equal(oid_find(c), o);
		buf_clear(&text);
		assert_ok(oid_to_dotted(c, &text));
		assert_string_equal(buf_cstr(&text), oid_dotted((enum oid)o));
	}
	/* bytes from GB/T 33560 certificates in the field */
	assert_true(slice_equal(oid_contents(OID_SM2), SLICE_LIT("\x2a\x81\x1c\xcf\x55\x01\x82\x2d")));
	assert_true(slice_equal(oid_contents(OID_CN), SLICE_LIT("\x55\x04\x03")));
	assert_string_equal(oid_name(OID_SM2_SM3), "sm2sign-with-sm3");
	assert_int_equal(oid_find(SLICE_LIT("\x2a\x03")), OID_UNKNOWN);
	assert_int_equal(oid_find(SLICE_NONE), OID_UNKNOWN);
	assert_ok(oid_from_dotted(SLICE_LIT("2.100.3"), &b));
	assert_true(slice_equal(buf_slice(&b), SLICE_LIT("\x81\x34\x03")));
}

static void test_oids_refused(void **state)
{
	static const char *const bad[] = {"",     "1",    "3.1",   "1.40",   "1..2",
	                                  "1.2.", ".1.2", "1.2.x", "1.2.-3", "1.2 .3"};
	AUTO_BUF(b, 64);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_rc(oid_from_dotted(slice_text(bad[i]), &b), RC_INPUT);
	assert_rc(oid_to_dotted(SLICE_NONE, &b), RC_INPUT);
	assert_rc(oid_to_dotted(SLICE_LIT("\x2a\x83"), &b), RC_INPUT);
	assert_rc(oid_to_dotted(SLICE_LIT("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), &b), RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lengths_X690_10_1),
	        cmocka_unit_test(test_integers_X690_8_3),
	        cmocka_unit_test(test_primitives),
	        cmocka_unit_test(test_times_RFC5280_4_1_2_5),
	        cmocka_unit_test(test_nesting),
	        cmocka_unit_test(test_failure_sticks),
	        cmocka_unit_test(test_values),
	        cmocka_unit_test(test_order_X690_11_6),
	        cmocka_unit_test(test_writer),
	        cmocka_unit_test(test_writer_failures),
	        cmocka_unit_test(test_torture),
	        cmocka_unit_test(test_oids),
	        cmocka_unit_test(test_oids_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
