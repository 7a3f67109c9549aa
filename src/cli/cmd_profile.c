/* yuandian profile list|show|try: profiles as this program has them, and what they would issue. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/objects.h"
#include "pki/profile_trial.h"

#define DATA_MAX (256u << 10)
#define COLUMN 26

/* ---- list ---- */

static void put_words(json_t *o, const char *key, const struct profile *p)
{
	static const char *const classes[] = {"GOV", "PUBLIC"};
	json_t *list = json_array();

	for (unsigned k = 0; strcmp(key, "keys") == 0 && k < PUBKEY_KINDS; k++) {
		if (profile_has_key(p, (enum pubkey_kind)k))
			(void)json_array_append_new(list, json_string(pubkey_kind_name((enum pubkey_kind)k)));
	}
	for (size_t k = 0; strcmp(key, "classes") == 0 && k < 2; k++) {
		if (profile_has_class(p, slice_text(classes[k])))
			(void)json_array_append_new(list, json_string(classes[k]));
	}
	json_put_take(o, key, list);
}

static json_t *row(const struct profile *p, bool english)
{
	json_t *o = json_object();

	json_put_cstr(o, "id", profile_id(p));
	json_put_cstr(o, "title", profile_title(p, english));
	json_put_bool(o, "internal", profile_internal(p));
	json_put_bool(o, "dual", profile_dual(p));
	put_words(o, "classes", p);
	put_words(o, "keys", p);
	json_put_int(o, "validity_days", profile_days(p));
	json_put_int(o, "key_life_days", profile_key_life(p));
	return o;
}

static void print_row(struct cli *c, const struct profile *p)
{
	const char *closed = c->english ? "internal" : "内部";
	bool gov = profile_has_class(p, SLICE_LIT("GOV")), public = profile_has_class(p, SLICE_LIT("PUBLIC"));

	cli_line(c, "%-*s %-11s %s", COLUMN, profile_id(p),
	         profile_internal(p) ? closed
	         : gov && public     ? "GOV PUBLIC"
	         : gov               ? "GOV"
	                             : "PUBLIC",
	         profile_title(p, c->english));
}

struct rc cmd_profile_list(struct cli *c)
{
	AUTO_JSON(list, json_array());
	json_t *o;

	for (size_t i = 0; profile_builtin_id(i) != NULL; i++) {
		AUTO(profile, p, NULL);
		TRY(profile_builtin(profile_builtin_id(i), &p));
		if (c->json)
			NEED(json_array_append_new(list, row(p, c->english)) == 0, RC_NOMEM, "no memory");
		else
			print_row(c, p);
	}
	if (!c->json)
		return OK;
	o = json_object();
	json_put_take(o, "profiles", json_incref(list));
	return cli_json(c, "profile-list", o);
}

/* ---- show ---- */

struct rc cmd_profile_show(struct cli *c)
{
	struct slice text = profile_builtin_text(c->operands[0]);
	AUTO_JSON(file, NULL);
	json_t *o;

	REQUIRE(text.len > 0, PROFILE_UNKNOWN, "%.64s", c->operands[0]);
	if (!c->json) {
		NEED(fwrite(text.p, 1, text.len, c->out) == text.len, RC_BUSY, "cannot write");
		return OK;
	}
	TRY(json_read(text, PROFILE_MAX, &file));
	o = json_object();
	json_put_take(o, "profile", json_incref(file));
	return cli_json(c, "profile", o);
}

/* ---- try ---- */

static RC read_json(const char *path, json_t **ret)
{
	AUTO_BUF(file, DATA_MAX);

	TRY(file_read(path, DATA_MAX, &file));
	return rc_note(json_read(buf_slice(&file), DATA_MAX, ret), "%s", path);
}

static bool is_profile(const json_t *o)
{
	const char *schema = json_string_value(json_object_get(o, "schema"));

	return schema != NULL && strncmp(schema, "yuandian/profile/", strlen("yuandian/profile/")) == 0;
}

static RC load_file(const char *path, struct profile **ret)
{
	AUTO_BUF(file, PROFILE_MAX);

	TRY(file_read(path, PROFILE_MAX, &file));
	return rc_note(profile_load(buf_slice(&file), ret), "%s", path);
}

/* An id, or the file of a profile: what ends in ".json" or has a slash. */
static RC find_profile(const char *name, struct profile **ret)
{
	size_t len = strlen(name);
	bool file = strchr(name, '/') != NULL || (len > 5 && strcmp(name + len - 5, ".json") == 0);

	if (file)
		return load_file(name, ret);
	REQUIRE(profile_builtin_text(name).len > 0, PROFILE_UNKNOWN, "%.64s", name);
	return profile_builtin(name, ret);
}

struct trying {
	struct profile *profile;
	json_t *data;
	struct profile_trial t;
};

static RC open_file(struct cli *c, struct trying *y)
{
	const char *name = cli_get(c, "profile"), *path = c->operands[0];

	TRY(read_json(path, &y->data));
	if (is_profile(y->data)) {
		REQUIRE(name == NULL, USAGE, "%s is a profile itself: no --profile", path);
		return load_file(path, &y->profile);
	}
	REQUIRE(name != NULL, USAGE, "%s is no profile: which one is it for? (--profile)", path);
	TRY(find_profile(name, &y->profile));
	TRY(json_only(y->data, "identity", "purpose", "region", "agreement", NULL));
	y->t.identity = json_object_get(y->data, "identity");
	NEED(y->t.identity != NULL, RC_INPUT, "%s: /identity is missing", path);
	return OK;
}

static RC read_options(struct cli *c, struct trying *y)
{
	const char *class = cli_get(c, "class"), *key = cli_get(c, "key");
	int64_t days = 0;

	y->t.from = clock_now();
	TRY(cli_get_time(c, "at", &y->t.from));
	TRY(cli_get_int(c, "days", 1, 36500, &days));
	y->t.days = (int)days;
	if (class != NULL)
		y->t.class = slice_text(class);
	else if (!profile_internal(y->profile))
		y->t.class = profile_has_class(y->profile, SLICE_LIT("GOV")) ? SLICE_LIT("GOV")
		                                                             : SLICE_LIT("PUBLIC");
	if (key != NULL)
		return pubkey_kind_find(slice_text(key), &y->t.key);
	while (y->t.key < PUBKEY_KINDS && !profile_has_key(y->profile, y->t.key))
		y->t.key++;
	return OK;
}

static RC put_part(const struct trying *y, enum profile_part part, const char *name, json_t *o)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_JSON(one, json_object());
	struct cert cert;

	TRY(profile_trial(y->profile, &y->t, part, &tbs));
	TRY(cert_parse_tbs(buf_slice(&tbs), &cert));
	TRY(object_cert(&cert, one));
	json_put_base64(one, "tbs", buf_slice(&tbs));
	json_put_take(o, name, json_incref(one));
	return json_put_result();
}

static void put_evidence(const struct trying *y, bool english, json_t *o)
{
	json_t *list = json_array(), *v;
	size_t i;

	json_array_foreach(json_object_get(profile_json(y->profile), "evidence"), i, v)
	{
		json_t *title = json_object_get(json_object_get(v, "title"), english ? "en" : "zh");
		(void)json_array_append_new(list, json_sprintf("%s (%s)",
		                                               json_string_value(json_object_get(v, "type")),
		                                               json_string_value(title)));
	}
	json_put_take(o, "evidence", list);
}

static RC try_it(struct cli *c, struct trying *y, json_t *o)
{
	bool pair;

	TRY(open_file(c, y));
	TRY(read_options(c, y));
	pair = profile_dual(y->profile) && y->t.key == PUBKEY_SM2;
	json_put_cstr(o, "profile", profile_id(y->profile));
	json_put_cstr(o, "title", profile_title(y->profile, c->english));
	if (y->t.class.len > 0)
		json_put_text(o, "class", y->t.class);
	json_put_int(o, "key_life_days", profile_key_life(y->profile));
	put_evidence(y, c->english, o);
	TRY(put_part(y, PROFILE_SIGN, pair ? "sign" : "single", o));
	return pair ? put_part(y, PROFILE_ENCRYPT, "encrypt", o) : OK;
}

/* What people read need not have the bytes. */
static void drop_tbs(json_t *o)
{
	static const char *const parts[] = {"sign", "encrypt", "single"};

	for (size_t i = 0; i < 3; i++)
		(void)json_object_del(json_object_get(o, parts[i]), "tbs");
}

struct rc cmd_profile_try(struct cli *c)
{
	struct trying y = {.t = {.class = SLICE_NONE}};
	AUTO_JSON(o, json_object());
	struct rc rc = try_it(c, &y, o);

	profile_free(y.profile);
	json_decref(y.data);
	TRY(rc);
	if (c->json)
		return cli_json(c, "profile-try", json_incref(o));
	drop_tbs(o);
	tree_print(c, o, 0);
	cli_note(c, "以上为试签发结果，未签名，不是证书。", "This is a trial: unsigned, no certificate.");
	return OK;
}
