#include "sm/ct.h"
#include "sm/sm2_internal.h"
#include "sm/sm3.h"

#define SHORT_KEY 16

/* C2 = M xor KDF(x2 || y2), C3 = SM3(x2 || M || y2) (GB/T 32918.4 6.1).  out gets C3 || C2.  False
 * when the key stream is all zero. */
static bool seal(const uint8_t shared[64], struct slice plain, uint8_t *out)
{
	uint8_t *c2 = out + SM3_LEN, any = 0;
	struct sm3 h;
	size_t i;

	sm3_init(&h);
	sm3_update(&h, slice_of(shared, 32));
	sm3_update(&h, plain);
	sm3_update(&h, slice_of(shared + 32, 32));
	sm3_final(&h, out);
	sm3_kdf(slice_of(shared, 64), c2, plain.len);
	for (i = 0; i < plain.len; i++) {
		any |= c2[i];
		c2[i] ^= plain.p[i];
	}
	ct_public(&any, sizeof(any));
	return any != 0;
}

/* One nonce for each of n receivers; n <= SM2_BATCH.  c1[i] and shared[i] are 64 bytes each. */
static RC agree(const struct sm2_pub *pubs, uint8_t (*c1)[64], uint8_t (*shared)[64], size_t n)
{
	const struct sm2_engine *engine = sm2_engine_for(n);
	struct sm2_xy receivers[SM2_BATCH], points[SM2_BATCH];
	struct sc k[SM2_BATCH];
	size_t i;

	for (i = 0; i < n; i++)
		NEED(xy_load(&receivers[i], pubs[i].xy), RC_INPUT,
		     "sm2: the public key is not a point of the curve (GB/T 32918.1 6.2.1)");
	TRY(random_scalars(k, n));
	engine->base(points, k, n);
	for (i = 0; i < n; i++)
		xy_store(&points[i], c1[i]);
	engine->multiply(points, k, receivers, n);
	for (i = 0; i < n; i++)
		xy_store(&points[i], shared[i]);
	wipe(k, n * sizeof(k[0]));
	wipe(points, n * sizeof(points[0]));
	return OK;
}

static SM2_APART RC encrypt(const struct sm2_pub *pub, struct slice plain, struct buf *c1c3c2)
{
	uint8_t c1[1][64], shared[1][64];
	uint8_t *out;
	bool sealed;

	NEED(plain.len > 0 && plain.len <= SM2_PLAIN_MAX, RC_INPUT, "sm2: %zu bytes to encrypt", plain.len);
	out = buf_room(c1c3c2, SM2_POINT + SM3_LEN + plain.len);
	if (out == NULL)
		return buf_done(c1c3c2);
	do {
		TRY(agree(pub, c1, shared, 1));
		memcpy(out, c1[0], SM2_POINT);
		sealed = seal(shared[0], plain, out + SM2_POINT);
	} while (!sealed);
	c1c3c2->len += SM2_POINT + SM3_LEN + plain.len;
	wipe(shared, sizeof(shared));
	return buf_done(c1c3c2);
}

RC sm2_encrypt(const struct sm2_pub *pub, struct slice plain, struct buf *c1c3c2)
{
	return sm2_clean_multiply(encrypt(pub, plain, c1c3c2));
}

/* n <= SM2_BATCH */
static SM2_APART RC encrypt_some(const struct sm2_pub *pubs, const uint8_t (*keys)[16],
                                 uint8_t (*c1c3c2)[112], size_t n)
{
	uint8_t c1[SM2_BATCH][64], shared[SM2_BATCH][64];
	struct rc rc = agree(pubs, c1, shared, n);
	size_t i;

	for (i = 0; i < n && rc_ok(rc); i++) {
		while (rc_ok(rc) && !seal(shared[i], slice_of(keys[i], SHORT_KEY), c1c3c2[i] + SM2_POINT))
			rc = agree(&pubs[i], &c1[i], &shared[i], 1);
		memcpy(c1c3c2[i], c1[i], SM2_POINT);
	}
	wipe(shared, n * sizeof(shared[0]));
	return rc;
}

RC sm2_encrypt_keys(const struct sm2_pub *pubs, const uint8_t (*keys)[16], uint8_t (*c1c3c2)[112], size_t n)
{
	size_t count;

	for (; n > 0; pubs += count, keys += count, c1c3c2 += count, n -= count) {
		count = n < SM2_BATCH ? n : SM2_BATCH;
		TRY(sm2_clean_multiply(encrypt_some(pubs, keys, c1c3c2, count)));
	}
	return OK;
}

/* GB/T 32918.4 7.1, B4 to B6, into out (as long as C2). */
static bool open_with(const uint8_t shared[64], const struct sm2_cipher *c, uint8_t *out)
{
	uint8_t hash[SM3_LEN], any = 0;
	struct sm3 h;
	size_t i;
	bool same;

	sm3_kdf(slice_of(shared, 64), out, c->c2.len);
	for (i = 0; i < c->c2.len; i++) {
		any |= out[i];
		out[i] ^= c->c2.p[i];
	}
	sm3_init(&h);
	sm3_update(&h, slice_of(shared, 32));
	sm3_update(&h, slice_of(out, c->c2.len));
	sm3_update(&h, slice_of(shared + 32, 32));
	sm3_final(&h, hash);
	same = ct_equal(hash, c->c3, SM3_LEN);
	wipe(hash, sizeof(hash));
	same &= any != 0;
	ct_public(&same, sizeof(same));
	return same;
}

static SM2_APART RC decrypt(const struct sm2_key *k, const struct sm2_cipher *c, struct buf *plain)
{
	struct sm2_xy c1, point;
	struct sc d;
	uint8_t shared[64], *out;
	bool opened;

	NEED(c->c2.len > 0 && c->c2.len <= SM2_PLAIN_MAX, RC_INPUT, "sm2: %zu bytes to decrypt", c->c2.len);
	NEED(xy_load(&c1, c->c1), RC_INPUT, "sm2: C1 is not a point of the curve (GB/T 32918.4 7.1 B1)");
	out = buf_room(plain, c->c2.len);
	if (out == NULL)
		return buf_done(plain);
	(void)sc_from_bytes(&d, k->d);
	sm2_engine_for(1)->multiply(&point, &d, &c1, 1); /* of prime order: never infinity */
	xy_store(&point, shared);
	opened = open_with(shared, c, out);
	wipe(&d, sizeof(d));
	wipe(&point, sizeof(point));
	wipe(shared, sizeof(shared));
	if (!opened)
		wipe(out, c->c2.len);
	NEED(opened, RC_INPUT, "sm2: the ciphertext does not decrypt (GB/T 32918.4 7.1)");
	plain->len += c->c2.len;
	return buf_done(plain);
}

RC sm2_decrypt(const struct sm2_key *k, const struct sm2_cipher *c, struct buf *plain)
{
	return sm2_clean_multiply(decrypt(k, c, plain));
}
