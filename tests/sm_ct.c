/* Constant time of src/sm and of the sharing of backup keys (R06.8): secrets are marked undefined for
 * valgrind's memcheck, which then reports each branch and each address that depends on one.  Built with YD_CT
 * from the sources of src/sm; tests/sm_ct.sh runs it.  With an argument it does what must be reported. */
#include "backup/shamir.h"
#include "base/rand.h"
#include "sm/cpu.h"
#include "sm/ct.h"
#include "sm/sm2.h"
#include "sm/sm2_engine.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <stdio.h>
#include <sys/random.h>

#define MANY 5
#define BATCH 18 /* more than any lanes */

static unsigned failures;

static void check(const char *what, bool right)
{
	if (!right) {
		fprintf(stderr, "%s: wrong result\n", what);
		failures++;
	}
}

/* In place of base/rand: everything drawn is secret. */
RC rand_bytes(void *p, size_t len)
{
	NEED(getrandom(p, len, 0) == (ssize_t)len, RC_CRYPTO, "getrandom failed");
	ct_secret(p, len);
	return OK;
}

bool rand_healthy(void)
{
	return true;
}

/* The key as a caller holds it: all secret but the public half. */
static void own_key(struct sm2_key *k, uint8_t seed)
{
	uint8_t d[SM2_LEN];

	memset(d, seed, sizeof(d));
	ct_secret(d, sizeof(d));
	check("load", rc_ok(sm2_key_load(d, k)));
	ct_public(&k->pub, sizeof(k->pub));
}

static void signing(const struct sm2_key *k)
{
	struct slice msg[MANY] = {SLICE_LIT("a"), SLICE_LIT("b"), SLICE_LIT("c"), SLICE_LIT("d"),
	                          SLICE_LIT("e")};
	struct sm2_sig sig[MANY];
	struct sm2_nonces *nonces = NULL;
	uint8_t e[32] = {1}, nonce[32];
	unsigned i;

	check("sign", rc_ok(sm2_sign(k, SM2_ID, msg[0], &sig[0])));
	ct_public(sig, sizeof(sig[0]));
	check("verify", rc_ok(sm2_verify(&k->pub, SM2_ID, msg[0], &sig[0])));
	check("sign batch", rc_ok(sm2_sign_batch(k, SM2_ID, msg, sig, MANY)));
	ct_public(sig, sizeof(sig));
	for (i = 0; i < MANY; i++)
		check("verify batch", rc_ok(sm2_verify(&k->pub, SM2_ID, msg[i], &sig[i])));
	check("nonces", rc_ok(sm2_nonces_new(&nonces)));
	check("prepared", rc_ok(sm2_sign_prepared(k, nonces, SM2_ID, msg[0], &sig[0])));
	ct_public(sig, sizeof(sig[0]));
	check("verify prepared", rc_ok(sm2_verify(&k->pub, SM2_ID, msg[0], &sig[0])));
	sm2_nonces_free(nonces);
	memset(nonce, 7, sizeof(nonce));
	ct_secret(nonce, sizeof(nonce));
	check("given nonce", rc_ok(sm2_sign_digest_with(k, e, nonce, &sig[0])));
	ct_public(sig, sizeof(sig[0]));
	check("verify digest", rc_ok(sm2_verify_digest(&k->pub, e, &sig[0])));
}

static void generating(void)
{
	struct sm2_key many[MANY], one;

	check("new", rc_ok(sm2_key_new(&one)));
	check("new batch", rc_ok(sm2_key_new_batch(many, MANY)));
	sm2_key_wipe(&one);
}

static void encrypting(const struct sm2_key *k)
{
	uint8_t plain[50], keys[MANY][16], out[MANY][112];
	struct sm2_pub pubs[MANY] = {k->pub, k->pub, k->pub, k->pub, k->pub};
	struct sm2_cipher c;
	AUTO_BUF(raw, 300);
	AUTO_BUF(back, 300);

	memset(plain, 0x31, sizeof(plain));
	ct_secret(plain, sizeof(plain));
	check("encrypt", rc_ok(sm2_encrypt(&k->pub, SLICE_ARR(plain), &raw)));
	ct_public(raw.p, raw.len);
	check("raw", rc_ok(sm2_cipher_from_raw(buf_slice(&raw), &c)));
	check("decrypt", rc_ok(sm2_decrypt(k, &c, &back)));
	c.c3[0] ^= 1;
	check("refuse", !rc_ok(sm2_decrypt(k, &c, &back)));
	memset(keys, 0x32, sizeof(keys));
	ct_secret(keys, sizeof(keys));
	check("keys", rc_ok(sm2_encrypt_keys(pubs, (const uint8_t(*)[16])keys, out, MANY)));
}

static void exchanging(const struct sm2_key *k)
{
	struct sm2_key ephemeral, peer, peer_ephemeral;
	struct sm2_exchange x = {.initiator = true, .own = k, .own_ephemeral = &ephemeral};
	uint8_t key[48], s1[32], s2[32];

	own_key(&ephemeral, 3);
	own_key(&peer, 4);
	own_key(&peer_ephemeral, 5);
	x.peer = peer.pub;
	x.peer_ephemeral = peer_ephemeral.pub;
	x.own_id = x.peer_id = SM2_ID;
	check("exchange", rc_ok(sm2_exchange(&x, key, sizeof(key), s1, s2)));
}

static void hashing(void)
{
	uint8_t secret[200], out[100], many[BATCH][SM3_LEN];
	struct slice s[BATCH];
	size_t i;

	memset(secret, 9, sizeof(secret));
	ct_secret(secret, sizeof(secret));
	for (i = 0; i < BATCH; i++)
		s[i] = slice_of(secret, 10 * i);
	sm3_hash_batch(s, many, BATCH);
	sm3_hash_batch_after(secret, s, many, BATCH);
	sm3_hash(SLICE_ARR(secret), out);
	sm3_hmac_of(SLICE_ARR(secret), SLICE_ARR(secret), out);
	sm3_kdf(SLICE_ARR(secret), out, sizeof(out));
	sm3_pbkdf2(SLICE_ARR(secret), SLICE_LIT("salt"), 3, out, sizeof(out));
	sm3_hkdf(SLICE_LIT("salt"), SLICE_ARR(secret), SLICE_LIT("info"), out, sizeof(out));
}

#define TEXT 1101 /* more than the widest pass, and a piece of a block */

static uint8_t text[TEXT], out[TEXT];

static void authenticating(const struct sm4 *c)
{
	static const uint8_t nonce[16] = {3};
	struct sm4_ccm ccm = {slice_of(nonce, 12), slice_of(text, 33), 12};
	struct sm4_gcm g;
	uint8_t tag[16];

	sm4_gcm_seal(c, nonce, slice_of(text, 33), SLICE_ARR(text), out, tag);
	check("open", rc_ok(sm4_gcm_open(c, nonce, slice_of(text, 33), SLICE_ARR(out), out, tag)));
	tag[3] ^= 8;
	check("wrong tag", !rc_ok(sm4_gcm_open(c, nonce, SLICE_NONE, slice_of(out, 9), out, tag)));
	check("long nonce", rc_ok(sm4_gcm_init(&g, c, SLICE_ARR(nonce))));
	sm4_gcm_aad(&g, slice_of(text, 5));
	sm4_gcm_encrypt(&g, slice_of(text, 7), out);
	sm4_gcm_decrypt(&g, slice_of(text + 7, TEXT - 7), out + 7);
	check("wrong tag in pieces", !rc_ok(sm4_gcm_check(&g, tag)));
	check("ccm", rc_ok(sm4_ccm_seal(c, &ccm, SLICE_ARR(text), out, tag)));
	check("ccm open", rc_ok(sm4_ccm_open(c, &ccm, SLICE_ARR(out), out, tag)));
	tag[3] ^= 8;
	check("ccm wrong tag", !rc_ok(sm4_ccm_open(c, &ccm, SLICE_ARR(out), out, tag)));
}

static void ciphering(void)
{
	uint8_t key[32], iv[16] = {1};
	struct sm4_xts x;
	struct sm4 c;

	memset(key, 11, sizeof(key));
	key[31] = 12;
	memset(text, 12, sizeof(text));
	ct_secret(key, sizeof(key));
	ct_secret(text, sizeof(text));
	sm4_init(&c, key);
	sm4_ecb_encrypt(&c, text, out, TEXT / 16);
	sm4_ecb_decrypt(&c, text, out, TEXT / 16);
	sm4_cbc_encrypt(&c, iv, text, out, 20);
	sm4_cbc_decrypt(&c, iv, text, out, TEXT / 16);
	sm4_ctr(&c, (uint8_t[16]){0}, text, out, TEXT);
	authenticating(&c);
	for (enum sm4_xts_kind kind = SM4_XTS_GB; kind <= SM4_XTS_IEEE; kind++) {
		check("xts key", rc_ok(sm4_xts_init(&x, key, kind)));
		check("xts", rc_ok(sm4_xts_encrypt(&x, iv, SLICE_ARR(text), out)));
		check("xts open", rc_ok(sm4_xts_decrypt(&x, iv, SLICE_ARR(text), out)));
	}
	sm4_wipe(&c);
}

/* Numbers of shares and their digests are public. */
static void sharing(void)
{
	enum { ALL = 5, NEEDED = 3 };
	uint8_t key[SHAMIR_KEY], back[SHAMIR_KEY], digests[ALL][SM3_LEN];
	struct shamir_share s[ALL];

	memset(key, 0x5c, sizeof(key));
	ct_secret(key, sizeof(key));
	check("split", rc_ok(shamir_split(key, NEEDED, ALL, s, digests)));
	ct_public(digests, sizeof(digests));
	check("join", rc_ok(shamir_join(s + 1, NEEDED, (const uint8_t(*)[SM3_LEN])digests, ALL, back)));
	ct_public(key, sizeof(key));
	ct_public(back, sizeof(back));
	check("joined", memcmp(key, back, sizeof(key)) == 0);
	s[2].value[7] ^= 1;
	check("altered", !rc_ok(shamir_join(s, NEEDED, (const uint8_t(*)[SM3_LEN])digests, ALL, back)));
}

/* The source of the eight lanes (sm_ct_lanes.c): few and many groups, base and any points. */
extern const struct sm2_engine sm2_engine_emulated;
uint8_t leak_lane(const uint8_t secret[32]), leak_lane_address(const uint8_t secret[32]);

static void lanes(const struct sm2_key *k)
{
	enum { FEW = 3, SEVERAL = 35 };
	static struct sc numbers[SEVERAL];
	static struct sm2_xy points[SEVERAL], results[SEVERAL];
	uint8_t bytes[32];
	size_t i;

	for (i = 0; i < SEVERAL; i++) {
		memset(bytes, (int)(3 * i + 1), sizeof(bytes));
		(void)sc_from_bytes(&numbers[i], bytes);
		limbs_load(points[i].x, k->pub.xy);
		limbs_load(points[i].y, k->pub.xy + 32);
	}
	sm2_engine_portable.multiply(points, numbers, points, SEVERAL);
	ct_secret(numbers, sizeof(numbers));
	sm2_engine_emulated.base(results, numbers, FEW);
	sm2_engine_emulated.base(results, numbers, SEVERAL);
	sm2_engine_emulated.multiply(results, numbers, points, FEW);
	sm2_engine_portable.multiply(points, numbers, points, FEW);
	ct_public(points, sizeof(points));
	ct_public(results, sizeof(results));
	check("lanes", memcmp(points, results, FEW * sizeof(points[0])) == 0);
}

/* The leaks that must be found. */
static int leak(const char *kind)
{
	static const uint8_t table[256] = {1, 2, 3};
	volatile uint8_t sink = 0;
	uint8_t secret[32];

	memset(secret, 0x40, sizeof(secret));
	ct_secret(secret, sizeof(secret));
	if (strcmp(kind, "address") == 0)
		sink = table[secret[7]];
	else if (strcmp(kind, "lane") == 0)
		sink = leak_lane(secret);
	else if (strcmp(kind, "lane-address") == 0)
		sink = leak_lane_address(secret);
	else if (secret[7] > 9)
		sink = 1;
	return sink == 200;
}

int main(int argc, char **argv)
{
	struct sm2_key k;

	if (!RUNNING_ON_VALGRIND) {
		fprintf(stderr, "run me under valgrind\n");
		return 2;
	}
	if (argc > 1)
		return leak(argv[1]);
	for (enum sm_impl i = SM_PORTABLE; i < SM_IMPLS; i++) {
		if (!rc_ok(sm_use(i)))
			continue;
		printf("watching %s\n", sm_impl_name(i));
		own_key(&k, 0x21);
		signing(&k);
		generating();
		encrypting(&k);
		exchanging(&k);
		hashing();
		ciphering();
		sharing();
	}
	printf("watching the emulated lanes\n");
	lanes(&k);
	return failures != 0;
}
