#include "instance/heads.h"
#include "statement/statement.h"

void head_row_free(struct head_row *h)
{
	buf_free(&h->statement);
}

RC heads_put(struct db *db, const char *log, const struct head_row *h)
{
	struct slice root = SLICE_ARR(h->head.root);

	if (log == NULL)
		return db_run(db, NULL,
		              "INSERT INTO log_head (size, at, root, statement) VALUES ($1, $2, $3, $4)"
		              " ON CONFLICT DO NOTHING",
		              DB_ARGS(DB_INT(h->head.size), DB_INT(h->at), DB_BLOB(root),
		                      DB_BLOB(buf_slice(&h->statement))));
	return db_run(db, NULL,
	              "INSERT INTO witnessed (log, size, at, root, statement) VALUES ($1, $2, $3, $4, $5)"
	              " ON CONFLICT DO NOTHING",
	              DB_ARGS(DB_CSTR(log), DB_INT(h->head.size), DB_INT(h->at), DB_BLOB(root),
	                      DB_BLOB(buf_slice(&h->statement))));
}

static RC query(struct db *db, const char *log, uint64_t below, size_t limit, struct db_rows **q)
{
	if (log == NULL)
		return db_query(db, q,
		                "SELECT size, at, root, statement FROM log_head WHERE size < $1"
		                " ORDER BY size DESC, at DESC LIMIT $2",
		                DB_ARGS(DB_INT(below), DB_INT(limit)));
	return db_query(db, q,
	                "SELECT size, at, root, statement FROM witnessed WHERE log = $3 AND size < $1"
	                " ORDER BY size DESC, at DESC LIMIT $2",
	                DB_ARGS(DB_INT(below), DB_INT(limit), DB_CSTR(log)));
}

RC heads_last(struct db *db, const char *log, struct head_row *ret, bool *found)
{
	AUTO(db_rows, q, NULL);

	TRY(query(db, log, INT64_MAX, 1, &q));
	TRY(db_next(q, found));
	if (!*found)
		return OK;
	ret->head.size = (uint64_t)db_int(q, 0);
	ret->at = db_int(q, 1);
	TRY(db_bytes(q, 2, ret->head.root, TREE_HASH));
	buf_clear(&ret->statement);
	buf_add(&ret->statement, db_blob(q, 3));
	return buf_done(&ret->statement);
}

RC heads_list(struct db *db, const char *log, uint64_t below, size_t limit, json_t **ret)
{
	AUTO(db_rows, q, NULL);
	AUTO_JSON(list, json_array());
	bool row;

	NEED(list != NULL, RC_NOMEM, "heads: out of memory");
	TRY(query(db, log, below == 0 ? INT64_MAX : below, limit, &q));
	for (;;) {
		AUTO_JSON(o, json_object());

		TRY(db_next(q, &row));
		if (!row)
			break;
		json_put_int(o, "size", db_int(q, 0));
		json_put_time(o, "at", db_int(q, 1));
		json_put_hex(o, "root", db_blob(q, 2));
		json_put_base64(o, "statement", db_blob(q, 3));
		TRY(json_put_result());
		NEED(o != NULL && json_array_append(list, o) == 0, RC_NOMEM, "heads: out of memory");
	}
	*ret = MOVE(list);
	return OK;
}
