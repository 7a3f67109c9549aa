#include "signer/gather.h"

#include "base/mem.h"

static void failed(struct signer_result *r)
{
	r->ok = false;
	r->why = *rc_last();
}

void gather_take(struct gather *g, size_t of, struct rc judged, uint32_t key, struct slice tbs)
{
	if (!rc_ok(judged))
		failed(&g->results[of]);
	else
		g->at[g->count++] = (struct gathered){of, key, tbs};
}

/* All that wait for the key of the first one; the rest moves up. */
static void sign_first_key(struct gather *g, struct slice *tbs, struct buf *sig, size_t *of)
{
	uint32_t key = g->at[0].key;
	size_t n = 0, left = 0;

	for (size_t i = 0; i < g->count; i++) {
		if (g->at[i].key != key) {
			g->at[left++] = g->at[i];
			continue;
		}
		of[n] = g->at[i].of;
		sig[n] = BUF(KEY_SIG_MAX);
		tbs[n++] = g->at[i].tbs;
	}
	g->count = left;
	struct rc rc = key_sign_batch(g->s->keys, key, g->use, tbs, sig, n);
	for (size_t i = 0; i < n; i++) {
		struct signer_result *r = &g->results[of[i]];
		if (rc_ok(rc)) {
			r->ok = true;
			r->len = sig[i].len;
			memcpy(r->sig, sig[i].p, sig[i].len);
		} else {
			failed(r);
		}
		buf_free(&sig[i]);
	}
}

RC gather_sign(struct gather *g)
{
	_Static_assert(SIGNER_BATCH <= KEY_BATCH, "one request is one batch of the device");
	AUTO_MEM(struct slice, tbs, mem_new(SIGNER_BATCH, sizeof *tbs));
	AUTO_MEM(struct buf, sig, mem_new(SIGNER_BATCH, sizeof *sig));
	AUTO_MEM(size_t, of, mem_new(SIGNER_BATCH, sizeof *of));
	NEED(tbs != NULL && sig != NULL && of != NULL, RC_NOMEM, "signatures");
	while (g->count > 0)
		sign_first_key(g, tbs, sig, of);
	return OK;
}
