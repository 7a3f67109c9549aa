/* Many messages in the lanes of vector registers.  Each lane works through the parts of its message: the
 * block that begins with the prefix, the message itself, the padded end; then it takes the next message. */
#include "sm/cpu.h"
#include "sm/sm3.h"
#include "sm/sm3_lanes.h"

#define PREFIX 32
#define WORTH 3 /* with fewer messages left, one after the other is faster */

struct lane {
	struct slice left;           /* of the message, behind what runs */
	uint64_t total;              /* bytes, prefix and all */
	size_t blocks;               /* that run, 0 for a lane without work */
	uint8_t part[2 * SM3_BLOCK]; /* first block, or end */
	uint8_t *ret;
	bool ending;
};

struct batch {
	const struct sm3_lanes *lanes;
	const uint8_t *prefix; /* NULL, or PREFIX bytes */
	const struct slice *s;
	uint8_t (*ret)[SM3_LEN];
	size_t next, n, busy;
	uint32_t h[8][SM3_LANES_MAX];
	const uint8_t *p[SM3_LANES_MAX];
	struct lane lane[SM3_LANES_MAX];
};

static void run(struct batch *b, size_t i, const uint8_t *p, size_t blocks)
{
	b->p[i] = p;
	b->lane[i].blocks = blocks;
}

/* used bytes of part are there; the padding (5.2) and the length follow. */
static void run_end(struct batch *b, size_t i, size_t used)
{
	struct lane *l = &b->lane[i];
	size_t len = used < SM3_BLOCK - 8 ? SM3_BLOCK : 2 * SM3_BLOCK;
	unsigned j;

	l->part[used] = 0x80;
	memset(l->part + used + 1, 0, len - used - 1);
	for (j = 0; j < 8; j++)
		l->part[len - 1 - j] = (uint8_t)(l->total * 8 >> 8 * j);
	l->ending = true;
	run(b, i, l->part, len / SM3_BLOCK);
}

/* What follows the first block. */
static void run_rest(struct batch *b, size_t i)
{
	struct lane *l = &b->lane[i];
	struct slice s = l->left;
	size_t whole = s.len / SM3_BLOCK * SM3_BLOCK;

	if (whole > 0) {
		run(b, i, s.p, whole / SM3_BLOCK);
		l->left = slice_of(s.p + whole, s.len - whole);
		return;
	}
	if (s.len > 0)
		memcpy(l->part, s.p, s.len);
	run_end(b, i, s.len);
}

/* Prefix and the beginning of the message. */
static void run_first(struct batch *b, size_t i)
{
	struct lane *l = &b->lane[i];
	size_t take = l->left.len < SM3_BLOCK - PREFIX ? l->left.len : SM3_BLOCK - PREFIX;

	memcpy(l->part, b->prefix, PREFIX);
	if (take > 0) {
		memcpy(l->part + PREFIX, l->left.p, take);
		l->left = slice_of(l->left.p + take, l->left.len - take);
	}
	if (PREFIX + take < SM3_BLOCK)
		run_end(b, i, PREFIX + take);
	else
		run(b, i, l->part, 1);
}

static void take_message(struct batch *b, size_t i)
{
	static const uint32_t iv[8] = SM3_CORE_IV;
	struct lane *l = &b->lane[i];
	unsigned j;

	if (b->next == b->n) {
		b->busy--;
		return;
	}
	l->left = b->s[b->next];
	l->total = l->left.len + (b->prefix != NULL ? PREFIX : 0);
	l->ret = b->ret[b->next++];
	l->ending = false;
	for (j = 0; j < 8; j++)
		b->h[j][i] = iv[j];
	if (b->prefix != NULL)
		run_first(b, i);
	else
		run_rest(b, i);
}

static void give(struct batch *b, size_t i)
{
	unsigned j;

	for (j = 0; j < SM3_LEN; j++)
		b->lane[i].ret[j] = (uint8_t)(b->h[j / 4][i] >> (24 - 8 * (j % 4)));
}

/* Lane i has done what ran. */
static void go_on(struct batch *b, size_t i)
{
	if (!b->lane[i].ending) {
		run_rest(b, i);
		return;
	}
	give(b, i);
	take_message(b, i);
}

/* As many blocks as every working lane has; the others go along on the data of one that works. */
static void run_together(struct batch *b)
{
	const uint8_t *p[SM3_LANES_MAX];
	size_t i, worker = 0, blocks = SIZE_MAX;

	for (i = 0; i < b->lanes->lanes; i++) {
		if (b->lane[i].blocks > 0 && b->lane[i].blocks < blocks) {
			blocks = b->lane[i].blocks;
			worker = i;
		}
	}
	for (i = 0; i < b->lanes->lanes; i++)
		p[i] = b->lane[i].blocks > 0 ? b->p[i] : b->p[worker];
	b->lanes->core(b->h, p, blocks);
	for (i = 0; i < b->lanes->lanes; i++) {
		if (b->lane[i].blocks == 0)
			continue;
		b->p[i] += blocks * SM3_BLOCK;
		b->lane[i].blocks -= blocks;
		if (b->lane[i].blocks == 0)
			go_on(b, i);
	}
}

/* The last ones, each to its end. */
static void run_alone(struct batch *b, size_t i)
{
	uint32_t h[8];
	unsigned j;

	while (b->lane[i].blocks > 0) {
		for (j = 0; j < 8; j++)
			h[j] = b->h[j][i];
		sm3_core_x86_64(h, b->p[i], b->lane[i].blocks);
		for (j = 0; j < 8; j++)
			b->h[j][i] = h[j];
		b->lane[i].blocks = 0;
		go_on(b, i);
	}
	wipe(h, sizeof(h));
}

static void hash_one(const uint8_t *prefix, struct slice s, uint8_t ret[SM3_LEN])
{
	struct sm3 c;

	sm3_init(&c);
	if (prefix != NULL)
		sm3_update(&c, slice_of(prefix, PREFIX));
	sm3_update(&c, s);
	sm3_final(&c, ret);
}

static const struct sm3_lanes *lanes_in_use(size_t n)
{
	enum sm_impl best = sm_impl_best();
	const struct sm3_lanes *l = NULL;

	if (best >= SM_AVX512IFMA)
		l = n > 8 ? sm3_lanes_avx512() : sm3_lanes8_avx512();
	if (l == NULL && best >= SM_X86_64)
		l = sm3_lanes_x86_64();
	return l;
}

static void hash_batch(const uint8_t *prefix, const struct slice *s, uint8_t (*ret)[SM3_LEN], size_t n)
{
	struct batch b = {.lanes = lanes_in_use(n), .prefix = prefix, .s = s, .ret = ret, .n = n};
	size_t i;

	if (b.lanes == NULL || n < WORTH) {
		for (i = 0; i < n; i++)
			hash_one(prefix, s[i], ret[i]);
		return;
	}
	b.busy = b.lanes->lanes;
	for (i = 0; i < b.lanes->lanes; i++)
		take_message(&b, i);
	while (b.busy >= WORTH)
		run_together(&b);
	for (i = 0; i < b.lanes->lanes; i++)
		run_alone(&b, i);
	wipe(&b, sizeof(b));
}

void sm3_hash_batch(const struct slice *s, uint8_t (*ret)[SM3_LEN], size_t n)
{
	hash_batch(NULL, s, ret, n);
}

void sm3_hash_batch_after(const uint8_t prefix[32], const struct slice *s, uint8_t (*ret)[SM3_LEN], size_t n)
{
	hash_batch(prefix, s, ret, n);
}
