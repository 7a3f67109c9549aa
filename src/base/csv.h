#ifndef YD_BASE_CSV_H
#define YD_BASE_CSV_H
/* Rows of a CSV file (RFC 4180, UTF-8) or plain lines, as they stream in; the file is never held whole.
 *  LF and CRLF end a row, a byte order mark is passed over.  A row that is wrong is told of and the
 * next one starts behind it. */
#include "base/auto.h"
#include "base/buf.h"

#define CSV_ROW_MAX (64u << 10) /* bytes of one row */
#define CSV_FIELDS_MAX 128

struct csv;
/* *n = bytes put at to, 0 at the end. */
typedef struct rc csv_read(void *arg, uint8_t *to, size_t max, size_t *n);
RC csv_new(csv_read *read, void *arg, struct csv **ret);
void csv_free(struct csv *c);
DROP(csv, csv_free);

/* The next row that is not empty; *more false at the end.  ERR_CSV: this row is wrong, go on with the next;
 * any other failure is the reader's. */
RC csv_row(struct csv *c, bool *more);
/* The same without a look at commas and quotes: one field, the line. */
RC csv_line(struct csv *c, bool *more);
size_t csv_count(const struct csv *c);              /* fields of the row */
struct slice csv_field(const struct csv *c, size_t i); /* until the next row; empty when there is none */
/* Where the row began in the file, from 1. */
size_t csv_where(const struct csv *c);

#endif
