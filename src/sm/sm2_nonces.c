#include "sm/sm2_internal.h"

#include "base/mem.h"
#include "base/rand.h"

/* Together with its header one page, so that a forked child, whose copy is all zeros, can give it back. */
struct sm2_nonces {
	size_t ready;
	struct {
		struct sc k;
		uint64_t x[LIMBS]; /* of k G */
	} at[SM2_NONCES];
};

_Static_assert(sizeof(struct secret) + sizeof(struct sm2_nonces) <= 4096, "one page");
_Static_assert(SM2_NONCES <= SM2_BATCH, "one batch");

RC sm2_nonces_new(struct sm2_nonces **ret)
{
	struct secret *s = secret_new(sizeof(struct sm2_nonces));

	NEED(s != NULL, RC_NOMEM, "sm2: no locked memory for nonces");
	*ret = (struct sm2_nonces *)(void *)s->p;
	return OK;
}

void sm2_nonces_free(struct sm2_nonces *n)
{
	if (n != NULL)
		secret_free((struct secret *)(void *)((uint8_t *)n - offsetof(struct secret, p)));
}

size_t sm2_nonces_ready(const struct sm2_nonces *n)
{
	return n->ready;
}

static SM2_APART RC fill(struct sm2_nonces *n)
{
	size_t i, count = SM2_NONCES - n->ready;
	struct sc k[SM2_NONCES];
	struct sm2_xy kg[SM2_NONCES];

	TRY(random_scalars(k, count));
	sm2_engine_for(count)->base(kg, k, count);
	for (i = 0; i < count; i++) {
		n->at[n->ready + i].k = k[i];
		memcpy(n->at[n->ready + i].x, kg[i].x, sizeof(kg[i].x));
	}
	n->ready = SM2_NONCES;
	wipe(k, sizeof(k));
	wipe(kg, sizeof(kg));
	return OK;
}

RC sm2_nonces_fill(struct sm2_nonces *n)
{
	return sm2_clean_base(fill(n));
}

/* What was drawn before the random source failed is not trusted either. */
static RC need_one(struct sm2_nonces *n)
{
	if (!rand_healthy())
		wipe(n, sizeof(*n));
	return n->ready > 0 ? OK : sm2_nonces_fill(n);
}

/* A nonce is out of the store before anything is signed with it. */
static SM2_APART RC sign_digest(const struct sm2_key *k, struct sm2_nonces *n, const uint8_t e[32],
                                struct sm2_sig *ret)
{
	struct sc number;
	uint64_t x[LIMBS];
	bool usable;

	do {
		TRY(need_one(n));
		n->ready--;
		number = n->at[n->ready].k;
		memcpy(x, n->at[n->ready].x, sizeof(x));
		wipe(&n->at[n->ready], sizeof(n->at[0]));
		usable = sm2_finish(k, e, &number, x, ret);
		wipe(&number, sizeof(number));
		wipe(x, sizeof(x));
	} while (!usable);
	return OK;
}

RC sm2_sign_digest_prepared(const struct sm2_key *k, struct sm2_nonces *n, const uint8_t e[32],
                            struct sm2_sig *ret)
{
	return sm2_clean_scalars(sign_digest(k, n, e, ret));
}

RC sm2_sign_prepared(const struct sm2_key *k, struct sm2_nonces *n, struct slice id, struct slice msg,
                     struct sm2_sig *ret)
{
	uint8_t e[32];

	TRY(sm2_digest(&k->pub, id, msg, e));
	return sm2_sign_digest_prepared(k, n, e, ret);
}
