/* What is left behind (R06.8): each operation runs on a stack of its own, which is searched afterwards for
 * the private key, the nonce, the inverse, what was drawn and what was encrypted, in words of 64 bits of
 * either byte order.  Nonces are computed from the signatures: k = s (1 + d) + r d.  A function that leaves a
 * key behind must be found.  Registers are not searched, nor single words that were shifted or multiplied. */
#include "base/rand.h"
#include "sm/judge_test.h"
#include "sm/sm2_engine.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK (2u << 20)
#define PAINT 0xc3
#define MANY 40
#define WORDS_MAX 4096

static uint8_t *stack;
static ucontext_t here, there;
static void (*job)(void);

static struct {
	struct sm2_key key, keys[MANY];
	struct sm2_sig sigs[MANY];
	struct sm2_pub pubs[MANY];
	struct sm2_nonces *nonces;
	struct slice messages[MANY];
	uint8_t plain[MANY][16], wrapped[MANY][112], drawn[96], hash[32], text[512], out[512], iv[16],
	        tag[16];
	struct sm2_cipher cipher;
	struct buf raw, opened;
	struct sm4 sm4;
} world;

/* ---- what is searched for ---- */

static struct {
	uint64_t at[WORDS_MAX];
	const char *name[WORDS_MAX];
	size_t n;
} words;

static void add_word(const char *name, uint64_t v)
{
	assert_true(words.n < WORDS_MAX);
	words.name[words.n] = name;
	words.at[words.n++] = v;
}

static void add_bytes(const char *name, const void *p, size_t len)
{
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		uint64_t v;

		memcpy(&v, (const uint8_t *)p + i, 8);
		add_word(name, v);
		add_word(name, __builtin_bswap64(v));
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	return (x > y) - (x < y);
}

static const char *name_of(uint64_t v)
{
	size_t i;

	for (i = 0; i < words.n; i++) {
		if (words.at[i] == v)
			return words.name[i];
	}
	return "?";
}

/* Words may lie anywhere: at each byte. */
static size_t search(const char *what, bool report)
{
	static uint64_t sorted[WORDS_MAX];
	size_t i, found = 0;

	memcpy(sorted, words.at, words.n * 8);
	qsort(sorted, words.n, 8, by_value);
	for (i = 0; i + 8 <= STACK; i++) {
		uint64_t v;

		memcpy(&v, stack + i, 8);
		if (bsearch(&v, sorted, words.n, 8, by_value) == NULL)
			continue;
		if (report && found < 8)
			fprintf(stderr, "%s: %s: %s, %zu bytes below the top\n", sm_impl_name(sm_impl_best()),
			        what, name_of(v), STACK - i);
		found++;
	}
	return found;
}

static void trampoline(void)
{
	job();
}

/* What the search before left in registers would be stored by the first who needs them. */
static void clear_registers(ucontext_t *c)
{
#ifdef __x86_64__
	static const int kept[] = {REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15};
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		c->uc_mcontext.gregs[kept[i]] = 0;
#else
	(void)c;
#endif
}

static void on_own_stack(void (*run)(void))
{
	memset(stack, PAINT, STACK);
	job = run;
	assert_int_equal(getcontext(&there), 0);
	clear_registers(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK;
	there.uc_link = &here;
	makecontext(&there, trampoline, 0);
	assert_int_equal(swapcontext(&here, &there), 0);
	words.n = 0;
}

static void expect_clean(const char *what)
{
	size_t i, used = 0;

	for (i = 0; i < STACK; i++)
		used += stack[i] != PAINT;
	assert_true(used > 100); /* it did run there */
	assert_int_equal(search(what, true), 0);
}

/* ---- what follows from results ---- */

static BN_CTX *numbers;
static BIGNUM *order;

/* s (1 + d) + r d */
static void add_nonce(const struct sm2_key *k, const struct sm2_sig *sig)
{
	BIGNUM *d = BN_bin2bn(k->d, 32, NULL), *r = BN_bin2bn(sig->r, 32, NULL),
	       *s = BN_bin2bn(sig->s, 32, NULL);
	uint8_t nonce[32];

	BN_mod_mul(r, r, d, order, numbers);
	BN_add_word(d, 1);
	BN_mod_mul(s, s, d, order, numbers);
	BN_mod_add(s, s, r, order, numbers);
	BN_bn2binpad(s, nonce, 32);
	add_bytes("a nonce", nonce, 32);
	BN_free(d);
	BN_free(r);
	BN_free(s);
}

static void add_key(const struct sm2_key *k)
{
	BIGNUM *d = BN_bin2bn(k->d, 32, NULL);
	uint8_t inverse[32];

	add_bytes("the private key", k->d, 32);
	add_bytes("the prepared inverse", k->inv1d, 32);
	BN_add_word(d, 1);
	BN_mod_inverse(d, d, order, numbers);
	BN_bn2binpad(d, inverse, 32);
	add_bytes("the inverse", inverse, 32);
	BN_free(d);
}

/* x2, y2 = d C1 */
static void add_shared(const uint8_t c1[SM2_POINT])
{
	struct sm2_xy point, shared;
	struct sc d;

	limbs_load(point.x, c1);
	limbs_load(point.y, c1 + 32);
	(void)sc_from_bytes(&d, world.key.d);
	sm2_engine_portable.multiply(&shared, &d, &point, 1);
	add_bytes("the shared point", &shared, sizeof(shared));
}

static void must(struct rc rc)
{
	if (!rc_ok(rc))
		abort();
}

/* ---- the operations ---- */

static void load(void)
{
	must(sm2_key_load(world.hash, &world.keys[0]));
}

static void generate(void)
{
	must(sm2_key_new(&world.keys[0]));
}

static void generate_many(void)
{
	must(sm2_key_new_batch(world.keys, MANY));
}

static void sign(void)
{
	must(sm2_sign(&world.key, SM2_ID, world.messages[0], world.sigs));
}

static void sign_many(void)
{
	must(sm2_sign_batch(&world.key, SM2_ID, world.messages, world.sigs, MANY));
}

static void prepare(void)
{
	must(sm2_nonces_fill(world.nonces));
}

static void sign_prepared(void)
{
	must(sm2_sign_prepared(&world.key, world.nonces, SM2_ID, world.messages[0], world.sigs));
}

static void encrypt(void)
{
	buf_clear(&world.raw);
	must(sm2_encrypt(&world.key.pub, SLICE_ARR(world.plain[0]), &world.raw));
}

static void encrypt_many(void)
{
	must(sm2_encrypt_keys(world.pubs, (const uint8_t(*)[16])world.plain, world.wrapped, MANY));
}

static void decrypt(void)
{
	buf_clear(&world.opened);
	must(sm2_decrypt(&world.key, &world.cipher, &world.opened));
}

static void draw(void)
{
	must(rand_bytes(world.drawn, sizeof(world.drawn)));
}

static void cipher(void)
{
	memset(world.iv, 1, 16);
	sm4_init(&world.sm4, world.plain[0]);
	sm4_cbc_encrypt(&world.sm4, world.iv, world.text, world.out, 2);
	sm4_ctr(&world.sm4, world.iv, world.text, world.out, 100);
	sm4_gcm_seal(&world.sm4, world.iv, SLICE_NONE, slice_of(world.text, 300), world.out, world.tag);
}

static void leak(void)
{
	uint8_t copy[32];

	memcpy(copy, world.key.d, sizeof(copy));
	__asm__ volatile("" : : "r"(copy) : "memory");
}

/* ---- the tests ---- */

static int setup(void **state)
{
	size_t i;

	(void)state;
	random_key(&world.key);
	fill(world.plain, sizeof(world.plain));
	fill(world.text, sizeof(world.text));
	fill(world.hash, sizeof(world.hash));
	world.hash[0] &= 0x7f;
	for (i = 0; i < MANY; i++) {
		world.messages[i] = slice_of(world.text, i);
		world.pubs[i] = world.key.pub;
	}
	world.raw = world.opened = BUF(1000);
	must(sm2_nonces_new(&world.nonces));
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return stack == MAP_FAILED;
}

static int teardown(void **state)
{
	(void)state;
	(void)munmap(stack, STACK);
	sm2_nonces_free(world.nonces);
	buf_free(&world.raw);
	buf_free(&world.opened);
	return 0;
}

static void planted(void **state)
{
	(void)state;
	on_own_stack(leak);
	add_key(&world.key);
	assert_true(search("planted", false) >= 4);
}

static void keys(void **state)
{
	size_t i;

	(void)state;
	on_own_stack(load);
	add_key(&world.keys[0]);
	expect_clean("loading a key");
	on_own_stack(generate);
	add_key(&world.keys[0]);
	expect_clean("a new key");
	on_own_stack(generate_many);
	for (i = 0; i < MANY; i++)
		add_key(&world.keys[i]);
	expect_clean("new keys");
}

static void signatures(void **state)
{
	size_t i;

	(void)state;
	on_own_stack(sign);
	add_key(&world.key);
	add_nonce(&world.key, world.sigs);
	expect_clean("signing");
	on_own_stack(sign_many);
	add_key(&world.key);
	for (i = 0; i < MANY; i++)
		add_nonce(&world.key, &world.sigs[i]);
	expect_clean("signing a batch");
}

/* What is prepared is nowhere but in its own memory, and what was used is no longer there either. */
static void prepared(void **state)
{
	static uint8_t before[4096], after[4096];
	size_t i, len = 4096 - ((uintptr_t)world.nonces & 4095);

	(void)state;
	on_own_stack(prepare);
	memcpy(before, world.nonces, len);
	for (i = 8; i + 32 <= 8 + SM2_NONCES * 64; i += 64)
		add_bytes("a prepared nonce", before + i, 32);
	expect_clean("preparing nonces");
	while (sm2_nonces_ready(world.nonces) > 0) {
		size_t at = 8 + (sm2_nonces_ready(world.nonces) - 1) * 64;

		on_own_stack(sign_prepared);
		add_key(&world.key);
		add_nonce(&world.key, world.sigs);
		expect_clean("signing with a prepared nonce");
		memcpy(after, world.nonces, len);
		for (i = 0; i < 64; i++)
			assert_int_equal(after[at + i], 0);
		assert_memory_not_equal(before + at, after + at, 64);
	}
	wipe(before, sizeof(before));
}

static void encryption(void **state)
{
	size_t i;

	(void)state;
	on_own_stack(encrypt);
	add_shared(world.raw.p);
	add_bytes("the plaintext", world.plain[0], 16);
	expect_clean("encrypting");
	must(sm2_cipher_from_raw(buf_slice(&world.raw), &world.cipher));
	on_own_stack(decrypt);
	add_key(&world.key);
	add_shared(world.raw.p);
	add_bytes("the plaintext", world.plain[0], 16);
	expect_clean("decrypting");
	on_own_stack(encrypt_many);
	for (i = 0; i < MANY; i++) {
		add_shared(world.wrapped[i]);
		add_bytes("a plaintext", world.plain[i], 16);
	}
	expect_clean("encrypting keys");
}

static void random_numbers(void **state)
{
	(void)state;
	on_own_stack(draw);
	add_bytes("what was drawn", world.drawn, sizeof(world.drawn));
	expect_clean("drawing");
}

static void ciphers(void **state)
{
	size_t i;

	(void)state;
	on_own_stack(cipher);
	add_bytes("the SM4 key", world.plain[0], 16);
	for (i = 0; i < 32; i += 2)
		add_bytes("round keys", &world.sm4.rk[i], 8);
	expect_clean("SM4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(planted),  cmocka_unit_test(keys),       cmocka_unit_test(signatures),
	        cmocka_unit_test(prepared), cmocka_unit_test(encryption), cmocka_unit_test(random_numbers),
	        cmocka_unit_test(ciphers),
	};
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
	int failed;

	numbers = BN_CTX_new();
	order = BN_dup(EC_GROUP_get0_order(group));
	EC_GROUP_free(group);
	failed = RUN_UNDER_EACH(tests, setup, teardown);
	BN_free(order);
	BN_CTX_free(numbers);
	return failed;
}
