/* GCM (SP 800-38D 7) over the engine in use. */
#include "sm/ct.h"
#include "sm/limbs.h"
#include "sm/sm4_engine.h"

/* Adds text to the hash; before is how much of this kind there was.  Less than a block waits in part. */
static void absorb(struct sm4_gcm *g, uint64_t before, struct slice s)
{
	size_t used = before % SM4_BLOCK, take, blocks;

	if (s.len == 0)
		return;
	if (used > 0) {
		take = s.len < SM4_BLOCK - used ? s.len : SM4_BLOCK - used;
		memcpy(g->part + used, s.p, take);
		if (used + take < SM4_BLOCK)
			return;
		g->engine->ghash(&g->g, g->part, 1);
		s = slice_of(s.p + take, s.len - take);
	}
	blocks = s.len / SM4_BLOCK;
	if (blocks > 0)
		g->engine->ghash(&g->g, s.p, blocks);
	memcpy(g->part, s.p + blocks * SM4_BLOCK, s.len % SM4_BLOCK);
}

/* Fills the last block with zeros. */
static void absorb_end(struct sm4_gcm *g, uint64_t len)
{
	static const uint8_t zeros[SM4_BLOCK];

	if (len % SM4_BLOCK > 0)
		absorb(g, len, slice_of(zeros, SM4_BLOCK - len % SM4_BLOCK));
}

static void absorb_lengths(struct sm4_gcm *g, uint64_t aad, uint64_t text)
{
	uint8_t lengths[SM4_BLOCK];

	store_be64(lengths, aad * 8);
	store_be64(lengths + 8, text * 8);
	g->engine->ghash(&g->g, lengths, 1);
}

/* The hash so far, as a block, and none from now on. */
static void squeeze(struct sm4_gcm *g, uint8_t ret[SM4_BLOCK])
{
	store_be64(ret, g->g.y[1]);
	store_be64(ret + 8, g->g.y[0]);
	g->g.y[0] = g->g.y[1] = 0;
}

/* 7.1 steps 1 and 2: H, the counter J0, and the mask of the tag, which is J0 encrypted. */
static void start(struct sm4_gcm *g, const struct sm4 *c, struct slice nonce)
{
	uint8_t both[2 * SM4_BLOCK] = {0}, *counter = both + SM4_BLOCK;
	struct sm4_schedule s;
	bool usual = nonce.len == 12;

	*g = (struct sm4_gcm){.key = c, .engine = sm4_engine()};
	g->engine->spread(c, false, &s);
	if (usual)
		memcpy(counter, nonce.p, 12);
	counter[15] = 1;
	memcpy(g->counter, counter, SM4_BLOCK);
	g->engine->blocks(&s, both, both, 2);
	g->engine->ghash_key(&g->g, both);
	if (!usual) {
		absorb(g, 0, nonce);
		absorb_end(g, nonce.len);
		absorb_lengths(g, 0, nonce.len);
		squeeze(g, g->counter);
		g->engine->blocks(&s, g->counter, counter, 1);
	}
	memcpy(g->mask, counter, SM4_BLOCK);
	wipe(both, sizeof(both));
	wipe(&s, sizeof(s));
	sm4_clean();
}

RC sm4_gcm_init(struct sm4_gcm *g, const struct sm4 *c, struct slice nonce)
{
	NEED(nonce.len > 0, RC_INPUT, "sm4: a nonce of no bytes (SP 800-38D 5.2.1.1)");
	start(g, c, nonce);
	return OK;
}

void sm4_gcm_aad(struct sm4_gcm *g, struct slice aad)
{
	absorb(g, g->aad, aad);
	g->aad += aad.len;
}

/* Only the last 32 bits count (6.2). */
static void count(struct sm4_gcm *g, uint8_t *out, size_t blocks)
{
	uint64_t high = load_be64(g->counter), low = load_be64(g->counter + 8), fixed = low >> 32 << 32;

	for (; blocks > 0; blocks--, out += SM4_BLOCK) {
		low = fixed | (uint32_t)(low + 1);
		sm4_put_counter(out, high, low);
	}
	store_be64(g->counter + 8, low);
}

/* 6.5; what is left of the last block's stream is kept. */
static void crypt_text(struct sm4_gcm *g, uint64_t before, struct slice in, uint8_t *out)
{
	size_t used = before % SM4_BLOCK, n, blocks;
	uint8_t stream[SM4_CHUNK];
	struct sm4_schedule s;

	if (used > 0 && in.len > 0) {
		n = in.len < SM4_BLOCK - used ? in.len : SM4_BLOCK - used;
		sm4_xor(out, in.p, g->stream + used, n);
		in = slice_of(in.p + n, in.len - n);
		out += n;
	}
	if (in.len == 0)
		return;
	g->engine->spread(g->key, false, &s);
	for (; in.len > 0; in = slice_of(in.p + n, in.len - n)) {
		n = in.len < SM4_CHUNK ? in.len : SM4_CHUNK;
		blocks = (n + SM4_BLOCK - 1) / SM4_BLOCK;
		count(g, stream, blocks);
		g->engine->blocks(&s, stream, stream, blocks);
		sm4_xor(out, in.p, stream, n);
		memcpy(g->stream, stream + (blocks - 1) * SM4_BLOCK, SM4_BLOCK);
		out += n;
	}
	wipe(stream, sizeof(stream));
	wipe(&s, sizeof(s));
	sm4_clean();
}

/* Adds ciphertext to the hash; the additional data end with the first of it. */
static void absorb_text(struct sm4_gcm *g, struct slice sealed)
{
	if (g->text == 0 && sealed.len > 0)
		absorb_end(g, g->aad);
	absorb(g, g->text, sealed);
	g->text += sealed.len;
}

void sm4_gcm_encrypt(struct sm4_gcm *g, struct slice in, uint8_t *out)
{
	crypt_text(g, g->text, in, out);
	absorb_text(g, slice_of(out, in.len));
}

void sm4_gcm_decrypt(struct sm4_gcm *g, struct slice in, uint8_t *out)
{
	uint64_t before = g->text;

	absorb_text(g, in);
	crypt_text(g, before, in, out);
}

static void finish(struct sm4_gcm *g, uint8_t tag[SM4_BLOCK])
{
	absorb_end(g, g->text > 0 ? g->text : g->aad);
	absorb_lengths(g, g->aad, g->text);
	squeeze(g, tag);
	sm4_xor(tag, tag, g->mask, SM4_BLOCK);
	sm4_clean();
}

void sm4_gcm_tag(struct sm4_gcm *g, uint8_t tag[16])
{
	finish(g, tag);
	wipe(g, sizeof(*g));
}

/* The tag's being right is public. */
static bool tag_is(struct sm4_gcm *g, const uint8_t tag[16])
{
	uint8_t expected[SM4_BLOCK];
	bool same;

	finish(g, expected);
	same = ct_equal(expected, tag, SM4_BLOCK);
	ct_public(&same, sizeof(same));
	wipe(expected, sizeof(expected));
	return same;
}

RC sm4_gcm_check(struct sm4_gcm *g, const uint8_t tag[16])
{
	bool same = tag_is(g, tag);

	wipe(g, sizeof(*g));
	NEED(same, RC_INPUT, "sm4: wrong authentication tag (SP 800-38D 7.2)");
	return OK;
}

void sm4_gcm_seal(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in,
                  uint8_t *out, uint8_t tag[16])
{
	struct sm4_gcm g;

	start(&g, c, slice_of(nonce, 12));
	sm4_gcm_aad(&g, aad);
	sm4_gcm_encrypt(&g, in, out);
	sm4_gcm_tag(&g, tag);
}

/* The tag first: nothing is decrypted that was not sealed so. */
RC sm4_gcm_open(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in, uint8_t *out,
                const uint8_t tag[16])
{
	struct sm4_gcm g;
	bool same;

	start(&g, c, slice_of(nonce, 12));
	sm4_gcm_aad(&g, aad);
	absorb_text(&g, in);
	same = tag_is(&g, tag);
	if (same)
		crypt_text(&g, 0, in, out);
	else
		wipe(out, in.len);
	wipe(&g, sizeof(g));
	NEED(same, RC_INPUT, "sm4: wrong authentication tag (SP 800-38D 7.2)");
	return OK;
}
