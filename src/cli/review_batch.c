/* yuandian review --batch ID --approve | --refuse CODE | --return CODE: one statement for each application
 * that waits, signed here.
 */
#include "base/text.h"
#include "cli/review.h"

#define PAGE 100
#define REFUSED_SHOWN 20

struct reviewing {
	struct cli *c;
	struct officer *o;
	const char *id;
	struct profile *profile;  /* of the last one */
	enum statement_kind kind; /* of each decision */
	int64_t decided, refused; /* refused: by the RA */
};

static void reviewing_end(struct reviewing *v)
{
	profile_free(v->profile);
}

static RC sign_one(struct reviewing *v, const json_t *application, json_t *list)
{
	AUTO(statement, s, NULL);
	AUTO_JSON(body, json_object());
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO_BUF(text, 2 * STATEMENT_MAX);
	struct slice id;

	TRY(json_get_text(application, "id", 64, &id));
	TRY(review_open(application, &s));
	json_put_hex(body, "application", SLICE_ARR(s->sm3));
	json_put_text(body, "id", id);
	if (v->kind == STATEMENT_APPROVAL)
		TRY(review_approval(v->c, v->o, application, s, &v->profile, body));
	else
		TRY(review_refusal(v->c, body));
	TRY(officer_sign(v->o, v->kind, "review", body, &der));
	buf_base64(&text, buf_slice(&der));
	TRY(buf_done(&text));
	NEED(json_array_append_new(list, json_string(buf_cstr(&text))) == 0, RC_NOMEM, "no memory");
	return OK;
}

static void count(struct reviewing *v, const json_t *one)
{
	if (json_object_get(one, "state") != NULL) {
		v->decided++;
		return;
	}
	if (++v->refused <= REFUSED_SHOWN && !v->c->json)
		(void)fprintf(v->c->err, "%s: %s: %s\n", json_string_value(json_object_get(one, "id")),
		              json_string_value(json_object_get(one, "code")),
		              json_string_value(json_object_get(one, "text")));
}

static RC decide(struct reviewing *v, json_t *applications)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	json_t *statements = json_array(), *results, *one;
	size_t i;

	json_put_take(body, "statements", statements);
	json_array_foreach(applications, i, one) TRY(sign_one(v, one, statements));
	if (json_array_size(statements) == 0)
		return OK;
	TRY(officer_path(&path, "/v1/batches/", v->id, "/reviews"));
	TRY(http_call_json(v->o->ra,
	                   &(struct http_call){.method = "POST",
	                                       .path = buf_cstr(&path),
	                                       .deadline_ms = OFFICER_DEADLINE_MS},
	                   body, &answer));
	TRY(json_get_array(answer, "results", PAGE, &results));
	json_array_foreach(results, i, one) count(v, one);
	return OK;
}

RC review_batch(struct cli *c)
{
	AUTO_OFFICER(o);
	__attribute__((cleanup(reviewing_end))) struct reviewing v = {
	        .c = c,
	        .o = &o,
	        .id = cli_get(c, "batch"),
	        .kind = cli_has(c, "approve") ? STATEMENT_APPROVAL : STATEMENT_REFUSAL};
	json_t *applications;
	int64_t after = 0;

	TRY(officer_open(c, &o));
	do {
		AUTO_JSON(page, NULL);
		AUTO_BUF(path, 256);

		TRY(officer_path(&path, "/v1/batches/", v.id, "/applications"));
		buf_printf(&path, "?after=%lld&limit=%d", (long long)after, PAGE);
		TRY(officer_get(&o, buf_cstr(&path), &page));
		TRY(json_get_array(page, "applications", PAGE, &applications));
		after = json_integer_value(json_object_get(page, "cursor"));
		TRY(decide(&v, applications));
		if (!c->json)
			(void)fprintf(c->err, "\r%lld", (long long)v.decided);
	} while (after > 0);
	if (v.refused > 0)
		c->exit = CLI_INCOMPLETE;
	if (c->json) {
		json_t *r = json_object();

		json_put_cstr(r, "batch", v.id);
		json_put_cstr(r, "decision", v.kind == STATEMENT_APPROVAL ? "approve" : "refuse");
		json_put_int(r, "decided", v.decided);
		if (v.kind == STATEMENT_APPROVAL)
			json_put_int(r, "approved", v.decided);
		json_put_int(r, "refused", v.refused);
		return cli_json(c, "review-batch", r);
	}
	(void)fputc('\n', c->err);
	cli_line(c, "%-10s %lld", v.kind == STATEMENT_APPROVAL ? "approved" : "decided",
	         (long long)v.decided);
	cli_line(c, "%-10s %lld", "refused", (long long)v.refused);
	return OK;
}
