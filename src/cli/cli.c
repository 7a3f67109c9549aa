/* From arguments to an exit status; and how commands give their result. */
#include "cli/cli.h"

#include "base/text.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/problem.h"

#include <stdarg.h>

#define SCHEMA_MAX 96

/* ---- values ---- */

const char *cli_get_at(const struct cli *c, const char *option, size_t n)
{
	for (size_t i = 0; i < c->value_count; i++) {
		if (strcmp(c->values[i].option->name, option) == 0 && n-- == 0)
			return c->values[i].text;
	}
	return NULL;
}

const char *cli_get(const struct cli *c, const char *option)
{
	return cli_get_at(c, option, 0);
}

bool cli_is_database(const char *what)
{
	return strncmp(what, "pgsql:", 6) == 0 || strncmp(what, "postgresql://", 13) == 0;
}

RC cli_database(const char *what, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s%s", what, cli_is_database(what) ? "" : "/data.db");

	NEED(n > 0 && (size_t)n < size, RC_INPUT, "%s: the path is too long", what);
	return OK;
}

RC cli_get_int(const struct cli *c, const char *option, int64_t min, int64_t max, int64_t *ret)
{
	const char *text = cli_get(c, option);
	uint64_t v;

	if (text == NULL)
		return OK;
	REQUIRE(rc_ok(text_u64(slice_text(text), (uint64_t)max, &v)) && (int64_t)v >= min, USAGE,
	        "--%s %s: not a number from %lld to %lld", option, text, (long long)min, (long long)max);
	*ret = (int64_t)v;
	return OK;
}

RC cli_get_time(const struct cli *c, const char *option, int64_t *ret)
{
	const char *text = cli_get(c, option);
	uint64_t v;

	if (text == NULL)
		return OK;
	if (text[0] == '@' && rc_ok(text_u64(slice_text(text + 1), TIME_MAX, &v))) {
		*ret = (int64_t)v;
		return OK;
	}
	REQUIRE(rc_ok(time_parse(slice_text(text), ret)), USAGE,
	        "--%s %s: not a time like 2026-11-22T08:00:00Z", option, text);
	return OK;
}

/* ---- results ---- */

void cli_line(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(c->out, fmt, ap);
	va_end(ap);
	(void)fputc('\n', c->out);
}

static RC put_json(FILE *to, const json_t *o)
{
	NEED(o != NULL && json_dumpf(o, to, JSON_INDENT(2)) == 0, RC_NOMEM, "the result cannot be written");
	(void)fputc('\n', to);
	return OK;
}

RC cli_json(struct cli *c, const char *schema, json_t *take)
{
	AUTO_JSON(o, take);
	char name[SCHEMA_MAX];

	TRY(json_put_result());
	(void)snprintf(name, sizeof(name), "yuandian/cli/%s/v1", schema);
	json_put_cstr(o, "schema", name);
	return put_json(c->out, o);
}

void cli_note(struct cli *c, const char *zh, const char *en)
{
	if (!c->json)
		(void)fprintf(c->err, "%s\n", c->english ? en : zh);
}

/* ---- failures ---- */

static void show_failure(struct cli *c)
{
	const struct rc_text t = *rc_last();
	const struct err_info *e = err_info(t.err);

	if (c->json) {
		AUTO_JSON(o, problem_json(&t, c->english, NULL, NULL));

		if (!rc_ok(put_json(c->out, o)))
			(void)fprintf(c->err, "yuandian: %s\n", t.text);
		return;
	}
	(void)fprintf(c->err, "yuandian: %s (%s%s%s)\n", c->english ? e->en : e->zh, e->name,
	              *e->clause ? "; " : "", e->clause);
	if (t.text[0] != '\0')
		(void)fprintf(c->err, "  %s\n", t.text);
	if (t.err == ERR_USAGE && c->command != NULL)
		(void)fprintf(c->err, c->english ? "  see: yuandian help %s\n" : "  参见：yuandian help %s\n",
		              c->command->name);
}

static enum cli_exit finish(struct cli *c, struct rc rc)
{
	if (!rc_ok(rc)) {
		enum cli_exit e = cli_exit_of(rc_last());

		show_failure(c);
		(void)fflush(c->out);
		/* a file that is not there, or a wrong call, is not a signature that fails */
		if (c->verifying && (e == CLI_FAILURE || e == CLI_DENIED))
			return CLI_UNVERIFIED;
		return e == CLI_OK ? CLI_FAILURE : e;
	}
	if (fflush(c->out) != 0 || ferror(c->out)) {
		(void)fprintf(c->err, "yuandian: stdout cannot be written\n");
		return CLI_FAILURE;
	}
	return c->exit;
}

static struct rc run(struct cli *c, int argc, char *const *argv)
{
	TRY(cli_parse(c, argc, argv));
	if (c->version)
		cli_line(c, "%s", cli_version());
	else if (c->help)
		cli_help(c, c->out);
	else
		return c->command->run(c);
	return OK;
}

int cli_main(int argc, char *const *argv, FILE *out, FILE *err)
{
	AUTO_MEM(struct cli, c, mem_new(1, sizeof(*c)));
	enum cli_exit e;

	if (c == NULL)
		return CLI_FAILURE;
	c->out = out;
	c->err = err;
	e = finish(c, run(c, argc, argv));
	mem_free(c->arguments);
	return (int)e;
}
