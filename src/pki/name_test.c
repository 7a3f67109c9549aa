/* Names: text and wire against OpenSSL, every rule once, round trips. */
#include "pki/name.h"

#include "base/mem.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

#include <openssl/bio.h>

static void wire(const char *text, struct buf *ret)
{
	struct rc rc = name_from_text(slice_text(text), ret);

	if (!rc_ok(rc))
		fail_msg("%s: %s", text, rc_last()->text);
}

DROP(bio_st, BIO_free_all);
DROP(X509_name_st, X509_NAME_free);

/* OpenSSL prints what we wrote as RFC 2253 has it. */
static void openssl_prints(const char *text, const char *want)
{
	AUTO_BUF(der, NAME_DER_MAX);
	char out[1024];

	wire(text, &der);
	const unsigned char *p = der.p;
	AUTO(X509_name_st, n, d2i_X509_NAME(NULL, &p, (long)der.len));
	AUTO(bio_st, b, BIO_new(BIO_s_mem()));
	assert_non_null(n);
	X509_NAME_print_ex(b, n, 0,
	                   XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB & ~(unsigned long)ASN1_STRFLGS_ESC_CTRL);
	int len = BIO_read(b, out, sizeof(out) - 1);
	assert_true(len > 0);
	out[len] = 0;
	assert_string_equal(out, want);
}

static void test_openssl_reads_ours(void **state)
{
	(void)state;
	openssl_prints("CN=张三,O=示范,ST=福建省,C=CN", "CN=张三,O=示范,ST=福建省,C=CN");
	openssl_prints("CN=a\\, b\\+c,C=CN", "CN=a\\, b\\+c,C=CN");
	openssl_prints("CN=x+OU=y,C=CN", "OU=y+CN=x,C=CN"); /* a SET OF has its own order */
	openssl_prints("emailAddress=a@b.cn,UID=u,DC=b,DC=cn", "emailAddress=a@b.cn,UID=u,DC=b,DC=cn");
}

/* Most general first on the wire, strings of the right types (style of GB/T 20518). */
static void test_wire_form(void **state)
{
	static const uint8_t want[] = {
	        0x30, 0x2b, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02, 'C', 'N',
	        0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x05, 0x13, 0x04, '4',  '2',  '-', 'a',
	        0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x04, 'n',  'a',  'm', 'e',
	};
	AUTO_BUF(der, NAME_DER_MAX);

	(void)state;
	wire("CN=name,serialNumber=42-a,C=CN", &der);
	assert_int_equal(der.len, sizeof(want));
	assert_memory_equal(der.p, want, sizeof(want));
	assert_ok(name_check(buf_slice(&der)));
}

static void round_trip(const char *text)
{
	AUTO_BUF(der, NAME_DER_MAX);
	AUTO_BUF(out, NAME_TEXT_MAX);
	AUTO_BUF(again, NAME_DER_MAX);

	wire(text, &der);
	assert_ok(name_to_text(buf_slice(&der), &out));
	assert_string_equal(buf_cstr(&out), text);
	wire(buf_cstr(&out), &again);
	assert_true(slice_equal(buf_slice(&der), buf_slice(&again)));
}

static void test_round_trips(void **state)
{
	(void)state;
	round_trip("CN=张三,O=示范,C=CN");
	round_trip("CN=\\#1 \\\"x\\\"\\; \\<y\\>\\\\ a=b,C=CN");
	round_trip("OU=乙+OU=甲,street=丁+O=丙"); /* in the order of their encodings */
	round_trip("CN=𠮷田一郎,GN=一郎,SN=𠮷田,title=科长,organizationIdentifier=VATCN-1");
	round_trip("CN=a,DC=example,DC=cn");
}

static void test_other_spellings(void **state)
{
	AUTO_BUF(a, NAME_DER_MAX);
	AUTO_BUF(b, NAME_DER_MAX);

	(void)state;
	wire("CN=a\\2c b,O=\\e7\\a4\\ba,C=CN", &a);
	wire("commonName = a\\, b , organizationName=示, 2.5.4.6=CN", &b);
	assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
}

static void refused(struct slice text)
{
	AUTO_BUF(der, NAME_DER_MAX);
	struct rc rc = name_from_text(text, &der);

	if (rc_ok(rc))
		fail_msg("accepted: %.*s", (int)text.len, (const char *)text.p);
	assert_int_equal(rc_last()->err, ERR_NAME);
	assert_int_equal(der.len, 0);
}

static void test_refusals(void **state)
{
	static const char *const bad[] = {
	        "CN",
	        "=a",
	        "CN=",
	        "CN= ",
	        "XX=a",
	        "1.2.3=a",
	        "CN=a,",
	        "CN=a+",
	        "CN=a,,C=CN",
	        "CN=a\\",
	        "CN=a\\g",
	        "CN=a\\4",
	        "CN=a;b",
	        "CN=\"a\"",
	        "CN=#0c0161",
	        "C=cn",
	        "C=CHN",
	        "C=中国",
	        "serialNumber=a_b",
	        "DC=例",
	        "emailAddress=例@a",
	        "CN=a\\00b",
	        "CN=a\\0ab",
	        "CN=\\c0\\80",
	        "CN=\xff",
	        "CN=a\xe2\x80\xae\x62",
	        "CN=\\ a",
	        "CN=a\\20",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(slice_text(bad[i]));
	refused(SLICE_LIT("CN=a\0b"));
}

static void test_limits(void **state)
{
	char text[NAME_TEXT_MAX + 2];
	AUTO_BUF(der, NAME_DER_MAX);

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "CN=", 3);
	assert_ok(name_from_text(slice_of(text, 3 + 64), &der));
	refused(slice_of(text, 3 + 65)); /* ub-common-name */
	refused(slice_of(text, sizeof(text)));
	/* characters count, not bytes */
	struct buf wide = BUF(1024);
	buf_text(&wide, "CN=");
	for (int i = 0; i < 64; i++)
		buf_text(&wide, "𠮷");
	buf_clear(&der);
	assert_ok(name_from_text(buf_slice(&wide), &der));
	buf_text(&wide, "𠮷");
	refused(buf_slice(&wide));
	buf_free(&wide);
	struct buf many = BUF(1024);
	for (int i = 0; i <= NAME_ATTRIBUTES; i++)
		buf_printf(&many, "%sOU=a", i > 0 ? "," : "");
	refused(buf_slice(&many));
	buf_free(&many);
}

static void test_equality_rfc5280_7_1(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
	        {"CN=Abc  d,C=CN", "CN=aBC d,C=CN", true},
	        {"CN=a b,C=CN", "CN=ab,C=CN", false},
	        {"CN=a,C=CN", "CN=a,O=b,C=CN", false},
	        {"CN=a,O=b", "O=b,CN=a", false},
	        {"CN=a+OU=b", "CN=a,OU=b", false},
	        {"CN=张三", "CN=张四", false},
	        {"CN=a", "OU=a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF(a, NAME_DER_MAX);
		AUTO_BUF(b, NAME_DER_MAX);
		wire(rows[i].a, &a);
		wire(rows[i].b, &b);
		assert_int_equal(name_equal(buf_slice(&a), buf_slice(&b)), rows[i].equal);
		assert_int_equal(name_equal(buf_slice(&b), buf_slice(&a)), rows[i].equal);
		assert_true(name_equal(buf_slice(&a), buf_slice(&a)));
	}
	/* PrintableString and UTF8String of the same text */
	assert_true(name_equal(SLICE_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01"
	                                 "A"),
	                       SLICE_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
	                                 "a")));
	assert_false(name_equal(SLICE_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x1e\x01"
	                                  "A"),
	                        SLICE_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
	                                  "a")));
}

static void test_values_and_strings(void **state)
{
	AUTO_BUF(der, NAME_DER_MAX);
	AUTO_BUF(text, NAME_TEXT_MAX);
	struct slice v;

	(void)state;
	wire("CN=张三,C=CN", &der);
	assert_ok(name_value(buf_slice(&der), OID_CN, &v));
	assert_true(slice_is(v, "张三"));
	assert_rc(name_value(buf_slice(&der), OID_O, &v), RC_NOTFOUND);
	assert_true(name_is_empty(SLICE_LIT("\x30\0")));
	assert_false(name_is_empty(buf_slice(&der)));
	/* the wrong string type parses and is shown, but is not one of ours */
	struct slice printable = SLICE_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01"
	                                   "A");
	assert_refused(name_check(printable), NAME);
	assert_ok(name_to_text(printable, &text));
	assert_string_equal(buf_cstr(&text), "CN=A");
	buf_clear(&text);
	/* BMPString: hex of the value (RFC 4514 2.4); a bidirectional override does not reach a screen */
	assert_ok(name_to_text(SLICE_LIT("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x1e\x02"
	                                 "\x5f\x20"),
	                       &text));
	assert_string_equal(buf_cstr(&text), "CN=#1e025f20");
	buf_clear(&text);
	assert_ok(name_to_text(SLICE_LIT("\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04"
	                                 "a\xe2\x80\xae"),
	                       &text));
	assert_string_equal(buf_cstr(&text), "CN=a\\E2\\80\\AE");
}

static struct rc from_text_fresh(void)
{
	AUTO_BUF(der, NAME_DER_MAX);

	return name_from_text(SLICE_LIT("CN=a+OU=b,C=CN"), &der);
}

static void test_torture(void **state)
{
	(void)state;
	GOLDEN_TORTURE(from_text_fresh(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_openssl_reads_ours),
	        cmocka_unit_test(test_wire_form),
	        cmocka_unit_test(test_round_trips),
	        cmocka_unit_test(test_other_spellings),
	        cmocka_unit_test(test_refusals),
	        cmocka_unit_test(test_limits),
	        cmocka_unit_test(test_equality_rfc5280_7_1),
	        cmocka_unit_test(test_values_and_strings),
	        cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
