/* yuandian calendar enter|confirm: two officers of the regulator sign an edition (C02); and what --editions
 * takes: editions that two persons have signed, nothing else. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/calendar.h"
#include "cli/objects.h"
#include "cli/officer.h"

#include <dirent.h>
#include <stdlib.h>

#define ROLE "regulator"
#define FILES_MAX 1024

static RC write_statement(struct cli *c, const struct buf *der, const char *schema)
{
	const char *out = cli_get(c, "out");
	AUTO(statement, s, NULL);
	json_t *o;

	TRY(statement_open(buf_slice(der), &s));
	TRY(file_write(out, buf_slice(der), 0644));
	if (!c->json) {
		cli_line(c, "%s", out);
		return OK;
	}
	o = json_object();
	json_put_cstr(o, "file", out);
	json_put_hex(o, "sm3", SLICE_ARR(s->sm3));
	return cli_json(c, schema, o);
}

static RC open_file(const char *path, struct statement **ret)
{
	AUTO_BUF(der, STATEMENT_MAX);

	TRY(file_read(path, STATEMENT_MAX, &der));
	return rc_note(statement_open(buf_slice(&der), ret), "%s", path);
}

/* An amendment names the edition that it takes the place of (statement/chain.h). */
static RC put_previous(struct cli *c, json_t *body)
{
	const char *path = cli_get(c, "previous");
	AUTO(statement, s, NULL);

	if (path == NULL)
		return OK;
	TRY(open_file(path, &s));
	NEED(s->kind == STATEMENT_CALENDAR, RC_INPUT, "%s is no edition of the calendar", path);
	json_put_hex(body, "previous", SLICE_ARR(s->sm3));
	return json_put_result();
}

struct rc cmd_calendar_enter(struct cli *c)
{
	AUTO_OFFICER(officer);
	AUTO_BUF(file, EDITION_JSON_MAX);
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO_JSON(body, NULL);
	struct calendar_edition e;

	REQUIRE(!cli_has(c, "refuse"), USAGE, "--refuse belongs to confirm");
	TRY(file_read(c->operands[0], EDITION_JSON_MAX, &file));
	TRY(rc_note(json_read(buf_slice(&file), EDITION_JSON_MAX, &body), "%s", c->operands[0]));
	TRY(put_previous(c, body));
	TRY(rc_note(edition_read(body, &e), "%s", c->operands[0]));
	TRY(officer_open_offline(c, &officer));
	TRY(officer_sign(&officer, STATEMENT_CALENDAR, ROLE, body, &der));
	return write_statement(c, &der, "calendar-enter");
}

struct rc cmd_calendar_confirm(struct cli *c)
{
	AUTO_OFFICER(officer);
	AUTO(statement, s, NULL);
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO_JSON(body, json_object());

	TRY(open_file(c->operands[0], &s));
	NEED(s->kind == STATEMENT_CALENDAR, RC_INPUT, "%s is no edition of the calendar", c->operands[0]);
	TRY(officer_open_offline(c, &officer));
	REQUIRE(!slice_is(s->person, officer.person), SECOND_PERSON,
	        "who entered an edition does not confirm it");
	json_put_hex(body, "calendar", SLICE_ARR(s->sm3));
	json_put_bool(body, "approve", !cli_has(c, "refuse"));
	if (cli_has(c, "refuse"))
		json_put_cstr(body, "reason", cli_get(c, "refuse"));
	TRY(officer_sign(&officer, STATEMENT_CALENDAR_CONFIRMATION, ROLE, body, &der));
	return write_statement(c, &der, "calendar-confirm");
}

/* ---- reading a folder ---- */

struct folder {
	struct statement *s[FILES_MAX];
	size_t count;
};

static void folder_free(struct folder *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		statement_free(f->s[i]);
	mem_free(f);
}
DROP(folder, folder_free);

static RC take(const char *dir, const char *name, const struct statement_trust *t, int64_t now,
               struct folder *f)
{
	char path[OFFICER_PATH_MAX];
	AUTO(statement, s, NULL);
	size_t n = strlen(name);

	if (n < 5 || strcmp(name + n - 4, ".p7s") != 0)
		return OK;
	NEED(f->count < FILES_MAX, RC_INPUT, "%s: more than %d files", dir, FILES_MAX);
	NEED(snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path), RC_INPUT,
	     "the path is too long");
	TRY(open_file(path, &s));
	TRY(rc_note(statement_verify(s, t, now), "%s", path));
	f->s[f->count++] = MOVE(s);
	return OK;
}

static RC read_folder(struct cli *c, const char *dir, struct folder *f)
{
	char organisation[STATEMENT_NAME_MAX + 1];
	AUTO(statement_trust, t, NULL);
	const char *trust = cli_get(c, "trust");
	struct rc rc = OK;
	struct dirent *e;
	DIR *d;

	REQUIRE(trust != NULL, USAGE, "--editions needs --trust: who may sign them?");
	TRY(trust_organisation(c, trust, organisation));
	TRY(rc_note(statement_trust_load(trust, organisation, &t), "%s", trust));
	d = opendir(dir);
	NEED(d != NULL, RC_NOTFOUND, "%s cannot be read", dir);
	while (rc_ok(rc) && (e = readdir(d)) != NULL)
		rc = take(dir, e->d_name, t, clock_now(), f);
	(void)closedir(d);
	return rc;
}

/* Another person of the same organisation has said yes, and nobody no. */
static bool confirmed(const struct folder *f, const struct statement *s)
{
	bool yes = false;

	for (size_t i = 0; i < f->count; i++) {
		const struct statement *c = f->s[i];
		uint8_t of[32];

		if (c->kind != STATEMENT_CALENDAR_CONFIRMATION ||
		    !rc_ok(json_get_hex(c->body, "calendar", of, sizeof(of))) ||
		    memcmp(of, s->sm3, 32) != 0 || slice_equal(c->person, s->person) ||
		    !slice_equal(c->organisation, s->organisation))
			continue;
		if (!json_is_true(json_object_get(c->body, "approve")))
			return false;
		yes = true;
	}
	return yes;
}

static int by_edition(const void *a, const void *b)
{
	const struct statement *const *x = a, *const *y = b;
	json_int_t u = json_integer_value(json_object_get((*x)->body, "year")),
	           v = json_integer_value(json_object_get((*y)->body, "year"));

	if (u == v) {
		u = json_integer_value(json_object_get((*x)->body, "edition"));
		v = json_integer_value(json_object_get((*y)->body, "edition"));
	}
	return u < v ? -1 : u > v;
}

static RC add_editions(struct cli *c, struct folder *f, struct calendar *calendar)
{
	qsort(f->s, f->count, sizeof(f->s[0]), by_edition);
	for (size_t i = 0; i < f->count; i++) {
		if (f->s[i]->kind != STATEMENT_CALENDAR)
			continue;
		if (confirmed(f, f->s[i]))
			TRY(calendar_add(calendar, f->s[i]->body));
		else
			cli_note(c, "有一个版本尚未经第二人确认，未采用。",
			         "An edition without a second person's word is not used.");
	}
	return OK;
}

RC calendar_open(struct cli *c, struct calendar **ret)
{
	AUTO(calendar, calendar, NULL);
	AUTO(folder, f, NULL);

	REQUIRE(cli_has(c, "editions") || !cli_has(c, "trust"), USAGE, "--trust belongs to --editions");
	if (!cli_has(c, "editions"))
		return calendar_builtin(ret);
	f = mem_new(1, sizeof(*f));
	NEED(f != NULL, RC_NOMEM, "no memory");
	TRY(calendar_new(&calendar));
	TRY(read_folder(c, cli_get(c, "editions"), f));
	TRY(add_editions(c, f, calendar));
	*ret = MOVE(calendar);
	return OK;
}
