#ifndef YD_EVIDENCE_TREE_H
#define YD_EVIDENCE_TREE_H
/* Merkle tree of RFC 9162, section 2.1, with SM3: the head of n leaves, proofs that a leaf is among them and
 * that one head continues another.  Pure.  Whoever makes proofs brings a reader of complete subtrees
 * (log_tree.h has that of a log); checking needs nothing but the proof. */
#include "base/rc.h"
#include "base/slice.h"

#define TREE_HASH 32
#define TREE_LEVELS 63    /* sizes below 2^63 */
#define TREE_PROOF_MAX 64 /* hashes in a proof */

typedef uint8_t tree_hash[TREE_HASH];

/* SM3(0x01 || left || right); ret may be one of them. */
void tree_node(const tree_hash left, const tree_hash right, tree_hash ret);

/* The right edge of a growing tree: enough to add leaves and to tell the head. */
struct tree_edge {
	uint64_t size;
	/* node[i]: above the last 1 << i leaves that begin at a multiple of it */
	tree_hash node[TREE_LEVELS];
};
void tree_add(struct tree_edge *e, const tree_hash leaf);
/* SM3 of nothing for an empty tree. */
void tree_root(const struct tree_edge *e, tree_hash ret);

/* The node above the leaves [index << level, (index + 1) << level), all of which exist. */
struct tree_reader {
	struct rc (*node)(void *arg, unsigned level, uint64_t index, tree_hash ret);
	void *arg;
};
struct tree_proof {
	size_t count;
	tree_hash hash[TREE_PROOF_MAX];
};
RC tree_read_root(const struct tree_reader *r, uint64_t size, tree_hash ret);
/* RC_INPUT unless index < size. */
RC tree_inclusion(const struct tree_reader *r, uint64_t index, uint64_t size, struct tree_proof *ret);
/* RC_INPUT unless 0 < from <= to; empty when they are equal. */
RC tree_consistency(const struct tree_reader *r, uint64_t from, uint64_t to, struct tree_proof *ret);

struct tree_head {
	uint64_t size;
	tree_hash root;
};
/* RC_INPUT (log-proof) when the proof does not show it. */
RC tree_included(const struct tree_head *head, uint64_t index, const tree_hash leaf,
                 const struct tree_proof *p);
/* An empty `from` is continued by every head, with an empty proof. */
RC tree_continues(const struct tree_head *from, const struct tree_head *to, const struct tree_proof *p);

#endif
