#include "base/csv.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define BLOCK 16384

enum place { AT_START, IN_PLAIN, IN_QUOTES, AFTER_QUOTE };

struct csv {
	csv_read *read;
	void *arg;
	uint8_t block[BLOCK];
	size_t len, at;
	bool begun, ended;
	size_t where, line; /* of the row, and of the byte to come */
	uint8_t row[CSV_ROW_MAX];
	size_t row_len;
	size_t count, start[CSV_FIELDS_MAX + 1];
	const char *fault; /* of the row being read; NULL: none */
};

RC csv_new(csv_read *read, void *arg, struct csv **ret)
{
	struct csv *c = mem_new(1, sizeof(*c));

	NEED(c != NULL, RC_NOMEM, "no memory");
	c->read = read;
	c->arg = arg;
	c->line = 1;
	*ret = c;
	return OK;
}

void csv_free(struct csv *c)
{
	mem_free(c);
}

/* ---- bytes ---- */

#define MARK_LEN 3

/* Enough for the byte order mark, then as it comes. */
static RC fill_first(struct csv *c)
{
	size_t n = 1;

	while (c->len < MARK_LEN && n > 0) {
		TRY(c->read(c->arg, c->block + c->len, BLOCK - c->len, &n));
		c->len += n;
	}
	c->begun = true;
	if (c->len >= MARK_LEN && memcmp(c->block, "\xef\xbb\xbf", MARK_LEN) == 0)
		c->at = MARK_LEN;
	return OK;
}

static RC fill(struct csv *c)
{
	if (!c->begun)
		TRY(fill_first(c));
	if (c->at < c->len || c->ended)
		return OK;
	c->at = 0;
	TRY(c->read(c->arg, c->block, BLOCK, &c->len));
	c->ended = c->len == 0;
	return OK;
}

/* The next byte, or -1 at the end. */
static RC next(struct csv *c, int *ret)
{
	TRY(fill(c));
	*ret = c->at < c->len ? c->block[c->at++] : -1;
	if (*ret == '\n')
		c->line++;
	return OK;
}

static void keep(struct csv *c, int byte)
{
	if (c->row_len == CSV_ROW_MAX)
		c->fault = "the row is too long";
	else
		c->row[c->row_len++] = (uint8_t)byte;
}

static void close_field(struct csv *c)
{
	if (c->count == CSV_FIELDS_MAX)
		c->fault = "the row has too many fields";
	else
		c->start[++c->count] = c->row_len;
}

/* ---- rows ---- */

static void close_row(struct csv *c, enum place p)
{
	if (p == IN_QUOTES)
		c->fault = "a quoted field has no end";
	/* CR of CRLF */
	if (p == IN_PLAIN && c->row_len > c->start[c->count] && c->row[c->row_len - 1] == '\r')
		c->row_len--;
}

static enum place quote(struct csv *c, enum place p)
{
	static const enum place to[] = {[AT_START] = IN_QUOTES,
	                                [IN_PLAIN] = IN_PLAIN,
	                                [IN_QUOTES] = AFTER_QUOTE,
	                                [AFTER_QUOTE] = IN_QUOTES};

	if (p == AFTER_QUOTE)
		keep(c, '"');
	else if (p == IN_PLAIN)
		c->fault = "a quote within a field";
	return to[p];
}

/* One byte of a row, which is not its end. */
static enum place step(struct csv *c, enum place p, int byte)
{
	if (byte == '"')
		return quote(c, p);
	if (p == IN_QUOTES) {
		keep(c, byte);
		return p;
	}
	if (byte == ',') {
		close_field(c);
		return AT_START;
	}
	if (p == AFTER_QUOTE) {
		if (byte != '\r')
			c->fault = "text behind a quoted field";
		return p;
	}
	keep(c, byte);
	return IN_PLAIN;
}

static void begin(struct csv *c)
{
	c->where = c->line;
	c->row_len = c->count = 0;
	c->start[0] = 0;
	c->fault = NULL;
}

static RC judge(const struct csv *c)
{
	REQUIRE(c->fault == NULL, CSV, "line %zu: %s", c->where, c->fault);
	REQUIRE(memchr(c->row, 0, c->row_len) == NULL && text_utf8(slice_of(c->row, c->row_len)), CSV,
	        "line %zu: not UTF-8, or a NUL", c->where);
	return OK;
}

/* Without its end; *byte is what ended it: LF, or -1 for the file's. */
static RC read_row(struct csv *c, bool plain, int *byte)
{
	enum place p = plain ? IN_PLAIN : AT_START;

	begin(c);
	for (;;) {
		TRY(next(c, byte));
		if (*byte < 0 || (*byte == '\n' && p != IN_QUOTES))
			break;
		if (plain)
			keep(c, *byte);
		else
			p = step(c, p, *byte);
	}
	close_row(c, p);
	if (c->row_len > 0 || c->count > 0 || p == AFTER_QUOTE)
		close_field(c);
	return OK;
}

/* Empty rows are passed over. */
static RC read_one(struct csv *c, bool plain, bool *more)
{
	int byte;

	do {
		TRY(read_row(c, plain, &byte));
		*more = byte >= 0 || c->count > 0;
	} while (*more && c->count == 0 && c->fault == NULL);
	return judge(c);
}

RC csv_row(struct csv *c, bool *more)
{
	return read_one(c, false, more);
}

RC csv_line(struct csv *c, bool *more)
{
	return read_one(c, true, more);
}

size_t csv_count(const struct csv *c)
{
	return c->count;
}

struct slice csv_field(const struct csv *c, size_t i)
{
	return i < c->count ? slice_of(c->row + c->start[i], c->start[i + 1] - c->start[i]) : SLICE_NONE;
}

size_t csv_where(const struct csv *c)
{
	return c->where;
}
