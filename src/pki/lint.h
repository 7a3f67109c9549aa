#ifndef YD_PKI_LINT_H
#define YD_PKI_LINT_H
/* Findings about a certificate that parses and still is not as the rules want it.  Run before
 * signing and by `cert show`. */
#include "pki/cert.h"

#define LINT_FINDINGS 32

struct lint_finding { const char *id, *clause, *text; };
struct lint { size_t count; struct lint_finding at[LINT_FINDINGS]; };

enum lint_use { LINT_ANY, LINT_CA, LINT_SIGN, LINT_ENCRYPT, LINT_SINGLE };     /* SINGLE: one key for all */
struct lint_rules {
	enum lint_use use;
	const struct slice *classes;    /* OID contents of the class policies; exactly one must be there */
	size_t class_count;             /* 0: not asked */
};
void lint_cert(const struct cert *c, const struct lint_rules *rules, struct lint *ret);
/* Same subject, different serial and key usage, both parts of a pair. */
void lint_pair(const struct cert *sign, const struct cert *encrypt, struct lint *ret);
/* Refuses (lint) with the first finding. */
RC lint_tbs(struct slice tbs, const struct lint_rules *rules);

#endif
