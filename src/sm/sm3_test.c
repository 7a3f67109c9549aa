/* SM3 and what is built on it (R06.8) with each implementation this CPU runs, judged by libcrypto. */
#include "sm/cpu.h"
#include "sm/sm3.h"
#include "sm/judge_test.h"

#include <openssl/hmac.h>
#include <openssl/kdf.h>

#define CASES 2000
#define LONGEST 10000

static uint8_t data[LONGEST + 20], key[300], ours[LONGEST], theirs[LONGEST];

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

/* From an odd place, whole and in pieces. */
static void check_hash(size_t len)
{
	const uint8_t *p = data + len % 13;
	struct sm3 c;
	size_t at = 0, step;

	judge_hash(slice_of(p, len), theirs);
	sm3_hash(slice_of(p, len), ours);
	assert_memory_equal(ours, theirs, SM3_LEN);
	sm3_init(&c);
	while (at < len) {
		step = next_below(500);
		step = step < len - at ? step : len - at;
		sm3_update(&c, slice_of(p + at, step));
		at += step;
	}
	sm3_final(&c, ours);
	assert_memory_equal(ours, theirs, SM3_LEN);
	assert_memory_equal(&c, &(struct sm3){0}, sizeof(c));
}

/* R06.8: every length to 10,000 */
static void lengths(void **state)
{
	size_t i;

	(void)state;
	fill(data, sizeof(data));
	for (i = 0; i <= LONGEST; i++)
		check_hash(i);
}

#define BATCH 50

/* n messages below most bytes, without and with a prefix. */
static void check_batch(size_t n, size_t most)
{
	static uint8_t joined[32 + LONGEST], got[BATCH + 1][SM3_LEN], last[SM3_LEN];
	struct slice s[BATCH] = {{0}};
	size_t i;

	memset(last, 0xa5, sizeof(last));
	for (i = 0; i < n; i++) {
		s[i].len = next_below(next_below(8) == 0 ? LONGEST : most);
		s[i].p = data + next_below(sizeof(data) - s[i].len);
	}
	memcpy(got[n], last, SM3_LEN);
	sm3_hash_batch(s, got, n);
	for (i = 0; i < n; i++) {
		judge_hash(s[i], theirs);
		assert_memory_equal(got[i], theirs, SM3_LEN);
	}
	assert_memory_equal(got[n], last, SM3_LEN);
	fill(joined, 32);
	sm3_hash_batch_after(joined, s, got, n);
	for (i = 0; i < n; i++) {
		memcpy(joined + 32, s[i].p, s[i].len);
		judge_hash(slice_of(joined, 32 + s[i].len), theirs);
		assert_memory_equal(got[i], theirs, SM3_LEN);
	}
	assert_memory_equal(got[n], last, SM3_LEN);
}

/* R06.8: many messages of different lengths are each hashed as one alone is */
static void batch(void **state)
{
	size_t i;

	(void)state;
	fill(data, sizeof(data));
	for (i = 0; i < 1000; i++)
		check_batch(i % (BATCH + 1), i < 500 ? 200 : 1000);
}

/* Equal lengths, each to 300, in batches that fill the lanes, leave some empty, or need them twice. */
static void batch_equal(void **state)
{
	static uint8_t got[20][SM3_LEN];
	struct slice s[20];
	size_t len, i;

	(void)state;
	fill(data, sizeof(data));
	for (len = 0; len <= 300; len++) {
		for (i = 0; i < 20; i++)
			s[i] = slice_of(data + i * 301, len);
		sm3_hash_batch(s, got, 3 + len % 18);
		for (i = 0; i < 3 + len % 18; i++) {
			judge_hash(s[i], theirs);
			assert_memory_equal(got[i], theirs, SM3_LEN);
		}
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
	        cmocka_unit_test(vectors),     cmocka_unit_test(lengths), cmocka_unit_test(batch),
	        cmocka_unit_test(batch_equal), cmocka_unit_test(hmac),    cmocka_unit_test(kdf),
	        cmocka_unit_test(pbkdf2),      cmocka_unit_test(hkdf),
	};
	int failed = 0;

	for (enum sm_impl i = SM_PORTABLE; i < SM_IMPLS; i++) {
		if (rc_ok(sm_use(i)))
			failed += cmocka_run_group_tests_name(sm_impl_name(i), tests, NULL, NULL);
	}
	return failed;
}
