#ifndef YD_ARCHIVE_VERIFY_H
#define YD_ARCHIVE_VERIFY_H
/* What an archive proves (R24.11).  Stamps: each was made while its certificate was valid; the next one
 * before that certificate, or one above it, ended or was revoked; the last one's must be valid now.  All else
 * is judged at the time of the first stamp. */
#include "archive/archive.h"
#include "pki/cert.h"

#define ARCHIVE_ANCHORS 64
#define ARCHIVE_SUBJECTS 8 /* certificates one archive is about */

/* Anchors are certificates pinned by hash: they count whatever their own dates have become. */
struct archive_trust {
	size_t count;
	uint8_t anchor[ARCHIVE_ANCHORS][ARCHIVE_HASH];
	struct statement_trust *statements; /* owned */
};
/* DIR as instances have it: self-signed ones of DIR/authorities/, and what statements are judged by. */
RC archive_trust_load(const char *dir, const char *organisation, struct archive_trust **ret);
RC archive_trust_anchor(struct archive_trust *t, struct slice certificate);
void archive_trust_free(struct archive_trust *t);
DROP(archive_trust, archive_trust_free);

struct archive_subject {
	struct slice certificate; /* borrows the archive */
	int64_t from, until; /* proven valid in between: until the first stamp, its end or its revocation */
	bool revoked;
	int64_t revoked_at;
};
struct archive_report {
	size_t count, stamps, statements, lists, answers;
	struct archive_subject subject[ARCHIVE_SUBJECTS];
	int64_t first, last; /* times of the first and the last stamp */
	int64_t renew;       /* a new stamp must be made before */
};
RC archive_verify(const struct archive *a, const struct archive_trust *t, int64_t now,
                  struct archive_report *ret);

#endif
