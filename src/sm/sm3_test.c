/* SM3 and what is built on it (R06.8), judged by libcrypto. */
#include "sm/sm3.h"
#include "sm/judge_test.h"

#include <openssl/hmac.h>
#include <openssl/kdf.h>

#define CASES 2000
#define LONGEST 10000

static uint8_t data[LONGEST], key[300], ours[LONGEST], theirs[LONGEST];

static void judge_hash(struct slice s, uint8_t ret[SM3_LEN])
{
	assert_int_equal(EVP_Digest(s.p, s.len, ret, NULL, EVP_sm3(), NULL), 1);
}

/* R06.8: GB/T 32905-2016, annex A */
static void vectors(void **state)
{
	uint8_t many[64];
	unsigned i;

	(void)state;
	sm3_hash(slice_text("abc"), ours);
	assert_hex(ours, 32, "66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0");
	for (i = 0; i < 64; i++)
		many[i] = (uint8_t)("abcd"[i % 4]);
	sm3_hash(SLICE_ARR(many), ours);
	assert_hex(ours, 32, "DEBE9FF92275B8A138604889C18E5A4D6FDB70E5387E5765293DCBA39C0C5732");
	judge_hash(SLICE_ARR(many), theirs);
	assert_memory_equal(ours, theirs, 32);
}

static void check_hash(size_t len)
{
	struct sm3 c;
	size_t at = 0, step;

	fill(data, len);
	judge_hash(slice_of(data, len), theirs);
	sm3_hash(slice_of(data, len), ours);
	assert_memory_equal(ours, theirs, SM3_LEN);
	sm3_init(&c);
	while (at < len) {
		step = next_below(200);
		step = step < len - at ? step : len - at;
		sm3_update(&c, slice_of(data + at, step));
		at += step;
	}
	sm3_final(&c, ours);
	assert_memory_equal(ours, theirs, SM3_LEN);
	assert_memory_equal(&c, &(struct sm3){0}, sizeof(c));
}

/* R06.8: every length to 300, some to 10,000, in one piece and in several */
static void lengths(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i <= 300; i++)
		check_hash(i);
	for (i = 0; i < CASES; i++)
		check_hash(next_below(LONGEST));
}

static void batch(void **state)
{
	struct slice s[33];
	uint8_t got[33][SM3_LEN];
	size_t i;

	(void)state;
	fill(data, sizeof(data));
	for (i = 0; i < 33; i++)
		s[i] = slice_of(data + i, i * 37);
	sm3_hash_batch(s, got, 33);
	for (i = 0; i < 33; i++) {
		judge_hash(s[i], theirs);
		assert_memory_equal(got[i], theirs, SM3_LEN);
	}
}

static void hmac(void **state)
{
	struct sm3_hmac c;
	size_t i, key_len, len;

	(void)state;
	for (i = 0; i < CASES; i++) {
		key_len = i < 200 ? i : next_below(sizeof(key));
		len = next_below(500);
		fill(key, key_len);
		fill(data, len);
		assert_non_null(HMAC(EVP_sm3(), key, (int)key_len, data, len, theirs, NULL));
		sm3_hmac_of(slice_of(key, key_len), slice_of(data, len), ours);
		assert_memory_equal(ours, theirs, SM3_LEN);
		sm3_hmac_init(&c, slice_of(key, key_len));
		sm3_hmac_update(&c, slice_of(data, len / 3));
		sm3_hmac_update(&c, slice_of(data + len / 3, len - len / 3));
		sm3_hmac_final(&c, ours);
		assert_memory_equal(ours, theirs, SM3_LEN);
	}
}

static void derive(const char *name, OSSL_PARAM *params, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	assert_int_equal(EVP_KDF_derive(ctx, theirs, len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

#define MD OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SM3"}, 0)
#define OCTETS(name, p, len) OSSL_PARAM_construct_octet_string(name, p, len)

/* The KDF of GB/T 32918.3 5.4.3 is that of ANSI X9.63 without shared information. */
static void kdf(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < CASES; i++) {
		len = 1 + (i < 300 ? i : next_below(2000));
		fill(data, 64);
		derive("X963KDF",
		       (OSSL_PARAM[]){MD, OCTETS(OSSL_KDF_PARAM_KEY, data, 64), OSSL_PARAM_construct_end()},
		       len);
		sm3_kdf(slice_of(data, 64), ours, len);
		assert_memory_equal(ours, theirs, len);
	}
}

static void pbkdf2(void **state)
{
	size_t i, len;
	int rounds;

	(void)state;
	for (i = 0; i < 200; i++) {
		len = 1 + next_below(100);
		rounds = (int)(1 + next_below(20));
		fill(key, i);
		fill(data, i + 1);
		assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)key, (int)i, data, (int)i + 1, rounds,
		                                   EVP_sm3(), (int)len, theirs),
		                 1);
		sm3_pbkdf2(slice_of(key, i), slice_of(data, i + 1), (uint32_t)rounds, ours, len);
		assert_memory_equal(ours, theirs, len);
	}
}

static void hkdf(void **state)
{
	size_t i, len, salt, info;

	(void)state;
	for (i = 0; i < 500; i++) {
		len = i == 0 ? 255 * SM3_LEN : 1 + next_below(300);
		salt = next_below(80);
		info = next_below(80);
		fill(data, 200);
		derive("HKDF",
		       (OSSL_PARAM[]){MD, OCTETS(OSSL_KDF_PARAM_KEY, data, 1 + i % 40),
		                      OCTETS(OSSL_KDF_PARAM_SALT, data + 40, salt),
		                      OCTETS(OSSL_KDF_PARAM_INFO, data + 120, info),
		                      OSSL_PARAM_construct_end()},
		       len);
		sm3_hkdf(slice_of(data + 40, salt), slice_of(data, 1 + i % 40), slice_of(data + 120, info),
		         ours, len);
		assert_memory_equal(ours, theirs, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vectors), cmocka_unit_test(lengths), cmocka_unit_test(batch),
	        cmocka_unit_test(hmac),    cmocka_unit_test(kdf),     cmocka_unit_test(pbkdf2),
	        cmocka_unit_test(hkdf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
