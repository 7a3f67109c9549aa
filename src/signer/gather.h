#ifndef YD_SIGNER_GATHER_H
#define YD_SIGNER_GATHER_H
/* What a handler has judged fit to be signed, gathered and then signed with one call for each key: many
 * signatures at once cost a fraction of as many single ones (docs/sm2.md). */
#include "signer/client.h"
#include "signer/state.h"

struct gather {
	struct signer *s;
	enum key_use use;
	struct signer_result *results; /* of the whole request */
	size_t count;
	struct gathered {
		size_t of; /* place in results */
		uint32_t key;
		struct slice tbs;
	} at[SIGNER_BATCH];
};

/* The outcome of a judgement: what passed waits for gather_sign(), what did not is told why. */
void gather_take(struct gather *g, size_t of, struct rc judged, uint32_t key, struct slice tbs);
/* A failure of the device is the outcome of all that waited for that key. */
RC gather_sign(struct gather *g);

#endif
