#ifndef YD_CLI_BATCH_FILE_H
#define YD_CLI_BATCH_FILE_H
/* A file of applications: FILE.csv or FILE.jsonl, row by row (docs/formats.md, "batch files"). */
#include "base/auto.h"
#include "base/json.h"

struct batch_file;
/* The ending of the name says which; reads the header of a CSV. */
RC batch_file_open(const char *path, struct batch_file **ret);
void batch_file_free(struct batch_file *f);
DROP(batch_file, batch_file_free);
/* Rows of the file, and SM3 over its bytes; on a file of its own. */
RC batch_file_measure(const char *path, int64_t *rows, uint8_t sm3[32]);
/* The next row as {"identity","purpose","region","agreement","csr","evidence":{TYPE: FILE},…}.  A row that is
 * wrong is RC_INPUT: go on with the next. */
RC batch_file_next(struct batch_file *f, json_t **row, bool *more);
size_t batch_file_where(const struct batch_file *f); /* line of the file */
/* A name in the file means a file beside it. */
RC batch_file_path(const struct batch_file *f, const char *name, struct buf *ret);

#endif
