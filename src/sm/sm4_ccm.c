/* CCM (SP 800-38C) over the engine in use. */
#include "sm/ct.h"
#include "sm/sm4_engine.h"

struct mac {
	const struct sm4_engine *engine;
	struct sm4_schedule s;
	uint8_t chain[SM4_BLOCK], part[SM4_BLOCK];
	size_t used; /* bytes of part */
};

static void mac_add(struct mac *m, struct slice s)
{
	size_t take = s.len < SM4_BLOCK - m->used ? s.len : SM4_BLOCK - m->used, blocks;

	if (s.len == 0)
		return;
	if (m->used > 0) {
		memcpy(m->part + m->used, s.p, take);
		m->used += take;
		if (m->used < SM4_BLOCK)
			return;
		m->engine->chain(&m->s, m->chain, m->part, NULL, 1);
		s = slice_of(s.p + take, s.len - take);
	}
	blocks = s.len / SM4_BLOCK;
	m->engine->chain(&m->s, m->chain, s.p, NULL, blocks);
	m->used = s.len % SM4_BLOCK;
	memcpy(m->part, s.p + blocks * SM4_BLOCK, m->used);
}

/* Fills the last block with zeros. */
static void mac_end(struct mac *m)
{
	static const uint8_t zeros[SM4_BLOCK];

	if (m->used > 0)
		mac_add(m, slice_of(zeros, SM4_BLOCK - m->used));
}

static void store_be(uint8_t *p, size_t len, uint64_t v)
{
	for (; len > 0; len--, v >>= 8)
		p[len - 1] = (uint8_t)v;
}

/* A.2.2: the length of the additional data. */
static void mac_aad(struct mac *m, struct slice aad)
{
	uint8_t head[10] = {0xff, 0xff};
	size_t len = 10;

	if (aad.len == 0)
		return;
	if (aad.len < 0xff00) {
		len = 2;
		store_be(head, 2, aad.len);
	} else if ((uint64_t)aad.len >> 32 == 0) {
		len = 6;
		head[1] = 0xfe;
		store_be(head + 2, 4, aad.len);
	} else {
		store_be(head + 2, 8, aad.len);
	}
	mac_add(m, slice_of(head, len));
	mac_add(m, aad);
	mac_end(m);
}

/* 6.1 steps 1 to 4: the sum over the block B0, additional data and text; encrypted as the counter 0 is. */
static void mac_of(const struct sm4 *c, const struct sm4_ccm *p, struct slice text, uint8_t ret[SM4_BLOCK])
{
	struct mac m = {.engine = sm4_engine()};
	size_t q = 15 - p->nonce.len;
	uint8_t block[SM4_BLOCK];

	m.engine->spread(c, false, &m.s);
	block[0] = (uint8_t)((p->aad.len > 0 ? 0x40 : 0) | (p->tag_len - 2) / 2 << 3 | (q - 1));
	memcpy(block + 1, p->nonce.p, p->nonce.len);
	store_be(block + 1 + p->nonce.len, q, text.len);
	mac_add(&m, SLICE_ARR(block));
	mac_aad(&m, p->aad);
	mac_add(&m, text);
	mac_end(&m);
	block[0] = (uint8_t)(q - 1);
	memset(block + 1 + p->nonce.len, 0, q);
	m.engine->blocks(&m.s, block, block, 1);
	sm4_xor(ret, m.chain, block, SM4_BLOCK);
	wipe(&m, sizeof(m));
	wipe(block, sizeof(block));
	sm4_clean();
}

/* A.3: the text begins with the counter 1. */
static void crypt_text(const struct sm4 *c, const struct sm4_ccm *p, struct slice in, uint8_t *out)
{
	uint8_t counter[SM4_BLOCK] = {(uint8_t)(14 - p->nonce.len)};

	memcpy(counter + 1, p->nonce.p, p->nonce.len);
	counter[15] = 1;
	sm4_ctr(c, counter, in.p, out, in.len);
}

static RC check_lengths(const struct sm4_ccm *p, size_t len)
{
	size_t q = 15 - p->nonce.len;

	NEED(p->nonce.len >= 7 && p->nonce.len <= 13, RC_INPUT,
	     "sm4: CCM nonce of %zu bytes (SP 800-38C A.1)", p->nonce.len);
	NEED(p->tag_len >= 4 && p->tag_len <= 16 && p->tag_len % 2 == 0, RC_INPUT,
	     "sm4: CCM tag of %zu bytes (SP 800-38C A.1)", p->tag_len);
	NEED(q >= 8 || (uint64_t)len >> 8 * q == 0, RC_INPUT,
	     "sm4: text too long for this CCM nonce (SP 800-38C A.1)");
	return OK;
}

RC sm4_ccm_seal(const struct sm4 *c, const struct sm4_ccm *m, struct slice in, uint8_t *out, uint8_t *tag)
{
	uint8_t mac[SM4_BLOCK];

	TRY(check_lengths(m, in.len));
	mac_of(c, m, in, mac);
	crypt_text(c, m, in, out);
	memcpy(tag, mac, m->tag_len);
	wipe(mac, sizeof(mac));
	return OK;
}

RC sm4_ccm_open(const struct sm4 *c, const struct sm4_ccm *m, struct slice in, uint8_t *out,
                const uint8_t *tag)
{
	uint8_t mac[SM4_BLOCK];
	bool same;

	TRY(check_lengths(m, in.len));
	crypt_text(c, m, in, out);
	mac_of(c, m, slice_of(out, in.len), mac);
	same = ct_equal(mac, tag, m->tag_len);
	ct_public(&same, sizeof(same));
	wipe(mac, sizeof(mac));
	if (!same)
		wipe(out, in.len);
	NEED(same, RC_INPUT, "sm4: wrong authentication tag (SP 800-38C 6.2)");
	return OK;
}
