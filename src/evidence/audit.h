#ifndef YD_EVIDENCE_AUDIT_H
#define YD_EVIDENCE_AUDIT_H
/* Walks a copy of a log from its first entry and compares it with heads that were signed or witnessed earlier
 * (design 4, R12.4).  The caller has verified the heads' signatures.  The first thing that is wrong ends it:
 * log-gap        an entry is missing or out of order (its index is named)
 * log-entry      an entry is not what its leaf says (its index)
 * log-fork       entries do not lead to a head: some between the last head that held and this one were
 *                altered, exchanged or put in
 * log-rollback   fewer entries than a head counted: the end was cut off, or an older copy put in its place */
#include "evidence/log.h"
#include "evidence/tree.h"

struct audit_head {
	struct tree_head head;
	int64_t at;
	bool witnessed; /* comes from elsewhere than the copy */
};

/* A certificate that an entry "issued" must tell of (requirements d.3). */
struct audit_certificate {
	char sm3[65]; /* of the DER, hex */
	bool issued;
};

struct audit {
	struct audit_certificate *certificates; /* borrowed; may be NULL */
	size_t certificate_count;
	const struct audit_head *heads; /* borrowed; sorted by audit_open() */
	size_t count, next;
	struct tree_edge edge;
	uint64_t held;         /* size of the last head that held */
	size_t own, witnessed; /* heads that held */
};
/* Sorts the heads by size; certificates stay as they are set (all else zero before the first call). */
void audit_open(struct audit *a, struct audit_head *heads, size_t count);
/* sealed, leaf: as the copy has them beside the entry. */
RC audit_entry(struct audit *a, const struct log_entry *e);
/* node: what the copy keeps above the 256 entries that end here. */
RC audit_tile(struct audit *a, uint64_t index, const tree_hash node);
/* After the last entry. */
RC audit_end(struct audit *a);

/* Reads the database of an instance ("data.db" of a copied folder), read-only. */
RC audit_database(struct audit *a, struct db *db);
/* The heads that are kept in it: [{"statement"}], at most `limit`. */
RC audit_own_heads(struct db *db, size_t limit, json_t **ret);

#endif
