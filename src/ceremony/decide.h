#ifndef YD_CEREMONY_DECIDE_H
#define YD_CEREMONY_DECIDE_H
/* Statements under the one-off keys. */
#include "ceremony/act.h"
#include "statement/statement.h"

struct decision {
	enum statement_kind kind;
	const struct plan_org *org; /* whose key signs and who speaks */
	const char *role;           /* "ceremony" "authority" */
	const json_t *body;
};
RC decide_sign(struct ceremony *c, const struct decision *d, struct buf *ret);

#endif
