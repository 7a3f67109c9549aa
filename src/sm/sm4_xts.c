/* XTS (IEEE 1619 clause 5, GB/T 17964-2021) over the engine in use. */
#include "sm/ct.h"
#include "sm/sm4_engine.h"

#define LONGEST ((size_t)SM4_BLOCK << 20)

RC sm4_xts_init(struct sm4_xts *x, const uint8_t key[2 * SM4_KEY], enum sm4_xts_kind kind)
{
	bool same = ct_equal(key, key + SM4_KEY, SM4_KEY);

	ct_public(&same, sizeof(same));
	NEED(!same, RC_INPUT, "sm4: the two keys of XTS are equal (IEEE 1619-2018, 5.1)");
	sm4_init(&x->data, key);
	sm4_init(&x->tweak, key + SM4_KEY);
	x->kind = kind;
	return OK;
}

/* The tweak of the block that comes, as two numbers in the order of its bytes. */
struct tweak {
	uint64_t first, second;
};

static void tweak_load(struct tweak *t, const uint8_t in[SM4_BLOCK])
{
	memcpy(t, in, SM4_BLOCK);
}

/* times x: x^128 = x^7 + x^2 + x + 1 */
static void times_x_ieee(struct tweak *t)
{
	uint64_t low = le64toh(t->first), high = le64toh(t->second), fold = (0 - (high >> 63)) & 0x87;

	t->first = htole64(low << 1 ^ fold);
	t->second = htole64(high << 1 | low >> 63);
}

static void times_x_gb(struct tweak *t)
{
	uint64_t high = be64toh(t->first), low = be64toh(t->second),
	         fold = (0 - (low & 1)) & (uint64_t)0xe1 << 56;

	t->first = htobe64(high >> 1 ^ fold);
	t->second = htobe64(low >> 1 | high << 63);
}

struct xts {
	const struct sm4_engine *engine;
	struct sm4_schedule s;
	enum sm4_xts_kind kind;
	struct tweak next;
};

/* The tweaks of some blocks, into out. */
static void tweaks(struct xts *x, uint8_t *out, size_t blocks)
{
	struct tweak t = x->next;

	for (; blocks > 0; blocks--, out += SM4_BLOCK) {
		memcpy(out, &t, SM4_BLOCK);
		if (x->kind == SM4_XTS_GB)
			times_x_gb(&t);
		else
			times_x_ieee(&t);
	}
	x->next = t;
}

static void crypt_with(struct xts *x, const uint8_t *tweak, const uint8_t *in, uint8_t *out, size_t len)
{
	sm4_xor(out, in, tweak, len);
	x->engine->blocks(&x->s, out, out, len / SM4_BLOCK);
	sm4_xor(out, out, tweak, len);
}

/* 5.3.2, 5.4.2: the last full block and the short one of n bytes behind it.  Decryption takes their tweaks in
 * the other order. */
static void steal(struct xts *x, bool decrypt, const uint8_t *in, uint8_t *out, size_t n)
{
	uint8_t tweak[2][SM4_BLOCK], block[SM4_BLOCK], tail[SM4_BLOCK];

	tweaks(x, tweak[0], 2);
	crypt_with(x, tweak[decrypt], in, block, SM4_BLOCK);
	memcpy(tail, block, n);
	memcpy(block, in + SM4_BLOCK, n);
	memcpy(out + SM4_BLOCK, tail, n);
	crypt_with(x, tweak[!decrypt], block, out, SM4_BLOCK);
	wipe(tweak, sizeof(tweak));
	wipe(block, sizeof(block));
	wipe(tail, sizeof(tail));
}

static RC crypt_sector(const struct sm4_xts *key, bool decrypt, const uint8_t tweak[16], struct slice in,
                       uint8_t *out)
{
	struct xts x = {.engine = sm4_engine(), .kind = key->kind};
	uint8_t many[SM4_CHUNK];
	size_t n = in.len % SM4_BLOCK, left, len;

	NEED(in.len >= SM4_BLOCK && in.len <= LONGEST, RC_INPUT,
	     "sm4: XTS sector of %zu bytes (IEEE 1619, 5.1)", in.len);
	x.engine->spread(&key->tweak, false, &x.s);
	x.engine->blocks(&x.s, tweak, many, 1);
	tweak_load(&x.next, many);
	x.engine->spread(&key->data, decrypt, &x.s);
	for (left = in.len - n - (n > 0 ? SM4_BLOCK : 0); left > 0; left -= len) {
		len = left < SM4_CHUNK ? left : SM4_CHUNK;
		tweaks(&x, many, len / SM4_BLOCK);
		crypt_with(&x, many, in.p, out, len);
		in.p += len;
		out += len;
	}
	if (n > 0)
		steal(&x, decrypt, in.p, out, n);
	wipe(&x, sizeof(x));
	wipe(many, sizeof(many));
	sm4_clean();
	return OK;
}

RC sm4_xts_encrypt(const struct sm4_xts *x, const uint8_t tweak[16], struct slice in, uint8_t *out)
{
	return crypt_sector(x, false, tweak, in, out);
}

RC sm4_xts_decrypt(const struct sm4_xts *x, const uint8_t tweak[16], struct slice in, uint8_t *out)
{
	return crypt_sector(x, true, tweak, in, out);
}
