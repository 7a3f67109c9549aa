/* SM2 encryption (R06.8, GB/T 32918.4), judged by libcrypto. */
#include "sm/judge_test.h"
#include "sm/sm3.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>

#define CASES 2000
#define LONGEST 10000
#define FIXED 96 /* C1 and C3 */

static uint8_t data[LONGEST];
static struct sm2_key key;
static EVP_PKEY *judge;

static int setup(void **state)
{
	(void)state;
	random_key(&key);
	judge = judge_key(&key.pub, &key);
	return judge == NULL;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(judge);
	return 0;
}

/* R06.8: the example of GM/T 0003.5 annex C (GB/T 32918.5) */
static void vector(void **state)
{
	AUTO_BUF(plain, 100);
	AUTO_BUF(der, 300);
	AUTO_BUF(again, 300);
	struct sm2_key k;
	struct sm2_cipher c;
	EVP_PKEY *theirs;
	uint8_t d[32], cipher[FIXED + 19];

	(void)state;
	unhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8", d);
	unhex("04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
	      "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
	      "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
	      "21886CA989CA9C7D58087307CA93092D651EFA",
	      cipher);
	assert_true(rc_ok(sm2_key_load(d, &k)));
	assert_true(rc_ok(sm2_cipher_from_raw(SLICE_ARR(cipher), &c)));
	assert_true(rc_ok(sm2_decrypt(&k, &c, &plain)));
	assert_true(slice_is(buf_slice(&plain), "encryption standard"));
	assert_true(rc_ok(sm2_cipher_to_der(SLICE_ARR(cipher), &der)));
	theirs = judge_key(&k.pub, &k);
	assert_true(judge_decrypt(theirs, buf_slice(&der), &again));
	assert_true(slice_is(buf_slice(&again), "encryption standard"));
	EVP_PKEY_free(theirs);
}

static void both_ways(struct slice text)
{
	AUTO_BUF(raw, LONGEST + FIXED);
	AUTO_BUF(der, LONGEST + 300);
	AUTO_BUF(plain, LONGEST + 400);
	struct sm2_cipher c;

	assert_true(rc_ok(sm2_encrypt(&key.pub, text, &raw)));
	assert_int_equal(raw.len, FIXED + text.len);
	assert_true(rc_ok(sm2_cipher_to_der(buf_slice(&raw), &der)));
	assert_true(judge_decrypt(judge, buf_slice(&der), &plain));
	assert_true(slice_equal(buf_slice(&plain), text));

	buf_clear(&der);
	buf_clear(&plain);
	judge_encrypt(judge, text, &der);
	assert_true(rc_ok(sm2_cipher_from_der(buf_slice(&der), &c)));
	assert_true(rc_ok(sm2_decrypt(&key, &c, &plain)));
	assert_true(slice_equal(buf_slice(&plain), text));

	/* the same bytes come back: ours are the judge's DER */
	buf_clear(&raw);
	buf_add(&raw, SLICE_ARR(c.c1));
	buf_add(&raw, SLICE_ARR(c.c3));
	buf_add(&raw, c.c2);
	buf_clear(&plain);
	assert_true(rc_ok(sm2_cipher_to_der(buf_slice(&raw), &plain)));
	assert_true(slice_equal(buf_slice(&plain), buf_slice(&der)));
}

static void messages(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < CASES; i++) {
		len = 1 + (i < 300 ? i : next_below(i < CASES - 100 ? 200 : LONGEST));
		fill(data, len);
		both_ways(slice_of(data, len));
	}
}

/* In place: the plaintext is overwritten by nothing, the output buffer may hold other bytes before. */
static void appends(void **state)
{
	AUTO_BUF(raw, 1000);
	AUTO_BUF(plain, 1000);
	struct sm2_cipher c;

	(void)state;
	buf_text(&raw, "before");
	buf_text(&plain, "also before ");
	assert_true(rc_ok(sm2_encrypt(&key.pub, slice_text("text"), &raw)));
	assert_memory_equal(raw.p, "before", 6);
	assert_true(rc_ok(sm2_cipher_from_raw(slice_of(raw.p + 6, raw.len - 6), &c)));
	assert_true(rc_ok(sm2_decrypt(&key, &c, &plain)));
	assert_true(slice_is(buf_slice(&plain), "also before text"));
}

static void sizes(void **state)
{
	AUTO_BUF(raw, SM2_PLAIN_MAX + 200);
	AUTO_BUF(plain, SM2_PLAIN_MAX + 200);
	AUTO_BUF(small, 50);
	uint8_t *big = calloc(1, SM2_PLAIN_MAX + 1);
	struct sm2_cipher c;

	(void)state;
	assert_non_null(big);
	assert_int_equal(sm2_encrypt(&key.pub, SLICE_NONE, &raw).code, RC_INPUT);
	assert_int_equal(sm2_encrypt(&key.pub, slice_of(big, SM2_PLAIN_MAX + 1), &raw).code, RC_INPUT);
	assert_false(rc_ok(sm2_encrypt(&key.pub, slice_of(big, 100), &small)));
	assert_true(rc_ok(sm2_encrypt(&key.pub, slice_of(big, SM2_PLAIN_MAX), &raw)));
	assert_true(rc_ok(sm2_cipher_from_raw(buf_slice(&raw), &c)));
	assert_true(rc_ok(sm2_decrypt(&key, &c, &plain)));
	assert_true(slice_equal(buf_slice(&plain), slice_of(big, SM2_PLAIN_MAX)));
	free(big);
}

/* Both refuse; ours leaves nothing in the buffer. */
static void refused(const struct sm2_cipher *c)
{
	AUTO_BUF(plain, 400);
	AUTO_BUF(raw, 400);
	AUTO_BUF(der, 400);

	assert_int_equal(sm2_decrypt(&key, c, &plain).code, RC_INPUT);
	assert_int_equal(plain.len, 0);
	buf_add(&raw, SLICE_ARR(c->c1));
	buf_add(&raw, SLICE_ARR(c->c3));
	buf_add(&raw, c->c2);
	if (rc_ok(sm2_cipher_to_der(buf_slice(&raw), &der)))
		assert_false(judge_decrypt(judge, buf_slice(&der), &plain));
}

/* R06.8: each changed bit, C1 off the curve or infinity, coordinates not below p */
static void negative(void **state)
{
	AUTO_BUF(raw, 200);
	struct sm2_cipher good, bad;
	uint8_t c2[40];
	size_t i;

	(void)state;
	fill(data, sizeof(c2));
	assert_true(rc_ok(sm2_encrypt(&key.pub, slice_of(data, sizeof(c2)), &raw)));
	assert_true(rc_ok(sm2_cipher_from_raw(buf_slice(&raw), &good)));
	memcpy(c2, good.c2.p, sizeof(c2));
	good.c2 = SLICE_ARR(c2);
	for (i = 0; i < 8 * (64 + 32 + sizeof(c2)); i++) {
		size_t byte = i / 8;
		uint8_t bit = (uint8_t)(1 << i % 8);

		bad = good;
		if (byte < 64)
			bad.c1[byte] ^= bit;
		else if (byte < 96)
			bad.c3[byte - 64] ^= bit;
		else
			c2[byte - 96] ^= bit;
		refused(&bad);
		if (byte >= 96)
			c2[byte - 96] ^= bit;
	}
	bad = good;
	memset(bad.c1, 0, 64);
	refused(&bad);
	memset(bad.c1, 0xff, 64);
	refused(&bad);
	bad = good;
	bad.c2.len--;
	refused(&bad);
	bad.c2.len = 0;
	refused(&bad);
	bad.c2.len = SM2_PLAIN_MAX + 1;
	assert_int_equal(sm2_decrypt(&key, &bad, &raw).code, RC_INPUT);
}

/* A key stream of zeros would show the plaintext: never made, and refused when someone else made it
 * (GB/T 32918.4 6.1 A5, 7.1 B4).  For one byte that is every 256th nonce. */
static void zero_stream(void **state)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *pub = EC_POINT_new(group), *c1 = EC_POINT_new(group), *shared = EC_POINT_new(group);
	BIGNUM *k = BN_new();
	uint8_t octets[65] = {4}, xy[65], text = 0x5a, stream, hashed[65];
	struct sm2_cipher c = {.c2 = slice_of(&text, 1)};
	unsigned i, zeros = 0;

	(void)state;
	for (i = 0; i < CASES; i++) {
		AUTO_BUF(raw, 200);

		assert_true(rc_ok(sm2_encrypt(&key.pub, slice_of(&text, 1), &raw)));
		assert_int_not_equal(raw.p[FIXED], text);
	}
	memcpy(octets + 1, key.pub.xy, 64);
	assert_int_equal(EC_POINT_oct2point(group, pub, octets, 65, NULL), 1);
	for (i = 1; i < 5000; i++) {
		AUTO_BUF(plain, 10);

		BN_set_word(k, i);
		EC_POINT_mul(group, shared, NULL, pub, k, NULL);
		EC_POINT_point2oct(group, shared, POINT_CONVERSION_UNCOMPRESSED, xy, 65, NULL);
		sm3_kdf(slice_of(xy + 1, 64), &stream, 1);
		if (stream != 0)
			continue;
		zeros++;
		memcpy(hashed, xy + 1, 32);
		hashed[32] = text;
		memcpy(hashed + 33, xy + 33, 32);
		assert_int_equal(EVP_Digest(hashed, 65, c.c3, NULL, EVP_sm3(), NULL), 1);
		EC_POINT_mul(group, c1, k, NULL, NULL, NULL);
		EC_POINT_point2oct(group, c1, POINT_CONVERSION_UNCOMPRESSED, xy, 65, NULL);
		memcpy(c.c1, xy + 1, 64);
		assert_int_equal(sm2_decrypt(&key, &c, &plain).code, RC_INPUT);
		assert_int_equal(plain.len, 0);
	}
	assert_true(zeros > 0);
	BN_free(k);
	EC_POINT_free(pub);
	EC_POINT_free(c1);
	EC_POINT_free(shared);
	EC_GROUP_free(group);
}

static void keys_for_many(void **state)
{
	static struct sm2_pub pubs[100];
	static struct sm2_key keys[100];
	static uint8_t plain[100][16], out[100][112];
	AUTO_BUF(unused, 200);
	size_t i, n;

	(void)state;
	for (i = 0; i < 100; i++) {
		random_key(&keys[i]);
		pubs[i] = keys[i].pub;
		fill(plain[i], 16);
	}
	for (n = 0; n <= 100; n += n < 3 ? 1 : 97 - n % 2) {
		assert_true(rc_ok(sm2_encrypt_keys(pubs, (const uint8_t(*)[16])plain, out, n)));
		for (i = 0; i < n; i++) {
			EVP_PKEY *theirs = judge_key(&pubs[i], &keys[i]);
			AUTO_BUF(der, 300);
			AUTO_BUF(back, 300);

			assert_true(rc_ok(sm2_cipher_to_der(SLICE_ARR(out[i]), &der)));
			assert_true(judge_decrypt(theirs, buf_slice(&der), &back));
			assert_true(slice_equal(buf_slice(&back), SLICE_ARR(plain[i])));
			EVP_PKEY_free(theirs);
		}
	}
	pubs[7].xy[3] ^= 1;
	assert_int_equal(sm2_encrypt_keys(pubs, (const uint8_t(*)[16])plain, out, 20).code, RC_INPUT);
	assert_int_equal(sm2_encrypt(&pubs[7], slice_text("x"), &unused).code, RC_INPUT);
}

static void raw_form(void **state)
{
	AUTO_BUF(raw, 200);
	uint8_t with[150] = {4};
	struct sm2_cipher a, b;

	(void)state;
	assert_true(rc_ok(sm2_encrypt(&key.pub, slice_text("raw"), &raw)));
	memcpy(with + 1, raw.p, raw.len);
	assert_true(rc_ok(sm2_cipher_from_raw(buf_slice(&raw), &a)));
	assert_true(rc_ok(sm2_cipher_from_raw(slice_of(with, raw.len + 1), &b)));
	assert_memory_equal(a.c1, b.c1, 64);
	assert_memory_equal(a.c3, b.c3, 32);
	assert_true(slice_equal(a.c2, b.c2));
	with[0] = 2;
	assert_int_equal(sm2_cipher_from_raw(slice_of(with, raw.len + 1), &b).code, RC_INPUT);
	assert_int_equal(sm2_cipher_from_raw(slice_of(raw.p, FIXED), &b).code, RC_INPUT);
	assert_int_equal(sm2_cipher_from_raw(slice_of(with, 1), &b).code, RC_INPUT);
	assert_int_equal(sm2_cipher_from_raw(SLICE_NONE, &b).code, RC_INPUT);
}

/* Everything but the exact encoding is refused. */
static void der_form(void **state)
{
	AUTO_BUF(raw, 200);
	AUTO_BUF(der, 300);
	struct sm2_cipher c;
	uint8_t bytes[300];
	size_t i;

	(void)state;
	assert_true(rc_ok(sm2_encrypt(&key.pub, slice_text("a text of some length"), &raw)));
	assert_true(rc_ok(sm2_cipher_to_der(buf_slice(&raw), &der)));
	for (i = 0; i < der.len; i++)
		assert_int_equal(sm2_cipher_from_der(slice_of(der.p, i), &c).code, RC_INPUT);
	memcpy(bytes, der.p, der.len);
	bytes[der.len] = 0;
	assert_int_equal(sm2_cipher_from_der(slice_of(bytes, der.len + 1), &c).code, RC_INPUT);
	for (i = 0; i < 2; i++) {
		bytes[i == 0 ? 0 : 3] ^= 1; /* tag of the SEQUENCE, of x */
		assert_int_equal(sm2_cipher_from_der(slice_of(bytes, der.len), &c).code, RC_INPUT);
		bytes[i == 0 ? 0 : 3] ^= 1;
	}
	memcpy(bytes, raw.p, raw.len);
	bytes[0] ^= 0x10;
	buf_clear(&der);
	assert_int_equal(sm2_cipher_to_der(slice_of(bytes, raw.len), &der).code, RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vector),        cmocka_unit_test(messages), cmocka_unit_test(appends),
	        cmocka_unit_test(sizes),         cmocka_unit_test(negative), cmocka_unit_test(zero_stream),
	        cmocka_unit_test(keys_for_many), cmocka_unit_test(raw_form), cmocka_unit_test(der_form),
	};

	return RUN_UNDER_EACH(tests, setup, teardown);
}
