#include "evidence/audit.h"

#include <stdio.h>
#include "base/buf.h"
#include "base/time.h"
#include "evidence/log_tree.h"

#include <stdlib.h>

typedef unsigned long long ull;

static int by_size(const void *a, const void *b)
{
	const struct audit_head *x = a, *y = b;

	return (x->head.size > y->head.size) - (x->head.size < y->head.size);
}

void audit_open(struct audit *a, struct audit_head *heads, size_t count)
{
	*a = (struct audit){.heads = heads,
	                    .count = count,
	                    .certificates = a->certificates,
	                    .certificate_count = a->certificate_count};
	if (count > 0)
		qsort(heads, count, sizeof(*heads), by_size);
}

/* The hash of the sealed part stands at the end of the entry too (log.c: members in canonical order). */
static RC same_sealed(const struct log_entry *e)
{
	AUTO_BUF(end, 2 * LOG_LEAF + 16);

	buf_text(&end, e->sealed == NULL ? ",\"sealed\":null}" : ",\"sealed\":\"");
	if (e->sealed != NULL) {
		buf_hex(&end, slice_of(e->sealed, LOG_LEAF));
		buf_text(&end, "\"}");
	}
	TRY(buf_done(&end));
	REQUIRE(e->entry.len >= end.len && memcmp(e->entry.p + e->entry.len - end.len, end.p, end.len) == 0,
	        LOG_ENTRY, "entry %llu: its sealed part was exchanged", (ull)e->index);
	return OK;
}

/* All heads of the size that has been reached. */
static RC compare(struct audit *a)
{
	tree_hash root;
	char at[21];

	if (a->next == a->count || a->heads[a->next].head.size != a->edge.size)
		return OK;
	tree_root(&a->edge, root);
	for (; a->next < a->count && a->heads[a->next].head.size == a->edge.size; a->next++) {
		const struct audit_head *h = &a->heads[a->next];

		time_text(h->at, at);
		REQUIRE(memcmp(root, h->head.root, TREE_HASH) == 0, LOG_FORK,
		        "entries %llu to %llu do not lead to the %s head of %s", (ull)a->held,
		        (ull)a->edge.size - (a->edge.size > 0), h->witnessed ? "witnessed" : "own", at);
		a->witnessed += h->witnessed;
		a->own += !h->witnessed;
	}
	a->held = a->edge.size;
	return OK;
}

/* Entries are canonical: what they say stands in them literally. */
static bool says(struct slice entry, const char *name, const char *value)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "\"%s\":\"%s\"", name, value);

	return memmem(entry.p, entry.len, text, (size_t)n) != NULL;
}

static void look_for(struct audit *a, struct slice entry)
{
	if (a->certificate_count == 0 || !says(entry, "kind", "issued"))
		return;
	for (size_t i = 0; i < a->certificate_count; i++)
		if (!a->certificates[i].issued)
			a->certificates[i].issued = says(entry, "certificate", a->certificates[i].sm3);
}

RC audit_entry(struct audit *a, const struct log_entry *e)
{
	uint8_t leaf[LOG_LEAF];

	if (a->edge.size == 0)
		TRY(compare(a));
	REQUIRE(e->index == a->edge.size, LOG_GAP, "entry %llu is missing: %llu follows %llu",
	        (ull)a->edge.size, (ull)e->index, (ull)a->edge.size - (a->edge.size > 0));
	log_leaf(e->entry, leaf);
	REQUIRE(memcmp(leaf, e->leaf, LOG_LEAF) == 0, LOG_ENTRY, "entry %llu was altered", (ull)e->index);
	TRY(same_sealed(e));
	look_for(a, e->entry);
	tree_add(&a->edge, leaf);
	return compare(a);
}

RC audit_tile(struct audit *a, uint64_t index, const tree_hash node)
{
	REQUIRE(((index + 1) << LOG_TILE_BITS) == a->edge.size &&
	                memcmp(node, a->edge.node[LOG_TILE_BITS], TREE_HASH) == 0,
	        LOG_FORK, "entries %llu to %llu do not lead to the node kept above them",
	        (ull)index << LOG_TILE_BITS, ((ull)(index + 1) << LOG_TILE_BITS) - 1);
	return OK;
}

RC audit_end(struct audit *a)
{
	char at[21];

	if (a->edge.size == 0)
		TRY(compare(a));
	if (a->next == a->count)
		return OK;
	const struct audit_head *h = &a->heads[a->count - 1];

	time_text(h->at, at);
	REFUSE(LOG_ROLLBACK, "the %s head of %s counts %llu entries, here are %llu",
	       h->witnessed ? "witnessed" : "own", at, (ull)h->head.size, (ull)a->edge.size);
}

/* ---- a database ---- */

struct walk {
	struct audit *a;
	struct db *db;
};

/* Only the lowest tiles: what stands above follows from them. */
static RC tile_at(struct walk *w, uint64_t index)
{
	AUTO(db_rows, q, NULL);
	tree_hash node;
	bool row;

	TRY(db_query(w->db, &q, "SELECT node FROM log_tile WHERE height = 1 AND idx = $1",
	             DB_ARGS(DB_INT(index))));
	TRY(db_next(q, &row));
	if (!row)
		return OK;
	TRY(db_bytes(q, 0, node, TREE_HASH));
	return audit_tile(w->a, index, node);
}

static struct rc each(const struct log_entry *e, void *arg)
{
	struct walk *w = arg;
	uint64_t size;

	TRY(audit_entry(w->a, e));
	size = w->a->edge.size;
	return size % LOG_TILE == 0 ? tile_at(w, size / LOG_TILE - 1) : OK;
}

RC audit_database(struct audit *a, struct db *db)
{
	struct walk w = {a, db};
	int64_t count, below;
	uint64_t before;

	TRY(db_scalar(db, &below, "SELECT count(*) FROM log WHERE idx < 0", DB_NOARGS));
	TRY(db_scalar(db, &count, "SELECT count(*) FROM log", DB_NOARGS));
	REQUIRE(below == 0, LOG_GAP, "entries with a number below 0");
	do {
		before = a->edge.size;
		TRY(log_each(db, before, LOG_READ_MAX, each, &w));
	} while (a->edge.size > before);
	REQUIRE((uint64_t)count == a->edge.size, LOG_GAP, "%lld entries cannot be read",
	        (long long)count - (long long)a->edge.size);
	return audit_end(a);
}

RC audit_own_heads(struct db *db, size_t limit, json_t **ret)
{
	AUTO(db_rows, q, NULL);
	AUTO_JSON(list, json_array());
	bool row;

	NEED(list != NULL, RC_NOMEM, "log: out of memory");
	TRY(db_query(db, &q, "SELECT statement FROM log_head ORDER BY size, at LIMIT $1",
	             DB_ARGS(DB_INT(limit))));
	for (;;) {
		AUTO_JSON(o, json_object());

		TRY(db_next(q, &row));
		if (!row)
			break;
		json_put_base64(o, "statement", db_blob(q, 0));
		TRY(json_put_result());
		NEED(o != NULL && json_array_append(list, o) == 0, RC_NOMEM, "log: out of memory");
	}
	*ret = MOVE(list);
	return OK;
}
