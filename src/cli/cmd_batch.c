/* yuandian batch submit, show, cancel: many applications from one file.  Each line becomes an application
 * statement that this program signs; what the RA has taken is not sent again. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/apply.h"
#include "cli/batch_file.h"
#include "pki/csr.h"

#include <poll.h>

#define CHUNK 256
#define CHUNK_BYTES (2u << 20)
#define DEFAULTS_MAX (256u << 10)
#define REPEAT_MS 60000
#define PAUSE_MS 500
#define TEXT_MAX 500
#define INLINE_CSR 128 /* characters; no request is shorter */

struct submission {
	struct cli *c;
	struct officer o;
	struct batch_file *file;
	json_t *defaults, *evidence; /* evidence: what was handed in, by "TYPE=FILE" */
	json_t *agreement;           /* as it goes into each line */
	char id[65];
	json_t *lines; /* of the chunk */
	size_t bytes;
	int64_t total, refused;
};

static void submission_end(struct submission *s)
{
	batch_file_free(s->file);
	json_decref(s->defaults);
	json_decref(s->evidence);
	json_decref(s->agreement);
	json_decref(s->lines);
	officer_close(&s->o);
}

/* ---- one line ---- */

static RC put_evidence(struct submission *s, const json_t *wanted, json_t *list)
{
	const char *type;
	json_t *file;

	json_object_foreach((json_t *)(uintptr_t)wanted, type, file)
	{
		AUTO_BUF(spec, OFFICER_PATH_MAX);
		AUTO_JSON(one, json_array());

		NEED(json_is_string(file), RC_INPUT, "evidence %s is no file name", type);
		buf_printf(&spec, "%s=", type);
		TRY(batch_file_path(s->file, json_string_value(file), &spec));
		/* the same file for many lines is handed in once */
		if (json_object_get(s->evidence, buf_cstr(&spec)) == NULL) {
			TRY(apply_evidence(&s->o, buf_cstr(&spec), one));
			json_put_take(s->evidence, buf_cstr(&spec), json_incref(json_array_get(one, 0)));
		}
		NEED(json_array_append(list, json_object_get(s->evidence, buf_cstr(&spec))) == 0, RC_NOMEM,
		     "no memory");
	}
	return json_put_result();
}

/* A file beside the list, or the request itself in base64. */
static RC put_csr(const struct submission *s, const char *text, json_t *body)
{
	AUTO_BUF(path, OFFICER_PATH_MAX);
	AUTO_BUF(der, CSR_DER_MAX);

	NEED(text != NULL, RC_INPUT, "csr is missing");
	if (strlen(text) >= INLINE_CSR && rc_ok(text_base64(slice_text(text), &der))) {
		json_put_cstr(body, "csr", text);
		return json_put_result();
	}
	TRY(batch_file_path(s->file, text, &path));
	return apply_csr(buf_cstr(&path), body);
}

/* R21.1: every line names the text that was accepted. */
static RC put_agreement(struct submission *s, const json_t *data, json_t *body)
{
	json_t *own = json_object_get(data, "agreement");

	NEED(json_is_object(own), RC_INPUT, "agreement is missing");
	json_put_take(body, "agreement", json_deep_copy(own));
	if (s->agreement != NULL &&
	    json_equal(json_object_get(s->agreement, "version"), json_object_get(own, "version"))) {
		json_put_take(json_object_get(body, "agreement"), "sm3",
		              json_incref(json_object_get(s->agreement, "sm3")));
		return json_put_result();
	}
	TRY(apply_agreement(&s->o, body));
	if (json_object_get(json_object_get(body, "agreement"), "sm3") != NULL) {
		json_decref(s->agreement);
		s->agreement = json_incref(json_object_get(body, "agreement"));
	}
	return OK;
}

static RC body_of(struct submission *s, const json_t *row, json_t *body)
{
	static const char *const members[] = {"identity",  "purpose",  "region",
	                                      "duplicate", "corrects", "basis"};
	AUTO_JSON(data, json_deep_copy(s->defaults));
	json_t *evidence = json_array();

	json_put_take(body, "evidence", evidence);
	NEED(data != NULL && json_object_update_recursive(data, (json_t *)(uintptr_t)row) == 0, RC_NOMEM,
	     "no memory");
	json_put_cstr(body, "profile", cli_get(s->c, "profile"));
	json_put_cstr(body, "class", cli_get(s->c, "class"));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *v = json_object_get(data, members[i]);

		NEED(v != NULL || i > 2, RC_INPUT, "%s is missing", members[i]);
		if (v != NULL)
			json_put_take(body, members[i], json_incref(v));
	}
	TRY(put_csr(s, json_string_value(json_object_get(data, "csr")), body));
	TRY(put_agreement(s, data, body));
	return put_evidence(s, json_object_get(data, "evidence"), evidence);
}

static RC statement_of(struct submission *s, const json_t *row, struct buf *ret)
{
	AUTO_JSON(body, json_object());

	TRY(body_of(s, row, body));
	return officer_sign(&s->o, STATEMENT_APPLICATION, "entry", body, ret);
}

static bool is_refusal(const struct rc_text *t)
{
	return t->code == RC_INPUT || t->code == RC_DENIED || t->code == RC_NOTFOUND ||
	       t->code == RC_CONFLICT;
}

static RC add_line(struct submission *s, int64_t number, const json_t *row)
{
	AUTO_BUF(der, STATEMENT_MAX);
	json_t *one = json_object();
	struct rc rc = row != NULL ? statement_of(s, row, &der) : (struct rc){rc_last()->code};

	json_put_int(one, "line", number);
	if (rc_ok(rc)) {
		json_put_base64(one, "statement", buf_slice(&der));
	} else if (is_refusal(rc_last())) {
		char text[TEXT_MAX];

		(void)snprintf(text, sizeof(text), "line %zu: %s", batch_file_where(s->file),
		               rc_last()->text);
		/* a text cut in the middle of a character is none */
		while (!text_utf8(slice_text(text)))
			text[strlen(text) - 1] = '\0';
		json_put_cstr(one, "code", err_info(rc_last()->err)->name);
		json_put_cstr(one, "text", text);
	} else {
		json_decref(one);
		return rc;
	}
	s->bytes += der.len * 4 / 3 + 128;
	NEED(one != NULL && json_array_append_new(s->lines, one) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

/* ---- sending ---- */

static RC send_body(struct officer *o, const char *path, const json_t *body, json_t **ret)
{
	uint64_t end = clock_mono_ms() + REPEAT_MS;

	for (;;) {
		struct rc rc = http_call_json(o->ra,
		                              &(struct http_call){.method = "POST",
		                                                  .path = path,
		                                                  .deadline_ms = OFFICER_DEADLINE_MS},
		                              body, ret);

		/* the same lines again get the same answers, also over a restart of the RA */
		if ((rc.code != RC_UNCERTAIN && rc.code != RC_BUSY) || clock_mono_ms() > end)
			return rc;
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

static RC flush(struct submission *s)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	json_t *results, *one;
	size_t i;

	if (json_array_size(s->lines) == 0)
		return OK;
	json_put_take(body, "lines", s->lines);
	s->lines = json_array();
	s->bytes = 0;
	TRY(officer_path(&path, "/v1/batches/", s->id, "/lines"));
	TRY(send_body(&s->o, buf_cstr(&path), body, &answer));
	TRY(json_get_array(answer, "results", CHUNK, &results));
	json_array_foreach(results, i, one)
	{
		if (json_object_get(one, "id") == NULL)
			s->refused++;
	}
	if (!s->c->json)
		(void)fprintf(s->c->err, "\r%lld / %lld",
		              (long long)json_integer_value(
		                      json_object_get(json_array_get(results, i - 1), "line")),
		              (long long)s->total);
	return OK;
}

static RC send_lines(struct submission *s, int64_t next)
{
	bool more = true;

	for (int64_t n = 1; more; n++) {
		AUTO_JSON(row, NULL);
		struct rc rc = batch_file_next(s->file, &row, &more);

		if (rc_ok(rc) && !more)
			break;
		if (n < next)
			continue;
		if (!rc_ok(rc) && !is_refusal(rc_last()))
			return rc;
		TRY(add_line(s, n, row));
		if (json_array_size(s->lines) == CHUNK || s->bytes > CHUNK_BYTES)
			TRY(flush(s));
	}
	return flush(s);
}

/* ---- the commands ---- */

static RC show(struct cli *c, json_t *batch)
{
	static const char *const numbers[] = {"lines", "done", "errors", NULL};
	const json_t *states = json_object_get(batch, "applications");
	const char *state;
	json_t *n;

	if (c->json)
		return cli_json(c, "batch", json_incref(batch));
	cli_line(c, "%-14s %s", "id", json_string_value(json_object_get(batch, "id")));
	cli_line(c, "%-14s %s", "state", json_string_value(json_object_get(batch, "state")));
	for (size_t i = 0; numbers[i] != NULL; i++)
		cli_line(c, "%-14s %lld", numbers[i],
		         (long long)json_integer_value(json_object_get(batch, numbers[i])));
	json_object_foreach((json_t *)(uintptr_t)states, state, n)
	        cli_line(c, "%-14s %lld", state, (long long)json_integer_value(n));
	return OK;
}

static RC get_batch(struct officer *o, const char *id, const char *after, json_t **ret)
{
	AUTO_BUF(path, 256);

	TRY(officer_path(&path, "/v1/batches/", id, after));
	return officer_get(o, buf_cstr(&path), ret);
}

static RC read_defaults(struct submission *s)
{
	AUTO_BUF(file, DEFAULTS_MAX);
	AUTO_JSON(common, NULL);
	const char *path = cli_get(s->c, "data"), *spec;

	s->evidence = json_object();
	s->lines = json_array();
	s->defaults = json_object();
	NEED(s->evidence != NULL && s->lines != NULL && s->defaults != NULL, RC_NOMEM, "no memory");
	if (path != NULL) {
		TRY(file_read(path, DEFAULTS_MAX, &file));
		TRY(json_read(buf_slice(&file), DEFAULTS_MAX, &common));
		TRY(json_only(common, "identity", "purpose", "region", "agreement", "duplicate", NULL));
		NEED(json_object_update(s->defaults, common) == 0, RC_NOMEM, "no memory");
	}
	for (size_t i = 0; (spec = cli_get_at(s->c, "evidence", i)) != NULL; i++) {
		const char *sign = strchr(spec, '=');
		AUTO_BUF(type, 64);
		json_t *all = json_object_get(s->defaults, "evidence");
		char whole[OFFICER_PATH_MAX];

		REQUIRE(sign != NULL && sign > spec && sign[1] != '\0', USAGE, "--evidence %s: not TYPE=FILE",
		        spec);
		REQUIRE(realpath(sign + 1, whole) != NULL, USAGE, "%s is not there", sign + 1);
		buf_add(&type, slice_of(spec, (size_t)(sign - spec)));
		if (all == NULL)
			json_put_take(s->defaults, "evidence", all = json_object());
		json_put_cstr(all, buf_cstr(&type), whole);
	}
	return json_put_result();
}

static RC open_batch(struct submission *s, int64_t *next)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	const char *path = s->c->operands[0], *slash = strrchr(path, '/');
	uint8_t sm3[32];
	struct slice id;

	TRY(batch_file_measure(path, &s->total, sm3));
	json_put_cstr(body, "name", slash != NULL ? slash + 1 : path);
	json_put_hex(body, "sm3", SLICE_ARR(sm3));
	json_put_int(body, "lines", s->total);
	TRY(json_put_result());
	TRY(send_body(&s->o, "/v1/batches", body, &answer));
	TRY(json_get_text(answer, "id", sizeof(s->id) - 1, &id));
	memcpy(s->id, id.p, id.len);
	return json_get_int(answer, "next", 1, INT32_MAX, next);
}

struct rc cmd_batch_submit(struct cli *c)
{
	__attribute__((cleanup(submission_end))) struct submission s = {.c = c};
	AUTO_JSON(batch, NULL);
	int64_t next;

	TRY(read_defaults(&s));
	TRY(batch_file_open(c->operands[0], &s.file));
	TRY(officer_open(c, &s.o));
	TRY(open_batch(&s, &next));
	TRY(send_lines(&s, next));
	if (!c->json)
		(void)fputc('\n', c->err);
	TRY(get_batch(&s.o, s.id, "", &batch));
	/* taken, but not all of it: batch show --errors says what */
	if (json_integer_value(json_object_get(batch, "errors")) > 0)
		c->exit = CLI_INCOMPLETE;
	return show(c, batch);
}

static RC show_errors(struct cli *c, struct officer *o, json_t *batch)
{
	json_t *all = json_array(), *list, *one;
	int64_t after = 0;
	size_t i;

	json_put_take(batch, "error_lines", all);
	do {
		AUTO_JSON(answer, NULL);
		char query[64];

		(void)snprintf(query, sizeof(query), "/errors?after=%lld", (long long)after);
		TRY(get_batch(o, c->operands[0], query, &answer));
		TRY(json_get_array(answer, "errors", 1000, &list));
		after = json_integer_value(json_object_get(answer, "cursor"));
		json_array_foreach(list, i, one)
		{
			NEED(json_array_append(all, one) == 0, RC_NOMEM, "no memory");
			if (!c->json)
				cli_line(c, "%lld\t%s\t%s",
				         (long long)json_integer_value(json_object_get(one, "line")),
				         json_string_value(json_object_get(one, "code")),
				         json_string_value(json_object_get(one, "text")));
		}
	} while (after > 0);
	return c->json ? cli_json(c, "batch", json_incref(batch)) : OK;
}

struct rc cmd_batch_show(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(batch, NULL);

	TRY(officer_open(c, &o));
	TRY(get_batch(&o, c->operands[0], "", &batch));
	return cli_has(c, "errors") ? show_errors(c, &o, batch) : show(c, batch);
}

struct rc cmd_batch_cancel(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(batch, NULL);
	AUTO_BUF(path, 256);

	json_put_cstr(body, "reason", cli_get(c, "reason"));
	TRY(json_put_result());
	TRY(officer_open(c, &o));
	TRY(officer_path(&path, "/v1/batches/", c->operands[0], "/cancellation"));
	TRY(http_call_json(o.ra,
	                   &(struct http_call){.method = "POST",
	                                       .path = buf_cstr(&path),
	                                       .deadline_ms = OFFICER_DEADLINE_MS},
	                   body, &batch));
	return show(c, batch);
}
