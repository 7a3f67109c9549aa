#ifndef YD_EVIDENCE_LOG_TREE_H
#define YD_EVIDENCE_LOG_TREE_H
/* The tree over a log's leaves.  Of 256 leaves, then of 256 such nodes and so on, the node above is kept in
 * "log_tile" (written with the last leaf of the 256), so that any node is had from one tile of 256 rows.  A
 * tile that is missing (a log that began without them) is computed from below each time. */
#include "db/db.h"
#include "evidence/tree.h"

#define LOG_TILE_BITS 8
#define LOG_TILE (1u << LOG_TILE_BITS)
#define LOG_TILES_CACHED 8

/* Reads through one connection; tiles just used are kept.  For one answer: not over later appends. */
struct log_tree;
RC log_tree_open(struct db *db, struct log_tree **ret);
void log_tree_free(struct log_tree *t);
DROP(log_tree, log_tree_free);
struct tree_reader log_tree_reader(struct log_tree *t);

/* After the row of leaf `index` was written: the tiles that it completes. */
RC log_tree_grow(struct db *db, uint64_t index);

#endif
