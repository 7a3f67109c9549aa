#include "sm/sm3.h"

void sm3_hmac_init(struct sm3_hmac *c, struct slice key)
{
	uint8_t pad[SM3_BLOCK] = {0};
	unsigned i;

	if (key.len > SM3_BLOCK)
		sm3_hash(key, pad);
	else if (key.len > 0)
		memcpy(pad, key.p, key.len);
	for (i = 0; i < SM3_BLOCK; i++)
		pad[i] ^= 0x36;
	sm3_init(&c->inner);
	sm3_update(&c->inner, SLICE_ARR(pad));
	for (i = 0; i < SM3_BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sm3_init(&c->outer);
	sm3_update(&c->outer, SLICE_ARR(pad));
	wipe(pad, sizeof(pad));
}

void sm3_hmac_update(struct sm3_hmac *c, struct slice s)
{
	sm3_update(&c->inner, s);
}

void sm3_hmac_final(struct sm3_hmac *c, uint8_t ret[SM3_LEN])
{
	uint8_t inner[SM3_LEN];

	sm3_final(&c->inner, inner);
	sm3_update(&c->outer, SLICE_ARR(inner));
	sm3_final(&c->outer, ret);
	wipe(inner, sizeof(inner));
}

void sm3_hmac_of(struct slice key, struct slice s, uint8_t ret[SM3_LEN])
{
	struct sm3_hmac c;

	sm3_hmac_init(&c, key);
	sm3_hmac_update(&c, s);
	sm3_hmac_final(&c, ret);
}

static void store_be32(uint8_t p[4], uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static size_t at_most(size_t len)
{
	return len < SM3_LEN ? len : SM3_LEN;
}

/* SM3(Z || 1) || SM3(Z || 2) ... (GB/T 32918.3 5.4.3); Z is hashed once. */
void sm3_kdf(struct slice z, uint8_t *ret, size_t len)
{
	struct sm3 start, c;
	uint8_t counter[4], block[SM3_LEN];
	uint32_t i;

	sm3_init(&start);
	sm3_update(&start, z);
	for (i = 1; len > 0; i++) {
		size_t take = at_most(len);

		c = start;
		store_be32(counter, i);
		sm3_update(&c, SLICE_ARR(counter));
		sm3_final(&c, block);
		memcpy(ret, block, take);
		ret += take;
		len -= take;
	}
	wipe(&start, sizeof(start));
	wipe(block, sizeof(block));
}

/* RFC 8018 5.2 */
void sm3_pbkdf2(struct slice password, struct slice salt, uint32_t rounds, uint8_t *ret, size_t len)
{
	struct sm3_hmac start, c;
	uint8_t counter[4], u[SM3_LEN], t[SM3_LEN];
	uint32_t i, round;
	unsigned j;

	sm3_hmac_init(&start, password);
	for (i = 1; len > 0; i++) {
		size_t take = at_most(len);

		store_be32(counter, i);
		c = start;
		sm3_hmac_update(&c, salt);
		sm3_hmac_update(&c, SLICE_ARR(counter));
		sm3_hmac_final(&c, u);
		memcpy(t, u, sizeof(t));
		for (round = 1; round < rounds; round++) {
			c = start;
			sm3_hmac_update(&c, SLICE_ARR(u));
			sm3_hmac_final(&c, u);
			for (j = 0; j < SM3_LEN; j++)
				t[j] ^= u[j];
		}
		memcpy(ret, t, take);
		ret += take;
		len -= take;
	}
	wipe(&start, sizeof(start));
	wipe(u, sizeof(u));
	wipe(t, sizeof(t));
}

void sm3_hkdf(struct slice salt, struct slice ikm, struct slice info, uint8_t *ret, size_t len)
{
	static const uint8_t no_salt[SM3_LEN];
	uint8_t prk[SM3_LEN], t[SM3_LEN], i;
	struct sm3_hmac c;
	size_t have = 0;

	sm3_hmac_of(salt.len > 0 ? salt : SLICE_ARR(no_salt), ikm, prk);
	for (i = 1; len > 0; i++) {
		size_t take = at_most(len);

		sm3_hmac_init(&c, SLICE_ARR(prk));
		sm3_hmac_update(&c, slice_of(t, have));
		sm3_hmac_update(&c, info);
		sm3_hmac_update(&c, slice_of(&i, 1));
		sm3_hmac_final(&c, t);
		have = SM3_LEN;
		memcpy(ret, t, take);
		ret += take;
		len -= take;
	}
	wipe(prk, sizeof(prk));
	wipe(t, sizeof(t));
}
