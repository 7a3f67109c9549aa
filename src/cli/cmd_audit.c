/* yuandian audit verify, export, heads: the log, judged on a copy and without any key of the system (R12.4).
 */
#include "base/text.h"
#include "base/time.h"
#include "cli/officer.h"
#include "evidence/audit.h"
#include "sm/sm3.h"

#include <dirent.h>
#include <sys/stat.h>

#define HEADS_MAX 100000
#define PATH_LEN 4096
#define LINE_ROOM (1 << 20)
#define FILE_HEADS_MAX (64u << 20)
#define PAGE 1000

/* ---- heads ---- */

struct heads {
	struct statement_trust *trust; /* NULL: signatures were not asked for */
	char dir[PATH_LEN];            /* of certificates: ORG.ROLE.cer */
	char log[STATEMENT_NAME_MAX + 1];
	struct audit_head *at;
	size_t count;
};

static void heads_free(struct heads *h)
{
	statement_trust_free(h->trust);
	mem_free(h->at);
}
#define AUTO_HEADS(name) __attribute__((cleanup(heads_free))) struct heads name = {0}

/* Whose head it is decides which certificate must have signed it. */
static RC pin(struct heads *h)
{
	char path[PATH_LEN + 128];
	const char *role = strchr(h->log, '/');
	AUTO_BUF(file, CLI_FILE_MAX);
	AUTO_BUF(der, CLI_FILE_MAX);

	NEED(role != NULL, RC_INPUT, "%s is no log", h->log);
	(void)snprintf(path, sizeof(path), "%s/logs/%.*s.%s.cer", h->dir, (int)(role - h->log), h->log,
	               role + 1);
	TRY(rc_note(file_read(path, CLI_FILE_MAX, &file), "%s", path));
	TRY(text_pem(buf_slice(&file), "CERTIFICATE", &der));
	char organisation[STATEMENT_NAME_MAX + 1];
	(void)snprintf(organisation, sizeof(organisation), "%.*s", (int)(role - h->log), h->log);
	TRY(statement_trust_new(&h->trust));
	return statement_trust_pin(h->trust, "log", organisation, buf_slice(&der));
}

static RC add(struct heads *h, struct slice der, bool witnessed)
{
	AUTO(statement, s, NULL);
	struct slice log;
	int64_t size;

	TRY(statement_open(der, &s));
	REQUIRE(s->kind == STATEMENT_TREE_HEAD, LOG_HEAD, "a statement of the kind %s",
	        statement_kind_name(s->kind));
	TRY(json_get_text(s->body, "log", STATEMENT_NAME_MAX, &log));
	if (h->log[0] == 0) {
		memcpy(h->log, log.p, log.len);
		h->log[log.len] = 0;
		TRY(pin(h));
	}
	REQUIRE(slice_is(log, h->log), LOG_HEAD, "a head of %.*s among those of %s", (int)log.len,
	        (const char *)log.p, h->log);
	TRY(rc_note(statement_verify(s, h->trust, INT64_MAX), "head of %s", h->log));
	NEED(h->count < HEADS_MAX, RC_INPUT, "more than %d heads", HEADS_MAX);
	if (h->count % 256 == 0) {
		struct audit_head *more = mem_grow(h->at, h->count + 256, sizeof(*more));

		NEED(more != NULL, RC_NOMEM, "no memory");
		h->at = more;
	}
	struct audit_head *at = &h->at[h->count];

	*at = (struct audit_head){.at = s->issued, .witnessed = witnessed};
	TRY(json_get_int(s->body, "size", 0, INT64_MAX, &size));
	TRY(json_get_hex(s->body, "root", at->head.root, TREE_HASH));
	at->head.size = (uint64_t)size;
	h->count++;
	return OK;
}

static RC add_list(struct heads *h, const json_t *list, bool witnessed)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		AUTO_BUF(der, STATEMENT_MAX);

		TRY(json_get_base64(one, "statement", STATEMENT_MAX, &der));
		TRY(add(h, buf_slice(&der), witnessed));
	}
	return OK;
}

/* A statement, or what `audit heads` wrote. */
static RC add_file(struct heads *h, const char *path)
{
	AUTO_BUF(text, FILE_HEADS_MAX);
	AUTO_JSON(o, NULL);
	json_t *list;

	TRY(rc_note(file_read(path, FILE_HEADS_MAX, &text), "%s", path));
	if (text.len > 0 && text.p[0] == 0x30)
		return rc_note(add(h, buf_slice(&text), true), "%s", path);
	TRY(rc_note(json_read(buf_slice(&text), FILE_HEADS_MAX, &o), "%s", path));
	TRY(rc_note(json_get_array(o, "heads", HEADS_MAX, &list), "%s", path));
	return rc_note(add_list(h, list, true), "%s", path);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void close_dir(struct __dirstream *d)
{
	if (d != NULL)
		(void)closedir(d);
}
DROP(__dirstream, close_dir);

static RC add_witnessed(struct heads *h, const char *path)
{
	AUTO(__dirstream, d, NULL);
	const struct dirent *e;
	char file[PATH_LEN];
	size_t before = h->count;

	if (!is_folder(path)) {
		TRY(add_file(h, path));
	} else {
		d = opendir(path);
		NEED(d != NULL, RC_INPUT, "%s cannot be read", path);
		while ((e = readdir(d)) != NULL) {
			if (e->d_name[0] == '.')
				continue;
			NEED(snprintf(file, sizeof(file), "%s/%s", path, e->d_name) < PATH_LEN, RC_INPUT,
			     "the path is too long");
			TRY(add_file(h, file));
		}
	}
	REQUIRE(h->count > before, LOG_HEAD, "%s holds no head", path);
	return OK;
}

/* ---- a folder of an instance ---- */

static RC own_heads(struct heads *h, struct db *db)
{
	AUTO_JSON(list, NULL);

	TRY(audit_own_heads(db, HEADS_MAX, &list));
	return add_list(h, list, false);
}

static RC verify_folder(struct heads *h, const char *dir, struct audit *a)
{
	char path[PATH_LEN + 16];
	AUTO(db, db, NULL);

	TRY(cli_database(dir, path, sizeof(path)));
	TRY(rc_note(db_open(path, true, &db), "%s", path));
	TRY(own_heads(h, db));
	audit_open(a, h->at, h->count);
	return audit_database(a, db);
}

/* ---- an export: lines of JSON, {"log"}, then each head {"statement"}, then each entry {"index"} ---- */

struct lines {
	FILE *file;
	char *text;  /* LINE_ROOM */
	json_t *now; /* NULL after the last */
};

static void lines_free(struct lines *l)
{
	if (l->file != NULL)
		(void)fclose(l->file);
	mem_free(l->text);
	json_decref(l->now);
}

static RC next_line(struct lines *l)
{
	size_t len;

	json_decref(l->now);
	l->now = NULL;
	if (fgets(l->text, LINE_ROOM, l->file) == NULL)
		return OK;
	len = strlen(l->text);
	NEED(len > 0 && l->text[len - 1] == '\n', RC_INPUT, "a line is too long or has no end");
	return json_read(slice_of(l->text, len), LINE_ROOM, &l->now);
}

static RC one_line(struct audit *a, const json_t *o)
{
	AUTO_BUF(bytes, LOG_ENTRY_MAX);
	uint8_t leaf[LOG_LEAF], sealed[LOG_LEAF];
	struct log_entry e = {.leaf = leaf};
	json_t *entry;
	int64_t index;

	TRY(json_get_int(o, "index", 0, INT64_MAX, &index));
	TRY(json_get(o, "entry", &entry));
	TRY(json_get_hex(o, "leaf", leaf, sizeof(leaf)));
	TRY(json_canonical(entry, &bytes));
	if (json_is_string(json_object_get(o, "sealed"))) {
		TRY(json_get_hex(o, "sealed", sealed, sizeof(sealed)));
		e.sealed = sealed;
	}
	e.index = (uint64_t)index;
	e.entry = buf_slice(&bytes);
	return audit_entry(a, &e);
}

static RC verify_export(struct heads *h, const char *path, struct audit *a)
{
	__attribute__((cleanup(lines_free))) struct lines l = {.file = fopen(path, "rbe"),
	                                                       .text = mem_new(LINE_ROOM, 1)};

	NEED(l.file != NULL && l.text != NULL, RC_NOTFOUND, "%s cannot be read", path);
	TRY(next_line(&l));
	NEED(l.now != NULL && json_is_string(json_object_get(l.now, "log")), RC_INPUT,
	     "%s is no export of a log", path);
	TRY(next_line(&l));
	while (json_object_get(l.now, "statement") != NULL) {
		AUTO_BUF(der, STATEMENT_MAX);

		TRY(json_get_base64(l.now, "statement", STATEMENT_MAX, &der));
		TRY(add(h, buf_slice(&der), false));
		TRY(next_line(&l));
	}
	audit_open(a, h->at, h->count);
	while (l.now != NULL) {
		TRY(one_line(a, l.now));
		TRY(next_line(&l));
	}
	return audit_end(a);
}

/* ---- audit verify ---- */

static RC report(struct cli *c, const struct heads *h, const struct audit *a)
{
	AUTO_JSON(o, json_object());
	tree_hash root;

	tree_root(&a->edge, root);
	json_put_cstr(o, "log", h->log);
	json_put_int(o, "entries", (int64_t)a->edge.size);
	json_put_hex(o, "root", SLICE_ARR(root));
	json_put_int(o, "own_heads", (int64_t)a->own);
	json_put_int(o, "witnessed_heads", (int64_t)a->witnessed);
	json_put_int(o, "proven_to", (int64_t)a->held);
	json_put_cstr(o, "result", a->witnessed > 0 ? "verified" : "self-consistent only");
	if (a->witnessed == 0)
		c->exit = CLI_UNVERIFIED;
	if (c->json)
		return cli_json(c, "audit-verify", MOVE(o));
	cli_line(c, "%s: %llu entries, %zu own heads, %zu witnessed, proven up to entry %llu", h->log,
	         (unsigned long long)a->edge.size, a->own, a->witnessed, (unsigned long long)a->held);
	cli_line(c, "%s", a->witnessed > 0 ? "verified" : "self-consistent only");
	return OK;
}

/* ---- certificates from the field: was each of them issued here? ---- */

static RC load_certificates(const struct cli *c, struct audit *a)
{
	const char *path;

	while ((path = cli_get_at(c, "certificate", a->certificate_count)) != NULL) {
		AUTO_BUF(file, CLI_FILE_MAX);
		AUTO_BUF(der, CLI_FILE_MAX);
		AUTO_BUF(hex, 65);
		uint8_t sm3[SM3_LEN];

		TRY(rc_note(file_read(path, CLI_FILE_MAX, &file), "%s", path));
		if (!rc_ok(text_pem(buf_slice(&file), "CERTIFICATE", &der)))
			buf_add(&der, buf_slice(&file));
		sm3_hash(buf_slice(&der), sm3);
		buf_hex(&hex, SLICE_ARR(sm3));
		TRY(buf_done(&hex));
		(void)snprintf(a->certificates[a->certificate_count++].sm3, 65, "%s", buf_cstr(&hex));
	}
	return OK;
}

static RC all_issued(const struct cli *c, const struct audit *a)
{
	for (size_t i = 0; i < a->certificate_count; i++)
		REQUIRE(a->certificates[i].issued, CERTIFICATE_FOREIGN, "%s: no entry tells of it",
		        cli_get_at(c, "certificate", i));
	return OK;
}

struct rc cmd_audit_verify(struct cli *c)
{
	AUTO_MEM(struct audit_certificate, certificates, mem_new(CLI_VALUES_MAX, sizeof(*certificates)));
	AUTO_HEADS(h);
	struct audit a = {0};
	const char *what = c->operands[0], *trust = cli_get(c, "trust");
	bool folder = is_folder(what);

	REQUIRE(folder || trust != NULL, USAGE, "--trust DIR is needed with a file or a database");
	NEED(snprintf(h.dir, sizeof(h.dir), "%s%s", trust != NULL ? trust : what,
	              trust != NULL ? "" : "/trust") < PATH_LEN,
	     RC_INPUT, "the path is too long");
	c->verifying = true;
	NEED(certificates != NULL, RC_NOMEM, "no memory");
	a.certificates = certificates;
	TRY(load_certificates(c, &a));
	for (size_t i = 0; cli_get_at(c, "heads", i) != NULL; i++)
		TRY(add_witnessed(&h, cli_get_at(c, "heads", i)));
	if (folder || cli_is_database(what))
		TRY(verify_folder(&h, what, &a));
	else
		TRY(verify_export(&h, what, &a));
	TRY(all_issued(c, &a));
	return report(c, &h, &a);
}

/* ---- audit export, audit heads ---- */

static RC write_json(FILE *f, const json_t *o)
{
	AUTO_BUF(line, FILE_HEADS_MAX);

	TRY(json_canonical(o, &line));
	buf_u8(&line, '\n');
	TRY(buf_done(&line));
	NEED(fwrite(line.p, 1, line.len, f) == line.len, RC_BUSY, "the file cannot be written");
	return OK;
}

/* All heads, page by page. */
static RC get_heads(struct officer *o, const char *query, json_t **ret)
{
	AUTO_JSON(all, json_array());
	int64_t below = 0, size;

	NEED(all != NULL, RC_NOMEM, "no memory");
	do {
		AUTO_BUF(path, 512);
		AUTO_JSON(answer, NULL);
		json_t *list;

		buf_printf(&path, "%slimit=%d", query, PAGE);
		if (below > 0)
			buf_printf(&path, "&below=%lld", (long long)below);
		TRY(buf_done(&path));
		TRY(officer_get(o, buf_cstr(&path), &answer));
		TRY(json_get_array(answer, "heads", PAGE, &list));
		below = 0;
		if (json_array_size(list) == PAGE) {
			TRY(json_get_int(json_array_get(list, PAGE - 1), "size", 0, INT64_MAX, &size));
			below = size;
		}
		NEED(json_array_extend(all, list) == 0, RC_NOMEM, "no memory");
	} while (below > 0);
	*ret = MOVE(all);
	return OK;
}

static RC export_entries(struct officer *o, FILE *f, int64_t *n)
{
	int64_t size = 1;

	for (*n = 0; *n < size;) {
		AUTO_BUF(path, 128);
		AUTO_JSON(answer, NULL);
		json_t *list;
		const json_t *one;
		size_t i;

		buf_printf(&path, "/v1/log/entries?from=%lld&limit=%d", (long long)*n, PAGE);
		TRY(buf_done(&path));
		TRY(officer_get(o, buf_cstr(&path), &answer));
		TRY(json_get_array(answer, "entries", PAGE, &list));
		TRY(json_get_int(answer, "size", 0, INT64_MAX, &size));
		json_array_foreach(list, i, one) TRY(write_json(f, one));
		*n += (int64_t)json_array_size(list);
		NEED(json_array_size(list) > 0 || *n >= size, RC_BUSY,
		     "the log gives no more than %lld entries", (long long)*n);
	}
	return OK;
}

static void close_file(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

static RC open_out(const struct cli *c, FILE **ret)
{
	*ret = fopen(cli_get(c, "out"), "wxe");
	NEED(*ret != NULL, RC_CONFLICT, "%s cannot be made", cli_get(c, "out"));
	return OK;
}

static RC finish(FILE **f)
{
	int bad = fclose(*f);

	*f = NULL;
	NEED(bad == 0, RC_BUSY, "the file cannot be written");
	return OK;
}

struct rc cmd_audit_export(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(head, json_object());
	AUTO_JSON(list, NULL);
	__attribute__((cleanup(close_file))) FILE *f = NULL;
	const json_t *one;
	size_t i;
	int64_t n;

	TRY(officer_open(c, &o));
	TRY(open_out(c, &f));
	json_put_cstr(head, "log", o.instance);
	TRY(write_json(f, head));
	TRY(get_heads(&o, "/v1/log/heads?", &list));
	json_array_foreach(list, i, one) TRY(write_json(f, one));
	TRY(export_entries(&o, f, &n));
	TRY(finish(&f));
	cli_line(c, "%lld", (long long)n);
	return OK;
}

struct rc cmd_audit_heads(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_BUF(query, 256);
	AUTO_JSON(all, json_object());
	__attribute__((cleanup(close_file))) FILE *f = NULL;
	json_t *list = NULL;

	TRY(officer_open(c, &o));
	TRY(open_out(c, &f));
	buf_text(&query, "/v1/witness/heads?log=");
	http_escape(&query, slice_text(c->operands[0]));
	buf_text(&query, "&");
	TRY(buf_done(&query));
	TRY(get_heads(&o, buf_cstr(&query), &list));
	json_put_cstr(all, "log", c->operands[0]);
	json_put_cstr(all, "witness", o.instance);
	json_put_take(all, "heads", list);
	TRY(write_json(f, all));
	TRY(finish(&f));
	cli_line(c, "%zu", json_array_size(json_object_get(all, "heads")));
	return OK;
}
