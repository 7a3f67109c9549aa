/* SM2 key pairs (R06.8, GM/T 0009 6). */
#include "base/rand.h"
#include "sm/judge_test.h"

#include <sys/random.h>

#define CASES 2000

static uint8_t n_minus[32]; /* n - 1, to be counted down from */

static int setup(void **state)
{
	(void)state;
	unhex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54122", n_minus);
	return 0;
}

/* R06.8: GB/T 32918.5 annex A and C */
static void vectors(void **state)
{
	struct sm2_key k;
	uint8_t d[32];

	(void)state;
	unhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8", d);
	assert_true(rc_ok(sm2_key_load(d, &k)));
	assert_hex(k.pub.xy, 64,
	           "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
	           "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13");
	sm2_key_wipe(&k);
	assert_memory_equal(&k, &(struct sm2_key){0}, sizeof(k));
}

/* d is in [1, n-2]: 0, n-1, n and more are no private keys. */
static void range(void **state)
{
	struct sm2_key k;
	uint8_t d[32] = {0};

	(void)state;
	assert_int_equal(sm2_key_load(d, &k).code, RC_INPUT);
	d[31] = 1;
	assert_true(rc_ok(sm2_key_load(d, &k)));
	memcpy(d, n_minus, 32);
	assert_int_equal(sm2_key_load(d, &k).code, RC_INPUT);
	d[31]++;
	assert_int_equal(sm2_key_load(d, &k).code, RC_INPUT);
	d[31]++;
	assert_int_equal(sm2_key_load(d, &k).code, RC_INPUT);
	memset(d, 0xff, 32);
	assert_int_equal(sm2_key_load(d, &k).code, RC_INPUT);
	memcpy(d, n_minus, 32);
	d[31]--;
	assert_true(rc_ok(sm2_key_load(d, &k)));
}

static void check_pair(const struct sm2_key *k)
{
	EVP_PKEY *judge = judge_key(&k->pub, k);
	EVP_PKEY_CTX *ctx;
	struct sm2_key again;

	assert_non_null(judge);
	ctx = EVP_PKEY_CTX_new(judge, NULL);
	assert_int_equal(EVP_PKEY_pairwise_check(ctx), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(judge);
	assert_true(rc_ok(sm2_key_load(k->d, &again)));
	assert_memory_equal(&again, k, sizeof(again));
}

static void generated(void **state)
{
	static struct sm2_key many[CASES];
	struct sm2_key one;
	size_t i;

	(void)state;
	assert_true(rc_ok(sm2_key_new(&one)));
	check_pair(&one);
	assert_true(rc_ok(sm2_key_new_batch(many, CASES)));
	for (i = 0; i < CASES; i++) {
		check_pair(&many[i]);
		assert_memory_not_equal(many[i].d, many[(i + 1) % CASES].d, 32);
	}
	assert_true(rc_ok(sm2_key_new_batch(many, 0)));
}

static bool unplugged;

static RC source(void *p, size_t len)
{
	NEED(!unplugged && getrandom(p, len, 0) == (ssize_t)len, RC_CRYPTO, "unplugged");
	return OK;
}

/* The source fails when the generator asks it again, between two parts of a batch: no key is left behind. */
static void source_lost_in_a_batch(void **state)
{
	enum { UNTIL_SEEDED_AGAIN = 1 << 16 };
	static struct sm2_key many[200], none[200];
	uint8_t byte;
	size_t i;

	(void)state;
	rand_test_source(source);
	for (i = 1; i < UNTIL_SEEDED_AGAIN; i++)
		assert_true(rc_ok(rand_bytes(&byte, 1)));
	unplugged = true;
	memset(many, 0, sizeof(many));
	assert_int_equal(sm2_key_new_batch(many, 200).code, RC_CRYPTO);
	assert_memory_equal(many, none, sizeof(many));
	unplugged = false;
	rand_test_source(NULL);
	assert_true(rc_ok(sm2_key_new_batch(many, 200)));
}

/* The judge must refuse the same points. */
static void refuse(const uint8_t xy[64])
{
	struct sm2_pub pub, raw;
	uint8_t octets[65] = {4};
	EVP_PKEY *judge;

	memcpy(raw.xy, xy, 64);
	memcpy(octets + 1, xy, 64);
	assert_int_equal(sm2_pub_load(xy, &pub).code, RC_INPUT);
	assert_int_equal(sm2_pub_from_octets(SLICE_ARR(octets), &pub).code, RC_INPUT);
	judge = judge_key(&raw, NULL);
	assert_null(judge);
	ERR_clear_error();
}

/* R06.8: points that are not on the curve, coordinates not below p */
static void public_points(void **state)
{
	struct sm2_key k;
	struct sm2_pub pub;
	uint8_t xy[64], octets[66] = {4};
	size_t i;

	(void)state;
	random_key(&k);
	for (i = 0; i < 512; i++) {
		memcpy(xy, k.pub.xy, 64);
		xy[i / 8] ^= (uint8_t)(1 << i % 8);
		refuse(xy);
	}
	memset(xy, 0, 64);
	refuse(xy);
	memset(xy, 0xff, 64);
	refuse(xy);
	/* p itself in place of x = 0, with the y that belongs to x = 0 */
	unhex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF"
	      "FD4511E81736A60F07E88A83D6CF5A167FAE6D1A9C9330E76E232E00F5CDC154",
	      xy);
	memset(octets + 1, 0, 32);
	memcpy(octets + 33, xy + 32, 32);
	assert_true(rc_ok(sm2_pub_from_octets(slice_of(octets, 65), &pub)));
	refuse(xy);

	memcpy(octets + 1, k.pub.xy, 64);
	assert_true(rc_ok(sm2_pub_from_octets(slice_of(octets, 65), &pub)));
	assert_memory_equal(pub.xy, k.pub.xy, 64);
	assert_int_equal(sm2_pub_from_octets(slice_of(octets, 64), &pub).code, RC_INPUT);
	assert_int_equal(sm2_pub_from_octets(slice_of(octets, 66), &pub).code, RC_INPUT);
	assert_int_equal(sm2_pub_from_octets(SLICE_NONE, &pub).code, RC_INPUT);
	for (i = 0; i < 256; i++) {
		octets[0] = (uint8_t)i;
		assert_int_equal(sm2_pub_from_octets(slice_of(octets, 65), &pub).code,
		                 i == 4 ? RC_OK : RC_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vectors),       cmocka_unit_test(range),
	        cmocka_unit_test(generated),     cmocka_unit_test(source_lost_in_a_batch),
	        cmocka_unit_test(public_points),
	};

	return RUN_UNDER_EACH(tests, setup, NULL);
}
