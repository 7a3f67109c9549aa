#ifndef YD_ARCHIVE_JUDGE_H
#define YD_ARCHIVE_JUDGE_H
/* The inside of archive_verify(): what its parts share. */
#include "archive/verify.h"
#include "pki/chain.h"
#include "pki/tsp.h"

#define ARCHIVE_SKEW 300 /* seconds a list or an answer may be ahead of a stamp */

struct judge {
	const struct archive *a;
	const struct archive_trust *t;
	int64_t now;
	struct cert *authority; /* [0]: whose path is asked for; then every authority of the archive */
	struct cert *anchor;
	size_t authority_count, anchor_count;
	struct tsp_token *stamp; /* of each layer */
	struct statement *statement[ARCHIVE_OBJECTS];
};

/* The path of a certificate at an instant; *ret borrows j until the next call. */
RC judge_path(struct judge *j, struct slice certificate, int64_t at, struct chain *ret);
/* Whether lists of the layers 0 … last say that this certificate was revoked by then; covered: one of them
 * was in force at the instant. */
struct judge_state {
	bool covered, revoked;
	int64_t revoked_at;
	size_t lists;
};
RC judge_lists(const struct judge *j, const struct cert *c, const struct cert *issuer, size_t last,
               int64_t at, struct judge_state *ret);

/* evidence.c */
RC judge_statements(struct judge *j, struct archive_report *ret);
RC judge_subjects(struct judge *j, struct archive_report *ret);

#endif
