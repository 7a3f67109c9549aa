#include "cli/batch_file.h"

#include "base/csv.h"
#include "base/mem.h"
#include "base/text.h"
#include "sm/sm3.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 4096
#define PARTS_MAX 4

struct batch_file {
	FILE *file;
	struct csv *csv;
	bool lines;             /* JSON Lines */
	json_t *header;         /* names of the columns */
	char dir[NAME_MAX_LEN]; /* "" for the present one */
};

static struct rc read_file(void *arg, uint8_t *to, size_t max, size_t *n)
{
	FILE *f = arg;

	*n = fread(to, 1, max, f);
	NEED(*n > 0 || ferror(f) == 0, RC_BUSY, "the file cannot be read any more");
	return OK;
}

void batch_file_free(struct batch_file *f)
{
	if (f == NULL)
		return;
	csv_free(f->csv);
	json_decref(f->header);
	if (f->file != NULL)
		(void)fclose(f->file);
	mem_free(f);
}

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);

	return n >= m && strcmp(s + n - m, with) == 0;
}

static RC read_header(struct batch_file *f)
{
	bool more;

	TRY(csv_row(f->csv, &more));
	REQUIRE(more, CSV, "the file has no header");
	for (size_t i = 0; i < csv_count(f->csv); i++) {
		struct slice s = csv_field(f->csv, i);

		REQUIRE(s.len > 0, CSV, "column %zu has no name", i + 1);
		NEED(json_array_append_new(f->header, json_stringn((const char *)s.p, s.len)) == 0, RC_NOMEM,
		     "no memory");
	}
	return OK;
}

RC batch_file_open(const char *path, struct batch_file **ret)
{
	AUTO(batch_file, f, mem_new(1, sizeof(*f)));
	const char *slash = strrchr(path, '/');

	NEED(f != NULL, RC_NOMEM, "no memory");
	f->lines = ends(path, ".jsonl");
	REQUIRE(f->lines || ends(path, ".csv"), USAGE, "%s: neither .csv nor .jsonl", path);
	(void)snprintf(f->dir, sizeof(f->dir), "%.*s", slash != NULL ? (int)(slash - path + 1) : 0, path);
	f->header = json_array();
	f->file = fopen(path, "rbe");
	NEED(f->file != NULL && f->header != NULL, RC_INPUT, "%s cannot be opened", path);
	TRY(csv_new(read_file, f->file, &f->csv));
	if (!f->lines)
		TRY(rc_note(read_header(f), "%s", path));
	*ret = MOVE(f);
	return OK;
}

size_t batch_file_where(const struct batch_file *f)
{
	return csv_where(f->csv);
}

RC batch_file_path(const struct batch_file *f, const char *name, struct buf *ret)
{
	if (name[0] != '/')
		buf_text(ret, f->dir);
	buf_text(ret, name);
	return buf_done(ret);
}

/* ---- a row of a CSV as JSON ---- */

static json_t *child(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (v == NULL) {
		json_put_take(o, key, json_object());
		v = json_object_get(o, key);
	}
	return v;
}

/* "dns[]": words between blanks. */
static void put_words(json_t *o, const char *name, struct slice v)
{
	json_t *list = json_array();
	size_t at = 0;

	json_put_take(o, name, list);
	while (at < v.len) {
		size_t n = 0;

		while (at + n < v.len && v.p[at + n] != ' ')
			n++;
		if (n > 0)
			(void)json_array_append_new(list, json_stringn((const char *)v.p + at, n));
		at += n + 1;
	}
}

/* "document.number": a member of a member of the identity. */
static void put_member(json_t *identity, const char *path, struct slice v)
{
	json_t *o = identity;
	char part[128];

	for (size_t depth = 0; depth < PARTS_MAX; depth++) {
		size_t n = strcspn(path, ".");

		(void)snprintf(part, sizeof(part), "%.*s", (int)n, path);
		if (path[n] == '\0')
			break;
		o = child(o, part);
		path += n + 1;
	}
	if (ends(part, "[]")) {
		part[strlen(part) - 2] = '\0';
		put_words(o, part, v);
	} else {
		json_put_text(o, part, v);
	}
}

/* "sm2/5a01": the certificate that this one follows, with a new key and perhaps new data (R21.3). */
static void put_basis(json_t *basis, struct slice v)
{
	const uint8_t *slash = memchr(v.p, '/', v.len);
	size_t n = slash != NULL ? (size_t)(slash - v.p) : v.len;

	json_put_cstr(basis, "kind", "update");
	json_put_text(basis, "ca", slice_of(v.p, n));
	json_put_text(basis, "serial", slice_of(v.p + n + (n < v.len), v.len - n - (n < v.len)));
}

static void put_field(json_t *row, const char *name, struct slice v)
{
	static const char *const own[] = {"csr", "purpose", "region", "duplicate", "corrects", NULL};

	for (size_t i = 0; own[i] != NULL; i++) {
		if (strcmp(name, own[i]) == 0) {
			json_put_text(row, name, v);
			return;
		}
	}
	if (strcmp(name, "agreement") == 0) {
		json_put_text(child(row, name), "version", v);
		json_put_bool(child(row, name), "accepted", true);
	} else if (strcmp(name, "updates") == 0) {
		put_basis(child(row, "basis"), v);
	} else if (strncmp(name, "evidence:", 9) == 0) {
		json_put_text(child(row, "evidence"), name + 9, v);
	} else {
		put_member(child(row, "identity"), name, v);
	}
}

static RC row_of_csv(const struct batch_file *f, json_t **ret)
{
	AUTO_JSON(row, json_object());

	REQUIRE(csv_count(f->csv) == json_array_size(f->header), CSV, "%zu fields, the header has %zu",
	        csv_count(f->csv), json_array_size(f->header));
	for (size_t i = 0; i < csv_count(f->csv); i++) {
		if (csv_field(f->csv, i).len > 0)
			put_field(row, json_string_value(json_array_get(f->header, i)), csv_field(f->csv, i));
	}
	TRY(json_put_result());
	*ret = MOVE(row);
	return OK;
}

static RC row_of_line(const struct batch_file *f, json_t **ret)
{
	AUTO_JSON(row, NULL);

	TRY(json_read(csv_field(f->csv, 0), CSV_ROW_MAX, &row));
	NEED(json_is_object(row), RC_INPUT, "the line is not a JSON object");
	TRY(json_only(row, "identity", "purpose", "region", "agreement", "csr", "evidence", "duplicate",
	              "corrects", "basis", NULL));
	*ret = MOVE(row);
	return OK;
}

RC batch_file_next(struct batch_file *f, json_t **row, bool *more)
{
	*row = NULL;
	TRY(f->lines ? csv_line(f->csv, more) : csv_row(f->csv, more));
	if (!*more)
		return OK;
	return f->lines ? row_of_line(f, row) : row_of_csv(f, row);
}

/* ---- the file as a whole ---- */

struct measuring {
	FILE *file;
	struct sm3 hash;
};

static struct rc read_hash(void *arg, uint8_t *to, size_t max, size_t *n)
{
	struct measuring *m = arg;

	TRY(read_file(m->file, to, max, n));
	sm3_update(&m->hash, slice_of(to, *n));
	return OK;
}

static RC count_rows(struct csv *c, bool lines, int64_t *rows)
{
	bool more = true;

	for (*rows = lines ? 0 : -1; more; *rows += more) {
		struct rc rc = lines ? csv_line(c, &more) : csv_row(c, &more);

		if (!rc_ok(rc) && rc_last()->err != ERR_CSV)
			return rc;
	}
	return OK;
}

RC batch_file_measure(const char *path, int64_t *rows, uint8_t sm3[32])
{
	struct measuring m = {.file = fopen(path, "rbe")};
	AUTO(csv, c, NULL);
	struct rc rc;

	NEED(m.file != NULL, RC_INPUT, "%s cannot be opened", path);
	sm3_init(&m.hash);
	rc = csv_new(read_hash, &m, &c);
	if (rc_ok(rc))
		rc = count_rows(c, ends(path, ".jsonl"), rows);
	(void)fclose(m.file);
	TRY(rc);
	sm3_final(&m.hash, sm3);
	NEED(*rows > 0, RC_INPUT, "%s has no rows", path);
	return OK;
}
