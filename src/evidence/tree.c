#include "evidence/tree.h"
#include "sm/sm3.h"

void tree_node(const tree_hash left, const tree_hash right, tree_hash ret)
{
	static const uint8_t prefix[1] = {1};
	struct sm3 c;

	sm3_init(&c);
	sm3_update(&c, SLICE_ARR(prefix));
	sm3_update(&c, slice_of(left, TREE_HASH));
	sm3_update(&c, slice_of(right, TREE_HASH));
	sm3_final(&c, ret);
}

/* ---- the right edge ---- */

void tree_add(struct tree_edge *e, const tree_hash leaf)
{
	tree_hash up, right;
	unsigned level = 0;

	memcpy(up, leaf, TREE_HASH);
	for (; (e->size >> level & 1) != 0; level++) {
		memcpy(right, up, TREE_HASH);
		tree_node(e->node[level], up, up);
		memcpy(e->node[level], right, TREE_HASH);
	}
	memcpy(e->node[level], up, TREE_HASH);
	e->size++;
}

void tree_root(const struct tree_edge *e, tree_hash ret)
{
	bool begun = false;

	sm3_hash(SLICE_NONE, ret);
	for (unsigned level = 0; level < TREE_LEVELS; level++) {
		if ((e->size >> level & 1) == 0)
			continue;
		if (begun)
			tree_node(e->node[level], ret, ret);
		else
			memcpy(ret, e->node[level], TREE_HASH);
		begun = true;
	}
}

/* ---- making proofs ---- */

/* Largest power of two below n (n > 1), as its exponent. */
static unsigned split(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* Head of the leaves [from, from + n), n > 0; from is a multiple of the power of two that is not below n. */
static RC range(const struct tree_reader *r, uint64_t from, uint64_t n, tree_hash ret)
{
	tree_hash part[TREE_LEVELS];
	size_t parts = 0;

	NEED(n > 0, RC_BUG, "tree: nothing to hash");
	do {
		unsigned level = 63 - (unsigned)__builtin_clzll(n);

		TRY(r->node(r->arg, level, from >> level, part[parts++]));
		from += (uint64_t)1 << level;
		n -= (uint64_t)1 << level;
	} while (n > 0);
	memcpy(ret, part[--parts], TREE_HASH);
	while (parts > 0)
		tree_node(part[--parts], ret, ret);
	return OK;
}

RC tree_read_root(const struct tree_reader *r, uint64_t size, tree_hash ret)
{
	NEED(size >> TREE_LEVELS == 0, RC_INPUT, "tree: size over the limit");
	sm3_hash(SLICE_NONE, ret);
	return size == 0 ? OK : range(r, 0, size, ret);
}

static void reverse(struct tree_proof *p)
{
	tree_hash t;

	for (size_t i = 0; i < p->count / 2; i++) {
		memcpy(t, p->hash[i], TREE_HASH);
		memcpy(p->hash[i], p->hash[p->count - 1 - i], TREE_HASH);
		memcpy(p->hash[p->count - 1 - i], t, TREE_HASH);
	}
}

/* 2.1.3.1, from the head down. */
RC tree_inclusion(const struct tree_reader *r, uint64_t index, uint64_t size, struct tree_proof *ret)
{
	uint64_t first = 0, n = size;

	NEED(index < size && size >> TREE_LEVELS == 0, RC_INPUT, "tree: there is no entry %llu among %llu",
	     (unsigned long long)index, (unsigned long long)size);
	ret->count = 0;
	while (n > 1) {
		uint64_t k = (uint64_t)1 << split(n);
		bool right = index - first >= k;

		TRY(range(r, right ? first : first + k, right ? k : n - k, ret->hash[ret->count++]));
		first += right ? k : 0;
		n = right ? n - k : k;
	}
	reverse(ret);
	return OK;
}

/* 2.1.4.1, from the head down: until the older tree is a whole subtree of what is left. */
RC tree_consistency(const struct tree_reader *r, uint64_t from, uint64_t to, struct tree_proof *ret)
{
	uint64_t first = 0, m = from, n = to;
	bool whole = true; /* the older tree is what the checker holds already */

	NEED(from > 0 && from <= to && to >> TREE_LEVELS == 0, RC_INPUT, "tree: no proof from %llu to %llu",
	     (unsigned long long)from, (unsigned long long)to);
	ret->count = 0;
	while (m < n) {
		uint64_t k = (uint64_t)1 << split(n);
		bool right = m > k;

		TRY(range(r, right ? first : first + k, right ? k : n - k, ret->hash[ret->count++]));
		first += right ? k : 0;
		m -= right ? k : 0;
		n = right ? n - k : k;
		whole = whole && !right;
	}
	if (!whole)
		TRY(range(r, first, m, ret->hash[ret->count++]));
	reverse(ret);
	return OK;
}

/* ---- checking proofs ---- */

static RC same(const tree_hash a, const tree_hash b, const char *what)
{
	REQUIRE(memcmp(a, b, TREE_HASH) == 0, LOG_PROOF, "%s", what);
	return OK;
}

/* 2.1.3.2 */
RC tree_included(const struct tree_head *head, uint64_t index, const tree_hash leaf,
                 const struct tree_proof *p)
{
	uint64_t fn = index, sn = head->size - 1;
	tree_hash r;

	REQUIRE(index < head->size, LOG_PROOF, "entry %llu is not below the size", (unsigned long long)index);
	memcpy(r, leaf, TREE_HASH);
	for (size_t i = 0; i < p->count; i++) {
		REQUIRE(sn > 0, LOG_PROOF, "the proof is too long");
		if ((fn & 1) != 0 || fn == sn) {
			tree_node(p->hash[i], r, r);
			for (; (fn & 1) == 0 && fn > 0; fn >>= 1)
				sn >>= 1;
		} else {
			tree_node(r, p->hash[i], r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	REQUIRE(sn == 0, LOG_PROOF, "the proof is too short");
	return same(r, head->root, "the entry is not in the tree of this head");
}

/* Both heads from what the proof says, 2.1.4.2; next: its first hash that is not used yet. */
static RC climb(const struct tree_head *from, const struct tree_head *to, const struct tree_proof *p,
                tree_hash fr, tree_hash sr)
{
	uint64_t fn = from->size - 1, sn = to->size - 1;
	size_t next = 0;

	for (; (fn & 1) != 0; fn >>= 1)
		sn >>= 1;
	if ((from->size & (from->size - 1)) == 0) {
		memcpy(fr, from->root, TREE_HASH);
	} else {
		REQUIRE(p->count > 0, LOG_PROOF, "the proof is too short");
		memcpy(fr, p->hash[next++], TREE_HASH);
	}
	memcpy(sr, fr, TREE_HASH);
	for (; next < p->count; next++) {
		REQUIRE(sn > 0, LOG_PROOF, "the proof is too long");
		if ((fn & 1) != 0 || fn == sn) {
			tree_node(p->hash[next], fr, fr);
			tree_node(p->hash[next], sr, sr);
			for (; (fn & 1) == 0 && fn > 0; fn >>= 1)
				sn >>= 1;
		} else {
			tree_node(sr, p->hash[next], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	REQUIRE(sn == 0, LOG_PROOF, "the proof is too short");
	return OK;
}

RC tree_continues(const struct tree_head *from, const struct tree_head *to, const struct tree_proof *p)
{
	tree_hash fr, sr;

	REQUIRE(from->size <= to->size, LOG_ROLLBACK, "%llu entries after %llu", (unsigned long long)to->size,
	        (unsigned long long)from->size);
	if (from->size == 0 || from->size == to->size) {
		REQUIRE(p->count == 0, LOG_PROOF, "the proof is too long");
		REQUIRE(from->size == 0 || memcmp(from->root, to->root, TREE_HASH) == 0, LOG_FORK,
		        "two heads of %llu entries", (unsigned long long)to->size);
		return OK;
	}
	TRY(climb(from, to, p, fr, sr));
	REQUIRE(memcmp(fr, from->root, TREE_HASH) == 0 && memcmp(sr, to->root, TREE_HASH) == 0, LOG_FORK,
	        "the head of %llu entries does not continue that of %llu", (unsigned long long)to->size,
	        (unsigned long long)from->size);
	return OK;
}
