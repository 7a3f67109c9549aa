/* The rare branches of SM2, forced (R06.8): base/rand is replaced by numbers that the test chooses, so that
 * nonces and keys are what happens once in 2^256 draws.  At every place of a batch, under each
 * implementation, and the neighbours must come out as they do without it; libcrypto judges. */
#include "base/rand.h"
#include "sm/judge_test.h"
#include "sm/sm2_engine.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <stdio.h>

#define MANY 70 /* more than is taken at a time */

/* ---- in place of base/rand ---- */

static struct {
	uint8_t at[4 * MANY][32];
	size_t n, used;
	bool healthy;
} draws = {.healthy = true};

RC rand_bytes(void *p, size_t len)
{
	size_t i;

	REQUIRE(draws.healthy, RANDOM_UNHEALTHY, "as the test wants it");
	for (i = 0; i < len; i += 32) {
		NEED(draws.used < draws.n, RC_CRYPTO, "the test's numbers are used up");
		memcpy((uint8_t *)p + i, draws.at[draws.used++], 32);
	}
	return OK;
}

bool rand_healthy(void)
{
	return draws.healthy;
}

/* n numbers in [1, n-2] to be drawn next. */
static void deal(size_t n)
{
	size_t i;

	draws.n = n;
	draws.used = 0;
	fill(draws.at, n * 32);
	for (i = 0; i < n; i++)
		draws.at[i][0] &= 0x7f;
}

/* One more in front of the one at that place. */
static void slip_in(size_t place, const uint8_t number[32])
{
	memmove(draws.at[place + 1], draws.at[place], (draws.n - place) * 32);
	memcpy(draws.at[place], number, 32);
	draws.n++;
}

/* ---- libcrypto's numbers ---- */

static struct sm2_key key;
static EVP_PKEY *judge;
static EC_GROUP *group;
static BN_CTX *numbers;
static BIGNUM *order;

static int setup(void **state)
{
	(void)state;
	numbers = BN_CTX_new();
	group = EC_GROUP_new_by_curve_name(NID_sm2);
	order = BN_dup(EC_GROUP_get0_order(group));
	random_key(&key);
	judge = judge_key(&key.pub, NULL);
	return judge == NULL;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(judge);
	EC_GROUP_free(group);
	BN_free(order);
	BN_CTX_free(numbers);
	return 0;
}

static void to_bytes(const BIGNUM *v, uint8_t ret[32])
{
	assert_int_equal(BN_bn2binpad(v, ret, 32), 32);
}

/* n + add */
static void near_order(int add, uint8_t ret[32])
{
	BIGNUM *v = BN_dup(order);

	add < 0 ? BN_sub_word(v, (BN_ULONG)-add) : BN_add_word(v, (BN_ULONG)add);
	to_bytes(v, ret);
	BN_free(v);
}

static void public_of(const uint8_t d[32], uint8_t xy[SM2_POINT])
{
	BIGNUM *v = BN_bin2bn(d, 32, NULL);
	EC_POINT *p = EC_POINT_new(group);
	uint8_t octets[65];

	assert_int_equal(EC_POINT_mul(group, p, v, NULL, NULL, numbers), 1);
	assert_int_equal(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, octets, 65, numbers),
	                 65);
	memcpy(xy, octets + 1, SM2_POINT);
	EC_POINT_free(p);
	BN_free(v);
}

/* The digest for which the nonce gives that r. */
static void digest_for(const BIGNUM *r, const uint8_t nonce[32], uint8_t e[32])
{
	uint8_t xy[SM2_POINT];
	BIGNUM *x;

	public_of(nonce, xy);
	x = BN_bin2bn(xy, 32, NULL);
	BN_mod_sub(x, r, x, order, numbers);
	to_bytes(x, e);
	BN_free(x);
}

/* What no nonce may be used with: r = 0, r + k = n, s = 0 (k = r d, so r = k / d). */
enum unusable { R_ZERO, R_PLUS_K, S_ZERO, UNUSABLE };

static void unusable_digest(enum unusable kind, const uint8_t nonce[32], uint8_t e[32])
{
	BIGNUM *k = BN_bin2bn(nonce, 32, NULL), *d = BN_bin2bn(key.d, 32, NULL), *r = BN_new();

	if (kind == R_PLUS_K) {
		BN_sub(r, order, k);
	} else if (kind == S_ZERO) {
		BN_mod_inverse(r, d, order, numbers);
		BN_mod_mul(r, r, k, order, numbers);
	} else {
		BN_zero(r);
	}
	digest_for(r, nonce, e);
	BN_free(k);
	BN_free(d);
	BN_free(r);
}

static bool judged(const uint8_t e[32], const struct sm2_sig *sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(judge, NULL);
	AUTO_BUF(der, SM2_SIG_DER_MAX);
	bool valid;

	sm2_sig_to_der(sig, &der);
	valid = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der.p, der.len, e, 32) == 1;
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return valid && rc_ok(sm2_verify_digest(&key.pub, e, sig));
}

/* The r that a nonce gives. */
static void expect_nonce(const uint8_t nonce[32], const uint8_t e[32], const struct sm2_sig *sig)
{
	struct sm2_sig want;

	assert_true(rc_ok(sm2_sign_digest_with(&key, e, nonce, &want)));
	assert_memory_equal(sig, &want, sizeof(want));
}

/* ---- the cases ---- */

/* A nonce that cannot be used is drawn again; a given one is refused. */
static void unusable_nonce(void **state)
{
	struct sm2_sig sig;
	uint8_t e[32];
	unsigned kind;

	(void)state;
	for (kind = 0; kind < UNUSABLE; kind++) {
		deal(2);
		unusable_digest(kind, draws.at[0], e);
		assert_int_equal(sm2_sign_digest_with(&key, e, draws.at[0], &sig).code, RC_INPUT);
		assert_true(rc_ok(sm2_sign_digest(&key, e, &sig)));
		assert_int_equal(draws.used, 2);
		assert_true(judged(e, &sig));
		expect_nonce(draws.at[1], e, &sig);
		/* and nothing is signed when there is no other */
		deal(1);
		unusable_digest(kind, draws.at[0], e);
		assert_false(rc_ok(sm2_sign_digest(&key, e, &sig)));
	}
}

/* The same with prepared nonces, wherever it lies; the last is taken first. */
static void unusable_prepared(void **state)
{
	struct sm2_nonces *n = NULL;
	struct sm2_sig sig;
	uint8_t e[32];
	size_t i;

	(void)state;
	for (i = 0; i < SM2_NONCES; i++) {
		size_t at = SM2_NONCES - 1 - i;

		assert_true(rc_ok(sm2_nonces_new(&n)));
		deal(2 * SM2_NONCES);
		assert_true(rc_ok(sm2_nonces_fill(n)));
		fill(e, 32);
		while (sm2_nonces_ready(n) > at + 1) {
			assert_true(rc_ok(sm2_sign_digest_prepared(&key, n, e, &sig)));
			expect_nonce(draws.at[sm2_nonces_ready(n)], e, &sig);
		}
		unusable_digest((enum unusable)(i % UNUSABLE), draws.at[at], e);
		assert_true(rc_ok(sm2_sign_digest_prepared(&key, n, e, &sig)));
		expect_nonce(draws.at[at > 0 ? at - 1 : 2 * SM2_NONCES - 1], e, &sig);
		assert_int_equal(sm2_nonces_ready(n), at > 0 ? at - 1 : SM2_NONCES - 1);
		assert_true(judged(e, &sig));
		sm2_nonces_free(n);
	}
}

/* Numbers that are no private key (GM/T 0009 6.1) or no nonce, drawn first at each place. */
static void refused_draws(void **state)
{
	static const int near[] = {-1, 0, 1, 77};
	static struct sm2_key keys[MANY];
	static uint8_t want[MANY][SM2_POINT], d[MANY][32];
	uint8_t number[32];
	size_t place, i;

	(void)state;
	deal(MANY);
	memcpy(d, draws.at, sizeof(d));
	for (i = 0; i < MANY; i++)
		public_of(d[i], want[i]);
	for (place = 0; place < MANY; place++) {
		/* what replaces it is drawn after the others of its batch */
		size_t batch = place < 64 ? 64 : MANY;

		draws.n = MANY;
		draws.used = 0;
		memcpy(draws.at, d, sizeof(d));
		slip_in(batch, d[place]);
		if (place % 5 == 4)
			memset(number, 0, 32);
		else
			near_order(near[place % 5], number);
		memcpy(draws.at[place], number, 32);
		assert_true(rc_ok(sm2_key_new_batch(keys, MANY)));
		assert_int_equal(draws.used, MANY + 1);
		for (i = 0; i < MANY; i++) {
			assert_memory_equal(keys[i].d, d[i], 32);
			assert_memory_equal(keys[i].pub.xy, want[i], SM2_POINT);
		}
	}
}

/* The smallest and largest keys, at each place of a batch: d = 1, 2, n - 2. */
static void edge_keys(void **state)
{
	static struct sm2_key keys[MANY];
	static uint8_t want[MANY][SM2_POINT];
	uint8_t xy[SM2_POINT], e[32] = {9};
	struct sm2_sig sig;
	size_t place, i;

	(void)state;
	deal(MANY);
	for (i = 0; i < MANY; i++)
		public_of(draws.at[i], want[i]);
	for (place = 0; place < MANY; place++) {
		uint8_t was[32], edge[32] = {0};

		if (place % 3 == 2)
			near_order(-2, edge);
		else
			edge[31] = (uint8_t)(place % 3 + 1);
		memcpy(was, draws.at[place], 32);
		memcpy(draws.at[place], edge, 32);
		draws.used = 0;
		assert_true(rc_ok(sm2_key_new_batch(keys, MANY)));
		memcpy(draws.at[place], was, 32);
		for (i = 0; i < MANY; i++)
			assert_true(i == place || memcmp(keys[i].pub.xy, want[i], SM2_POINT) == 0);
		public_of(edge, xy);
		assert_memory_equal(keys[place].pub.xy, xy, SM2_POINT);
		draws.used = 0;
		assert_true(rc_ok(sm2_sign_digest(&keys[place], e, &sig)));
		assert_true(rc_ok(sm2_verify_digest(&keys[place].pub, e, &sig)));
	}
}

/* Nonces 1, 2, n - 1 in a batch of signatures and of envelopes. */
static void edge_nonces(void **state)
{
	static struct slice msg[MANY];
	static struct sm2_sig sig[MANY];
	static struct sm2_pub pubs[MANY];
	static uint8_t plain[MANY][16], out[MANY][112];
	size_t place, i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		msg[i] = slice_of(plain, i);
		pubs[i] = key.pub;
	}
	for (place = 0; place < MANY; place += 3) {
		uint8_t edge[32] = {0}, c1[SM2_POINT];

		if (place % 9 == 6)
			near_order(-1, edge);
		else
			edge[31] = (uint8_t)(place % 9 / 3 + 1);
		deal(2 * MANY);
		memcpy(draws.at[place], edge, 32);
		memcpy(draws.at[MANY + place], edge, 32);
		assert_true(rc_ok(sm2_sign_batch(&key, SM2_ID, msg, sig, MANY)));
		for (i = 0; i < MANY; i++) {
			uint8_t e[32];

			assert_true(rc_ok(sm2_digest(&key.pub, SM2_ID, msg[i], e)));
			expect_nonce(draws.at[i], e, &sig[i]);
		}
		assert_true(judge_verify(judge, SM2_ID, msg[place], &sig[place]));
		assert_true(rc_ok(sm2_encrypt_keys(pubs, (const uint8_t(*)[16])plain, out, MANY)));
		for (i = 0; i < MANY; i++) {
			AUTO_BUF(back, 100);
			struct sm2_cipher c;

			public_of(draws.at[MANY + i], c1);
			assert_memory_equal(out[i], c1, SM2_POINT);
			assert_true(rc_ok(sm2_cipher_from_raw(SLICE_ARR(out[i]), &c)));
			assert_true(rc_ok(sm2_decrypt(&key, &c, &back)));
			assert_true(slice_equal(buf_slice(&back), SLICE_ARR(plain[i])));
		}
	}
}

/* One receiver whose point is not on the curve: nothing is drawn and nothing is written. */
static void bad_receiver(void **state)
{
	static struct sm2_pub pubs[MANY];
	static uint8_t plain[MANY][16], out[MANY][112];
	size_t place, i;

	(void)state;
	for (i = 0; i < MANY; i++)
		pubs[i] = key.pub;
	for (place = 0; place < MANY; place++) {
		deal(MANY);
		pubs[place].xy[20] ^= 1;
		memset(out, 0xa5, sizeof(out));
		assert_int_equal(sm2_encrypt_keys(pubs, (const uint8_t(*)[16])plain, out, MANY).code,
		                 RC_INPUT);
		pubs[place].xy[20] ^= 1;
		for (i = place / 64 * 64; i < MANY; i++)
			assert_int_equal(out[i][111], 0xa5);
	}
}

/* Each kind of bad signature at each place of a batch: the others stay valid. */
enum bad { BAD_R, BAD_S, ZERO_R, ZERO_S, BIG_R, BIG_S, ZERO_T, OFF_CURVE, BAD_E, INFINITE, BADS };

static void spoil(struct sm2_check *c, enum bad how)
{
	uint8_t big[32], zero[32] = {0};

	near_order(3, big);
	if (how == BAD_R || how == BAD_S)
		(how == BAD_R ? c->sig.r : c->sig.s)[17] ^= 8;
	else if (how == ZERO_R || how == ZERO_S)
		memcpy(how == ZERO_R ? c->sig.r : c->sig.s, zero, 32);
	else if (how == BIG_R || how == BIG_S)
		memcpy(how == BIG_R ? c->sig.r : c->sig.s, big, 32);
	else if (how == OFF_CURVE)
		c->pub.xy[63] ^= 1;
	else if (how == BAD_E)
		c->e[0] ^= 1;
	if (how == ZERO_T || how == INFINITE) {
		BIGNUM *r = BN_bin2bn(c->sig.r, 32, NULL), *s = BN_new(), *v = BN_new();

		BN_sub(s, order, r);
		if (how == INFINITE) { /* s + (r + s) d = 0: s = -r d / (1 + d) */
			BN_bin2bn(key.d, 32, v);
			BN_mod_mul(s, s, v, order, numbers);
			BN_add_word(v, 1);
			BN_mod_inverse(v, v, order, numbers);
			BN_mod_mul(s, s, v, order, numbers);
			memcpy(c->e, c->sig.r, 32); /* with x = 0 this would be right */
		}
		to_bytes(s, c->sig.s);
		BN_free(r);
		BN_free(s);
		BN_free(v);
	}
}

static void bad_lanes(void **state)
{
	static struct sm2_check good[MANY], c[MANY];
	size_t place, i;
	unsigned how;

	(void)state;
	deal(MANY);
	for (i = 0; i < MANY; i++) {
		fill(good[i].e, 32);
		good[i].pub = key.pub;
		assert_true(rc_ok(sm2_sign_digest(&key, good[i].e, &good[i].sig)));
	}
	for (how = 0; how < BADS; how++) {
		for (place = 0; place < MANY; place++) {
			memcpy(c, good, sizeof(c));
			spoil(&c[place], how);
			sm2_verify_batch(c, MANY);
			for (i = 0; i < MANY; i++)
				assert_int_equal(c[i].valid, i != place);
			if (place % 8 == 0)
				assert_false(
				        rc_ok(sm2_verify_digest(&c[place].pub, c[place].e, &c[place].sig)));
		}
		for (i = 0; i < MANY; i++) {
			c[i] = good[i];
			if (i % 3 != 0)
				spoil(&c[i], (how + (unsigned)i) % BADS);
		}
		sm2_verify_batch(c, MANY);
		for (i = 0; i < MANY; i++)
			assert_int_equal(c[i].valid, i % 3 == 0);
	}
}

/* s G and t P equal, opposite or infinite on the way, in valid signatures: P = q G with a small q, and r and
 * s chosen; e follows.  The judge takes them too. */
static void meeting_points(void **state)
{
	static struct sm2_check c[MANY];
	bool zero_r[MANY];
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		uint8_t d[32] = {[31] = (uint8_t)(1 + i % 7)}, k[32], xy[SM2_POINT];
		BIGNUM *q = BN_new(), *t = BN_new(), *s = BN_new(), *r = BN_new(), *v = BN_new();
		EVP_PKEY *own, *was = judge;
		struct sm2_pub mine;

		if (i % 2 != 0)
			near_order(-(int)(2 + i % 7), d);
		BN_bin2bn(d, 32, q);
		fill(k, 32);
		k[0] = 0;
		BN_bin2bn(k, 32, t);
		if (i % 5 == 4)
			BN_set_word(t, 1 + i);
		BN_mod_mul(s, t, q, order, numbers); /* s G = t P */
		if (i % 3 == 1)                      /* s G = -t P + 2 G */
			BN_mod_sub(s, BN_value_one(), s, order, numbers);
		if (i % 3 == 2) /* s G = t P + G */
			BN_mod_add(s, s, BN_value_one(), order, numbers);
		BN_mod_sub(r, t, s, order, numbers);
		BN_mod_mul(v, t, q, order, numbers);
		BN_mod_add(v, v, s, order, numbers);
		to_bytes(v, k);
		public_of(d, c[i].pub.xy);
		public_of(k, xy);
		BN_bin2bn(xy, 32, v);
		BN_mod_sub(v, r, v, order, numbers);
		to_bytes(v, c[i].e);
		to_bytes(r, c[i].sig.r);
		to_bytes(s, c[i].sig.s);
		own = judge_key(&c[i].pub, NULL);
		judge = own;
		mine = key.pub;
		key.pub = c[i].pub;
		zero_r[i] = BN_is_zero(r); /* q = 1 makes it so: refused */
		assert_int_equal(judged(c[i].e, &c[i].sig), !zero_r[i]);
		key.pub = mine;
		judge = was;
		EVP_PKEY_free(own);
		BN_free(q);
		BN_free(t);
		BN_free(s);
		BN_free(r);
		BN_free(v);
	}
	sm2_verify_batch(c, MANY);
	for (i = 0; i < MANY; i++)
		assert_int_equal(c[i].valid, !zero_r[i]);
}

/* R06.11: with a source that failed nothing is made, also from what was drawn before; and a failing draw
 * leaves no part of a result behind. */
static void unhealthy(void **state)
{
	static const uint8_t plain[9][16], zero[SM2_LEN];
	struct sm2_pub pubs[9] = {key.pub, key.pub, key.pub, key.pub, key.pub,
	                          key.pub, key.pub, key.pub, key.pub};
	struct slice msg[9] = {SLICE_LIT("a")};
	struct sm2_nonces *n = NULL;
	struct sm2_key keys[9];
	struct sm2_sig sig[9];
	uint8_t out[9][112];
	AUTO_BUF(raw, 300);

	(void)state;
	assert_true(rc_ok(sm2_nonces_new(&n)));
	deal(2 * SM2_NONCES);
	assert_true(rc_ok(sm2_nonces_fill(n)));
	draws.healthy = false;
	memset(keys, 0, sizeof(keys));
	assert_int_equal(sm2_key_new(keys).code, RC_CRYPTO);
	assert_int_equal(rc_last()->err, ERR_RANDOM_UNHEALTHY);
	assert_int_equal(sm2_key_new_batch(keys, 9).code, RC_CRYPTO);
	assert_memory_equal(keys[0].d, zero, 32);
	assert_int_equal(sm2_sign(&key, SM2_ID, msg[0], sig).code, RC_CRYPTO);
	assert_int_equal(rc_last()->err, ERR_RANDOM_UNHEALTHY);
	assert_int_equal(sm2_sign_batch(&key, SM2_ID, msg, sig, 9).code, RC_CRYPTO);
	assert_int_equal(sm2_sign_prepared(&key, n, SM2_ID, msg[0], sig).code, RC_CRYPTO);
	assert_int_equal(rc_last()->err, ERR_RANDOM_UNHEALTHY);
	assert_int_equal(sm2_nonces_ready(n), 0);
	assert_int_equal(sm2_nonces_fill(n).code, RC_CRYPTO);
	assert_int_equal(sm2_encrypt(&key.pub, msg[0], &raw).code, RC_CRYPTO);
	assert_int_equal(raw.len, 0);
	assert_int_equal(sm2_encrypt_keys(pubs, plain, out, 9).code, RC_CRYPTO);
	draws.healthy = true;
	assert_true(rc_ok(sm2_sign_prepared(&key, n, SM2_ID, msg[0], sig)));
	sm2_nonces_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(unusable_nonce), cmocka_unit_test(unusable_prepared),
	        cmocka_unit_test(refused_draws),  cmocka_unit_test(edge_keys),
	        cmocka_unit_test(edge_nonces),    cmocka_unit_test(bad_receiver),
	        cmocka_unit_test(bad_lanes),      cmocka_unit_test(meeting_points),
	        cmocka_unit_test(unhealthy),
	};

	return RUN_UNDER_EACH(tests, setup, teardown);
}
