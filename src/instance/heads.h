#ifndef YD_INSTANCE_HEADS_H
#define YD_INSTANCE_HEADS_H
/* Signed heads of the own log (statement "tree-head", signed with the key the instance speaks with) and the
 * heads of other instances' logs that were witnessed here (design 4, R12.4). */
#include "base/json.h"
#include "db/db.h"
#include "evidence/tree.h"
#include "instance/instance.h"

#define HEAD_VALID (2 * 86400) /* seconds a head may be relied on */
#define HEAD_LIST_MAX 1000

struct head_row {
	struct tree_head head;
	int64_t at;
	struct buf statement;
};
void head_row_free(struct head_row *h);
#define AUTO_HEAD(name)                                                                                      \
	__attribute__((cleanup(head_row_free))) struct head_row name = {.statement = BUF(STATEMENT_MAX)}

/* ---- store_heads.c; log NULL: the own log ---- */
RC heads_put(struct db *db, const char *log, const struct head_row *h); /* the same again is fine */
/* The largest; *found false when there is none. */
RC heads_last(struct db *db, const char *log, struct head_row *ret, bool *found);
/* Largest first: [{"size","at","root","statement"}], those below `below` entries (0: all). */
RC heads_list(struct db *db, const char *log, uint64_t below, size_t limit, json_t **ret);

/* ---- heads.c ---- */
/* The newest head of the own log; makes one when the log grew or the last gets old.  *found false: this
 * instance has no certificate to sign heads with. */
RC heads_fresh(struct instance *in, struct head_row *ret, bool *found);
/* What a statement says, when its signer is the one for that log: RC_CRYPTO (log-head) otherwise.  own: made
 * here earlier, even if the clock was turned back since. */
RC heads_read(struct instance *in, const char *log, struct slice statement, struct head_row *ret, bool own);
RC heads_proof_json(const struct tree_proof *p, json_t **ret);
RC heads_proof_read(const json_t *o, struct tree_proof *ret);

#endif
