/* Writes what src/sm makes of repeatable input, one line of hex fields per case, and its own check at the
 * end.  tests/sm_aarch64.sh compares the lines of two machines, tests/sm_judge.sh has Bouncy Castle
 * recompute them. */
#include "base/rand.h"
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 0x2545f4914f6cdd1d;

static void fill(void *p, size_t len)
{
	uint8_t *b = p;

	for (; len > 0; len--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		*b++ = (uint8_t)(state >> 29);
	}
}

/* In place of base/rand: the same nonces on every machine. */
RC rand_bytes(void *p, size_t len)
{
	fill(p, len);
	return OK;
}

bool rand_healthy(void)
{
	return true;
}

static void must(struct rc rc, const char *what)
{
	if (rc_ok(rc))
		return;
	fprintf(stderr, "%s: %s\n", what, rc_last()->text);
	exit(1);
}

static void field(const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	putchar(' ');
	if (len == 0)
		putchar('-');
	for (i = 0; i < len; i++)
		printf("%02x", b[i]);
}

static uint8_t a[1024], b[512], c[1024];

static void hashes(size_t cases)
{
	uint8_t hash[SM3_LEN];
	size_t i;

	for (i = 0; i < cases; i++) {
		fill(a, i);
		sm3_hash(slice_of(a, i), hash);
		fputs("sm3", stdout);
		field(a, i);
		field(hash, sizeof(hash));
		putchar('\n');
	}
}

/* Three times as long as the case's number, to pass through every width. */
static void sealed(const struct sm4 *s, const uint8_t key[16], size_t i)
{
	uint8_t nonce[40], tag[16];
	struct slice aad = slice_of(b, i * 7 % 64), text = slice_of(a, 3 * i);
	struct sm4_ccm ccm = {slice_of(nonce, 7 + i % 7), aad, 4 + i % 7 * 2};
	size_t nonce_len = i % 3 == 0 ? 1 + i % 40 : 12;
	struct sm4_gcm g;

	fill(nonce, sizeof(nonce));
	fill(a, text.len);
	fill(b, aad.len);
	fputs("gcm", stdout);
	field(key, 16);
	field(nonce, nonce_len);
	field(b, aad.len);
	field(a, text.len);
	must(sm4_gcm_init(&g, s, slice_of(nonce, nonce_len)), "gcm");
	sm4_gcm_aad(&g, aad);
	sm4_gcm_encrypt(&g, text, c);
	sm4_gcm_tag(&g, tag);
	field(c, text.len);
	field(tag, 16);
	fputs("\nccm", stdout);
	field(key, 16);
	field(nonce, ccm.nonce.len);
	field(b, aad.len);
	field(a, text.len);
	must(sm4_ccm_seal(s, &ccm, text, c, tag), "ccm");
	field(c, text.len);
	field(tag, ccm.tag_len);
	putchar('\n');
}

static void modes(size_t cases)
{
	uint8_t key[16], iv[16];
	struct sm4 s;
	size_t i;

	for (i = 0; i < cases; i++) {
		fill(key, 16);
		sm4_init(&s, key);
		sealed(&s, key, i);
		fill(iv, 16);
		fputs("cbc", stdout);
		field(key, 16);
		field(iv, 16);
		field(a, i / 16 * 16);
		sm4_cbc_encrypt(&s, iv, a, c, i / 16);
		field(c, i / 16 * 16);
		putchar('\n');
	}
}

static void sm2(size_t cases)
{
	struct sm2_key k;
	struct sm2_sig sig;
	struct sm2_cipher cipher;
	size_t i;

	for (i = 0; i < cases; i++) {
		AUTO_BUF(raw, 1024);
		AUTO_BUF(back, 1024);

		must(sm2_key_new(&k), "key");
		fill(a, 2 * i);
		must(sm2_sign(&k, slice_of(a, i), slice_of(a + i, i), &sig), "sign");
		must(sm2_verify(&k.pub, slice_of(a, i), slice_of(a + i, i), &sig), "verify");
		fputs("sign", stdout);
		field(k.d, 32);
		field(k.pub.xy, 64);
		field(a, i);
		field(a + i, i);
		field(sig.r, 32);
		field(sig.s, 32);
		must(sm2_encrypt(&k.pub, slice_of(a, i + 1), &raw), "encrypt");
		must(sm2_cipher_from_raw(buf_slice(&raw), &cipher), "parts");
		must(sm2_decrypt(&k, &cipher, &back), "decrypt");
		fputs("\nopen", stdout);
		field(k.d, 32);
		field(raw.p, raw.len);
		field(back.p, back.len);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	size_t cases = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 100;

	if (cases > 250)
		return 2;
	hashes(cases);
	modes(cases);
	sm2(cases);
	return 0;
}
