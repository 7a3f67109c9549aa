/* src/sm against libcrypto with random input, each implementation this CPU runs and each direction (R06.8):
 * ours signs and libcrypto verifies, the other way round, the same for encryption, and key pairs; SM3 and SM4
 * beside.  What libcrypto made is judged by all implementations.  Usage: sm_differential [CASES [SEED]]; as
 * many of each kind are done by two processes together.  src/bench says what a case costs. */
#include "sm/judge_test.h"
#include "sm/sm2_engine.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 64 /* cases with one key */
#define PROCESSES 2
#define MESSAGE_MAX 700
#define STREAM_MAX 3000

/* One block: one key, one id, and BLOCK of everything. */
static struct {
	struct sm2_key key, other;
	EVP_PKEY *judge, *judge_other;
	struct slice id, msg[BLOCK], plain[BLOCK];
	uint8_t bytes[BLOCK][MESSAGE_MAX], id_bytes[64];
} now;

static EC_GROUP *group;
static BN_CTX *numbers;
static size_t block;
static size_t done[4]; /* signatures ours, theirs; ciphertexts ours, theirs: for the last line */

static void dump(const char *name, const void *p, size_t len)
{
	const uint8_t *b = p;

	fprintf(stderr, " %s=", name);
	while (len-- > 0)
		fprintf(stderr, "%02x", *b++);
}

static void need(bool right, const char *what, size_t i)
{
	if (right)
		return;
	fprintf(stderr, "%s: %s, case %zu of block %zu:", sm_impl_name(sm_impl_best()), what, i, block);
	dump("d", now.key.d, SM2_LEN);
	dump("id", now.id.p, now.id.len);
	dump("msg", now.msg[i].p, now.msg[i].len);
	fputc('\n', stderr);
	exit(1);
}

/* Runs it under each implementation. */
static void under_each(void (*run)(void))
{
	enum sm_impl i;

	for (i = SM_PORTABLE; i < SM_IMPLS; i++) {
		if (rc_ok(sm_use(i)))
			run();
	}
}

/* ---- key pairs: libcrypto's d * G ---- */

static struct sc privates[BLOCK];
static uint8_t publics[BLOCK][SM2_POINT];

static void judge_multiples(void)
{
	EC_POINT *p = EC_POINT_new(group);
	uint8_t bytes[SM2_LEN], octets[65];
	size_t i;

	for (i = 0; i < BLOCK; i++) {
		BIGNUM *d;

		do
			fill(bytes, sizeof(bytes));
		while (!sc_from_bytes(&privates[i], bytes));
		d = BN_bin2bn(bytes, SM2_LEN, NULL);
		need(EC_POINT_mul(group, p, d, NULL, NULL, numbers) == 1, "libcrypto's product", i);
		EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, octets, 65, numbers);
		memcpy(publics[i], octets + 1, SM2_POINT);
		BN_free(d);
	}
	EC_POINT_free(p);
}

static void keys(void)
{
	struct sm2_xy made[BLOCK];
	uint8_t d[SM2_LEN], xy[SM2_POINT];
	struct sm2_key k;
	size_t i;

	sm2_engine_for(BLOCK)->base(made, privates, BLOCK);
	for (i = 0; i < BLOCK; i++) {
		limbs_store(made[i].x, xy);
		limbs_store(made[i].y, xy + SM2_LEN);
		need(memcmp(xy, publics[i], SM2_POINT) == 0, "a public key of a batch", i);
		sc_to_bytes(&privates[i], d);
		need(rc_ok(sm2_key_load(d, &k)) && memcmp(k.pub.xy, xy, SM2_POINT) == 0, "a public key", i);
		need(rc_ok(sm2_pub_load(xy, &k.pub)), "a public key read again", i);
	}
}

/* ---- signatures ---- */

static struct sm2_sig theirs[BLOCK];

static void judge_signs(void)
{
	size_t i;

	for (i = 0; i < BLOCK; i++)
		judge_sign(now.judge, now.id, now.msg[i], &theirs[i]);
}

/* In the batch one signature is spoilt. */
static void verify(void)
{
	struct sm2_check c[BLOCK];
	size_t i, bad = next_below(BLOCK), bit = next_below(512);

	for (i = 0; i < BLOCK; i++) {
		need(rc_ok(sm2_verify(&now.key.pub, now.id, now.msg[i], &theirs[i])), "libcrypto's signature",
		     i);
		c[i] = (struct sm2_check){.pub = now.key.pub, .sig = theirs[i]};
		need(rc_ok(sm2_digest(&now.key.pub, now.id, now.msg[i], c[i].e)), "digest", i);
	}
	((uint8_t *)&c[bad].sig)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	sm2_verify_batch(c, BLOCK);
	for (i = 0; i < BLOCK; i++)
		need(c[i].valid == (i != bad), "libcrypto's signature in a batch", i);
	need(!rc_ok(sm2_verify_digest(&c[bad].pub, c[bad].e, &c[bad].sig)), "a spoilt signature", bad);
	done[1] += BLOCK;
}

/* Single calls, prepared nonces and batches by turns; vectors only in batches. */
static void sign_block(struct sm2_sig *sig)
{
	struct sm2_nonces *n = NULL;
	size_t i, kind = sm_impl_best() == SM_AVX512IFMA ? 1 + block % 2 : block % 3;

	if (kind == 1) {
		need(rc_ok(sm2_sign_batch(&now.key, now.id, now.msg, sig, BLOCK)), "signing a batch", 0);
		return;
	}
	need(rc_ok(sm2_nonces_new(&n)), "nonces", 0);
	for (i = 0; i < BLOCK; i++) {
		if (kind == 0)
			need(rc_ok(sm2_sign(&now.key, now.id, now.msg[i], &sig[i])), "signing", i);
		else
			need(rc_ok(sm2_sign_prepared(&now.key, n, now.id, now.msg[i], &sig[i])), "signing",
			     i);
	}
	sm2_nonces_free(n);
}

static void sign(void)
{
	struct sm2_sig sig[BLOCK];
	size_t i;

	sign_block(sig);
	for (i = 0; i < BLOCK; i++)
		need(judge_verify(now.judge, now.id, now.msg[i], &sig[i]), "a signature", i);
	done[0] += BLOCK;
}

/* ---- encryption ---- */

static struct buf ciphers[BLOCK];

static void judge_encrypts(void)
{
	size_t i;

	for (i = 0; i < BLOCK; i++) {
		buf_clear(&ciphers[i]);
		judge_encrypt(now.judge, now.plain[i], &ciphers[i]);
	}
}

static void decrypt(void)
{
	struct sm2_cipher c;
	size_t i;

	for (i = 0; i < BLOCK; i++) {
		AUTO_BUF(plain, MESSAGE_MAX);

		need(rc_ok(sm2_cipher_from_der(buf_slice(&ciphers[i]), &c)), "libcrypto's ciphertext in DER",
		     i);
		need(rc_ok(sm2_decrypt(&now.key, &c, &plain)) && slice_equal(buf_slice(&plain), now.plain[i]),
		     "libcrypto's ciphertext", i);
	}
	done[3] += BLOCK;
}

static void expect_opened(EVP_PKEY *judge, struct slice raw, struct slice plain, size_t i)
{
	AUTO_BUF(der, MESSAGE_MAX + 200);
	AUTO_BUF(opened, MESSAGE_MAX + 200);

	need(rc_ok(sm2_cipher_to_der(raw, &der)), "a ciphertext to DER", i);
	need(judge_decrypt(judge, buf_slice(&der), &opened) && slice_equal(buf_slice(&opened), plain),
	     "a ciphertext", i);
}

static void encrypt_many(void)
{
	struct sm2_pub pubs[BLOCK];
	uint8_t plain[BLOCK][16], out[BLOCK][112];
	size_t i;

	for (i = 0; i < BLOCK; i++)
		pubs[i] = i % 3 != 0 ? now.key.pub : now.other.pub;
	fill(plain, sizeof(plain));
	need(rc_ok(sm2_encrypt_keys(pubs, (const uint8_t(*)[16])plain, out, BLOCK)), "encrypting keys", 0);
	for (i = 0; i < BLOCK; i++)
		expect_opened(i % 3 != 0 ? now.judge : now.judge_other, SLICE_ARR(out[i]),
		              SLICE_ARR(plain[i]), i);
}

static void encrypt(void)
{
	size_t i;

	done[2] += BLOCK;
	if (sm_impl_best() == SM_AVX512IFMA || block % 2 != 0) {
		encrypt_many();
		return;
	}
	for (i = 0; i < BLOCK; i++) {
		AUTO_BUF(raw, MESSAGE_MAX + 200);

		need(rc_ok(sm2_encrypt(&now.key.pub, now.plain[i], &raw)), "encrypting", i);
		expect_opened(now.judge, buf_slice(&raw), now.plain[i], i);
	}
}

/* ---- SM3 and SM4 ---- */

static struct {
	uint8_t in[BLOCK][STREAM_MAX], hash[BLOCK][SM3_LEN], key[16], iv[16];
	uint8_t cbc[BLOCK][STREAM_MAX], ctr[BLOCK][STREAM_MAX], ecb[BLOCK][STREAM_MAX];
	struct slice s[BLOCK];
} streams;

static void judge_cipher(const EVP_CIPHER *cipher, struct slice in, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;

	need(EVP_EncryptInit_ex(c, cipher, NULL, streams.key, streams.iv) == 1, "libcrypto's SM4", 0);
	EVP_CIPHER_CTX_set_padding(c, 0);
	need(EVP_EncryptUpdate(c, out, &n, in.p, (int)in.len) == 1 && (size_t)n == in.len, "libcrypto's SM4",
	     0);
	EVP_CIPHER_CTX_free(c);
}

static void judge_streams(void)
{
	size_t i;

	fill(streams.key, 16);
	fill(streams.iv, 16);
	if (block % 4 == 0)
		memset(streams.iv + next_below(13), 0xff, 3); /* carries in the counter */
	if (block % 8 == 0)
		memset(streams.iv + 2, 0xff, 14);
	for (i = 0; i < BLOCK; i++) {
		struct slice *s = &streams.s[i], whole;

		*s = slice_of(streams.in[i], next_below(i % 8 == 0 ? STREAM_MAX : 260));
		whole = slice_of(s->p, s->len / 16 * 16);
		fill(streams.in[i], s->len);
		EVP_Digest(s->p, s->len, streams.hash[i], NULL, EVP_sm3(), NULL);
		judge_cipher(EVP_sm4_ctr(), *s, streams.ctr[i]);
		judge_cipher(EVP_sm4_cbc(), whole, streams.cbc[i]);
		judge_cipher(EVP_sm4_ecb(), whole, streams.ecb[i]);
	}
}

static void hashes(void)
{
	uint8_t got[BLOCK][SM3_LEN], one[SM3_LEN];
	size_t i, n = 1 + next_below(BLOCK), cut;
	struct sm3 h;

	sm3_hash_batch(streams.s, got, n);
	for (i = 0; i < BLOCK; i++) {
		struct slice s = streams.s[i];

		cut = next_below(s.len + 1);
		sm3_init(&h);
		sm3_update(&h, slice_of(s.p, cut));
		sm3_update(&h, slice_of(s.p + cut, s.len - cut));
		sm3_final(&h, one);
		need(memcmp(one, streams.hash[i], SM3_LEN) == 0, "SM3", i);
		need(i >= n || memcmp(got[i], one, SM3_LEN) == 0, "SM3 of a batch", i);
	}
}

static void ciphers_of(const struct sm4 *c, size_t i)
{
	struct slice s = streams.s[i];
	uint8_t out[STREAM_MAX], iv[16];
	size_t blocks = s.len / 16;

	sm4_ecb_encrypt(c, s.p, out, blocks);
	need(memcmp(out, streams.ecb[i], blocks * 16) == 0, "SM4-ECB", i);
	sm4_ecb_decrypt(c, out, out, blocks);
	need(memcmp(out, s.p, blocks * 16) == 0, "SM4-ECB back", i);
	memcpy(iv, streams.iv, 16);
	sm4_cbc_encrypt(c, iv, s.p, out, blocks);
	need(memcmp(out, streams.cbc[i], blocks * 16) == 0, "SM4-CBC", i);
	memcpy(iv, streams.iv, 16);
	sm4_cbc_decrypt(c, iv, out, out, blocks);
	need(memcmp(out, s.p, blocks * 16) == 0, "SM4-CBC back", i);
	memcpy(iv, streams.iv, 16);
	sm4_ctr(c, iv, s.p, out, s.len);
	need(memcmp(out, streams.ctr[i], s.len) == 0, "SM4-CTR", i);
}

static void ciphered(void)
{
	struct sm4 c;
	size_t i;

	sm4_init(&c, streams.key);
	for (i = 0; i < BLOCK; i++)
		ciphers_of(&c, i);
	sm4_wipe(&c);
}

/* ---- all of it ---- */

static void start_block(void)
{
	size_t i;

	random_key(&now.key);
	random_key(&now.other);
	now.judge = judge_key(&now.key.pub, &now.key);
	now.judge_other = judge_key(&now.other.pub, &now.other);
	need(now.judge != NULL && now.judge_other != NULL, "libcrypto refuses the key", 0);
	fill(now.id_bytes, sizeof(now.id_bytes));
	now.id = block % 2 != 0 ? SM2_ID : slice_of(now.id_bytes, next_below(sizeof(now.id_bytes)));
	fill(now.bytes, sizeof(now.bytes));
	for (i = 0; i < BLOCK; i++) {
		now.msg[i] = slice_of(now.bytes[i], next_below(i % 8 == 0 ? MESSAGE_MAX : 100));
		now.plain[i] = slice_of(now.bytes[i], 1 + next_below(i % 8 == 0 ? MESSAGE_MAX - 1 : 99));
	}
}

static void end_block(void)
{
	EVP_PKEY_free(now.judge);
	EVP_PKEY_free(now.judge_other);
}

static void run_block(void)
{
	start_block();
	judge_multiples();
	under_each(keys);
	judge_signs();
	under_each(verify);
	under_each(sign);
	judge_encrypts();
	under_each(decrypt);
	under_each(encrypt);
	judge_streams();
	under_each(hashes);
	under_each(ciphered);
	end_block();
}

static int work(size_t part, size_t cases, size_t seed)
{
	size_t i, blocks = (cases + BLOCK - 1) / BLOCK;

	for (i = 0; i < (seed * PROCESSES + part) * 1000003; i++)
		(void)next_number();
	for (i = 0; i < BLOCK; i++)
		ciphers[i] = BUF(MESSAGE_MAX + 300);
	group = EC_GROUP_new_by_curve_name(NID_sm2);
	numbers = BN_CTX_new();
	for (block = part; block < blocks; block += PROCESSES)
		run_block();
	for (i = 0; i < BLOCK; i++)
		buf_free(&ciphers[i]);
	EC_GROUP_free(group);
	BN_CTX_free(numbers);
	printf("part %zu: over all implementations %zu signatures verified by libcrypto, %zu of its by us, "
	       "%zu ciphertexts opened by libcrypto, %zu of its by us\n",
	       part, done[0], done[1], done[2], done[3]);
	return fflush(stdout) == 0 && done[0] > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	size_t cases = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
	size_t seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, part;
	int status, failed = 0;

	for (part = 0; part < PROCESSES; part++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child == 0)
			_exit(work(part, cases, seed));
	}
	for (part = 0; part < PROCESSES; part++)
		failed |= wait(&status) < 0 || status != 0;
	return failed;
}
