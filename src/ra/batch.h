#ifndef YD_RA_BATCH_H
#define YD_RA_BATCH_H
/* Lists of applications (issue 4).  The clerk's program signs one application statement for each line,
 * the reviewer's one approval for each application: CA and signer see what they always see.  A line is
 * taken once, whatever is repeated: its row and its application come in one transaction. */
#include "db/writer.h"
#include "ra/ra.h"

#define BATCH_LINES_MAX 100000
#define BATCH_CHUNK 256          /* lines or decisions of one request */
#define BATCH_BODY (4u << 20)    /* of one request */
#define BATCH_PAGE 100           /* whole applications of one answer */
#define BATCH_REASON_MAX 512
#define BATCH_NAME_MAX 256
#define BATCH_TEXT_MAX 512

enum batch_state { BATCH_OPEN, BATCH_CANCELLED };
struct batch {
	char id[RA_ID + 1], by[RA_UUID + 1], name[BATCH_NAME_MAX + 1];
	uint8_t sm3[32];
	int64_t lines, at;
	enum batch_state state;
};

/* POST /v1/batches {"name","sm3","lines"}: the same file of the same clerk is the same batch. */
RC batch_open(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/batches/{id}/lines {"lines":[{"line","statement"} or {"line","code","text"}]} */
RC batch_lines(struct ra *ra, const struct request *q, json_t **ret);
/* GET /v1/batches/{id}, …/errors, …/applications */
RC batch_show(struct ra *ra, const struct request *q, json_t **ret);
RC batch_errors(struct ra *ra, const struct request *q, json_t **ret);
RC batch_applications(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/batches/{id}/reviews {"statements":[…]} */
RC batch_review(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/batches/{id}/cancellation: what was not approved yet leaves. */
RC batch_cancel(struct ra *ra, const struct request *q, json_t **ret);

/* The batch of the path's {id}, if the caller may see it. */
RC batch_of(const struct request *q, struct db *db, struct batch *ret);
/* {"id","state","lines","done","errors","next","applications":{…}} */
RC batch_json(struct db *db, const struct batch *b, json_t **ret);

/* ---- crowd.c: many closures, one wait ---- */
struct crowd_item {
	struct rc (*fn)(struct db_tx *tx, void *arg);
	void *arg;
	struct rc rc;
	struct rc_text why;
	struct crowd *crowd;
};
/* Runs all of them; each has its own result. */
RC crowd_run(struct writer *w, struct crowd_item *items, size_t n);

/* ---- store_batch.c ---- */
RC ra_store_batch_put(struct db *db, const struct batch *b);
RC ra_store_batch(struct db *db, const char *id, struct batch *ret); /* RC_NOTFOUND */
RC ra_store_batch_file(struct db *db, const uint8_t sm3[32], const char *by, struct batch *ret);
struct batch_line {
	int64_t line;
	int64_t application; /* 0: refused */
	const char *code, *text;
};
RC ra_store_line_put(struct db *db, const char *batch, const struct batch_line *l);
/* What became of that line; the id of its application, or "" and the code added to code.  RC_NOTFOUND. */
RC ra_store_line(struct db *db, const char *batch, int64_t line, char id[RA_ID + 1], struct buf *code);
/* Lines that are there, those refused, the first that is not there. */
RC ra_store_batch_progress(struct db *db, const char *batch, int64_t *done, int64_t *errors, int64_t *next);
RC ra_store_batch_counts(struct db *db, const char *batch, int64_t counts[APPLICATION_STATES]);
struct batch_error {
	int64_t line;
	struct slice code, text;
};
RC ra_store_batch_errors(struct db *db, const char *batch, int64_t after, size_t limit,
                         struct rc (*each)(void *arg, const struct batch_error *e), void *arg);
/* Everything of it that is entered, held or returned becomes cancelled, with a line of history. */
RC ra_store_batch_cancel(struct db *db, const char *batch, const char *by, int64_t at, int64_t *ret);

#endif
