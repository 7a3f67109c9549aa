/* SM4 and its modes (R06.8) with each implementation this CPU runs, judged by libcrypto.  What libcrypto has
 * not (GCM, CCM, XTS) is judged by published vectors, by Bouncy Castle (tests/sm_judge.sh) and by the
 * definition written down again over libcrypto's block cipher (sm4_judge_test.h). */
#include "sm/cpu.h"
#include "sm/sm4.h"
#include "sm/sm4_judge_test.h"

#define CASES 2000
#define LONGEST 10000

static uint8_t key[32], iv[16], room[2][LONGEST + 64], theirs[LONGEST + 16];
/* Begin at another odd place in each case. */
static uint8_t *data = room[0], *ours = room[1];

static void shift(size_t i)
{
	data = room[0] + i * 7 % 33;
	ours = room[1] + i * 11 % 31;
}

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

	shift(blocks);
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
		len = i <= 600 ? i : next_below(i < CASES - 100 ? 600 : LONGEST);
		shift(i);
		fill(key, 16);
		fill(iv, 16);
		if (i % 3 == 0) { /* the carry passes 2^32, 2^64, 2^128 */
			memset(iv + i % 16, 0xff, 16 - i % 16);
			iv[15] = (uint8_t)(iv[15] - i % 70);
		}
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

/* R06.8: the definition over all lengths, with nonces of 12 and of other lengths, in place and in pieces */
static void gcm_lengths(void **state)
{
	uint8_t tag[16], expected[16], aad[80], nonce[40];
	struct sm4_gcm g;
	struct sm4 c;
	size_t i, at, step, len, nonce_len;

	(void)state;
	for (i = 0; i <= 640; i++) {
		len = i <= 600 ? i : next_below(6000);
		nonce_len = i % 2 == 0 ? 12 : 1 + next_below(sizeof(nonce));
		shift(i);
		fill(key, 16);
		fill(nonce, sizeof(nonce));
		fill(aad, sizeof(aad));
		fill(data, len);
		sm4_init(&c, key);
		judge_gcm(key, slice_of(nonce, nonce_len), slice_of(aad, i % 77), slice_of(data, len), theirs,
		          expected);
		assert_true(rc_ok(sm4_gcm_init(&g, &c, slice_of(nonce, nonce_len))));
		sm4_gcm_aad(&g, slice_of(aad, i % 77 / 3));
		sm4_gcm_aad(&g, slice_of(aad + i % 77 / 3, i % 77 - i % 77 / 3));
		for (at = 0; at < len; at += step) {
			step = 1 + next_below(i % 5 == 0 ? 20 : 700);
			step = step < len - at ? step : len - at;
			sm4_gcm_encrypt(&g, slice_of(data + at, step), ours + at);
		}
		sm4_gcm_tag(&g, tag);
		assert_memory_equal(ours, theirs, len);
		assert_memory_equal(tag, expected, 16);
		assert_true(rc_ok(sm4_gcm_init(&g, &c, slice_of(nonce, nonce_len))));
		sm4_gcm_aad(&g, slice_of(aad, i % 77));
		for (at = 0; at < len; at += step) {
			step = 1 + next_below(300);
			step = step < len - at ? step : len - at;
			sm4_gcm_decrypt(&g, slice_of(ours + at, step), ours + at);
		}
		assert_true(rc_ok(sm4_gcm_check(&g, tag)));
		assert_memory_equal(ours, data, len);
		if (nonce_len != 12)
			continue;
		sm4_gcm_seal(&c, nonce, slice_of(aad, i % 77), slice_of(ours, len), ours, tag);
		assert_memory_equal(ours, theirs, len);
		assert_memory_equal(tag, expected, 16);
		assert_true(rc_ok(
		        sm4_gcm_open(&c, nonce, slice_of(aad, i % 77), slice_of(ours, len), ours, tag)));
		assert_memory_equal(ours, data, len);
	}
	assert_int_equal(sm4_gcm_init(&g, &c, SLICE_NONE).code, RC_INPUT);
}

/* R06.8: the counter of GCM is 32 bits of the block, the others stay (SP 800-38D 6.2) */
static void gcm_wraps(void **state)
{
	uint8_t nonce[16], first[16], tag[16], expected[16];
	struct sm4_gcm g;
	struct sm4 c;
	size_t i;

	(void)state;
	for (i = 0; i < 70; i++) {
		shift(i);
		fill(key, 16);
		fill(data, 2000);
		fill(first, 16);
		memset(first + 12, 0xff, 4);
		first[15] = (uint8_t)(0xff - i);
		judge_gcm_nonce(key, first, nonce);
		judge_gcm(key, SLICE_ARR(nonce), SLICE_NONE, slice_of(data, 2000), theirs, expected);
		sm4_init(&c, key);
		assert_true(rc_ok(sm4_gcm_init(&g, &c, SLICE_ARR(nonce))));
		assert_memory_equal(g.counter, first, 16);
		sm4_gcm_encrypt(&g, slice_of(data, 2000), ours);
		sm4_gcm_tag(&g, tag);
		assert_memory_equal(ours, theirs, 2000);
		assert_memory_equal(tag, expected, 16);
	}
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

/* RFC 8998, A.2 */
static void ccm_vector(void **state)
{
	static const char sealed[] = "48AF93501FA62ADBCD414CCE6034D895DDA1BF8F132F042098661572E7483094"
	                             "FD12E518CE062C98ACEE28D95DF4416BED31A2F04476C18BB40C84A74B97DC5B";
	uint8_t nonce[12], aad[20], plain[64], tag[16];
	struct sm4_ccm m = {SLICE_ARR(nonce), SLICE_ARR(aad), 16};
	struct sm4 c;

	(void)state;
	unhex("0123456789ABCDEFFEDCBA9876543210", key);
	unhex("00001234567800000000ABCD", nonce);
	unhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2", aad);
	unhex("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
	      "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA",
	      plain);
	sm4_init(&c, key);
	assert_true(rc_ok(sm4_ccm_seal(&c, &m, SLICE_ARR(plain), ours, tag)));
	assert_hex(ours, 64, sealed);
	assert_hex(tag, 16, "16842D4FA186F56AB33256971FA110F4");
}

/* Every length of text, nonce and tag against the definition; additional data with a long length, too. */
static void ccm_lengths(void **state)
{
	static uint8_t aad[70000];
	uint8_t nonce[13], tag[16], expected[16];
	struct sm4_ccm m;
	struct sm4 c;
	size_t i, len;

	(void)state;
	fill(aad, sizeof(aad));
	for (i = 0; i <= 640; i++) {
		len = i <= 600 ? i : next_below(6000);
		m = (struct sm4_ccm){slice_of(nonce, 7 + i % 7), slice_of(aad, i % 67), 4 + i / 7 % 7 * 2};
		if (i % 50 == 49)
			m.aad.len = 0xff00 - 1 + i / 50 % 3;
		shift(i);
		fill(key, 16);
		fill(nonce, sizeof(nonce));
		fill(data, len);
		judge_ccm(key, &m, slice_of(data, len), theirs, expected);
		sm4_init(&c, key);
		memcpy(ours, data, len);
		assert_true(rc_ok(sm4_ccm_seal(&c, &m, slice_of(ours, len), ours, tag)));
		assert_memory_equal(ours, theirs, len);
		assert_memory_equal(tag, expected, m.tag_len);
		assert_true(rc_ok(sm4_ccm_open(&c, &m, slice_of(ours, len), ours, tag)));
		assert_memory_equal(ours, data, len);
	}
}

/* SP 800-38C A.1: which lengths there are; 6.2: any change is refused and nothing is given out */
static void ccm_refuses(void **state)
{
	uint8_t nonce[14], tag[17], aad[9], *parts[4] = {ours, aad, nonce, tag};
	struct sm4_ccm m = {slice_of(nonce, 13), SLICE_ARR(aad), 8}, wrong;
	size_t sizes[4] = {37, sizeof(aad), 13, 8}, i, bit;
	struct sm4 c;

	(void)state;
	fill(key, 16);
	fill(nonce, sizeof(nonce));
	fill(aad, sizeof(aad));
	fill(data, 37);
	sm4_init(&c, key);
	for (i = 0; i < 18; i++) {
		wrong = m;
		wrong.tag_len = i;
		assert_int_equal(rc_ok(sm4_ccm_seal(&c, &wrong, slice_of(data, 37), ours, tag)),
		                 i >= 4 && i <= 16 && i % 2 == 0);
		wrong = m;
		wrong.nonce.len = i < 14 ? i : 14;
		assert_int_equal(rc_ok(sm4_ccm_seal(&c, &wrong, slice_of(data, 37), ours, tag)),
		                 wrong.nonce.len >= 7 && wrong.nonce.len <= 13);
	}
	assert_int_equal(sm4_ccm_seal(&c, &m, slice_of(data, 0x10000), ours, tag).code, RC_INPUT);
	assert_true(rc_ok(sm4_ccm_seal(&c, &m, slice_of(data, 37), ours, tag)));
	for (i = 0; i < 4; i++) {
		for (bit = 0; bit < sizes[i] * 8; bit++) {
			parts[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
			memset(theirs, 0x55, 37);
			assert_int_equal(sm4_ccm_open(&c, &m, slice_of(ours, 37), theirs, tag).code,
			                 RC_INPUT);
			assert_memory_equal(theirs, &(uint8_t[37]){0}, 37);
			parts[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_true(rc_ok(sm4_ccm_open(&c, &m, slice_of(ours, 37), theirs, tag)));
	assert_memory_equal(theirs, data, 37);
}

/* GB/T 17964-2021, annex (XTS), and the same input by IEEE 1619 */
static void xts_vectors(void **state)
{
	static const char plain[] = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51"
	                            "30C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17";
	static const char *const sealed[] = {
	        [SM4_XTS_GB] = "E9538251C71D7B80BBE4483FEF497BD12C5C581BD6242FC51E08964FB4F60FDB"
	                       "0BA42F63499279213D318D2C11F6886E903BE7F93A1B3479",
	        [SM4_XTS_IEEE] = "E9538251C71D7B80BBE4483FEF497BD1B3DB1A3E60408C575D63FF7DB39F8326"
	                         "0869F9E2585FEC9F0B863BF8FD784B8627D16C0DB6D2CFC7"};
	struct sm4_xts x;
	enum sm4_xts_kind kind;

	(void)state;
	unhex("2B7E151628AED2A6ABF7158809CF4F3C000102030405060708090A0B0C0D0E0F", key);
	unhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF", iv);
	for (kind = SM4_XTS_GB; kind <= SM4_XTS_IEEE; kind++) {
		assert_true(rc_ok(sm4_xts_init(&x, key, kind)));
		unhex(plain, data);
		assert_true(rc_ok(sm4_xts_encrypt(&x, iv, slice_of(data, 56), ours)));
		assert_hex(ours, 56, sealed[kind]);
		assert_true(rc_ok(sm4_xts_decrypt(&x, iv, slice_of(ours, 56), ours)));
		assert_memory_equal(ours, data, 56);
	}
}

static void xts_lengths(void **state)
{
	struct sm4_xts x;
	size_t i, len;

	(void)state;
	for (i = 16; i <= 1300; i++) {
		len = i <= 1250 ? i : 16 + next_below(8000);
		shift(i);
		fill(key, 32);
		fill(iv, 16);
		fill(data, len);
		assert_true(rc_ok(sm4_xts_init(&x, key, i % 2 == 0 ? SM4_XTS_GB : SM4_XTS_IEEE)));
		judge_xts(key, i % 2 == 0, iv, slice_of(data, len), theirs);
		memcpy(ours, data, len);
		assert_true(rc_ok(sm4_xts_encrypt(&x, iv, slice_of(ours, len), ours)));
		assert_memory_equal(ours, theirs, len);
		assert_true(rc_ok(sm4_xts_decrypt(&x, iv, slice_of(theirs, len), ours)));
		assert_memory_equal(ours, data, len);
	}
	for (i = 0; i < 16; i++) {
		assert_int_equal(sm4_xts_encrypt(&x, iv, slice_of(data, i), ours).code, RC_INPUT);
		assert_int_equal(sm4_xts_decrypt(&x, iv, slice_of(data, i), ours).code, RC_INPUT);
	}
	assert_int_equal(sm4_xts_encrypt(&x, iv, slice_of(data, ((size_t)16 << 20) + 1), ours).code,
	                 RC_INPUT);
	memcpy(key + 16, key, 16);
	assert_int_equal(sm4_xts_init(&x, key, SM4_XTS_GB).code, RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vectors),     cmocka_unit_test(each_byte),   cmocka_unit_test(ecb_cbc),
	        cmocka_unit_test(ctr),         cmocka_unit_test(gcm_vector),  cmocka_unit_test(gcm_lengths),
	        cmocka_unit_test(gcm_wraps),   cmocka_unit_test(gcm_refuses), cmocka_unit_test(ccm_vector),
	        cmocka_unit_test(ccm_lengths), cmocka_unit_test(ccm_refuses), cmocka_unit_test(xts_vectors),
	        cmocka_unit_test(xts_lengths),
	};
	int failed = 0;

	for (enum sm_impl i = SM_PORTABLE; i < SM_IMPLS; i++) {
		if (rc_ok(sm_use(i)))
			failed += cmocka_run_group_tests_name(sm_impl_name(i), tests, NULL, NULL);
	}
	return failed;
}
