#include "ceremony/act.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PORT_DEFAULT 7440
#define STATE_FILE "ceremony.json"
#define STATE_MAX (2u * PLAN_MAX)

static const char *const state_names[] = {
        [CEREMONY_BROKEN] = "running",
        [CEREMONY_WAITING] = "waiting",
        [CEREMONY_DONE] = "done",
};

/* ---- DIR/ceremony.json ---- */
static RC save_state(const struct ceremony *c, enum ceremony_state state)
{
	AUTO_JSON(o, json_object());
	json_put_cstr(o, "schema", "yuandian/ceremony/v1");
	json_put_cstr(o, "state", state_names[state]);
	json_put_time(o, "at", c->now);
	json_put_take(o, "plan", json_deep_copy(c->plan->json));
	char *text = json_dumps(o, JSON_INDENT(1));
	NEED(text != NULL, RC_NOMEM, STATE_FILE);
	struct rc rc = act_write(c, slice_text(text), 0644, STATE_FILE);
	mem_free(text);
	return rc;
}

static RC read_state(const char *data, json_t **ret)
{
	char path[ACT_PATH];
	AUTO_BUF(text, STATE_MAX);
	snprintf(path, sizeof path, "%s/" STATE_FILE, data);
	TRY(file_read(path, STATE_MAX, &text));
	return json_read(buf_slice(&text), STATE_MAX, ret);
}

static int counts(const struct dirent *e)
{
	return e->d_name[0] != '.' && strcmp(e->d_name, "lost+found") != 0;
}

static bool is_empty(const char *data)
{
	struct dirent **list = NULL;
	int n = scandir(data, &list, counts, NULL);
	for (int i = 0; i < n; i++)
		mem_free(list[i]);
	mem_free(list);
	return n == 0 || (n < 0 && errno == ENOENT);
}

RC ceremony_look(const char *data, enum ceremony_state *ret)
{
	AUTO_JSON(o, NULL);
	struct slice name;
	if (is_empty(data)) {
		*ret = CEREMONY_NONE;
		return OK;
	}
	*ret = CEREMONY_BROKEN;
	if (!rc_ok(read_state(data, &o)) || !rc_ok(json_get_text(o, "state", 16, &name)))
		return OK;
	for (unsigned i = CEREMONY_BROKEN; i <= CEREMONY_DONE; i++)
		if (slice_is(name, state_names[i]))
			*ret = (enum ceremony_state)i;
	return OK;
}

/* ---- life ---- */
static void ceremony_free(struct ceremony *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < PLAN_INSTANCES; i++) {
		key_session_close(c->station[i].keys);
		key_device_close(c->station[i].device);
		json_decref(c->station[i].notes);
	}
	for (size_t i = 0; i < PLAN_AUTHORITIES; i++)
		buf_free(&c->authority[i].der);
	for (size_t i = 0; i < PLAN_ORGS; i++)
		buf_free(&c->hand[i].der);
	secrets_free(c->secrets);
	mem_free(c);
}
DROP(ceremony, ceremony_free);

static RC set_folder(struct ceremony *c, const char *data)
{
	char *real = realpath(data, NULL);
	NEED(real != NULL, RC_NOTFOUND, "%s: no such folder", data);
	bool fits = strlen(real) < PLAT_PATH;
	if (fits)
		memcpy(c->plat.dir, real, strlen(real) + 1);
	mem_free(real);
	NEED(fits, RC_INPUT, "%s: path too long", data);
	return OK;
}

static RC read_plan(const char *file, struct plan **ret)
{
	AUTO_BUF(text, PLAN_MAX);
	if (file == NULL)
		return plan_demo(ret);
	TRY(file_read(file, PLAN_MAX, &text));
	return rc_note(plan_parse(buf_slice(&text), ret), "%s", file);
}

/* ---- secrets ---- */
static RC make_secrets(struct ceremony *c)
{
	c->secrets = secrets_new();
	NEED(c->secrets != NULL, RC_NOMEM, "secrets");
	for (size_t i = 0; i < c->plan->orgs; i++)
		TRY(secrets_make(c->secrets, c->plan->org[i].id));
	return OK;
}

/* A demonstration keeps them together; otherwise each organisation takes its own away. */
static RC save_secrets(struct ceremony *c)
{
	char path[ACT_PATH];
	if (c->plan->test) {
		TRY(act_path(c, path, "demo/unlock"));
		return secrets_write(c->secrets, path);
	}
	for (size_t i = 0; i < c->secrets->count; i++) {
		struct secrets own = {.count = 1, .item = {c->secrets->item[i]}};
		TRY(act_path(c, path, "unlock-%s.json", own.item[0].org));
		TRY(secrets_write(&own, path));
	}
	return OK;
}

/* ---- holding it ---- */
static RC make_clock(struct ceremony *c)
{
	char path[ACT_PATH];
	TRY(act_path(c, path, "clock"));
	TRY(clock_create(path));
	NEED(chmod(path, 0644) == 0, RC_BUSY, "cannot open %s to readers", path);
	c->plat.test_clock = true;
	return OK;
}

static RC begin_notes(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++) {
		json_t *o = json_object();
		json_put_cstr(o, "organisation", c->plan->instance[i].org->name);
		json_put_bool(o, "test", c->plan->test);
		TRY(act_note(&c->station[i], "ceremony-begun", o));
	}
	return OK;
}

static RC finish(struct ceremony *c, enum ceremony_state *ret)
{
	for (size_t i = 0; i < c->plan->instances; i++)
		TRY(act_note(&c->station[i], c->waiting > 0 ? "ceremony-waiting" : "ceremony-done",
		             json_object()));
	TRY(act_write_authorities(c));
	TRY(act_seal_trust(c));
	TRY(act_save_notes(c));
	*ret = c->waiting > 0 ? CEREMONY_WAITING : CEREMONY_DONE;
	return save_state(c, *ret);
}

static RC hold(struct ceremony *c, enum ceremony_state *ret)
{
	TRY(act_open_stations(c, true));
	TRY(begin_notes(c));
	TRY(act_make_authorities(c));
	TRY(act_make_hands(c));
	TRY(act_make_services(c));
	TRY(act_make_responders(c, NULL));
	TRY(act_make_officers(c));
	TRY(act_sign_calendar(c));
	TRY(act_make_subscribers(c, NULL));
	TRY(act_decide(c));
	TRY(act_write_trust(c));
	TRY(act_destroy_hands(c));
	TRY(save_secrets(c));
	TRY(act_write_configs(c));
	return finish(c, ret);
}

static RC begin(struct ceremony *c, const struct ceremony_options *o)
{
	int base = o->base_port > 0         ? o->base_port
	           : c->plan->base_port > 0 ? c->plan->base_port
	                                    : PORT_DEFAULT;
	TRY(dir_make(o->data, 0755));
	TRY(ceremony_layout(c->plan, (unsigned)base, &c->plat));
	TRY(set_folder(c, o->data));
	c->now = clock_now();
	/* From here on DIR is a half-made one until the last line of finish(). */
	TRY(save_state(c, CEREMONY_BROKEN));
	TRY(make_secrets(c));
	return o->test_clock ? make_clock(c) : OK;
}

RC ceremony_run(const struct ceremony_options *o, enum ceremony_state *ret)
{
	enum ceremony_state state;
	AUTO(plan, plan, NULL);
	AUTO(ceremony, c, mem_new(1, sizeof *c));
	NEED(c != NULL, RC_NOMEM, "ceremony");
	TRY(read_plan(o->plan, &plan));
	TRY(ceremony_look(o->data, &state));
	REQUIRE(state == CEREMONY_NONE, CEREMONY_STATE, "%s is not empty%s", o->data,
	        state == CEREMONY_DONE ? ": a ceremony was held here"
	        : state == CEREMONY_WAITING
	                ? ": its ceremony waits for a certificate (--install)"
	                : "; a ceremony may have broken off here: remove the folder and hold it again");
	c->plan = plan;
	TRY(begin(c, o));
	return hold(c, ret);
}

/* ---- a certificate from another root ---- */
struct installation {
	struct ceremony *c;
	struct act_authority *authority;
	struct buf chain[4];
	size_t links;
};

/* Each certificate of a PEM file, or the one DER. */
static RC read_chain(struct installation *in, const char *file)
{
	static const char end[] = "-----END CERTIFICATE-----";
	AUTO_BUF(text, 16 * CERT_DER_MAX);
	if (file == NULL)
		return OK;
	TRY(file_read(file, 16 * CERT_DER_MAX, &text));
	const char *p = buf_cstr(&text), *stop = p + text.len;
	while (p < stop && in->links < 4) {
		struct cert cert;
		const char *next = strstr(p, end);
		size_t n = next != NULL ? (size_t)(next - p) + sizeof end - 1 : (size_t)(stop - p);
		if (next == NULL && in->links > 0)
			break;
		in->chain[in->links] = BUF(CERT_DER_MAX);
		TRY(cert_read(slice_of(p, n), &in->chain[in->links++], &cert));
		p += n;
	}
	return OK;
}

/* Whose key it is, and that it may be an authority's certificate; the chain above it link by link. */
static RC admit(struct installation *in, struct slice der)
{
	struct cert cert, above;
	struct key_info info;
	TRY(cert_parse(der, &cert));
	for (size_t i = 0; i < in->c->plan->authorities && in->authority == NULL; i++) {
		struct act_authority *a = &in->c->authority[i];
		if (a->der.len > 0)
			continue;
		TRY(key_info(a->station->keys, a->key, &info));
		if (slice_equal(key_spki(&info), cert.key.spki))
			in->authority = a;
	}
	REQUIRE(in->authority != NULL, CEREMONY_STATE,
	        "the certificate is for none of the keys that wait for one");
	REQUIRE(cert.ca &&
	                (cert.usage & (USAGE_CERT_SIGN | USAGE_CRL_SIGN)) ==
	                        (USAGE_CERT_SIGN | USAGE_CRL_SIGN) &&
	                cert.ski.len > 0,
	        PLAN,
	        "not the certificate of an authority: CA, keyCertSign, cRLSign and a key identifier are "
	        "needed");
	for (size_t i = 0; i < in->links; i++) {
		TRY(cert_parse(buf_slice(&in->chain[i]), &above));
		TRY(chain_link(&cert, &above, in->c->now));
		cert = above;
	}
	return OK;
}

static RC keep_chain(struct installation *in)
{
	char id[96];
	for (size_t k = 0; k < in->links; k++) {
		snprintf(id, sizeof id, "%.40s-above-%zu", in->authority->plan->id, k + 1);
		TRY(act_publish(in->c, id, buf_slice(&in->chain[k])));
		for (size_t i = 0; i < in->c->plan->instances; i++)
			TRY(act_write(in->c, buf_slice(&in->chain[k]), 0644, "%s/trust/authorities/%s.cer",
			              in->c->plan->instance[i].name, id));
	}
	return OK;
}

static RC put_in_place(struct installation *in, struct slice der, enum ceremony_state *ret)
{
	struct act_authority *a = in->authority;
	struct ceremony *c = in->c;
	buf_add(&a->der, der);
	TRY(buf_done(&a->der));
	TRY(cert_parse(buf_slice(&a->der), &a->cert));
	c->waiting--;
	TRY(act_make_responders(c, a));
	TRY(act_make_subscribers(c, a));
	TRY(keep_chain(in));
	json_t *o = json_object();
	json_put_cstr(o, "authority", a->plan->id);
	TRY(act_note(a->station, "ceremony-installed", o));
	/* Last: what is published counts as installed. */
	TRY(act_publish(c, a->plan->id, der));
	return finish(c, ret);
}

static RC install(struct ceremony *c, const struct ceremony_install *o, enum ceremony_state *ret)
{
	struct installation in = {.c = c};
	struct cert cert;
	AUTO_BUF(text, 4 * CERT_DER_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	TRY(file_read(o->certificate, 4 * CERT_DER_MAX, &text));
	TRY(cert_read(buf_slice(&text), &der, &cert));
	struct rc rc = read_chain(&in, o->chain);
	if (rc_ok(rc))
		rc = admit(&in, buf_slice(&der));
	if (rc_ok(rc))
		rc = put_in_place(&in, buf_slice(&der), ret);
	for (size_t i = 0; i < in.links; i++)
		buf_free(&in.chain[i]);
	return rc;
}

static RC resume(struct ceremony *c, const struct ceremony_install *o)
{
	char path[ACT_PATH];
	TRY(set_folder(c, o->data));
	memcpy(path, c->plat.dir, strlen(c->plat.dir) + 1);
	TRY(plat_load(path, &c->plat));
	c->now = clock_now();
	TRY(act_path(c, path, "demo/unlock"));
	TRY(secrets_read(o->unlock != NULL ? o->unlock : path, &c->secrets));
	TRY(act_open_stations(c, false));
	return act_load_authorities(c);
}

static RC saved_plan(const char *data, struct plan **ret)
{
	AUTO_JSON(o, NULL);
	TRY(read_state(data, &o));
	char *text = json_dumps(json_object_get(o, "plan"), 0);
	NEED(text != NULL, RC_INPUT, STATE_FILE);
	struct rc rc = plan_parse(slice_text(text), ret);
	mem_free(text);
	return rc;
}

RC ceremony_install(const struct ceremony_install *o, enum ceremony_state *ret)
{
	enum ceremony_state state;
	AUTO(plan, plan, NULL);
	AUTO(ceremony, c, mem_new(1, sizeof *c));
	NEED(c != NULL, RC_NOMEM, "ceremony");
	TRY(ceremony_look(o->data, &state));
	REQUIRE(state == CEREMONY_WAITING, CEREMONY_STATE, "%s: no ceremony waits for a certificate here",
	        o->data);
	TRY(saved_plan(o->data, &plan));
	c->plan = plan;
	TRY(resume(c, o));
	return install(c, o, ret);
}
