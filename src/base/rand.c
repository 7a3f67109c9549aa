#include "base/rand.h"
#include "base/mem.h"
#include "base/sm3_core.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>

#define SEED_LEN 55 /* seedlen of a 256-bit hash: 440 bits (SP 800-90A, table 2) */
#define HASH_LEN 32
#define ENTROPY_LEN 64   /* twice the security strength */
#define STARTUP_LEN 1024 /* SP 800-90B, 4.3: samples of the start-up test */
#define REQUEST_MAX 65536
#define RESEED_INTERVAL (1u << 16)
/* SP 800-90B, 4.4 for 6 bits of entropy in a byte and a false alarm once in 2^40: */
#define REPETITION_CUTOFF 8 /* 4.4.1: 1 + ceil(40 / 6) */
#define PROPORTION_WINDOW 512
#define PROPORTION_CUTOFF 35 /* 4.4.2: critical binomial of (512, 2^-6) */

/* State of one thread, in locked memory that a forked child sees as zeros: that is how a child
 * knows that it must seed again. */
struct drbg {
	bool seeded;
	uint8_t v[SEED_LEN], c[SEED_LEN];
	uint64_t counter;
	unsigned epoch; /* of the source it was seeded from */
	/* health of the source as this thread has seen it */
	bool tested;
	uint8_t repeated, first;
	unsigned repeats, window, same;
	uint8_t last[HASH_LEN]; /* hash of the last block: a source that repeats itself */
};

/* Process state: the health of the source, and the source that tests put in. */
static atomic_bool unhealthy;
static atomic_uint source_epoch = 1;
static struct rc (*_Atomic test_source)(void *p, size_t len);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;
static _Thread_local struct secret *own;

/* ---- SM3 over a short list of parts ---- */

struct hash {
	uint32_t h[8];
	uint64_t total;
	uint8_t block[64];
};

static void hash_add(struct hash *x, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		size_t used = x->total % 64, n = len < 64 - used ? len : 64 - used;

		memcpy(x->block + used, p, n);
		x->total += n;
		p += n;
		len -= n;
		if (x->total % 64 == 0)
			sm3_core(x->h, x->block, 1);
	}
}

static void hash_end(struct hash *x, uint8_t ret[HASH_LEN])
{
	uint64_t bits = x->total * 8;
	static const uint8_t pad[64] = {0x80};
	uint8_t length[8];
	size_t i;

	hash_add(x, pad, 1 + (119 - x->total % 64) % 64);
	for (i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	hash_add(x, length, 8);
	for (i = 0; i < HASH_LEN; i++)
		ret[i] = (uint8_t)(x->h[i / 4] >> (24 - 8 * (i % 4)));
	wipe(x, sizeof(*x));
}

#define HASH_START ((struct hash){.h = SM3_CORE_IV})

/* ---- health tests ---- */

static RC not_healthy(const char *why)
{
	atomic_store(&unhealthy, true);
	REFUSE(RANDOM_UNHEALTHY, "random source: %s", why);
}

static RC test_sample(struct drbg *d, uint8_t sample)
{
	d->repeats = sample == d->repeated ? d->repeats + 1 : 1;
	d->repeated = sample;
	if (d->repeats >= REPETITION_CUTOFF)
		return not_healthy("repetition count test failed (SP 800-90B, 4.4.1)");
	if (d->window == 0) {
		d->first = sample;
		d->same = 0;
	}
	d->same += sample == d->first;
	d->window = (d->window + 1) % PROPORTION_WINDOW;
	if (d->same >= PROPORTION_CUTOFF)
		return not_healthy("adaptive proportion test failed (SP 800-90B, 4.4.2)");
	return OK;
}

static RC kernel_source(void *p, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = getrandom((uint8_t *)p + got, len - got, 0);

		if (n < 0 && errno == EINTR)
			continue;
		NEED(n > 0, RC_CRYPTO, "getrandom failed");
		got += (size_t)n;
	}
	return OK;
}

static RC tested_block(struct drbg *d, uint8_t block[ENTROPY_LEN])
{
	struct rc (*source)(void *, size_t) = atomic_load(&test_source);
	struct hash x = HASH_START;
	uint8_t digest[HASH_LEN];
	size_t i;

	if (!rc_ok(source != NULL ? source(block, ENTROPY_LEN) : kernel_source(block, ENTROPY_LEN)))
		return not_healthy("it gives nothing");
	for (i = 0; i < ENTROPY_LEN; i++)
		TRY(test_sample(d, block[i]));
	hash_add(&x, block, ENTROPY_LEN);
	hash_end(&x, digest);
	if (memcmp(digest, d->last, HASH_LEN) == 0)
		return not_healthy("the same block twice");
	memcpy(d->last, digest, HASH_LEN);
	return OK;
}

static RC startup_test(struct drbg *d, uint8_t block[ENTROPY_LEN])
{
	size_t i;

	for (i = 0; i < STARTUP_LEN / ENTROPY_LEN; i++)
		TRY(tested_block(d, block)); /* not used for anything else */
	d->tested = true;
	return OK;
}

/* ---- Hash_DRBG (SP 800-90A, 10.1.1) ---- */

/* Hash_df (10.3.1) of one octet and up to two parts. */
static void derive(int prefix, struct slice a, struct slice b, uint8_t ret[SEED_LEN])
{
	static const uint8_t bits[4] = {0, 0, SEED_LEN * 8 >> 8, SEED_LEN * 8 & 255};
	uint8_t digest[HASH_LEN], counter, octet = (uint8_t)prefix, out[2 * HASH_LEN];

	for (counter = 1; counter <= 2; counter++) {
		struct hash x = HASH_START;

		hash_add(&x, &counter, 1);
		hash_add(&x, bits, sizeof(bits));
		if (prefix >= 0)
			hash_add(&x, &octet, 1);
		hash_add(&x, a.p, a.len);
		hash_add(&x, b.p, b.len);
		hash_end(&x, digest);
		memcpy(out + (counter - 1) * HASH_LEN, digest, HASH_LEN);
	}
	memcpy(ret, out, SEED_LEN);
	wipe(out, sizeof(out));
	wipe(digest, sizeof(digest));
}

/* v += a, modulo 2^440. */
static void add_to(uint8_t v[SEED_LEN], const uint8_t *a, size_t len)
{
	unsigned carry = 0;
	size_t i;

	for (i = 0; i < SEED_LEN; i++) {
		carry += v[SEED_LEN - 1 - i] + (i < len ? a[len - 1 - i] : 0u);
		v[SEED_LEN - 1 - i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static RC seed(struct drbg *d)
{
	uint8_t block[ENTROPY_LEN], v[SEED_LEN];
	unsigned epoch = atomic_load(&source_epoch);
	struct rc rc;

	if (d->epoch != epoch) {
		d->epoch = epoch;
		d->tested = false;
		d->repeats = d->window = d->same = 0;
	}
	rc = d->tested ? OK : startup_test(d, block);
	if (rc_ok(rc))
		rc = tested_block(d, block);
	if (rc_ok(rc)) {
		/* 10.1.1.2 the first time (half of the block serves as the nonce), 10.1.1.3 later */
		if (d->seeded)
			derive(1, slice_of(d->v, SEED_LEN), SLICE_ARR(block), v);
		else
			derive(-1, SLICE_ARR(block), SLICE_NONE, v);
		memcpy(d->v, v, SEED_LEN);
		derive(0, slice_of(d->v, SEED_LEN), SLICE_NONE, d->c);
		d->counter = 1;
		d->seeded = true;
	}
	wipe(block, sizeof(block));
	wipe(v, sizeof(v));
	return rc;
}

static uint64_t load_word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return be64toh(v);
}

static void store_word(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, 8);
}

/* Hashgen (10.1.1.4): the hashes of v, v + 1, v + 2 ..., each of a single block.  The number is kept in
 * words: most of what is drawn are nonces by the dozen, and adding by bytes took half as long as hashing. */
static void hash_sequence(const uint8_t v[SEED_LEN], uint8_t *p, size_t len)
{
	uint8_t block[64] = {0}, digest[HASH_LEN];
	uint64_t word[7];
	size_t i, n;

	memcpy(block + 1, v, SEED_LEN);
	for (i = 0; i < 7; i++)
		word[i] = load_word(block + 8 * i);
	for (; len > 0; p += n, len -= n) {
		uint32_t h[8] = SM3_CORE_IV;
		uint64_t carry = 1;

		/* the number without the byte before it, the mark and its length in bits */
		for (i = 0; i < 6; i++)
			store_word(block + 8 * i, word[i] << 8 | word[i + 1] >> 56);
		store_word(block + 48, word[6] << 8 | 0x80);
		store_word(block + 56, SEED_LEN * 8);
		sm3_core(h, block, 1);
		for (i = 0; i < 8; i++) {
			uint32_t w = htobe32(h[i]);

			memcpy(digest + 4 * i, &w, 4);
		}
		n = len < HASH_LEN ? len : HASH_LEN;
		memcpy(p, digest, n);
		for (i = 7; i-- > 0;) {
			word[i] += carry;
			carry &= word[i] == 0;
		}
		word[0] &= (uint64_t)-1 >> 8;
	}
	wipe(block, sizeof(block));
	wipe(word, sizeof(word));
	wipe(digest, sizeof(digest));
}

/* 10.1.1.4 */
static void generate(struct drbg *d, uint8_t *p, size_t len)
{
	static const uint8_t three = 3;
	uint8_t digest[HASH_LEN], counter[8];
	struct hash x = HASH_START;

	hash_sequence(d->v, p, len);
	hash_add(&x, &three, 1);
	hash_add(&x, d->v, SEED_LEN);
	hash_end(&x, digest);
	store_word(counter, d->counter);
	add_to(d->v, digest, HASH_LEN);
	add_to(d->v, d->c, SEED_LEN);
	add_to(d->v, counter, sizeof(counter));
	d->counter++;
	wipe(digest, sizeof(digest));
}

/* ---- one state per thread ---- */

static void thread_ends(void *p)
{
	own = NULL;
	secret_free(p);
}

static void make_key(void)
{
	key_made = pthread_key_create(&key, thread_ends) == 0;
}

static RC own_state(struct drbg **ret)
{
	if (own == NULL) {
		(void)pthread_once(&once, make_key);
		NEED(key_made, RC_BUSY, "random: no thread key left");
		own = secret_new(sizeof(struct drbg));
		NEED(own != NULL, RC_NOMEM, "random: no locked memory");
		if (pthread_setspecific(key, own) != 0) {
			secret_free(own);
			own = NULL;
			FAIL(RC_NOMEM, "random: out of memory");
		}
	}
	*ret = (struct drbg *)(void *)own->p;
	return OK;
}

RC rand_bytes(void *p, size_t len)
{
	struct drbg *d;

	NEED(len <= REQUEST_MAX, RC_BUG, "random: more than %d bytes at once", REQUEST_MAX);
	TRY(own_state(&d));
	REQUIRE(!atomic_load(&unhealthy), RANDOM_UNHEALTHY, "random source: failed its test earlier");
	if (!d->seeded || d->counter > RESEED_INTERVAL || d->epoch != atomic_load(&source_epoch))
		TRY(seed(d));
	generate(d, p, len);
	return OK;
}

void rand_test_source(RC (*source)(void *p, size_t len))
{
	atomic_store(&test_source, source);
	atomic_fetch_add(&source_epoch, 1);
	atomic_store(&unhealthy, false);
}

bool rand_healthy(void)
{
	return !atomic_load(&unhealthy);
}
