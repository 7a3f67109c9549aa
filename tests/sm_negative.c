/* What must be refused, each case with its reason, by each implementation and by libcrypto too (R06.8):
 * signatures, private keys, public keys and ciphertexts, as numbers and in DER.  Where libcrypto is laxer the
 * row says why it is; that it does accept is checked as well.  With an argument the rows are listed. */
#include "sm/judge_test.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <stdio.h>

#define PLAIN 20
#define SIG_DER 70     /* 30 44 02 20 r 02 20 s */
#define CIPHER_DER 126 /* 30 7c 02 20 x 02 20 y 04 20 hash 04 14 text */

static struct sm2_key key, stranger;
static EVP_PKEY *judge, *judge_stranger;
static BN_CTX *numbers;
static EC_GROUP *group;
static uint8_t digest[32], plain[PLAIN];
static struct sm2_sig good;
static uint8_t good_der[SIG_DER], cipher_der[CIPHER_DER], cipher_raw[SM2_POINT + 32 + PLAIN];

static bool listing, ask_judge;
static size_t rows[4], lax_rows, wrong;
enum { SIGNATURE, PRIVATE, POINT, CIPHERTEXT };
static const char *const kinds[] = {"signature", "private key", "point", "ciphertext"};

/* ---- one row ---- */

/* lax: why libcrypto takes it; NULL when it refuses too. */
static void row(int kind, const char *why, bool ours_takes, bool judge_takes, const char *lax)
{
	bool right = !ours_takes && (!ask_judge || judge_takes == (lax != NULL));

	rows[kind]++;
	lax_rows += lax != NULL;
	wrong += !right;
	if (!right)
		fprintf(stderr, "%s: %s, %s: taken by us %d, by libcrypto %d\n", sm_impl_name(sm_impl_best()),
		        kinds[kind], why, ours_takes, judge_takes);
	if (listing && ask_judge)
		printf("%-11s  %s%s%s\n", kinds[kind], why, lax != NULL ? "; libcrypto takes it: " : "",
		       lax != NULL ? lax : "");
}

static char *name(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *name(const char *fmt, ...)
{
	static char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

/* ---- how each kind is tried ---- */

static bool judge_takes_der(EVP_PKEY *public, const uint8_t e[32], struct slice der)
{
	EVP_PKEY_CTX *ctx;
	bool valid;

	if (!ask_judge || public == NULL)
		return false;
	ctx = EVP_PKEY_CTX_new(public, NULL);
	valid = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der.p, der.len, e, 32) == 1;
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return valid;
}

/* Alone and between two good ones, which stay good. */
static bool we_take(const struct sm2_pub *pub, const uint8_t e[32], const struct sm2_sig *sig)
{
	struct sm2_check c[3];
	size_t i;

	for (i = 0; i < 3; i++) {
		c[i] = (struct sm2_check){.pub = i == 1 ? *pub : key.pub, .sig = i == 1 ? *sig : good};
		memcpy(c[i].e, i == 1 ? e : digest, 32);
	}
	sm2_verify_batch(c, 3);
	assert_true(c[0].valid && c[2].valid);
	return c[1].valid || rc_ok(sm2_verify_digest(pub, e, sig));
}

static void signature(const char *why, const struct sm2_sig *sig)
{
	AUTO_BUF(der, 100);
	struct sm2_sig back;

	sm2_sig_to_der(sig, &der);
	row(SIGNATURE, why, we_take(&key.pub, digest, sig), judge_takes_der(judge, digest, buf_slice(&der)),
	    NULL);
	/* and when the DER is taken, it is the same signature */
	if (rc_ok(sm2_sig_from_der(buf_slice(&der), &back)))
		assert_memory_equal(&back, sig, sizeof(back));
}

static void signature_der(const char *why, struct slice der, const char *lax)
{
	struct sm2_sig sig;
	bool taken = rc_ok(sm2_sig_from_der(der, &sig)) && we_take(&key.pub, digest, &sig);

	row(SIGNATURE, why, taken, judge_takes_der(judge, digest, der), lax);
}

static void private_key(const char *why, const uint8_t d[32])
{
	struct sm2_key k;
	bool judged = false;

	if (ask_judge) {
		struct sm2_key claimed = key;
		EVP_PKEY *theirs;
		EVP_PKEY_CTX *ctx;

		memcpy(claimed.d, d, 32);
		theirs = judge_key(&key.pub, &claimed);
		ctx = theirs != NULL ? EVP_PKEY_CTX_new(theirs, NULL) : NULL;
		judged = ctx != NULL && EVP_PKEY_private_check(ctx) == 1;
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(theirs);
		ERR_clear_error();
	}
	row(PRIVATE, why, rc_ok(sm2_key_load(d, &k)), judged, NULL);
}

static bool judge_takes_octets(struct slice octets)
{
	EC_POINT *p = EC_POINT_new(group);
	bool taken = EC_POINT_oct2point(group, p, octets.p, octets.len, numbers) == 1 &&
	             !EC_POINT_is_at_infinity(group, p);

	ERR_clear_error();
	EC_POINT_free(p);
	return taken;
}

static void octets(const char *why, struct slice s, const char *lax)
{
	struct sm2_pub pub;

	row(POINT, why, rc_ok(sm2_pub_from_octets(s, &pub)), judge_takes_octets(s), lax);
}

/* As a public key, as the key of a signature and as C1. */
static void point(const char *why, const uint8_t xy[SM2_POINT])
{
	uint8_t s[65] = {4}, raw[sizeof(cipher_raw)];
	struct sm2_pub pub;
	struct sm2_cipher c;

	memcpy(s + 1, xy, SM2_POINT);
	octets(why, SLICE_ARR(s), NULL);
	memcpy(pub.xy, xy, SM2_POINT);
	assert_false(we_take(&pub, digest, &good));
	memcpy(raw, cipher_raw, sizeof(raw));
	memcpy(raw, xy, SM2_POINT);
	assert_false(rc_ok(sm2_cipher_from_raw(SLICE_ARR(raw), &c)));
}

static void ciphertext_der(const char *why, struct slice der, const char *lax)
{
	AUTO_BUF(ours, 1000);
	AUTO_BUF(theirs, 1000);
	struct sm2_cipher c;
	bool taken = rc_ok(sm2_cipher_from_der(der, &c)) && rc_ok(sm2_decrypt(&key, &c, &ours));

	row(CIPHERTEXT, why, taken, ask_judge && judge_decrypt(judge, der, &theirs), lax);
}

static void put_header(struct buf *b, uint8_t tag, size_t len)
{
	buf_u8(b, tag);
	if (len >= 128)
		buf_u8(b, 0x81);
	buf_u8(b, (uint8_t)len);
}

static void put_number(struct buf *b, const uint8_t number[32])
{
	bool pad = number[0] >= 0x80;
	size_t skip = 0;

	while (skip < 31 && number[skip] == 0 && number[skip + 1] < 0x80)
		skip++;
	put_header(b, 2, 32 - skip + pad);
	if (pad)
		buf_u8(b, 0);
	buf_add(b, slice_of(number + skip, 32 - skip));
}

/* C1 || C3 || C2, for libcrypto in DER of the test's own. */
static void ciphertext(const char *why, const struct sm2_key *k, EVP_PKEY *by, struct slice raw)
{
	AUTO_BUF(inner, 1000);
	AUTO_BUF(der, 1000);
	AUTO_BUF(ours, 1000);
	AUTO_BUF(theirs, 1000);
	struct sm2_cipher c;
	bool taken = rc_ok(sm2_cipher_from_raw(raw, &c)) && rc_ok(sm2_decrypt(k, &c, &ours)), judged = false;

	if (ask_judge && raw.len >= 96) {
		put_number(&inner, raw.p);
		put_number(&inner, raw.p + 32);
		put_header(&inner, 4, 32);
		buf_add(&inner, slice_of(raw.p + 64, 32));
		put_header(&inner, 4, raw.len - 96);
		buf_add(&inner, slice_of(raw.p + 96, raw.len - 96));
		put_header(&der, 0x30, inner.len);
		buf_add(&der, buf_slice(&inner));
		judged = judge_decrypt(by, buf_slice(&der), &theirs);
	}
	row(CIPHERTEXT, why, taken, judged, NULL);
}

/* ---- numbers ---- */

#define N "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D5412"
#define P_HIGH "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFF"

static const struct {
	const char *name, *hex;
} specials[] = {
        {"0", "0000000000000000000000000000000000000000000000000000000000000000"},
        {"1", "0000000000000000000000000000000000000000000000000000000000000001"},
        {"2", "0000000000000000000000000000000000000000000000000000000000000002"},
        {"n - 2", N "1"},
        {"n - 1", N "2"},
        {"n", N "3"},
        {"n + 1", N "4"},
        {"p - 1", P_HIGH "E"},
        {"p", P_HIGH "F"},
        {"2^255", "8000000000000000000000000000000000000000000000000000000000000000"},
        {"2^256 - 1", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
        {"the base point's x", "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"},
};
#define SPECIALS (sizeof(specials) / sizeof(specials[0]))

static void special(size_t i, uint8_t ret[32])
{
	assert_int_equal(unhex(specials[i].hex, ret), 32);
}

/* a = n - a */
static void negate_mod(uint8_t a[32], const char *modulus)
{
	BIGNUM *v = BN_bin2bn(a, 32, NULL), *m = NULL;

	BN_hex2bn(&m, modulus);
	BN_sub(v, m, v);
	BN_bn2binpad(v, a, 32);
	BN_free(v);
	BN_free(m);
}

static void add_small(uint8_t a[32], int by)
{
	BIGNUM *v = BN_bin2bn(a, 32, NULL);

	by > 0 ? BN_add_word(v, (BN_ULONG)by) : BN_sub_word(v, (BN_ULONG)-by);
	BN_bn2binpad(v, a, 32);
	BN_free(v);
}

static void signature_numbers(void)
{
	struct sm2_sig sig;
	size_t i, j;

	for (i = 0; i < SPECIALS; i++) {
		sig = good;
		special(i, sig.r);
		signature(name("r = %s", specials[i].name), &sig);
		sig = good;
		special(i, sig.s);
		signature(name("s = %s", specials[i].name), &sig);
		for (j = 0; j < SPECIALS; j++) {
			special(i, sig.r);
			special(j, sig.s);
			signature(name("r = %s and s = %s", specials[i].name, specials[j].name), &sig);
		}
	}
	for (i = 0; i < 64; i++) {
		sig = good;
		sig.r[i / 2] ^= i % 2 != 0 ? 1 : 0x40;
		signature(name("r with a bit of byte %zu changed", i / 2), &sig);
		sig = good;
		sig.s[i / 2] ^= i % 2 != 0 ? 2 : 0x80;
		signature(name("s with a bit of byte %zu changed", i / 2), &sig);
	}
}

static void signature_relations(void)
{
	static const int by[] = {1, -1, 2, -2, 255};
	struct sm2_sig sig = {{0}, {0}};
	size_t i;

	memcpy(sig.r, good.s, 32);
	memcpy(sig.s, good.r, 32);
	signature("r and s exchanged", &sig);
	sig = good;
	negate_mod(sig.s, N "3");
	signature("n - s, which ECDSA would take", &sig);
	sig = good;
	negate_mod(sig.r, N "3");
	signature("n - r", &sig);
	negate_mod(sig.s, N "3");
	signature("n - r and n - s", &sig);
	sig = good;
	memcpy(sig.s, sig.r, 32);
	negate_mod(sig.s, N "3");
	signature("r + s = n: t = 0 (GB/T 32918.2 7.1 B5)", &sig);
	memcpy(sig.s, sig.r, 32);
	signature("s = r", &sig);
	for (i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		sig = good;
		add_small(sig.s, by[i]);
		signature(name("s %+d", by[i]), &sig);
		sig = good;
		add_small(sig.r, by[i]);
		signature(name("r %+d", by[i]), &sig);
		add_small(sig.s, -by[i]);
		signature(name("r %+d and s %+d: the same t", by[i], -by[i]), &sig);
	}
}

static void expect_other(const char *why, const struct sm2_pub *pub, const uint8_t e[32])
{
	EVP_PKEY *other = judge_key(pub, NULL);

	assert_non_null(other);
	row(SIGNATURE, why, we_take(pub, e, &good), judge_takes_der(other, e, slice_of(good_der, SIG_DER)),
	    NULL);
	EVP_PKEY_free(other);
}

static void signature_of_others(void)
{
	struct sm2_pub pub = key.pub;
	uint8_t e[32];
	size_t i;

	expect_other("another person's key", &stranger.pub, digest);
	negate_mod(pub.xy + 32, P_HIGH "F");
	expect_other("the opposite point as key", &pub, digest);
	unhex("32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
	      "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0",
	      pub.xy);
	expect_other("the base point as key", &pub, digest);
	for (i = 0; i < 32; i++) {
		memcpy(e, digest, 32);
		e[i] ^= (uint8_t)(1 << i % 8);
		expect_other(name("a digest with a bit of byte %zu changed", i), &key.pub, e);
	}
	for (i = 0; i < SPECIALS; i++) {
		special(i, e);
		expect_other(name("%s for the digest", specials[i].name), &key.pub, e);
	}
	memcpy(e, digest, 32);
	negate_mod(e, N "3");
	expect_other("n - e for the digest", &key.pub, e);
}

/* r + n and s + n below 2^256: the number is right modulo n and must not be taken.  P = d G, s and t small.
 */
static void signature_above_n(void)
{
	BIGNUM *n = NULL, *d = BN_bin2bn(key.d, 32, NULL), *x = BN_new(), *v = BN_new();
	EC_POINT *p = EC_POINT_new(group);
	struct sm2_sig sig = {{[31] = 5}, {[31] = 9}}, above;
	uint8_t e[32];
	size_t i;

	BN_hex2bn(&n, N "3");
	BN_mul_word(d, 14); /* t = r + s */
	BN_add_word(d, 9);
	BN_mod(d, d, n, numbers);
	EC_POINT_mul(group, p, d, NULL, NULL, numbers);
	EC_POINT_get_affine_coordinates(group, p, x, NULL, numbers);
	BN_set_word(v, 5);
	BN_mod_sub(v, v, x, n, numbers); /* e = r - x */
	BN_bn2binpad(v, e, 32);
	assert_true(we_take(&key.pub, e, &sig)); /* as it is, it is right */
	for (i = 1; i < 4; i++) {
		AUTO_BUF(der, 100);

		above = sig;
		if (i & 1) {
			BN_bin2bn(sig.r, 32, v);
			BN_add(v, v, n);
			BN_bn2binpad(v, above.r, 32);
		}
		if (i & 2) {
			BN_bin2bn(sig.s, 32, v);
			BN_add(v, v, n);
			BN_bn2binpad(v, above.s, 32);
		}
		sm2_sig_to_der(&above, &der);
		row(SIGNATURE, name("%s%s, right modulo n", i & 1 ? "r + n" : "", i & 2 ? " s + n" : ""),
		    we_take(&key.pub, e, &above), judge_takes_der(judge, e, buf_slice(&der)), NULL);
	}
	BN_free(n);
	BN_free(d);
	BN_free(x);
	BN_free(v);
	EC_POINT_free(p);
}

/* ---- DER ---- */

/* Bytes taken out and put in; fix: the outer length follows. */
struct edit {
	const char *why;
	size_t at, remove;
	const char *insert;
	bool fix;
	const char *lax;
};

static struct slice edited(const struct edit *e, struct slice der, uint8_t *out)
{
	uint8_t in[64];
	size_t n = unhex(e->insert, in), len;

	memcpy(out, der.p, e->at);
	memcpy(out + e->at, in, n);
	memcpy(out + e->at + n, der.p + e->at + e->remove, der.len - e->at - e->remove);
	len = der.len + n - e->remove;
	if (e->fix)
		out[1] = (uint8_t)(out[1] + n - e->remove);
	return slice_of(out, len);
}

#define LAX_BER "its ASN.1 reader takes BER; DER (GM/T 0009 7, X.690 10.1) has one form only"
#define LAX_NUMBER "its reader of BIGNUM skips zero bytes; X.690 8.3.2 has the shortest form only"
#define LAX_TAIL "it stops reading at the end of the SEQUENCE"

static const struct edit sig_edits[] = {
        {"a SET", 0, 1, "31", false, NULL},
        {"a primitive SEQUENCE tag", 0, 1, "10", false, NULL},
        {"an application tag", 0, 1, "70", false, NULL},
        {"a context tag", 0, 1, "b0", false, NULL},
        {"an OCTET STRING for the SEQUENCE", 0, 1, "04", false, NULL},
        {"a tag of two bytes", 0, 1, "3f10", false, NULL},
        {"outer length one short", 1, 1, "43", false, NULL},
        {"outer length one long", 1, 1, "45", false, NULL},
        {"outer length 0", 1, 1, "00", false, NULL},
        {"outer length 127", 1, 1, "7f", false, NULL},
        {"outer length in two bytes", 1, 1, "8144", false, NULL},
        {"outer length in three bytes", 1, 1, "820044", false, NULL},
        {"outer length in four bytes", 1, 1, "83000044", false, NULL},
        {"outer length in five bytes", 1, 1, "8400000044", false, NULL},
        {"outer length in nine bytes", 1, 1, "880000000000000044", false, NULL},
        {"outer length 2^32 - 1", 1, 1, "84ffffffff", false, NULL},
        {"outer length 2^64 - 1", 1, 1, "88ffffffffffffffff", false, NULL},
        {"outer length reserved (ff)", 1, 1, "ff", false, NULL},
        {"indefinite length without an end", 1, 1, "80", false, NULL},
        {"r with the tag of an OCTET STRING", 2, 1, "04", false, NULL},
        {"r with the tag of a BIT STRING", 2, 1, "03", false, NULL},
        {"r with the tag of an ENUMERATED", 2, 1, "0a", false, NULL},
        {"r with a context tag", 2, 1, "80", false, NULL},
        {"r constructed", 2, 1, "22", false, NULL},
        {"r's length one short", 3, 1, "1f", false, NULL},
        {"r's length one long", 3, 1, "21", false, NULL},
        {"r's length 0", 3, 1, "00", false, NULL},
        {"r's length to the end", 3, 1, "42", false, NULL},
        {"r's length past the end", 3, 1, "60", false, NULL},
        {"r's length in two bytes", 3, 1, "8120", true, NULL},
        {"r's length in three bytes", 3, 1, "820020", true, NULL},
        {"r's length indefinite", 3, 1, "80", false, NULL},
        {"r with a zero byte before it", 3, 1, "2100", true, NULL},
        {"r with two zero bytes before it", 3, 1, "220000", true, NULL},
        {"r with eight zero bytes before it", 3, 1, "280000000000000000", true, NULL},
        {"r with ff before it: negative", 3, 1, "21ff", true, NULL},
        {"r with 01 before it: above 2^256", 3, 1, "2101", true, NULL},
        {"r of 64 bytes", 3, 1, "40" N "3", true, NULL},
        {"r empty", 3, 33, "00", true, NULL},
        {"r = 0 in DER", 3, 33, "0100", true, NULL},
        {"r = -1", 3, 33, "01ff", true, NULL},
        {"r = n in DER", 3, 33, "2100" N "3", true, NULL},
        {"r = n without its sign byte", 3, 33, "20" N "3", true, NULL},
        {"r missing", 2, 34, "", true, NULL},
        {"r for s too", 36, 34, "0201010201", false, NULL},
        {"s with the tag of an OCTET STRING", 36, 1, "04", false, NULL},
        {"s with the tag of a BOOLEAN", 36, 1, "01", false, NULL},
        {"s with a context tag", 36, 1, "81", false, NULL},
        {"s constructed", 36, 1, "22", false, NULL},
        {"s's length one short", 37, 1, "1f", false, NULL},
        {"s's length one long", 37, 1, "21", false, NULL},
        {"s's length 0", 37, 1, "00", false, NULL},
        {"s's length in two bytes", 37, 1, "8120", true, NULL},
        {"s's length in three bytes", 37, 1, "820020", true, NULL},
        {"s's length indefinite", 37, 1, "80", false, NULL},
        {"s with a zero byte before it", 37, 1, "2100", true, NULL},
        {"s with two zero bytes before it", 37, 1, "220000", true, NULL},
        {"s with ff before it: negative", 37, 1, "21ff", true, NULL},
        {"s with 01 before it: above 2^256", 37, 1, "2101", true, NULL},
        {"s empty", 37, 33, "00", true, NULL},
        {"s = 0 in DER", 37, 33, "0100", true, NULL},
        {"s = -1", 37, 33, "01ff", true, NULL},
        {"s = n in DER", 37, 33, "2100" N "3", true, NULL},
        {"s = n without its sign byte", 37, 33, "20" N "3", true, NULL},
        {"s missing", 36, 34, "", true, NULL},
        {"a NULL between r and s", 36, 0, "0500", true, NULL},
        {"a third INTEGER", 70, 0, "020100", true, NULL},
        {"a NULL inside at the end", 70, 0, "0500", true, NULL},
        {"a byte inside at the end", 70, 0, "00", true, NULL},
        {"a byte after the end", 70, 0, "00", false, NULL},
        {"an end-of-contents after the end", 70, 0, "0000", false, NULL},
        {"a second signature after the end", 70, 0, "3006020101020101", false, NULL},
        {"a byte before", 0, 0, "00", false, NULL},
        {"wrapped in another SEQUENCE", 0, 0, "3046", false, NULL},
        {"wrapped in an OCTET STRING", 0, 0, "0446", false, NULL},
        {"wrapped in a BIT STRING", 0, 0, "034700", false, NULL},
        {"r and s without the SEQUENCE", 0, 2, "", false, NULL},
        {"r || s as plain numbers", 0, 4, "", false, NULL},
};

static void signatures_in_der(void)
{
	uint8_t out[256];
	size_t i;

	for (i = 0; i < sizeof(sig_edits) / sizeof(sig_edits[0]); i++)
		signature_der(sig_edits[i].why, edited(&sig_edits[i], SLICE_ARR(good_der), out),
		              sig_edits[i].lax);
	for (i = 0; i < SIG_DER; i++)
		signature_der(name("cut after %zu bytes", i), slice_of(good_der, i), NULL);
	for (i = 0; i < SIG_DER; i++) {
		memcpy(out, good_der, i);
		memcpy(out + i, good_der + i + 1, SIG_DER - i - 1);
		signature_der(name("without byte %zu", i), slice_of(out, SIG_DER - 1), NULL);
	}
}

static const struct edit cipher_edits[] = {
        {"a SET", 0, 1, "31", false, NULL},
        {"an application tag", 0, 1, "70", false, NULL},
        {"an OCTET STRING for the SEQUENCE", 0, 1, "04", false, NULL},
        {"outer length one short", 1, 1, "7b", false, NULL},
        {"outer length one long", 1, 1, "7d", false, NULL},
        {"outer length 0", 1, 1, "00", false, NULL},
        {"outer length in two bytes", 1, 1, "817c", false, LAX_BER},
        {"outer length in three bytes", 1, 1, "82007c", false, LAX_BER},
        {"outer length in five bytes", 1, 1, "840000007c", false, LAX_BER},
        {"outer length 2^32 - 1", 1, 1, "84ffffffff", false, NULL},
        {"outer length 2^64 - 1", 1, 1, "88ffffffffffffffff", false, NULL},
        {"indefinite length without an end", 1, 1, "80", false, NULL},
        {"x with the tag of an OCTET STRING", 2, 1, "04", false, NULL},
        {"x with a context tag", 2, 1, "80", false, NULL},
        {"x's length one short", 3, 1, "1f", false, NULL},
        {"x's length one long", 3, 1, "21", false, NULL},
        {"x's length 0", 3, 1, "00", false, NULL},
        {"x's length past the end", 3, 1, "7f", false, NULL},
        {"x's length in two bytes", 3, 1, "8120", true, LAX_BER},
        {"x with a zero byte before it", 3, 1, "2100", true, LAX_NUMBER},
        {"x with two zero bytes before it", 3, 1, "220000", true, LAX_NUMBER},
        {"x with ff before it: negative", 3, 1, "21ff", true, NULL},
        {"x with 01 before it: above 2^256", 3, 1, "2101", true, NULL},
        {"x empty", 3, 33, "00", true, NULL},
        {"x = 0", 3, 33, "0100", true, NULL},
        {"x = -1", 3, 33, "01ff", true, NULL},
        {"x = p", 3, 33, "2100" P_HIGH "F", true, NULL},
        {"x missing", 2, 34, "", true, NULL},
        {"y with the tag of an OCTET STRING", 36, 1, "04", false, NULL},
        {"y's length one short", 37, 1, "1f", false, NULL},
        {"y's length one long", 37, 1, "21", false, NULL},
        {"y's length in two bytes", 37, 1, "8120", true, LAX_BER},
        {"y with a zero byte before it", 37, 1, "2100", true, LAX_NUMBER},
        {"y with ff before it: negative", 37, 1, "21ff", true, NULL},
        {"y = 0", 37, 33, "0100", true, NULL},
        {"y = p", 37, 33, "2100" P_HIGH "F", true, NULL},
        {"y missing", 36, 34, "", true, NULL},
        {"C3 with the tag of an INTEGER", 70, 1, "02", false, NULL},
        {"C3 with the tag of a BIT STRING", 70, 1, "03", false, NULL},
        {"C3 of 31 bytes", 71, 2, "1f", true, NULL},
        {"C3 of 33 bytes", 71, 1, "2100", true, NULL},
        {"C3 empty", 71, 33, "00", true, NULL},
        {"C3's length in two bytes", 71, 1, "8120", true, LAX_BER},
        {"C3 missing", 70, 34, "", true, NULL},
        {"C2 with the tag of a BIT STRING", 104, 1, "03", false, NULL},
        {"C2 with the tag of a UTF8String", 104, 1, "0c", false, NULL},
        {"C2's length one short", 105, 1, "13", false, NULL},
        {"C2's length one long", 105, 1, "15", false, NULL},
        {"C2's length in two bytes", 105, 1, "8114", true, LAX_BER},
        {"C2 a byte longer", 105, 1, "1500", true, NULL},
        {"C2 a byte shorter", 105, 2, "13", true, NULL},
        {"C2 missing", 104, 22, "", true, NULL},
        {"a NULL inside at the end", 126, 0, "0500", true, NULL},
        {"a byte inside at the end", 126, 0, "00", true, NULL},
        {"a byte after the end", 126, 0, "00", false, LAX_TAIL},
        {"a second ciphertext begun after the end", 126, 0, "307c0220", false, LAX_TAIL},
        {"a byte before", 0, 0, "00", false, NULL},
        {"wrapped in another SEQUENCE", 0, 0, "307e", false, NULL},
        {"wrapped in an OCTET STRING", 0, 0, "047e", false, NULL},
        {"the contents without the SEQUENCE", 0, 2, "", false, NULL},
};

static void ciphertexts_in_der(void)
{
	uint8_t out[256];
	size_t i;

	for (i = 0; i < sizeof(cipher_edits) / sizeof(cipher_edits[0]); i++)
		ciphertext_der(cipher_edits[i].why, edited(&cipher_edits[i], SLICE_ARR(cipher_der), out),
		               cipher_edits[i].lax);
	for (i = 0; i < CIPHER_DER; i++)
		ciphertext_der(name("cut after %zu bytes", i), slice_of(cipher_der, i), NULL);
	for (i = 0; i < CIPHER_DER; i++) {
		memcpy(out, cipher_der, CIPHER_DER);
		out[i] ^= (uint8_t)(1 << i % 8);
		ciphertext_der(name("byte %zu of its DER changed", i), slice_of(out, CIPHER_DER), NULL);
	}
	/* C1 || C2 || C3, as before 2012 */
	memcpy(out, cipher_der, CIPHER_DER);
	memcpy(out + 70, "\x04\x14", 2);
	memcpy(out + 72, cipher_der + 106, PLAIN);
	memcpy(out + 92, "\x04\x20", 2);
	memcpy(out + 94, cipher_der + 72, 32);
	ciphertext_der("C2 before C3", slice_of(out, CIPHER_DER), NULL);
}

static void ciphertexts(void)
{
	uint8_t raw[sizeof(cipher_raw) + 1];
	const size_t len = sizeof(cipher_raw);
	size_t i;

	for (i = 0; i <= SM2_POINT + 32; i++)
		ciphertext(name("%zu bytes of C1 || C3 || C2", i), &key, judge, slice_of(cipher_raw, i));
	for (i = 1; i < PLAIN; i++)
		ciphertext(name("C2 cut to %zu bytes", i), &key, judge, slice_of(cipher_raw, 96 + i));
	for (i = 0; i < len; i++) {
		memcpy(raw, cipher_raw, len);
		raw[i] ^= (uint8_t)(0x80 >> i % 8);
		ciphertext(name("byte %zu of %s changed", i,
		                i < 64   ? "C1"
		                : i < 96 ? "C3"
		                         : "C2"),
		           &key, judge, slice_of(raw, len));
	}
	memcpy(raw, cipher_raw, len);
	raw[len] = 0;
	ciphertext("C2 with a byte more", &key, judge, slice_of(raw, len + 1));
	negate_mod(raw + 32, P_HIGH "F");
	ciphertext("the opposite of C1", &key, judge, slice_of(raw, len));
	memcpy(raw, key.pub.xy, 64);
	ciphertext("the receiver's key as C1", &key, judge, slice_of(raw, len));
	ciphertext("for another receiver", &stranger, judge_stranger, slice_of(cipher_raw, len));
	memcpy(raw, cipher_raw, 64);
	memcpy(raw + 64, cipher_raw + 96, PLAIN);
	memcpy(raw + 64 + PLAIN, cipher_raw + 64, 32);
	ciphertext("C1 || C2 || C3, the order before 2012", &key, judge, slice_of(raw, len));
}

/* ---- keys ---- */

static void private_keys(void)
{
	uint8_t d[32];
	size_t i;

	for (i = 0; i < SPECIALS; i++) {
		static const bool fits[SPECIALS] = {
		        [1] = true, [2] = true, [3] = true, [9] = true, [11] = true};

		special(i, d);
		if (!fits[i])
			private_key(name("d = %s (GM/T 0009 6.1)", specials[i].name), d);
	}
	for (i = 1; i <= 32; i++) {
		special(5, d);
		add_small(d, 1 << i % 24);
		private_key(name("d = n + %d", 1 << i % 24), d);
	}
}

/* The coordinate plus p, where that is below 2^256: the first points with a small x. */
static void points_above_p(void)
{
	BIGNUM *x = BN_new(), *p = NULL, *y = BN_new(), *v = BN_new();
	EC_POINT *point_of_x = EC_POINT_new(group);
	uint8_t xy[SM2_POINT];
	unsigned i, found = 0;

	BN_hex2bn(&p, P_HIGH "F");
	for (i = 0; found < 10; i++) {
		BN_set_word(x, i);
		ERR_clear_error();
		if (EC_POINT_set_compressed_coordinates(group, point_of_x, x, 0, numbers) != 1)
			continue;
		found++;
		EC_POINT_get_affine_coordinates(group, point_of_x, NULL, y, numbers);
		BN_bn2binpad(x, xy, 32);
		BN_bn2binpad(y, xy + 32, 32);
		assert_true(rc_ok(sm2_pub_load(xy, &(struct sm2_pub){{0}})));
		BN_add(v, x, p);
		BN_bn2binpad(v, xy, 32);
		point(name("x = p + %u, right modulo p", i), xy);
		BN_bn2binpad(x, xy, 32);
		BN_add_word(x, 1);
		BN_bn2binpad(x, xy, 32);
		point(name("y of x = %u with the next x", i), xy);
	}
	ERR_clear_error();
	BN_free(x);
	BN_free(y);
	BN_free(p);
	BN_free(v);
	EC_POINT_free(point_of_x);
}

static void points(void)
{
	uint8_t xy[SM2_POINT];
	size_t i, j;

	for (i = 0; i < SPECIALS; i++) {
		memcpy(xy, key.pub.xy, SM2_POINT);
		special(i, xy);
		point(name("x = %s", specials[i].name), xy);
		memcpy(xy, key.pub.xy, SM2_POINT);
		special(i, xy + 32);
		point(name("y = %s", specials[i].name), xy);
		for (j = 0; j < SPECIALS; j++) {
			special(i, xy);
			special(j, xy + 32);
			point(name("(%s, %s)", specials[i].name, specials[j].name), xy);
		}
	}
	for (i = 0; i < SM2_POINT; i++) {
		memcpy(xy, key.pub.xy, SM2_POINT);
		xy[i] ^= (uint8_t)(1 << i % 8);
		point(name("byte %zu changed", i), xy);
	}
	memcpy(xy, key.pub.xy + 32, 32);
	memcpy(xy + 32, key.pub.xy, 32);
	point("x and y exchanged", xy);
	unhex("6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
	      "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5",
	      xy);
	point("the base point of P-256", xy);
	points_above_p();
}

#define LAX_FORM "it knows the other forms of X9.62; GM/T 0009 6.2 has 04 || X || Y only"

static void forms_of_points(void)
{
	uint8_t s[67] = {4}, form;
	unsigned i;

	memcpy(s + 1, key.pub.xy, SM2_POINT);
	for (i = 0; i < 65; i++)
		octets(name("%u bytes of 04 || X || Y", i), slice_of(s, i), NULL);
	octets("a byte after 04 || X || Y", slice_of(s, 66), NULL);
	octets("X || Y without 04", slice_of(s + 1, 64), NULL);
	for (i = 0; i < 256; i++) {
		bool right = (i & 1) == (key.pub.xy[63] & 1);

		form = (uint8_t)i;
		s[0] = form;
		if (i != 4)
			octets(name("first byte %02x", i), slice_of(s, 65),
			       (i == 6 || i == 7) && right ? LAX_FORM : NULL);
		if (i == 2 || i == 3)
			octets(name("compressed, first byte %02x", i), slice_of(s, 33), LAX_FORM);
	}
	octets("infinity", SLICE_LIT("\0"), NULL);
}

/* ---- all of them ---- */

/* Signs and encrypts until every number has 32 bytes in DER. */
static void make_good(void)
{
	struct sm2_cipher c;

	fill(digest, sizeof(digest));
	fill(plain, sizeof(plain));
	do
		assert_true(rc_ok(sm2_sign_digest(&key, digest, &good)));
	while ((good.r[0] - 1u) >= 0x7f || (good.s[0] - 1u) >= 0x7f || good.r[31] < 2 || good.s[31] < 2);
	do {
		AUTO_BUF(raw, 200);

		assert_true(rc_ok(sm2_encrypt(&key.pub, SLICE_ARR(plain), &raw)));
		memcpy(cipher_raw, raw.p, sizeof(cipher_raw));
	} while ((cipher_raw[0] - 1u) >= 0x7f || (cipher_raw[32] - 1u) >= 0x7f || cipher_raw[0] == 4);
	AUTO_BUF(der, 200);
	AUTO_BUF(sig, 200);
	AUTO_BUF(opened, 200);

	sm2_sig_to_der(&good, &sig);
	assert_int_equal(sig.len, SIG_DER);
	memcpy(good_der, sig.p, SIG_DER);
	assert_true(rc_ok(sm2_cipher_to_der(SLICE_ARR(cipher_raw), &der)));
	assert_int_equal(der.len, CIPHER_DER);
	memcpy(cipher_der, der.p, CIPHER_DER);
	/* both sides take what the rows start from */
	ask_judge = true;
	assert_true(we_take(&key.pub, digest, &good) && judge_takes_der(judge, digest, SLICE_ARR(good_der)));
	assert_true(judge_decrypt(judge, SLICE_ARR(cipher_der), &opened));
	assert_true(rc_ok(sm2_cipher_from_der(SLICE_ARR(cipher_der), &c)));
}

static void run(void **state)
{
	(void)state;
	memset(rows, 0, sizeof(rows));
	signature_numbers();
	signature_relations();
	signature_of_others();
	signature_above_n();
	signatures_in_der();
	private_keys();
	points();
	forms_of_points();
	ciphertexts();
	ciphertexts_in_der();
	assert_int_equal(wrong, 0);
	assert_true(rows[SIGNATURE] > 400 && rows[PRIVATE] > 30 && rows[POINT] > 400 &&
	            rows[CIPHERTEXT] > 300);
	ask_judge = false; /* what it says does not depend on our implementation */
}

static int setup(void **state)
{
	(void)state;
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(run)};
	int failed;

	(void)argv;
	listing = argc > 1;
	random_key(&key);
	random_key(&stranger);
	judge = judge_key(&key.pub, &key);
	judge_stranger = judge_key(&stranger.pub, &stranger);
	group = EC_GROUP_new_by_curve_name(NID_sm2);
	numbers = BN_CTX_new();
	make_good();
	failed = RUN_UNDER_EACH(tests, setup, NULL);
	printf("refused: %zu signatures, %zu private keys, %zu points, %zu ciphertexts\n", rows[SIGNATURE],
	       rows[PRIVATE], rows[POINT], rows[CIPHERTEXT]);
	EVP_PKEY_free(judge);
	EVP_PKEY_free(judge_stranger);
	EC_GROUP_free(group);
	BN_CTX_free(numbers);
	return failed;
}
