/* SM2 signatures (R06.8, GB/T 32918.2), judged by libcrypto. */
#include "sm/judge_test.h"
#include "sm/sm3.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <pthread.h>

#define CASES 2000
#define LONGEST 10000

static uint8_t data[LONGEST], id_bytes[SM2_ID_MAX + 1];
static struct sm2_key key;
static EVP_PKEY *judge;
static BIGNUM *n;
static BN_CTX *ctx;

static int setup(void **state)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);

	(void)state;
	random_key(&key);
	judge = judge_key(&key.pub, &key);
	n = BN_dup(EC_GROUP_get0_order(group));
	ctx = BN_CTX_new();
	EC_GROUP_free(group);
	return judge == NULL;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(judge);
	BN_free(n);
	BN_CTX_free(ctx);
	return 0;
}

/* R06.8: GB/T 32918.5, annex A */
static void vector(void **state)
{
	struct slice msg = slice_text("message digest");
	uint8_t d[32], nonce[32], z[32], e[32];
	struct sm2_key k;
	struct sm2_sig sig;
	EVP_PKEY *public;

	(void)state;
	unhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8", d);
	unhex("59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21", nonce);
	assert_true(rc_ok(sm2_key_load(d, &k)));
	assert_true(rc_ok(sm2_z(&k.pub, SM2_ID, z)));
	assert_hex(z, 32, "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3");
	assert_true(rc_ok(sm2_digest(&k.pub, SM2_ID, msg, e)));
	assert_hex(e, 32, "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640");
	assert_true(rc_ok(sm2_sign_digest_with(&k, e, nonce, &sig)));
	assert_hex(sig.r, 32, "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3");
	assert_hex(sig.s, 32, "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA");
	assert_true(rc_ok(sm2_verify(&k.pub, SM2_ID, msg, &sig)));
	public = judge_key(&k.pub, NULL);
	assert_true(judge_verify(public, SM2_ID, msg, &sig));
	EVP_PKEY_free(public);
}

static void both_ways(struct slice id, struct slice msg)
{
	struct sm2_sig sig, aliased;

	assert_true(rc_ok(sm2_sign(&key, id, msg, &sig)));
	assert_true(judge_verify(judge, id, msg, &sig));
	assert_true(rc_ok(sm2_verify(&key.pub, id, msg, &sig)));
	judge_sign(judge, id, msg, &sig);
	assert_true(rc_ok(sm2_verify(&key.pub, id, msg, &sig)));
	/* the digest may lie in the result */
	assert_true(rc_ok(sm2_digest(&key.pub, id, msg, aliased.r)));
	assert_true(rc_ok(sm2_sign_digest(&key, aliased.r, &aliased)));
	assert_true(judge_verify(judge, id, msg, &aliased));
}

/* Messages of 0 to 300 bytes and some to 10,000 with the standard id. */
static void messages(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < CASES; i++) {
		len = i <= 300 ? i : next_below(i < CASES - 200 ? 600 : LONGEST);
		fill(data, len);
		both_ways(SM2_ID, slice_of(data, len));
	}
}

/* OpenSSL takes at most 8190 bytes of id, so 8191 has a judge of its own: Z by hand with its SM3. */
static void longest_id(void)
{
	uint8_t ours[32], theirs[32], head[2] = {0xff, 0xf8};
	uint8_t curve[128];
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	unhex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
	      "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
	      "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
	      "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0",
	      curve);
	EVP_DigestInit_ex(md, EVP_sm3(), NULL);
	EVP_DigestUpdate(md, head, 2);
	EVP_DigestUpdate(md, id_bytes, SM2_ID_MAX);
	EVP_DigestUpdate(md, curve, sizeof(curve));
	EVP_DigestUpdate(md, key.pub.xy, 64);
	EVP_DigestFinal_ex(md, theirs, NULL);
	EVP_MD_CTX_free(md);
	assert_true(rc_ok(sm2_z(&key.pub, slice_of(id_bytes, SM2_ID_MAX), ours)));
	assert_memory_equal(ours, theirs, 32);
}

/* R06.8: distinguishing identifiers of 0 to 8191 bytes, and one too long */
static void identifiers(void **state)
{
	struct slice msg = slice_of(data, 50);
	struct sm2_sig sig;
	uint8_t z[32];
	size_t i, len;

	(void)state;
	fill(data, 50);
	fill(id_bytes, sizeof(id_bytes));
	for (i = 0; i < 400; i++) {
		len = i <= 100 ? i : next_below(SM2_ID_MAX);
		both_ways(slice_of(id_bytes, len), msg);
	}
	both_ways(slice_of(id_bytes, SM2_ID_MAX - 1), msg);
	longest_id();
	assert_int_equal(sm2_z(&key.pub, SLICE_ARR(id_bytes), z).code, RC_INPUT);
	assert_int_equal(sm2_sign(&key, SLICE_ARR(id_bytes), msg, &sig).code, RC_INPUT);
	assert_int_equal(sm2_sign_batch(&key, SLICE_ARR(id_bytes), &msg, &sig, 1).code, RC_INPUT);
	assert_true(rc_ok(sm2_sign(&key, slice_of(id_bytes, SM2_ID_MAX), msg, &sig)));
	assert_true(rc_ok(sm2_verify(&key.pub, slice_of(id_bytes, SM2_ID_MAX), msg, &sig)));
	assert_int_equal(sm2_verify(&key.pub, SLICE_ARR(id_bytes), msg, &sig).code, RC_INPUT);
}

/* Neither side takes it. */
static void refused(struct slice id, struct slice msg, const struct sm2_sig *sig)
{
	assert_int_equal(sm2_verify(&key.pub, id, msg, sig).code, RC_INPUT);
	assert_false(judge_verify(judge, id, msg, sig));
}

static void number(uint8_t ret[32], const BIGNUM *v)
{
	assert_int_equal(BN_bn2binpad(v, ret, 32), 32);
}

/* v = n - bytes */
static void opposite(const uint8_t bytes[32], uint8_t ret[32])
{
	BIGNUM *v = BN_bin2bn(bytes, 32, NULL);

	BN_sub(v, n, v);
	number(ret, v);
	BN_free(v);
}

/* R06.8: r = 0, s = 0, r + s = 0 mod n, r or s at n and above, wrong id, message or key */
static void negative(void **state)
{
	struct slice msg = slice_of(data, 77);
	struct sm2_sig good, bad;
	struct sm2_key other;
	unsigned i, k;

	(void)state;
	fill(data, 77);
	assert_true(rc_ok(sm2_sign(&key, SM2_ID, msg, &good)));
	for (i = 0; i < 2; i++) {
		uint8_t *part = i == 0 ? bad.r : bad.s;

		bad = good;
		memset(part, 0, 32);
		refused(SM2_ID, msg, &bad);
		for (k = 0; k < 3; k++) {
			number(part, n);
			part[31] = (uint8_t)(part[31] - 1 + k);
			refused(SM2_ID, msg, &bad);
		}
		memset(part, 0xff, 32);
		refused(SM2_ID, msg, &bad);
	}
	bad = good;
	opposite(bad.r, bad.s);
	refused(SM2_ID, msg, &bad);
	refused(slice_text("1234567812345679"), msg, &good);
	refused(SLICE_NONE, msg, &good);
	refused(SM2_ID, slice_of(data, 76), &good);
	random_key(&other);
	assert_int_equal(sm2_verify(&other.pub, SM2_ID, msg, &good).code, RC_INPUT);
	memset(&bad, 0, sizeof(bad));
	refused(SM2_ID, msg, &bad);
	for (i = 0; i < 512; i++) {
		bad = good;
		(i < 256 ? bad.r : bad.s)[i % 256 / 8] ^= (uint8_t)(1 << i % 8);
		refused(SM2_ID, msg, &bad);
	}
}

/* r + n and s + n are the same numbers modulo n and must not pass; r or s below 2^256 - n is needed. */
static void above_n(void **state)
{
	BIGNUM *v = BN_new();
	struct sm2_pub pub;
	struct sm2_check c;
	uint8_t e[32];

	/* s small: choose s and t, take any P = dG; then r = t - s and e = r - x(sG + tP) */
	(void)state;
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *p = EC_POINT_new(group), *sum = EC_POINT_new(group);
	BIGNUM *s = BN_new(), *t = BN_new(), *r = BN_new(), *x = BN_new(), *d = BN_bin2bn(key.d, 32, NULL);

	BN_set_word(s, 12345);
	BN_set_word(t, 99999999);
	EC_POINT_mul(group, p, d, NULL, NULL, ctx);
	EC_POINT_mul(group, sum, s, p, t, ctx);
	EC_POINT_get_affine_coordinates(group, sum, x, NULL, ctx);
	BN_mod_sub(r, t, s, n, ctx);
	BN_mod_sub(v, r, x, n, ctx);
	number(e, v);
	pub = key.pub;
	c = (struct sm2_check){.pub = pub};
	memcpy(c.e, e, 32);
	number(c.sig.r, r);
	number(c.sig.s, s);
	sm2_verify_batch(&c, 1);
	assert_true(c.valid);
	BN_add(v, s, n);
	number(c.sig.s, v);
	sm2_verify_batch(&c, 1);
	assert_false(c.valid);
	number(c.sig.s, s);
	BN_add(v, r, n);
	number(c.sig.r, v);
	sm2_verify_batch(&c, 1);
	assert_false(c.valid);
	BN_free(v);
	BN_free(s);
	BN_free(t);
	BN_free(r);
	BN_free(x);
	BN_free(d);
	EC_POINT_free(p);
	EC_POINT_free(sum);
	EC_GROUP_free(group);
}

static bool judge_verify_digest(EVP_PKEY *public, const struct sm2_check *c)
{
	EVP_PKEY_CTX *pkey = EVP_PKEY_CTX_new(public, NULL);
	AUTO_BUF(der, SM2_SIG_DER_MAX);
	bool valid;

	sm2_sig_to_der(&c->sig, &der);
	assert_int_equal(EVP_PKEY_verify_init(pkey), 1);
	valid = EVP_PKEY_verify(pkey, der.p, der.len, c->e, 32) == 1;
	ERR_clear_error();
	EVP_PKEY_CTX_free(pkey);
	return valid;
}

/* x(sG + tP) above n: happens once in 2^32 signatures, so the key is made to fit the point.  x = n + 4 is
 * the first such coordinate.  Choose s and t; P = (R - sG) / t, r = t - s, e = r - x mod n. */
static void coordinate_above_n(void **state)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *want = EC_POINT_new(group), *p = EC_POINT_new(group);
	BIGNUM *s = BN_new(), *t = BN_new(), *v = BN_new(), *x = BN_dup(n);
	uint8_t octets[65];
	struct sm2_check c;
	EVP_PKEY *public;

	(void)state;
	BN_add_word(x, 4);
	assert_int_equal(EC_POINT_set_compressed_coordinates(group, want, x, 1, ctx), 1);
	BN_rand_range(s, n);
	BN_rand_range(t, n);
	BN_sub(v, n, s);
	EC_POINT_mul(group, p, v, NULL, NULL, ctx);
	EC_POINT_add(group, p, p, want, ctx);
	BN_mod_inverse(v, t, n, ctx);
	EC_POINT_mul(group, p, NULL, p, v, ctx);
	EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, octets, 65, ctx);
	assert_true(rc_ok(sm2_pub_from_octets(SLICE_ARR(octets), &c.pub)));
	BN_mod_sub(v, t, s, n, ctx);
	number(c.sig.r, v);
	number(c.sig.s, s);
	BN_mod_sub(v, v, x, n, ctx);
	number(c.e, v);
	sm2_verify_batch(&c, 1);
	assert_true(c.valid);
	public = judge_key(&c.pub, NULL);
	assert_true(judge_verify_digest(public, &c));
	/* x - n = 4 in its place is another number; so is anything else */
	BN_add_word(v, 1);
	number(c.e, v);
	sm2_verify_batch(&c, 1);
	assert_false(c.valid);
	assert_false(judge_verify_digest(public, &c));
	EVP_PKEY_free(public);
	BN_free(s);
	BN_free(t);
	BN_free(v);
	BN_free(x);
	EC_POINT_free(want);
	EC_POINT_free(p);
	EC_GROUP_free(group);
}

/* e + x wraps at n in both ways, e above n included; digests are any 32 bytes. */
static void digests(void **state)
{
	struct sm2_check c = {.pub = key.pub};
	unsigned i;

	(void)state;
	for (i = 0; i < 300; i++) {
		fill(c.e, 32);
		memset(c.e, i % 3 == 0 ? 0xff : 0, i % 33);
		assert_true(rc_ok(sm2_sign_digest(&key, c.e, &c.sig)));
		assert_true(judge_verify_digest(judge, &c));
		assert_true(rc_ok(sm2_verify_digest(&key.pub, c.e, &c.sig)));
		c.e[31] ^= 1;
		assert_false(judge_verify_digest(judge, &c));
		assert_int_equal(sm2_verify_digest(&key.pub, c.e, &c.sig).code, RC_INPUT);
	}
}

/* e such that the signature with that nonce has this r. */
static void digest_for(const BIGNUM *r, const BIGNUM *nonce, uint8_t e[32])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *p = EC_POINT_new(group);
	BIGNUM *x = BN_new();

	EC_POINT_mul(group, p, nonce, NULL, NULL, ctx);
	EC_POINT_get_affine_coordinates(group, p, x, NULL, ctx);
	BN_mod_sub(x, r, x, n, ctx);
	number(e, x);
	BN_free(x);
	EC_POINT_free(p);
	EC_GROUP_free(group);
}

/* The three cases in which the signer must take another nonce (GB/T 32918.2 6.1 A5, A6), made to happen;
 * and nonces outside [1, n-1]. */
static void unusable_nonces(void **state)
{
	BIGNUM *k = BN_new(), *r = BN_new(), *d = BN_bin2bn(key.d, 32, NULL);
	uint8_t nonce[32], e[32];
	struct sm2_sig sig;

	(void)state;
	BN_rand_range(k, n);
	number(nonce, k);
	BN_zero(r);
	digest_for(r, k, e);
	assert_int_equal(sm2_sign_digest_with(&key, e, nonce, &sig).code, RC_INPUT);
	BN_sub(r, n, k);
	digest_for(r, k, e);
	assert_int_equal(sm2_sign_digest_with(&key, e, nonce, &sig).code, RC_INPUT);
	BN_mod_inverse(r, d, n, ctx);
	BN_mod_mul(r, r, k, n, ctx);
	digest_for(r, k, e);
	assert_int_equal(sm2_sign_digest_with(&key, e, nonce, &sig).code, RC_INPUT);
	e[31] ^= 1;
	assert_true(rc_ok(sm2_sign_digest_with(&key, e, nonce, &sig)));
	assert_true(rc_ok(sm2_verify_digest(&key.pub, e, &sig)));

	memset(nonce, 0, 32);
	assert_int_equal(sm2_sign_digest_with(&key, e, nonce, &sig).code, RC_INPUT);
	number(nonce, n);
	assert_int_equal(sm2_sign_digest_with(&key, e, nonce, &sig).code, RC_INPUT);
	nonce[31]--;
	assert_true(rc_ok(sm2_sign_digest_with(&key, e, nonce, &sig)));
	assert_true(rc_ok(sm2_verify_digest(&key.pub, e, &sig)));
	BN_free(k);
	BN_free(r);
	BN_free(d);
}

static void sign_batch(void **state)
{
	static struct slice msg[200];
	static struct sm2_sig sig[200];
	size_t count, i;

	(void)state;
	fill(data, sizeof(data));
	for (i = 0; i < 200; i++)
		msg[i] = slice_of(data + i, i * 3);
	for (count = 0; count <= 200; count += count < 4 ? 1 : 49) {
		assert_true(rc_ok(sm2_sign_batch(&key, SM2_ID, msg, sig, count)));
		for (i = 0; i < count; i++) {
			assert_true(judge_verify(judge, SM2_ID, msg[i], &sig[i]));
			assert_true(i == 0 || memcmp(sig[i].r, sig[i - 1].r, 32) != 0);
		}
	}
}

/* Lanes with every kind of fault among good ones: each says what the single call says. */
static void verify_batch(void **state)
{
	static struct sm2_check c[100];
	struct sm2_key other;
	size_t i, k;

	(void)state;
	for (k = 0; k < 20; k++) {
		random_key(&other);
		for (i = 0; i < 100; i++) {
			fill(c[i].e, 32);
			c[i].pub = i % 2 != 0 ? key.pub : other.pub;
			assert_true(rc_ok(sm2_sign_digest(i % 2 != 0 ? &key : &other, c[i].e, &c[i].sig)));
			c[i].valid = i % 5 == 0;
			switch (k == 0 ? 99 : next_below(12)) {
			case 0:
				memset(c[i].sig.r, 0, 32);
				break;
			case 1:
				memset(c[i].sig.s, 0, 32);
				break;
			case 2:
				opposite(c[i].sig.r, c[i].sig.s);
				break;
			case 3:
				memset(c[i].sig.s, 0xff, 32);
				break;
			case 4:
				c[i].pub.xy[5] ^= 1;
				break;
			case 5:
				c[i].e[9] ^= 4;
				break;
			case 6:
				c[i].sig.s[31] ^= 1;
				break;
			}
		}
		sm2_verify_batch(c, 100 - k);
		for (i = 0; i < 100 - k; i++) {
			EVP_PKEY *public = judge_key(&c[i].pub, NULL);

			assert_int_equal(c[i].valid, rc_ok(sm2_verify_digest(&c[i].pub, c[i].e, &c[i].sig)));
			assert_int_equal(c[i].valid, public != NULL && judge_verify_digest(public, &c[i]));
			assert_true(k > 0 || c[i].valid);
			EVP_PKEY_free(public);
			ERR_clear_error();
		}
	}
}

#define REGULARS 40 /* more than tables are kept for */
#define ROUNDS 40

struct regular {
	struct sm2_key key;
	EVP_PKEY *judge;
};

static void visit(const struct regular *r, bool spoil)
{
	struct sm2_check c = {.pub = r->key.pub};

	fill(c.e, 32);
	assert_true(rc_ok(sm2_sign_digest(&r->key, c.e, &c.sig)));
	if (spoil)
		(next_below(2) != 0 ? c.sig.r : c.e)[next_below(32)] ^= (uint8_t)(1 << next_below(8));
	sm2_verify_batch(&c, 1);
	assert_int_equal(c.valid, !spoil);
	assert_int_equal(judge_verify_digest(r->judge, &c), !spoil);
}

/* Keys that come again get tables, lose them to others and get them again; the answer is always the
 * judge's. */
static void regulars(void **state)
{
	static struct regular many[REGULARS];
	size_t i, round;

	(void)state;
	for (i = 0; i < REGULARS; i++) {
		random_key(&many[i].key);
		many[i].judge = judge_key(&many[i].key.pub, NULL);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < REGULARS; i++)
			visit(&many[next_below(round % 2 != 0 ? REGULARS : 5)], i % 3 == 0);
	}
	for (i = 0; i < REGULARS; i++)
		EVP_PKEY_free(many[i].judge);
}

static void *keep_visiting(void *arg)
{
	struct regular *many = arg;
	struct sm2_check c;
	size_t i, wrong = 0;

	for (i = 0; i < 60 * REGULARS; i++) {
		const struct regular *r = &many[i % 60 < 30 ? i % REGULARS : i % 3];

		c = (struct sm2_check){.pub = r->key.pub, .e = {(uint8_t)i}};
		if (!rc_ok(sm2_sign_digest(&r->key, c.e, &c.sig)))
			wrong++;
		c.sig.s[31] ^= i % 2 != 0;
		sm2_verify_batch(&c, 1);
		wrong += c.valid != (i % 2 == 0);
	}
	return wrong == 0 ? NULL : many;
}

static void regulars_on_threads(void **state)
{
	static struct regular many[REGULARS];
	pthread_t thread[4];
	void *wrong;
	size_t i;

	(void)state;
	for (i = 0; i < REGULARS; i++)
		random_key(&many[i].key);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, keep_visiting, many), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
}

/* Strict DER: libcrypto writes the same bytes; everything else is refused. */
static void der_vectors(void **state)
{
	static const struct {
		const char *hex;
		bool good;
	} rows[] = {
	        {"3006020101020101", true},
	        {"300702020080020101", true},
	        {"3006020100020101", false},   /* r = 0 */
	        {"3006020101020100", false},   /* s = 0 */
	        {"3006020181020101", false},   /* r < 0 */
	        {"300702020001020101", false}, /* r not minimal */
	        {"308106020101020101", false}, /* length not minimal */
	        {"30820006020101020101", false},
	        {"3080020101020101"
	         "0000",
	         false},                       /* indefinite length */
	        {"300602010102010100", false}, /* a byte after */
	        {"30070201010201010"
	         "0",
	         false}, /* a byte inside */
	        {"3005020101020101", false},
	        {"300602010102", false},
	        {"3003020101", false},
	        {"3005020102"
	         "0200",
	         false},
	        {"3106020101020101", false},
	        {"3006030101020101", false},
	        {"", false},
	        {"30", false},
	        {"3000", false},
	};
	struct sm2_sig sig;
	uint8_t der[100];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = unhex(rows[i].hex, der);
		assert_int_equal(sm2_sig_from_der(slice_of(der, len), &sig).code,
		                 rows[i].good ? RC_OK : RC_INPUT);
	}
}

static void der_random(void **state)
{
	struct sm2_sig sig, back;
	size_t i, cut;

	(void)state;
	for (i = 0; i < CASES; i++) {
		AUTO_BUF(der, SM2_SIG_DER_MAX);
		ECDSA_SIG *theirs = ECDSA_SIG_new();
		uint8_t *bytes = NULL;
		int len;

		memset(&sig, 0, sizeof(sig));
		cut = i < 64 ? i % 32 : next_below(5);
		fill(sig.r + cut, 32 - cut);
		fill(sig.s + (i < 64 ? i / 2 : 0), 32 - (i < 64 ? i / 2 : 0));
		sig.r[0] &= 0x7f;
		sig.s[0] &= i % 2 != 0 ? 0x7f : 0xf7;
		sig.r[31] |= 1;
		sig.s[31] |= 1;
		ECDSA_SIG_set0(theirs, BN_bin2bn(sig.r, 32, NULL), BN_bin2bn(sig.s, 32, NULL));
		len = i2d_ECDSA_SIG(theirs, &bytes);
		sm2_sig_to_der(&sig, &der);
		assert_int_equal(der.len, len);
		assert_memory_equal(der.p, bytes, der.len);
		assert_true(rc_ok(sm2_sig_from_der(buf_slice(&der), &back)));
		assert_memory_equal(&back, &sig, sizeof(sig));
		ECDSA_SIG_free(theirs);
		OPENSSL_free(bytes);
	}
	/* n and more do not fit a signature */
	number(sig.r, n);
	for (i = 0; i < 2; i++) {
		AUTO_BUF(der, SM2_SIG_DER_MAX);

		sm2_sig_to_der(&sig, &der);
		assert_int_equal(sm2_sig_from_der(buf_slice(&der), &back).code, RC_INPUT);
		memcpy(sig.s, sig.r, 32);
		sig.r[0] = 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vector),      cmocka_unit_test(messages),
	        cmocka_unit_test(identifiers), cmocka_unit_test(negative),
	        cmocka_unit_test(above_n),     cmocka_unit_test(coordinate_above_n),
	        cmocka_unit_test(digests),     cmocka_unit_test(unusable_nonces),
	        cmocka_unit_test(sign_batch),  cmocka_unit_test(verify_batch),
	        cmocka_unit_test(regulars),    cmocka_unit_test(regulars_on_threads),
	        cmocka_unit_test(der_vectors), cmocka_unit_test(der_random),
	};

	return RUN_UNDER_EACH(tests, setup, teardown);
}
