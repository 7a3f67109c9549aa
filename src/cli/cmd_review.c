/* yuandian review, yuandian application show: what was applied for, and the decision on it.  The
 * reviewer's program computes from the application statement itself what will be certified. */
#include "base/text.h"
#include "cli/review.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "pki/profile.h"

#define ID_MAX 64
#define EVIDENCE_MAX (10u << 20)

static RC get_application(struct officer *o, const char *id, json_t **ret)
{
	AUTO_BUF(path, 256);

	REQUIRE(strlen(id) <= ID_MAX, USAGE, "%s: not an application id", id);
	TRY(officer_path(&path, "/v1/applications/", id, ""));
	return officer_get(o, buf_cstr(&path), ret);
}

RC review_open(const json_t *application, struct statement **ret)
{
	AUTO_BUF(der, STATEMENT_MAX);

	TRY(json_get_base64(application, "statement", STATEMENT_MAX, &der));
	return statement_open(buf_slice(&der), ret);
}

/* The embedded profile; one that this program does not know comes from the RA. */
static RC get_profile(struct officer *o, struct slice id, struct profile **ret)
{
	char name[PROFILE_ID_MAX + 1];
	AUTO_BUF(path, 256);
	AUTO_ANSWER(a, PROFILE_MAX);

	NEED(id.len <= PROFILE_ID_MAX, RC_INPUT, "the profile's name is too long");
	if (*ret != NULL && slice_is(id, profile_id(*ret)))
		return OK;
	profile_free(*ret);
	*ret = NULL;
	(void)snprintf(name, sizeof(name), "%.*s", (int)id.len, (const char *)id.p);
	if (rc_ok(profile_builtin(name, ret)))
		return OK;
	TRY(officer_path(&path, "/v1/profiles/", name, ""));
	TRY(http_call(o->ra, &(struct http_call){.path = buf_cstr(&path)}, &a));
	return profile_load(buf_slice(&a.body), ret);
}

static RC put_subject(const struct profile *p, const json_t *application, const json_t *identity,
                      json_t *body)
{
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(text, NAME_TEXT_MAX);
	struct slice told;

	TRY(profile_subject(p, identity, &name));
	TRY(name_to_text(buf_slice(&name), &text));
	TRY(json_get_text(application, "subject", NAME_TEXT_MAX, &told));
	REQUIRE(slice_equal(told, buf_slice(&text)), APPROVAL_MISMATCH,
	        "the RA says %.*s, the application gives %s", (int)told.len, (const char *)told.p,
	        buf_cstr(&text));
	json_put_text(body, "subject", buf_slice(&text));
	return OK;
}

static RC put_spki(const json_t *of, json_t *body)
{
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr csr;
	uint8_t sm3[32];

	TRY(json_get_base64(of, "csr", CSR_DER_MAX, &der));
	TRY(csr_parse(buf_slice(&der), &csr));
	pubkey_sm3(&csr.key, sm3);
	json_put_hex(body, "spki", SLICE_ARR(sm3));
	return OK;
}

RC review_approval(struct cli *c, struct officer *o, const json_t *application, const struct statement *s,
                   struct profile **kept, json_t *body)
{
	struct slice profile, class, entity, authority;
	const struct profile *p;
	json_t *identity;
	int64_t days;

	TRY(json_get_text(s->body, "profile", PROFILE_ID_MAX, &profile));
	TRY(json_get_text(s->body, "class", 16, &class));
	TRY(json_get(s->body, "identity", &identity));
	TRY(json_get_text(application, "entity", 36, &entity));
	TRY(json_get_text(application, "authority", 48, &authority));
	TRY(get_profile(o, profile, kept));
	p = *kept;
	days = profile_days(p);
	/* an extension gets what is left of the keys' life: the RA has looked at the certificate */
	if (json_object_get(s->body, "basis") != NULL)
		TRY(json_get_int(application, "validity_days", 1, profile_days_max(p), &days));
	TRY(cli_get_int(c, "days", 1, profile_days_max(p), &days));
	TRY(put_subject(p, application, identity, body));
	TRY(put_spki(s->body, body));
	json_put_text(body, "profile", profile);
	json_put_text(body, "class", class);
	json_put_text(body, "entity", entity);
	json_put_text(body, "authority", authority);
	json_put_int(body, "validity_days", days);
	return json_put_result();
}

RC review_refusal(struct cli *c, json_t *body)
{
	const char *back = cli_get(c, "return");

	json_put_cstr(body, "code", back != NULL ? back : cli_get(c, "refuse"));
	json_put_cstr(body, "reason", cli_get(c, "reason"));
	if (back != NULL)
		json_put_bool(body, "correction", true);
	return json_put_result();
}

static RC check_usage(const struct cli *c)
{
	bool approve = cli_has(c, "approve"), refuse = cli_has(c, "refuse") || cli_has(c, "return");

	REQUIRE(approve != refuse && !(cli_has(c, "refuse") && cli_has(c, "return")), USAGE,
	        "review needs one of --approve, --refuse CODE and --return CODE");
	REQUIRE(cli_has(c, "batch") == (c->operand_count == 0), USAGE, "review needs an id or --batch ID");
	REQUIRE(refuse == cli_has(c, "reason"), USAGE, "--refuse and --return go with --reason TEXT");
	REQUIRE(!refuse || !cli_has(c, "days"), USAGE, "--days goes with --approve");
	return OK;
}

struct rc cmd_review(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(application, NULL);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO(statement, s, NULL);
	AUTO(profile, profile, NULL);
	AUTO_BUF(path, 256);
	bool approve = cli_has(c, "approve");
	struct slice state;

	TRY(check_usage(c));
	if (cli_has(c, "batch"))
		return review_batch(c);
	TRY(officer_open(c, &o));
	TRY(get_application(&o, c->operands[0], &application));
	TRY(review_open(application, &s));
	json_put_hex(body, "application", SLICE_ARR(s->sm3));
	json_put_cstr(body, "id", c->operands[0]);
	if (approve)
		TRY(review_approval(c, &o, application, s, &profile, body));
	else
		TRY(review_refusal(c, body));
	TRY(officer_path(&path, "/v1/applications/", c->operands[0], "/review"));
	TRY(officer_state(&o, approve ? STATEMENT_APPROVAL : STATEMENT_REFUSAL, "review", body,
	                  buf_cstr(&path), &answer));
	if (c->json)
		return cli_json(c, "review", json_incref(answer));
	TRY(json_get_text(answer, "state", 32, &state));
	cli_line(c, "%.*s", (int)state.len, (const char *)state.p);
	return OK;
}

/* ---- application show ---- */

static RC save_evidence(struct officer *o, const char *id, const char *dir, const json_t *e)
{
	struct slice type;
	uint8_t sm3[32];
	AUTO_BUF(path, 256);
	AUTO_BUF(file, OFFICER_PATH_MAX);
	AUTO_ANSWER(a, EVIDENCE_MAX);

	TRY(json_get_text(e, "type", 48, &type));
	TRY(json_get_hex(e, "sm3", sm3, sizeof(sm3)));
	TRY(officer_path(&path, "/v1/applications/", id, "/evidence/"));
	buf_hex(&path, SLICE_ARR(sm3));
	TRY(buf_done(&path));
	TRY(http_call(o->ra, &(struct http_call){.path = buf_cstr(&path)}, &a));
	NEED(memchr(type.p, '/', type.len) == NULL, RC_INPUT, "evidence: a type with a slash");
	buf_printf(&file, "%s/%.*s-", dir, (int)type.len, (const char *)type.p);
	buf_hex(&file, slice_of(sm3, 4));
	TRY(buf_done(&file));
	return file_write(buf_cstr(&file), buf_slice(&a.body), 0600);
}

static void show_lines(struct cli *c, const json_t *o, const char *const *members)
{
	for (; *members != NULL; members++) {
		const json_t *v = json_object_get(o, *members);

		if (json_is_string(v))
			cli_line(c, "%-10s %s", *members, json_string_value(v));
	}
}

static RC show_history(struct cli *c, const json_t *application)
{
	static const char *const members[] = {"at", "event", "by", "code", "text", NULL};
	json_t *list, *one;
	size_t i;

	TRY(json_get_array(application, "history", 1000, &list));
	json_array_foreach(list, i, one)
	{
		cli_line(c, "%s", "");
		show_lines(c, one, members);
	}
	return OK;
}

struct rc cmd_application(struct cli *c)
{
	static const char *const members[] = {"id",        "state",   "profile", "class",
	                                      "authority", "subject", "entity",  NULL};
	AUTO_OFFICER(o);
	AUTO_JSON(application, NULL);
	AUTO(statement, s, NULL);
	const char *dir = cli_get(c, "out");
	json_t *list, *one;
	size_t i;

	TRY(officer_open(c, &o));
	TRY(get_application(&o, c->operands[0], &application));
	TRY(review_open(application, &s));
	TRY(json_get_array(s->body, "evidence", 64, &list));
	if (dir != NULL)
		TRY(dir_make(dir, 0700));
	json_array_foreach(list, i, one)
	{
		if (dir != NULL)
			TRY(save_evidence(&o, c->operands[0], dir, one));
	}
	if (c->json) {
		json_put_take(application, "content", json_incref(s->json));
		return cli_json(c, "application", json_incref(application));
	}
	show_lines(c, application, members);
	json_array_foreach(list, i, one)
	        cli_line(c, "%-10s %s", "evidence", json_string_value(json_object_get(one, "type")));
	return show_history(c, application);
}
