/* The CA of the small world: its KMC, an applicant, two officers, what the database says. */
#pragma once

#include "small_world.h"

#include "ca/erase.h"
#include "ca/ca.h"
#include "ca/revoke.h"
#include "ca/routes.h"
#include "evidence/alarm.h"
#include "http/route.h"
#include "http/route_check.h"
#include "kmc/kmc.h"
#include "pki/cms.h"
#include "pki/crl.h"

static struct instance *ca_in, *kmc_in;
static struct db_faults faults;
static struct peer ra = {.kind = PEER_INSTANCE, .org = "shifan", .instance = "shifan/ra", .role = "ra"};

static inline struct rc kmc_door(struct slice request, struct buf *answer)
{
	return kmc_serve(kmc_in->state, "shifan/ca", request, answer);
}

static inline struct ca *ca_of(void)
{
	return instance_state(ca_in);
}

static inline void start_ca(void)
{
	faults = (struct db_faults){.verb = -1};
	ca_in = world_instance("shifan/ca", &role_ca, &faults);
	assert_ok(role_ca.start(ca_in));
	world_until(rc_ok(role_ca.checks[0].check(ca_in)));
}

static inline int open_all(void **state)
{
	(void)state;
	world_open();
	world.kmc = kmc_door;
	kmc_in = world_instance("keycentre/kmc", &role_kmc, NULL);
	kmc_in->config.value.standby_keep = 64;
	kmc_in->config.value.standby_fill = 128;
	assert_ok(role_kmc.start(kmc_in));
	world_until(rc_ok(role_kmc.checks[0].check(kmc_in)));
	start_ca();
	return 0;
}

static inline int close_all(void **state)
{
	(void)state;
	world_end(ca_in);
	world_end(kmc_in);
	world_close();
	return 0;
}

/* ---- an applicant, two officers ---- */

struct subject {
	uint8_t key;    /* number of the signing key */
	char entity[2]; /* last digit of the entity id */
	const char *name;
	const char *class;
	enum world_key reviewer;
	const char *authority;
};
static const struct subject zhang = {1, "7", "张三", "GOV", W_REVIEW, "sm2"};

struct paper {
	struct buf application, approval;
	char key[65];
};

static inline void paper_free(struct paper *p)
{
	buf_free(&p->application);
	buf_free(&p->approval);
}
#define AUTO_PAPER(name, subject) __attribute__((cleanup(paper_free))) struct paper name = paper_of(subject)

static inline void csr_of(const struct sm2_key *key, struct buf *ret)
{
	AUTO_BUF(spki, 256);
	AUTO_BUF(name, 256);
	AUTO_BUF(tbs, 1024);
	AUTO_BUF(sig, 128);
	struct sm2_sig s;

	assert_ok(pubkey_put_sm2(&key->pub, &spki));
	world_name("csr", &name);
	assert_ok(
	        csr_tbs(&(struct csr_template){.subject = buf_slice(&name), .spki = buf_slice(&spki)}, &tbs));
	assert_ok(sm2_sign(key, SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), ret));
}

static inline json_t *application_of(const struct subject *s, struct slice csr)
{
	char text[512];
	json_t *o;

	snprintf(text, sizeof(text),
	         "{\"profile\":\"person\",\"class\":\"%s\",\"purpose\":\"办公\",\"region\":\"350000\","
	         "\"identity\":{\"name\":\"%s\",\"document\":{\"type\":\"citizen\",\"number\":"
	         "\"11010519491231002X\",\"valid_until\":\"long-term\"}},"
	         "\"agreement\":{\"version\":\"1\",\"accepted\":true}}",
	         s->class, s->name);
	o = world_json(text);
	json_put_base64(o, "csr", csr);
	json_put_take(o, "evidence",
	              world_json("[{\"type\":\"identity-document\",\"size\":1,\"sm3\":"
	                         "\"abababababababababababababababababababababababababababababababab\"}]"));
	return o;
}

static inline json_t *approval_of(const struct subject *s, const json_t *application, const uint8_t hash[32])
{
	struct sm2_key key = judge_scalar(s->key);
	AUTO(profile, p, NULL);
	AUTO_BUF(spki, 256);
	AUTO_BUF(name, 1024);
	AUTO_BUF(text, 1024);
	char entity[37] = UUID_OF("0");
	uint8_t sm3[32];
	json_t *o = world_json("{\"id\":\"APP-1\",\"profile\":\"person\",\"validity_days\":365}");

	entity[35] = s->entity[0];
	assert_ok(profile_builtin("person", &p));
	assert_ok(profile_subject(p, json_object_get(application, "identity"), &name));
	assert_ok(name_to_text(buf_slice(&name), &text));
	assert_ok(pubkey_put_sm2(&key.pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	json_put_hex(o, "application", slice_of(hash, 32));
	json_put_text(o, "subject", buf_slice(&text));
	json_put_cstr(o, "entity", entity);
	json_put_hex(o, "spki", SLICE_ARR(sm3));
	json_put_cstr(o, "class", s->class);
	json_put_cstr(o, "authority", s->authority);
	return o;
}

static inline struct paper paper_of(const struct subject *s)
{
	struct sm2_key key = judge_scalar(s->key);
	struct paper p = {BUF(STATEMENT_MAX), BUF(STATEMENT_MAX), ""};
	AUTO_BUF(csr, 2048);
	AUTO_BUF(hex, 65);
	AUTO_JSON(application, NULL);
	AUTO_JSON(approval, NULL);
	uint8_t hash[32];

	csr_of(&key, &csr);
	application = application_of(s, buf_slice(&csr));
	world_statement(STATEMENT_APPLICATION, W_ENTRY, "shifan", "entry", application, &p.application);
	sm3_hash(buf_slice(&p.application), hash);
	approval = approval_of(s, application, hash);
	world_statement(STATEMENT_APPROVAL, s->reviewer, "shifan", "review", approval, &p.approval);
	sm3_hash(buf_slice(&p.approval), hash);
	buf_hex(&hex, SLICE_ARR(hash));
	memcpy(p.key, buf_cstr(&hex), 65);
	return p;
}

static inline json_t *post_all(const struct paper *p, size_t n)
{
	AUTO_JSON(list, json_array());
	json_t *results = NULL;

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		json_put_cstr(o, "key", p[i].key);
		json_put_base64(o, "application", buf_slice(&p[i].application));
		json_put_base64(o, "approval", buf_slice(&p[i].approval));
		json_array_append_new(list, o);
	}
	assert_ok(ca_door(ca_of(), list, &ra, true, &results));
	assert_int_equal(json_array_size(results), n);
	return results;
}

static inline json_t *post(const struct paper *p)
{
	AUTO_JSON(results, post_all(p, 1));

	return json_incref(json_array_get(results, 0));
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static inline void has_state(const json_t *o, const char *state)
{
	if (strcmp(text_at(o, "state"), state) != 0) {
		char *text = json_dumps(o, 0);

		fail_msg("state is not %s: %s", state, text);
	}
}

static inline void refused_with(const struct paper *p, enum err code)
{
	AUTO_JSON(o, post(p));

	has_state(o, "refused");
	assert_string_equal(text_at(json_object_get(o, "error"), "code"), err_info(code)->name);
}

static inline int64_t scalar(struct instance *in, const char *sql)
{
	AUTO(db_lease, lease, NULL);
	int64_t n = -1;

	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(db_scalar(lease->db, &n, sql, DB_NOARGS));
	return n;
}

/* Entries of a kind: canonical JSON has its members sorted, so "kind" can be searched for. */
static inline size_t entries_of(const char *kind, const char *part)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);
	size_t n = 0;

	assert_ok(db_pool_lease(ca_in->readers, &lease));
	assert_ok(log_read(lease->db, 0, LOG_READ_MAX, &list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_object_get(json_array_get(list, i), "entry");
		char *text = json_dumps(e, JSON_SORT_KEYS);

		n += strcmp(text_at(e, "kind"), kind) == 0 && strstr(text, part) != NULL;
		mem_free(text);
	}
	return n;
}

static inline void reload_trust(void)
{
	char path[2048];
	struct trust *t = NULL;

	snprintf(path, sizeof(path), "%s/trust", ca_in->dir);
	assert_ok(trust_load(path, "shifan", &t));
	pthread_mutex_lock(&ca_in->trust_lock);
	trust_drop(ca_in->trust);
	ca_in->trust = t;
	pthread_mutex_unlock(&ca_in->trust_lock);
}

static inline void remove_file(const char *name)
{
	char path[2048];

	snprintf(path, sizeof(path), "%s/trust/%s", ca_in->dir, name);
	assert_int_equal(unlink(path), 0);
	reload_trust();
}
