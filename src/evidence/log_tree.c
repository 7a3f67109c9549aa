#include "evidence/log_tree.h"
#include "base/mem.h"
#include "sm/sm3.h"

/* A tile of a height: 256 nodes of level height * 8, and all that are above them within the tile. */
struct tile {
	unsigned height;
	uint64_t index, used; /* used: 0 = free, else when last */
	bool filling;
	size_t rows;                  /* nodes of the lowest level that exist */
	tree_hash node[2 * LOG_TILE]; /* level l of the tile begins at start_of(l) */
};

struct log_tree {
	struct db *db;
	uint64_t tick;
	struct tile tile[LOG_TILES_CACHED];
};

RC log_tree_open(struct db *db, struct log_tree **ret)
{
	struct log_tree *t = mem_new(1, sizeof(*t));

	NEED(t != NULL, RC_NOMEM, "log: out of memory");
	t->db = db;
	*ret = t;
	return OK;
}

void log_tree_free(struct log_tree *t)
{
	mem_free(t);
}

static size_t start_of(unsigned level)
{
	return 2 * LOG_TILE - (2 * LOG_TILE >> level);
}

/* ---- rows ---- */

static RC read_rows(struct db *db, struct tile *t)
{
	const char *sql =
	        t->height == 0 ? "SELECT idx, leaf FROM log WHERE idx >= $1 AND idx < $2 ORDER BY idx"
	                       : "SELECT idx, node FROM log_tile WHERE height = $3 AND idx >= $1 AND idx < $2"
	                         " ORDER BY idx";
	const struct db_value args[] = {DB_INT(t->index << LOG_TILE_BITS),
	                                DB_INT((t->index + 1) << LOG_TILE_BITS), DB_INT(t->height)};
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, sql, args, t->height == 0 ? 2 : 3));
	for (t->rows = 0;; t->rows++) {
		TRY(db_next(q, &row));
		if (!row || (uint64_t)db_int(q, 0) != (t->index << LOG_TILE_BITS) + t->rows)
			return OK;
		TRY(db_bytes(q, 1, t->node[t->rows], TREE_HASH));
	}
}

/* A level at once: its nodes are hashed side by side. */
static void fold(struct tile *t)
{
	uint8_t text[LOG_TILE / 2][1 + 2 * TREE_HASH];
	struct slice s[LOG_TILE / 2];

	for (unsigned level = 1; level <= LOG_TILE_BITS; level++) {
		const tree_hash *below = &t->node[start_of(level - 1)];
		size_t n = t->rows >> level;

		for (size_t i = 0; i < n; i++) {
			text[i][0] = 1; /* RFC 9162, 2.1.1 */
			memcpy(text[i] + 1, below[2 * i], sizeof(text[i]) - 1);
			s[i] = SLICE_ARR(text[i]);
		}
		sm3_hash_batch(s, &t->node[start_of(level)], n);
	}
}

/* ---- nodes ---- */

static RC tile_of(struct log_tree *t, unsigned height, uint64_t index, size_t need, struct tile **ret);

/* The node above the whole tile below row `index` of a height. */
static RC above(struct log_tree *t, unsigned height, uint64_t index, tree_hash ret)
{
	struct tile *below;

	TRY(tile_of(t, height - 1, index, LOG_TILE, &below));
	memcpy(ret, below->node[start_of(LOG_TILE_BITS)], TREE_HASH);
	return OK;
}

/* Rows that were never written are computed from the tiles below. */
static RC fill(struct log_tree *t, struct tile *tile, size_t need)
{
	TRY(read_rows(t->db, tile));
	for (; tile->rows < need && tile->height > 0; tile->rows++)
		TRY(above(t, tile->height, (tile->index << LOG_TILE_BITS) + tile->rows,
		          tile->node[tile->rows]));
	NEED(tile->rows >= need, RC_NOTFOUND, "log: entry %llu is missing",
	     (unsigned long long)(tile->index << LOG_TILE_BITS) + tile->rows);
	fold(tile);
	return OK;
}

static RC place_for(struct log_tree *t, struct tile **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < LOG_TILES_CACHED; i++) {
		struct tile *here = &t->tile[i];

		if (!here->filling && (*ret == NULL || here->used < (*ret)->used))
			*ret = here;
	}
	NEED(*ret != NULL, RC_BUG, "log: a tree too high");
	return OK;
}

static RC tile_of(struct log_tree *t, unsigned height, uint64_t index, size_t need, struct tile **ret)
{
	struct rc rc;

	for (size_t i = 0; i < LOG_TILES_CACHED; i++) {
		struct tile *have = &t->tile[i];

		if (have->used > 0 && have->height == height && have->index == index && have->rows >= need) {
			have->used = ++t->tick;
			*ret = have;
			return OK;
		}
	}
	TRY(place_for(t, ret));
	(*ret)->height = height;
	(*ret)->index = index;
	(*ret)->used = 0;
	(*ret)->filling = true;
	rc = fill(t, *ret, need);
	(*ret)->filling = false;
	(*ret)->used = rc_ok(rc) ? ++t->tick : 0;
	return rc;
}

static struct rc node(void *arg, unsigned level, uint64_t index, tree_hash ret)
{
	unsigned height = level / LOG_TILE_BITS, inside = level % LOG_TILE_BITS;
	uint64_t row = index << inside; /* its first row, counted over all tiles of the height */
	size_t at = row & (LOG_TILE - 1);
	struct tile *tile;

	TRY(tile_of(arg, height, row >> LOG_TILE_BITS, at + ((size_t)1 << inside), &tile));
	memcpy(ret, tile->node[start_of(inside) + (at >> inside)], TREE_HASH);
	return OK;
}

struct tree_reader log_tree_reader(struct log_tree *t)
{
	return (struct tree_reader){.node = node, .arg = t};
}

/* ---- growing ---- */

static RC write_tile(struct db *db, unsigned height, uint64_t index)
{
	AUTO(log_tree, t, NULL);
	tree_hash top;

	TRY(log_tree_open(db, &t));
	TRY(above(t, height, index, top));
	return db_run(db, NULL, "INSERT INTO log_tile (height, idx, node) VALUES ($1, $2, $3)",
	              DB_ARGS(DB_INT(height), DB_INT(index), DB_BLOB(SLICE_ARR(top))));
}

RC log_tree_grow(struct db *db, uint64_t index)
{
	for (unsigned height = 1; ((index + 1) & (((uint64_t)1 << height * LOG_TILE_BITS) - 1)) == 0;
	     height++)
		TRY(write_tile(db, height, index >> height * LOG_TILE_BITS));
	return OK;
}
