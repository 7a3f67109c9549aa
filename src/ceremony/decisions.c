/* The first decisions: authorisation, CPS version 1, RA approvals. */
#include "ceremony/decide.h"

#include "base/mem.h"
#include "base/time.h"
#include "sm/sm3.h"

#include <stdio.h>

static RC note_decision(const struct decision *d, struct station *s, struct slice statement)
{
	uint8_t sm3[SM3_LEN];
	json_t *o = json_object();
	sm3_hash(statement, sm3);
	json_put_cstr(o, "kind", statement_kind_name(d->kind));
	json_put_hex(o, "statement", SLICE_ARR(sm3));
	if (d->kind == STATEMENT_ROLE_GRANT) {
		json_put_cstr(o, "person", json_string_value(json_object_get(d->body, "person")));
		json_put_cstr(o, "role", json_string_value(json_object_get(d->body, "role")));
	}
	return act_note(s, "ceremony-statement", o);
}

RC decide_sign(struct ceremony *c, const struct decision *d, struct buf *ret)
{
	const struct act_hand *h = act_hand_of(c, d->org);
	AUTO_BUF(json, STATEMENT_JSON_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	struct statement_head head = {
	        .kind = d->kind,
	        .organisation = d->org->id,
	        .issued = c->now,
	        .certificate = buf_slice(&h->der),
	        .role = d->role,
	};
	TRY(statement_build(&head, d->body, &json));
	TRY(key_sign(h->station->keys, h->key, KEY_USE_STATEMENT, buf_slice(&json), &sig));
	TRY(statement_assemble(buf_slice(&json), buf_slice(&sig), buf_slice(&h->der), ret));
	return note_decision(d, h->station, buf_slice(ret));
}

/* Into the trust folder of every instance of the institution. */
static RC give(struct ceremony *c, const char *file, struct slice content)
{
	for (size_t i = 0; i < c->plan->instances; i++)
		if (c->plan->instance[i].org == c->plan->institution)
			TRY(act_write(c, content, 0644, "%s/trust/%s", c->plan->instance[i].name, file));
	return OK;
}

/* ---- authorisation ---- */
static RC add_profiles(struct ceremony *c, json_t *body)
{
	const json_t *list = json_object_get(c->plan->authorisation, "profiles"), *it;
	json_t *hashes = json_object();
	size_t i;
	json_put_take(body, "profiles", hashes);
	json_array_foreach(list, i, it)
	{
		uint8_t sm3[SM3_LEN];
		char file[128];
		const char *id = json_string_value(it);
		struct slice text = profile_builtin_text(id);
		REQUIRE(text.len > 0, PLAN, "authorisation: there is no profile %s", id);
		sm3_hash(text, sm3);
		json_put_hex(hashes, id, SLICE_ARR(sm3));
		snprintf(file, sizeof file, "profiles/%.64s.json", id);
		TRY(give(c, file, text));
	}
	return OK;
}

static RC make_folders(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++)
		if (c->plan->instance[i].org == c->plan->institution)
			TRY(act_folder(c, 0755, "%s/trust/profiles", c->plan->instance[i].name));
	return OK;
}

static json_t *ra_names(const struct ceremony *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->plan->instances; i++)
		if (c->plan->instance[i].org == c->plan->institution &&
		    strcmp(c->plan->instance[i].role, "ra") == 0)
			json_array_append_new(list, json_string(c->plan->instance[i].name));
	return list;
}

static void copy_member(json_t *to, const json_t *from, const char *key)
{
	json_put_take(to, key, json_deep_copy(json_object_get(from, key)));
}

static RC authorise(struct ceremony *c)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(out, ACT_STATEMENT_MAX);
	const json_t *plan = c->plan->authorisation;
	int64_t days = json_integer_value(json_object_get(plan, "days"));
	json_put_int(body, "number", 1);
	json_put_cstr(body, "institution", c->plan->institution->id);
	copy_member(body, plan, "classes");
	copy_member(body, plan, "regions");
	json_put_take(body, "ra", ra_names(c));
	json_put_time(body, "not_before", c->now - ACT_BACKDATE);
	json_put_time(body, "not_after", c->now + days * TIME_DAY);
	/* Until the register issues real ones (design.md 9.10). */
	json_put_bool(body, "demonstration", true);
	TRY(make_folders(c));
	TRY(add_profiles(c, body));
	struct decision d = {
	        .kind = STATEMENT_AUTHORISATION, .org = c->plan->national, .role = "authority", .body = body};
	TRY(decide_sign(c, &d, &out));
	return give(c, "authorisation.p7s", buf_slice(&out));
}

/* ---- the institution's own ---- */
static RC publish_cps(struct ceremony *c)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(out, ACT_STATEMENT_MAX);
	json_put_cstr(body, "institution", c->plan->institution->id);
	json_put_int(body, "version", 1);
	json_put_time(body, "effective", c->now);
	json_put_take(body, "parameters", json_deep_copy(c->plan->cps));
	struct decision d = {
	        .kind = STATEMENT_CPS, .org = c->plan->institution, .role = "ceremony", .body = body};
	TRY(decide_sign(c, &d, &out));
	return give(c, "cps.p7s", buf_slice(&out));
}

static RC approve_ra(struct ceremony *c)
{
	const struct plan_instance *ra = plan_find_role(c->plan, c->plan->institution, "ra");
	AUTO_JSON(body, json_object());
	AUTO_BUF(out, ACT_STATEMENT_MAX);
	int64_t days = json_integer_value(json_object_get(c->plan->authorisation, "days"));
	if (ra == NULL)
		return OK;
	json_put_cstr(body, "ra", ra->name);
	copy_member(body, c->plan->authorisation, "regions");
	copy_member(body, c->plan->authorisation, "classes");
	json_put_time(body, "not_after", c->now + days * TIME_DAY);
	struct decision d = {
	        .kind = STATEMENT_RA_APPROVAL, .org = c->plan->institution, .role = "ceremony", .body = body};
	TRY(decide_sign(c, &d, &out));
	return give(c, "ra-approval.p7s", buf_slice(&out));
}

RC act_decide(struct ceremony *c)
{
	TRY(authorise(c));
	TRY(publish_cps(c));
	return approve_ra(c);
}
