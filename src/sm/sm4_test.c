/* SM4 and its modes (R06.8), judged by libcrypto; GCM with random input by Bouncy Castle
 * (tests/sm_gcm.sh). */
#include "sm/sm4.h"
#include "sm/judge_test.h"

#define CASES 2000
#define LONGEST 10000

static uint8_t key[16], iv[16], data[LONGEST + 16], ours[LONGEST + 16], theirs[LONGEST + 16];

static void judge(const EVP_CIPHER *cipher, bool encrypt, size_t len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;

	assert_int_equal(EVP_CipherInit_ex(c, cipher, NULL, key, iv, encrypt), 1);
	EVP_CIPHER_CTX_set_padding(c, 0);
	assert_int_equal(EVP_CipherUpdate(c, theirs, &n, data, (int)len), 1);
	assert_int_equal(n, len);
	EVP_CIPHER_CTX_free(c);
}

/* R06.8: GB/T 32907-2016, annex A.1 and A.2 */
static void vectors(void **state)
{
	struct sm4 c;
	unsigned i;

	(void)state;
	unhex("0123456789ABCDEFFEDCBA9876543210", key);
	sm4_init(&c, key);
	assert_int_equal(c.rk[0], 0xf12186f9);
	assert_int_equal(c.rk[31], 0x9124a012);
	sm4_ecb_encrypt(&c, key, ours, 1);
	assert_hex(ours, 16, "681EDF34D206965E86B3E94F536E4246");
	memcpy(ours, key, 16);
	for (i = 0; i < 1000000; i++)
		sm4_ecb_encrypt(&c, ours, ours, 1);
	assert_hex(ours, 16, "595298C7C6FD271F0402F804C33D3F66");
	sm4_wipe(&c);
	assert_int_equal(c.rk[0] | c.rk[31], 0);
}

/* Every byte through the S-box in each of the four places, in key and data. */
static void each_byte(void **state)
{
	struct sm4 c;
	unsigned place, v;

	(void)state;
	for (place = 0; place < 16; place++) {
		for (v = 0; v < 256; v++) {
			memset(key, 0, 16);
			memset(data, 0, 16);
			key[place] = (uint8_t)v;
			data[15 - place] = (uint8_t)(v * 3);
			sm4_init(&c, key);
			judge(EVP_sm4_ecb(), true, 16);
			sm4_ecb_encrypt(&c, data, ours, 1);
			assert_memory_equal(ours, theirs, 16);
		}
	}
}

static void check_blocks(size_t blocks)
{
	struct sm4 c;
	uint8_t chain[16];
	size_t len = blocks * 16;

	fill(key, 16);
	fill(iv, 16);
	fill(data, len);
	sm4_init(&c, key);
	judge(EVP_sm4_ecb(), true, len);
	sm4_ecb_encrypt(&c, data, ours, blocks);
	assert_memory_equal(ours, theirs, len);
	judge(EVP_sm4_ecb(), false, len);
	memcpy(ours, data, len);
	sm4_ecb_decrypt(&c, ours, ours, blocks);
	assert_memory_equal(ours, theirs, len);

	judge(EVP_sm4_cbc(), true, len);
	memcpy(chain, iv, 16);
	memcpy(ours, data, len);
	sm4_cbc_encrypt(&c, chain, ours, ours, blocks);
	assert_memory_equal(ours, theirs, len);
	judge(EVP_sm4_cbc(), false, len);
	memcpy(chain, iv, 16);
	sm4_cbc_decrypt(&c, chain, data, ours, blocks / 2);
	sm4_cbc_decrypt(&c, chain, data + blocks / 2 * 16, ours + blocks / 2 * 16, blocks - blocks / 2);
	assert_memory_equal(ours, theirs, len);
	memcpy(chain, iv, 16);
	memcpy(ours, data, len);
	sm4_cbc_decrypt(&c, chain, ours, ours, blocks);
	assert_memory_equal(ours, theirs, len);
	if (blocks > 0)
		assert_memory_equal(chain, data + len - 16, 16);
}

static void ecb_cbc(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i <= 70; i++)
		check_blocks(i);
	for (i = 0; i < CASES; i++)
		check_blocks(next_below(i < CASES - 100 ? 40 : LONGEST / 16));
}

static void ctr(void **state)
{
	struct sm4 c;
	uint8_t counter[16];
	size_t i, len, part;

	(void)state;
	for (i = 0; i < CASES; i++) {
		len = i <= 300 ? i : next_below(i < CASES - 100 ? 600 : LONGEST);
		fill(key, 16);
		fill(iv, 16);
		if (i % 3 == 0)
			memset(iv + i % 16, 0xff, 16 - i % 16);
		fill(data, len);
		judge(EVP_sm4_ctr(), true, len);
		sm4_init(&c, key);
		memcpy(counter, iv, 16);
		part = next_below(len / 16 + 1) * 16;
		memcpy(ours, data, len);
		sm4_ctr(&c, counter, ours, ours, part);
		sm4_ctr(&c, counter, data + part, ours + part, len - part);
		assert_memory_equal(ours, theirs, len);
	}
}

/* RFC 8998, A.1 */
static void gcm_vector(void **state)
{
	static const char sealed[] = "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
	                             "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D";
	static const char tag_hex[] = "83DE3541E4C2B58177E065A9BF7B62EC";
	uint8_t nonce[12], aad[20], plain[64], tag[16];
	struct sm4 c;

	(void)state;
	unhex("0123456789ABCDEFFEDCBA9876543210", key);
	unhex("00001234567800000000ABCD", nonce);
	unhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2", aad);
	unhex("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
	      "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA",
	      plain);
	sm4_init(&c, key);
	sm4_gcm_seal(&c, nonce, SLICE_ARR(aad), SLICE_ARR(plain), ours, tag);
	assert_hex(ours, 64, sealed);
	assert_hex(tag, 16, tag_hex);
	assert_true(rc_ok(sm4_gcm_open(&c, nonce, SLICE_ARR(aad), slice_of(ours, 64), ours, tag)));
	assert_memory_equal(ours, plain, 64);
}

/* Each changed bit of text, additional data, nonce or tag is refused and nothing is given out. */
static void gcm_refuses(void **state)
{
	uint8_t nonce[12], tag[16], aad[33], *parts[4] = {ours, aad, nonce, tag};
	size_t sizes[4] = {37, sizeof(aad), sizeof(nonce), sizeof(tag)}, i, bit;
	struct sm4 c;

	(void)state;
	fill(key, 16);
	fill(nonce, sizeof(nonce));
	fill(aad, sizeof(aad));
	fill(data, 37);
	sm4_init(&c, key);
	sm4_gcm_seal(&c, nonce, SLICE_ARR(aad), slice_of(data, 37), ours, tag);
	for (i = 0; i < 4; i++) {
		for (bit = 0; bit < sizes[i] * 8; bit++) {
			parts[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
			memset(theirs, 0x55, 37);
			assert_int_equal(
			        sm4_gcm_open(&c, nonce, SLICE_ARR(aad), slice_of(ours, 37), theirs, tag).code,
			        RC_INPUT);
			assert_memory_equal(theirs, &(uint8_t[37]){0}, 37);
			parts[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_true(rc_ok(sm4_gcm_open(&c, nonce, SLICE_ARR(aad), slice_of(ours, 37), theirs, tag)));
	assert_memory_equal(theirs, data, 37);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vectors), cmocka_unit_test(each_byte),  cmocka_unit_test(ecb_cbc),
	        cmocka_unit_test(ctr),     cmocka_unit_test(gcm_vector), cmocka_unit_test(gcm_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
