/* HMAC (RFC 2104), KDF (GB/T 32918.3 5.4.3), PBKDF2 (RFC 8018 5.2), HKDF (RFC 5869), all with SM3. */
#include "sm/sm3.h"

void sm3_hmac_init(struct sm3_hmac *c, struct slice key)
{
	uint8_t pad[SM3_BLOCK] = {0};

	if (key.len > SM3_BLOCK)
		sm3_hash(key, pad);
	else if (key.len > 0)
		memcpy(pad, key.p, key.len);
	for (unsigned i = 0; i < SM3_BLOCK; i++)
		pad[i] ^= 0x36;
	sm3_init(&c->inner);
	sm3_update(&c->inner, SLICE_ARR(pad));
	for (unsigned i = 0; i < SM3_BLOCK; i++)
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

static void counter_bytes(uint32_t n, uint8_t ret[4])
{
	ret[0] = (uint8_t)(n >> 24);
	ret[1] = (uint8_t)(n >> 16);
	ret[2] = (uint8_t)(n >> 8);
	ret[3] = (uint8_t)n;
}

void sm3_kdf(struct slice z, uint8_t *ret, size_t len)
{
	uint8_t block[SM3_LEN], counter[4];
	struct sm3 base, c;

	sm3_init(&base);
	sm3_update(&base, z);
	for (uint32_t i = 1; len > 0; i++) {
		size_t n = len < SM3_LEN ? len : SM3_LEN;
		c = base;
		counter_bytes(i, counter);
		sm3_update(&c, SLICE_ARR(counter));
		sm3_final(&c, block);
		memcpy(ret, block, n);
		ret += n;
		len -= n;
	}
	wipe(block, sizeof(block));
	wipe(&base, sizeof(base));
}

void sm3_pbkdf2(struct slice password, struct slice salt, uint32_t rounds, uint8_t *ret, size_t len)
{
	uint8_t u[SM3_LEN], t[SM3_LEN], counter[4];
	struct sm3_hmac keyed, c;

	sm3_hmac_init(&keyed, password);
	for (uint32_t i = 1; len > 0; i++) {
		size_t n = len < SM3_LEN ? len : SM3_LEN;
		c = keyed;
		counter_bytes(i, counter);
		sm3_hmac_update(&c, salt);
		sm3_hmac_update(&c, SLICE_ARR(counter));
		sm3_hmac_final(&c, u);
		memcpy(t, u, sizeof(t));
		for (uint32_t j = 1; j < rounds; j++) {
			c = keyed;
			sm3_hmac_update(&c, SLICE_ARR(u));
			sm3_hmac_final(&c, u);
			for (unsigned k = 0; k < SM3_LEN; k++)
				t[k] ^= u[k];
		}
		memcpy(ret, t, n);
		ret += n;
		len -= n;
	}
	wipe(u, sizeof(u));
	wipe(t, sizeof(t));
	wipe(&keyed, sizeof(keyed));
}

void sm3_hkdf(struct slice salt, struct slice ikm, struct slice info, uint8_t *ret, size_t len)
{
	uint8_t prk[SM3_LEN], t[SM3_LEN], zero[SM3_LEN] = {0};
	struct sm3_hmac c;

	sm3_hmac_of(salt.len > 0 ? salt : SLICE_ARR(zero), ikm, prk);
	for (uint8_t i = 1; len > 0; i++) {
		size_t n = len < SM3_LEN ? len : SM3_LEN;
		sm3_hmac_init(&c, SLICE_ARR(prk));
		if (i > 1)
			sm3_hmac_update(&c, SLICE_ARR(t));
		sm3_hmac_update(&c, info);
		sm3_hmac_update(&c, slice_of(&i, 1));
		sm3_hmac_final(&c, t);
		memcpy(ret, t, n);
		ret += n;
		len -= n;
	}
	wipe(prk, sizeof(prk));
	wipe(t, sizeof(t));
}
