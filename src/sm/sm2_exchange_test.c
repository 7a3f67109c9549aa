/* SM2 key exchange (R06.8, GB/T 32918.3).  libcrypto has none, so the judge is the standard's formulas
 * written again with its BIGNUM, EC_POINT and SM3. */
#include "sm/judge_test.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>

#define CASES 300

struct side {
	struct sm2_key own, ephemeral;
	struct slice id;
};

struct agreed {
	uint8_t key[200], s1[32], s2[32];
};

static RC run(const struct side *me, const struct side *peer, bool initiator, size_t len, struct agreed *ret)
{
	struct sm2_exchange x = {
	        .initiator = initiator,
	        .own = &me->own,
	        .own_ephemeral = &me->ephemeral,
	        .peer = peer->own.pub,
	        .peer_ephemeral = peer->ephemeral.pub,
	        .own_id = me->id,
	        .peer_id = peer->id,
	};

	return sm2_exchange(&x, ret->key, len, ret->s1, ret->s2);
}

static void load(const char *d, struct sm2_key *k)
{
	uint8_t bytes[32];

	unhex(d, bytes);
	assert_true(rc_ok(sm2_key_load(bytes, k)));
}

/* R06.8: the example of GM/T 0003.5 annex B (GB/T 32918.5) */
static void vector(void **state)
{
	struct side a = {.id = SM2_ID}, b = {.id = SM2_ID};
	struct agreed x, y;

	(void)state;
	load("81EB26E941BB5AF16DF116495F90695272AE2CD63D6C4AE1678418BE48230029", &a.own);
	load("785129917D45A9EA5437A59356B82338EAADDA6CEB199088F14AE10DEFA229B5", &b.own);
	load("D4DE15474DB74D06491C440D305E012400990F3E390C7E87153C12DB2EA60BB3", &a.ephemeral);
	load("7E07124814B309489125EAED101113164EBF0F3458C5BD88335C1F9D596243D6", &b.ephemeral);
	assert_hex(a.own.pub.xy, 32, "160E12897DF4EDB61DD812FEB96748FBD3CCF4FFE26AA6F6DB9540AF49C94232");
	assert_hex(b.own.pub.xy, 32, "6AE848C57C53C7B1B5FA99EB2286AF078BA64C64591B8B566F7357D576F16DFB");
	assert_true(rc_ok(run(&a, &b, true, 16, &x)));
	assert_true(rc_ok(run(&b, &a, false, 16, &y)));
	assert_hex(x.key, 16, "6C89347354DE2484C60B4AB1FDE4C6E5");
	assert_hex(x.s1, 32, "D3A0FE15DEE185CEAE907A6B595CC32A266ED7B3367E9983A896DC32FA20F8EB");
	assert_hex(x.s2, 32, "18C7894B3816DF16CF07B05C5EC0BEF5D655D58F779CC1B400A4F3884644DB88");
	assert_memory_equal(x.key, y.key, 16);
	assert_memory_equal(x.s1, y.s1, 32);
	assert_memory_equal(x.s2, y.s2, 32);
}

static void hash(uint8_t ret[32], const struct slice *parts, size_t n)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t i;

	EVP_DigestInit_ex(md, EVP_sm3(), NULL);
	for (i = 0; i < n; i++)
		EVP_DigestUpdate(md, parts[i].p, parts[i].len);
	EVP_DigestFinal_ex(md, ret, NULL);
	EVP_MD_CTX_free(md);
}

/* t = d + x r mod n with x = 2^127 + (x1 mod 2^127) */
static BIGNUM *shorten(const uint8_t x1[32])
{
	BIGNUM *x = BN_bin2bn(x1, 32, NULL);

	BN_mask_bits(x, 127);
	BN_set_bit(x, 127);
	return x;
}

static void judge_point(const struct side *me, const struct side *peer, uint8_t xy[65])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *p = EC_POINT_new(group), *r = EC_POINT_new(group);
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *x = shorten(me->ephemeral.pub.xy), *y = shorten(peer->ephemeral.pub.xy);
	BIGNUM *d = BN_bin2bn(me->own.d, 32, NULL), *k = BN_bin2bn(me->ephemeral.d, 32, NULL);
	uint8_t octets[65] = {4};

	memcpy(octets + 1, peer->own.pub.xy, 64);
	EC_POINT_oct2point(group, p, octets, 65, ctx);
	memcpy(octets + 1, peer->ephemeral.pub.xy, 64);
	EC_POINT_oct2point(group, r, octets, 65, ctx);
	EC_POINT_mul(group, r, NULL, r, y, ctx);
	EC_POINT_add(group, r, r, p, ctx);
	BN_mod_mul(x, x, k, EC_GROUP_get0_order(group), ctx);
	BN_mod_add(x, x, d, EC_GROUP_get0_order(group), ctx);
	EC_POINT_mul(group, r, NULL, r, x, ctx);
	EC_POINT_point2oct(group, r, POINT_CONVERSION_UNCOMPRESSED, xy, 65, ctx);
	BN_free(x);
	BN_free(y);
	BN_free(d);
	BN_free(k);
	EC_POINT_free(p);
	EC_POINT_free(r);
	EC_GROUP_free(group);
	BN_CTX_free(ctx);
}

/* What A and B must agree on; Z is tested by the signatures. */
static void judge_agreed(const struct side *a, const struct side *b, size_t len, struct agreed *ret)
{
	uint8_t xy[65], za[32], zb[32], inner[32], tag, block[32];
	struct slice x = slice_of(xy + 1, 32), y = slice_of(xy + 33, 32);
	size_t i, n;

	judge_point(a, b, xy);
	assert_true(rc_ok(sm2_z(&a->own.pub, a->id, za)));
	assert_true(rc_ok(sm2_z(&b->own.pub, b->id, zb)));
	for (i = 0; i * 32 < len; i++) {
		uint8_t counter[4] = {0, 0, 0, (uint8_t)(i + 1)};

		hash(block, (struct slice[]){x, y, SLICE_ARR(za), SLICE_ARR(zb), SLICE_ARR(counter)}, 5);
		n = len - i * 32 < 32 ? len - i * 32 : 32;
		memcpy(ret->key + i * 32, block, n);
	}
	hash(inner,
	     (struct slice[]){x, SLICE_ARR(za), SLICE_ARR(zb), SLICE_ARR(a->ephemeral.pub.xy),
	                      SLICE_ARR(b->ephemeral.pub.xy)},
	     5);
	tag = 2;
	hash(ret->s1, (struct slice[]){slice_of(&tag, 1), y, SLICE_ARR(inner)}, 3);
	tag = 3;
	hash(ret->s2, (struct slice[]){slice_of(&tag, 1), y, SLICE_ARR(inner)}, 3);
}

static void random_sides(void **state)
{
	static uint8_t ids[2][300];
	struct side a, b;
	struct agreed x, y, want;
	size_t i, len;

	(void)state;
	for (i = 0; i < CASES; i++) {
		len = 1 + next_below(200);
		fill(ids, sizeof(ids));
		a.id = slice_of(ids[0], next_below(300));
		b.id = slice_of(ids[1], next_below(300));
		random_key(&a.own);
		random_key(&b.own);
		random_key(&a.ephemeral);
		random_key(&b.ephemeral);
		judge_agreed(&a, &b, len, &want);
		assert_true(rc_ok(run(&a, &b, true, len, &x)));
		assert_true(rc_ok(run(&b, &a, false, len, &y)));
		assert_memory_equal(x.key, want.key, len);
		assert_memory_equal(y.key, want.key, len);
		assert_memory_equal(x.s1, want.s1, 32);
		assert_memory_equal(y.s1, want.s1, 32);
		assert_memory_equal(x.s2, want.s2, 32);
		assert_memory_equal(y.s2, want.s2, 32);
	}
}

/* A peer whose points are not on the curve, or who chose P = -x R so that nothing is left. */
static void refused(void **state)
{
	struct side a = {.id = SM2_ID}, b = {.id = SM2_ID}, bad;
	struct agreed x;
	BIGNUM *n, *short_x, *r;
	BN_CTX *ctx = BN_CTX_new();
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	uint8_t long_id[SM2_ID_MAX + 1] = {0}, d[32];

	(void)state;
	random_key(&a.own);
	random_key(&a.ephemeral);
	random_key(&b.own);
	random_key(&b.ephemeral);
	bad = b;
	bad.own.pub.xy[0] ^= 1;
	assert_int_equal(run(&a, &bad, true, 16, &x).code, RC_INPUT);
	bad = b;
	bad.ephemeral.pub.xy[63] ^= 1;
	assert_int_equal(run(&a, &bad, true, 16, &x).code, RC_INPUT);
	bad = b;
	bad.id = SLICE_ARR(long_id);
	assert_int_equal(run(&a, &bad, true, 16, &x).code, RC_INPUT);
	assert_int_equal(run(&a, &bad, false, 16, &x).code, RC_INPUT);

	n = BN_dup(EC_GROUP_get0_order(group));
	short_x = shorten(b.ephemeral.pub.xy);
	r = BN_bin2bn(b.ephemeral.d, 32, NULL);
	BN_mod_mul(r, r, short_x, n, ctx);
	BN_sub(r, n, r);
	BN_bn2binpad(r, d, 32);
	assert_true(rc_ok(sm2_key_load(d, &b.own)));
	assert_int_equal(run(&a, &b, true, 16, &x).code, RC_INPUT);
	BN_free(n);
	BN_free(r);
	BN_free(short_x);
	BN_CTX_free(ctx);
	EC_GROUP_free(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vector),
	        cmocka_unit_test(random_sides),
	        cmocka_unit_test(refused),
	};

	return RUN_UNDER_EACH(tests, NULL, NULL);
}
