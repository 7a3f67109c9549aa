/* No mode of SM4 leaves round keys, plaintext or the key of GHASH on the stack (R06.8): each runs on a stack
 * of its own, which is searched afterwards, under each implementation this CPU runs. */
#include "sm/judge_test.h"
#include "sm/sm4_engine.h"

#include <ucontext.h>

#define STACK (256 << 10)
#define TEXT 4096 /* passes of every width, and a part of one */
#define SHORT 300
#define SECRET 8 /* bytes that are looked for */

static uint8_t stack[STACK] __attribute__((aligned(64)));
static ucontext_t here, there;
static uint8_t key[2 * SM4_KEY], text[TEXT], sealed[TEXT], out[TEXT], tag[16];
static struct sm4 cipher;
static struct sm4_xts xts;
static const struct sm4_ccm ccm = {{text, 12}, {text, 20}, 16};

static void init(void)
{
	struct sm4 own;

	sm4_init(&own, key);
	sm4_wipe(&own);
}

static void ecb(void)
{
	sm4_ecb_encrypt(&cipher, text, out, TEXT / SM4_BLOCK - 1);
	sm4_ecb_decrypt(&cipher, sealed, out, TEXT / SM4_BLOCK - 1);
}

static void cbc(void)
{
	uint8_t iv[16] = {0};

	sm4_cbc_encrypt(&cipher, iv, text, out, TEXT / SM4_BLOCK);
}

static void cbc_back(void)
{
	uint8_t iv[16] = {0};

	sm4_cbc_decrypt(&cipher, iv, sealed, out, TEXT / SM4_BLOCK);
}

static void ctr(void)
{
	uint8_t counter[16] = {0};

	sm4_ctr(&cipher, counter, text, out, TEXT - 1);
}

static void gcm(void)
{
	sm4_gcm_seal(&cipher, key, slice_of(text, 20), slice_of(text, SHORT), out, tag);
}

static void gcm_long(void)
{
	sm4_gcm_seal(&cipher, key, SLICE_NONE, slice_of(text, TEXT - 1), out, tag);
}

static void gcm_of_nothing(void)
{
	sm4_gcm_seal(&cipher, key, SLICE_NONE, SLICE_NONE, out, tag);
}

static void ccm_both(void)
{
	if (!rc_ok(sm4_ccm_seal(&cipher, &ccm, slice_of(text, SHORT), out, tag)) ||
	    !rc_ok(sm4_ccm_open(&cipher, &ccm, slice_of(out, SHORT), out, tag)))
		abort();
}

static void xts_both(void)
{
	if (!rc_ok(sm4_xts_encrypt(&xts, text, slice_of(text, TEXT - 1), out)) ||
	    !rc_ok(sm4_xts_decrypt(&xts, text, slice_of(out, TEXT - 1), out)))
		abort();
}

static void leak(void)
{
	uint8_t copy[SHORT];

	memcpy(copy, text, SHORT);
	__asm__ volatile("" : : "r"(copy) : "memory");
}

static void on_own_stack(void (*run)(void))
{
	memset(stack, 0, sizeof(stack));
	assert_int_equal(getcontext(&there), 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, run, 0);
	assert_int_equal(swapcontext(&here, &there), 0);
}

/* How many pieces of a secret are on the stack. */
static unsigned pieces(const void *p, size_t len, size_t piece)
{
	const uint8_t *b = p;
	unsigned n = 0;
	size_t i;

	for (i = 0; i + piece <= len; i += piece)
		n += memmem(stack, sizeof(stack), b + i, piece) != NULL;
	return n;
}

static unsigned count(const void *p, size_t len)
{
	return pieces(p, len, SECRET);
}

/* A single bit plane repeats four bits of a round key and may be zero: only all eight of a key tell. */
static unsigned count_schedule(const struct sm4_schedule *s)
{
	return sm_impl_best() == SM_PORTABLE ? pieces(s->planes, sizeof(s->planes), sizeof(s->planes[0]))
	                                     : count(s->words, sizeof(s->words));
}

static void expect_clean(const char *what, void (*run)(void))
{
	struct sm4_schedule one, other;
	uint8_t h[SM4_BLOCK] = {0};
	struct ghash g = {.y = {0}};

	sm4_engine()->spread(&cipher, false, &one);
	sm4_engine()->spread(&cipher, true, &other);
	sm4_ecb_encrypt(&cipher, h, h, 1);
	sm4_engine()->ghash_key(&g, h);
	on_own_stack(run);
	if (count(&cipher, sizeof(cipher)) + count_schedule(&one) + count_schedule(&other) +
	            count(text, sizeof(text)) + count(h, sizeof(h)) + count(g.h, sizeof(g.h)) +
	            count(g.h_reversed, sizeof(g.h_reversed)) >
	    0)
		fail_msg("%s leaves a secret on the stack (%s)", what, sm_impl_name(sm_impl_best()));
}

static int setup(void **state)
{
	(void)state;
	fill(key, sizeof(key));
	fill(text, sizeof(text));
	sm4_init(&cipher, key);
	sm4_ecb_encrypt(&cipher, text, sealed, TEXT / SM4_BLOCK);
	return rc_ok(sm4_xts_init(&xts, key, SM4_XTS_GB)) ? 0 : 1;
}

static void search_finds(void **state)
{
	(void)state;
	on_own_stack(leak);
	assert_true(count(text, SHORT) > 0);
}

static void modes(void **state)
{
	(void)state;
	expect_clean("the key schedule", init);
	expect_clean("ECB", ecb);
	expect_clean("CBC encryption", cbc);
	expect_clean("CTR", ctr);
	expect_clean("GCM", gcm);
	expect_clean("GCM of much", gcm_long);
	expect_clean("GCM of nothing", gcm_of_nothing);
	expect_clean("CCM", ccm_both);
	expect_clean("XTS", xts_both);
}

static void chained(void **state)
{
	uint8_t iv[16] = {0};

	(void)state;
	sm4_cbc_encrypt(&cipher, iv, text, sealed, TEXT / SM4_BLOCK);
	expect_clean("CBC decryption", cbc_back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(search_finds),
	        cmocka_unit_test(modes),
	        cmocka_unit_test(chained),
	};

	return RUN_UNDER_EACH(tests, setup, NULL);
}
