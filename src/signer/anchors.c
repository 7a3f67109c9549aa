#include "signer/anchors.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "pki/km.h"
#include "signer/seal.h"
#include "sm/sm3.h"
#include "statement/recovery.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define ENTRIES_MAX 4096

/* ---- files ---- */
struct folder {
	const char *dir, *suffix;
	RC (*each)(struct anchors *a, const char *path, const char *stem);
};

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static RC stem_of(const char *name, const char *suffix, char ret[ANCHOR_ID_MAX + 1])
{
	size_t n = strlen(name), m = strlen(suffix);
	NEED(n > m && n - m <= ANCHOR_ID_MAX, RC_INPUT, "trust: name %.64s", name);
	memcpy(ret, name, n - m);
	ret[n - m] = 0;
	return OK;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n > m && strcmp(name + n - m, suffix) == 0;
}

/* A missing folder is an empty one. */
static RC walk(struct anchors *a, const struct folder *f)
{
	struct dirent **list = NULL;
	int n = scandir(f->dir, &list, visible, alphasort);
	struct rc rc = OK;
	for (int i = 0; i < n; i++) {
		char path[SIGNER_PATH_MAX + 300], stem[ANCHOR_ID_MAX + 1];
		snprintf(path, sizeof path, "%s/%s", f->dir, list[i]->d_name);
		if (rc_ok(rc) && ends_with(list[i]->d_name, f->suffix))
			rc = stem_of(list[i]->d_name, f->suffix, stem);
		if (rc_ok(rc) && ends_with(list[i]->d_name, f->suffix))
			rc = rc_note(f->each(a, path, stem), "%s", list[i]->d_name);
		mem_free(list[i]);
	}
	mem_free(list);
	return rc;
}

/* Names, sizes, times and inodes: any change of a file changes this. */
static void print_folder(struct sm3 *h, const char *dir, int depth)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, visible, alphasort);
	for (int i = 0; i < n; i++) {
		char path[SIGNER_PATH_MAX + 600];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		if (i < ENTRIES_MAX && stat(path, &st) == 0) {
			uint64_t facts[4] = {(uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
			                     (uint64_t)st.st_mtim.tv_nsec, (uint64_t)st.st_ino};
			sm3_update(h, slice_of(path, strlen(path) + 1));
			sm3_update(h, SLICE_ARR(facts));
			if (S_ISDIR(st.st_mode) && depth > 0)
				print_folder(h, path, depth - 1);
		}
		mem_free(list[i]);
	}
	mem_free(list);
}

static void print_of(const struct signer *s, uint8_t ret[32])
{
	struct sm3 h;
	sm3_init(&h);
	print_folder(&h, s->trust_dir, 3);
	print_folder(&h, s->keys_dir, 0);
	sm3_final(&h, ret);
}

/* ---- certificates ---- */
static RC load_certificate(const char *path, const char *id, struct anchor_certificate *ret)
{
	snprintf(ret->id, sizeof ret->id, "%s", id);
	buf_free(&ret->der);
	ret->der = BUF(CERT_DER_MAX);
	TRY(file_read(path, CERT_DER_MAX, &ret->der));
	return cert_parse(buf_slice(&ret->der), &ret->cert);
}

static RC add_authority(struct anchors *a, const char *path, const char *stem)
{
	NEED(a->authority_count < ANCHOR_AUTHORITIES, RC_INPUT, "trust: too many authorities");
	return load_certificate(path, stem, &a->authority[a->authority_count++]);
}

static RC add_comm(struct anchors *a, const char *path, const char *stem)
{
	NEED(a->comm_count < ANCHOR_COMMS, RC_INPUT, "trust: too many CAs");
	return load_certificate(path, stem, &a->comm[a->comm_count++]);
}

static RC add_own(struct anchors *a, const char *path, const char *stem)
{
	NEED(a->own_count < KEY_MAX, RC_INPUT, "trust: too many certificates");
	return load_certificate(path, stem, &a->own[a->own_count++]);
}

static RC load_optional(const char *dir, const char *name, struct anchor_certificate *ret)
{
	char path[SIGNER_PATH_MAX + 64];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s.cer", dir, name);
	return stat(path, &st) == 0 ? load_certificate(path, name, ret) : OK;
}

/* ---- profiles ---- */
static RC add_profile(struct anchors *a, const char *path, const char *stem)
{
	AUTO_BUF(text, PROFILE_MAX);
	NEED(a->profile_count < ANCHOR_PROFILES, RC_INPUT, "trust: too many profiles");
	struct anchor_profile *p = &a->profile[a->profile_count];
	TRY(file_read(path, PROFILE_MAX, &text));
	TRY(profile_load(buf_slice(&text), &p->profile));
	a->profile_count++;
	snprintf(p->id, sizeof p->id, "%s", stem);
	NEED(strcmp(profile_id(p->profile), stem) == 0, RC_INPUT, "trust: %s holds another profile", stem);
	sm3_hash(buf_slice(&text), p->sm3);
	return OK;
}

/* ---- authorities.json ---- */
static RC get_text(const json_t *o, const char *key, char *ret, size_t size)
{
	struct slice s;
	TRY(json_get_text(o, key, size - 1, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = 0;
	return OK;
}

static RC add_urls(struct anchors *a, const json_t *o)
{
	char base[ANCHOR_URL_MAX + 1], id[ANCHOR_ID_MAX + 1];
	NEED(a->url_count < ANCHOR_AUTHORITIES, RC_INPUT, "trust: too many authorities");
	struct anchor_urls *u = &a->urls[a->url_count++];
	TRY(get_text(o, "id", id, sizeof id));
	memcpy(u->id, id, sizeof id);
	u->sm2_null = json_is_true(json_object_get(o, "sm2_null"));
	TRY(get_text(o, "public_base", base, sizeof base));
	if (base[0] == 0)
		return OK;
	snprintf(u->crl, sizeof u->crl, "%s/crl/%s.crl", base, id);
	snprintf(u->ocsp, sizeof u->ocsp, "%s/ocsp", base);
	snprintf(u->ca, sizeof u->ca, "%s/ca/%s.cer", base, id);
	return OK;
}

static RC load_urls(struct anchors *a, const char *dir)
{
	char path[SIGNER_PATH_MAX + 64];
	struct stat st;
	AUTO_BUF(text, ANCHOR_FILE_MAX);
	AUTO_JSON(o, NULL);
	json_t *list, *policies, *it;
	size_t i;
	snprintf(path, sizeof path, "%s/authorities.json", dir);
	if (stat(path, &st) != 0)
		return OK;
	TRY(file_read(path, ANCHOR_FILE_MAX, &text));
	TRY(json_read(buf_slice(&text), ANCHOR_FILE_MAX, &o));
	TRY(json_get(o, "policies", &policies));
	TRY(get_text(policies, "GOV", a->policy_gov, sizeof a->policy_gov));
	TRY(get_text(policies, "PUBLIC", a->policy_public, sizeof a->policy_public));
	TRY(json_get_array(o, "authorities", ANCHOR_AUTHORITIES, &list));
	json_array_foreach(list, i, it) TRY(add_urls(a, it));
	return OK;
}

/* ---- authorisation ---- */
static RC load_authorisation(struct anchors *a, const char *dir)
{
	char path[SIGNER_PATH_MAX + 64];
	struct stat st;
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	snprintf(path, sizeof path, "%s/authorisation.p7s", dir);
	if (stat(path, &st) != 0)
		return OK;
	TRY(file_read(path, STATEMENT_MAX, &der));
	TRY(statement_open(buf_slice(&der), &s));
	TRY(statement_verify(s, a->statements, clock_now()));
	REQUIRE(s->kind == STATEMENT_AUTHORISATION, SIGNER_AUTHORISATION,
	        "authorisation.p7s holds another kind");
	a->authorisation = MOVE(s);
	return OK;
}

/* m of n: how many recovery agents must agree; never fewer than two. */
static RC load_agents(const struct signer *s, struct anchors *a)
{
	char path[SIGNER_PATH_MAX + 64];
	struct stat st;
	AUTO_BUF(text, ANCHOR_FILE_MAX);
	AUTO_JSON(o, NULL);
	int64_t agents;
	a->agents = RECOVERY_AGENTS_LEAST;
	snprintf(path, sizeof path, "%s/recovery.json", s->trust_dir);
	if (stat(path, &st) != 0)
		return OK;
	TRY(file_read(path, ANCHOR_FILE_MAX, &text));
	TRY(json_read(buf_slice(&text), ANCHOR_FILE_MAX, &o));
	TRY(json_get_int(o, "agents", RECOVERY_AGENTS_LEAST, RECOVERY_AGENTS_MOST, &agents));
	a->agents = (unsigned)agents;
	return OK;
}

/* Holders sign with certificates of the issuing authorities (R21.3). */
static RC load_subscribers(const struct signer *s, struct anchors *a)
{
	for (size_t i = 0; i < a->authority_count; i++) {
		const struct cert *c = &a->authority[i].cert;
		if (c->key.kind == PUBKEY_SM2 && !slice_equal(c->issuer, c->subject))
			TRY(statement_trust_subscriber(a->statements, s->organisation, c->der));
	}
	return OK;
}

static RC load(const struct signer *s, struct anchors *a)
{
	char dir[SIGNER_PATH_MAX + 64];
	snprintf(dir, sizeof dir, "%s/authorities", s->trust_dir);
	TRY(walk(a, &(struct folder){dir, ".cer", add_authority}));
	TRY(walk(a, &(struct folder){s->keys_dir, ".cer", add_own}));
	snprintf(dir, sizeof dir, "%s/profiles", s->trust_dir);
	TRY(walk(a, &(struct folder){dir, ".json", add_profile}));
	TRY(load_optional(s->trust_dir, "kmc", &a->kmc));
	TRY(load_optional(s->trust_dir, "ca-comm", &a->ca_comm));
	snprintf(dir, sizeof dir, "%s/ca-comm", s->trust_dir);
	TRY(walk(a, &(struct folder){dir, ".cer", add_comm}));
	TRY(load_agents(s, a));
	TRY(load_urls(a, s->trust_dir));
	TRY(statement_trust_load(s->trust_dir, s->organisation, &a->statements));
	TRY(load_subscribers(s, a));
	return load_authorisation(a, s->trust_dir);
}

/* ---- snapshots ---- */
void anchors_free(struct anchors *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->authority_count; i++)
		buf_free(&a->authority[i].der);
	for (size_t i = 0; i < a->own_count; i++)
		buf_free(&a->own[i].der);
	for (size_t i = 0; i < a->profile_count; i++)
		profile_free(a->profile[i].profile);
	buf_free(&a->kmc.der);
	buf_free(&a->ca_comm.der);
	for (size_t i = 0; i < a->comm_count; i++)
		buf_free(&a->comm[i].der);
	statement_free(a->authorisation);
	statement_trust_free(a->statements);
	mem_free(a);
}

RC anchors_load(const struct signer *s, struct anchors **ret)
{
	AUTO(anchors, a, mem_new(1, sizeof *a));
	NEED(a != NULL, RC_NOMEM, "trust");
	TRY(load(s, a));
	*ret = MOVE(a);
	return OK;
}

static struct anchors *read_again(const struct signer *s, const uint8_t print[32])
{
	struct anchors *a = mem_new(1, sizeof *a);
	if (a == NULL)
		return NULL;
	memcpy(a->print, print, 32);
	struct rc rc = load(s, a);
	if (rc_ok(rc))
		rc = seal_check(s, a);
	if (!rc_ok(rc)) {
		a->failed = true;
		a->why = *rc_last();
	}
	return a;
}

static void drop(struct anchors **p)
{
	if (*p != NULL && --(*p)->refs == 0)
		anchors_free(*p);
	*p = NULL;
}

/* With s->trust held.  A failed reading is kept too, so that it is not repeated for each request. */
static RC refresh(struct signer *s)
{
	uint8_t print[32];
	print_of(s, print);
	if (s->newest != NULL && memcmp(print, s->newest->print, 32) == 0)
		return OK;
	struct anchors *a = read_again(s, print);
	NEED(a != NULL, RC_NOMEM, "trust");
	drop(&s->newest);
	a->refs = 1;
	s->newest = a;
	if (a->failed)
		return OK;
	drop(&s->anchors);
	a->refs++;
	s->anchors = a;
	return OK;
}

RC anchors_hold(struct signer *s, bool fresh, struct anchors **ret)
{
	pthread_mutex_lock(&s->trust);
	struct rc rc = fresh || s->newest == NULL ? refresh(s) : OK;
	struct anchors *a = fresh && rc_ok(rc) ? s->newest : s->anchors;
	if (rc_ok(rc) && a == NULL)
		a = s->newest;
	if (rc_ok(rc) && a->failed)
		rc = rc_note(rc_restore(&a->why), "trust");
	if (rc_ok(rc))
		a->refs++;
	pthread_mutex_unlock(&s->trust);
	TRY(rc);
	*ret = a;
	return OK;
}

void anchors_leave(struct signer *s, struct anchors *a)
{
	pthread_mutex_lock(&s->trust);
	drop(&a);
	pthread_mutex_unlock(&s->trust);
}

/* ---- looking up ---- */
static const struct anchor_certificate *find(const struct anchor_certificate *list, size_t n, struct slice id)
{
	for (size_t i = 0; i < n; i++)
		if (slice_is(id, list[i].id))
			return &list[i];
	return NULL;
}

const struct anchor_certificate *anchors_authority(const struct anchors *a, struct slice id)
{
	return find(a->authority, a->authority_count, id);
}

const struct anchor_certificate *anchors_own(const struct anchors *a, struct slice key)
{
	return find(a->own, a->own_count, key);
}

const struct anchor_profile *anchors_profile(const struct anchors *a, struct slice id)
{
	for (size_t i = 0; i < a->profile_count; i++)
		if (slice_is(id, a->profile[i].id))
			return &a->profile[i];
	return NULL;
}

const struct anchor_certificate *anchors_comm(const struct anchors *a, const struct km_name *name)
{
	for (size_t i = 0; i < a->comm_count; i++)
		if (km_name_matches(name, buf_slice(&a->comm[i].der)))
			return &a->comm[i];
	return NULL;
}

const struct anchor_certificate *anchors_issuer(const struct anchors *a, const struct cert *c)
{
	for (size_t i = 0; i < a->authority_count; i++) {
		const struct cert *ca = &a->authority[i].cert;
		if (slice_equal(ca->subject, c->issuer) && slice_equal(ca->ski, c->aki))
			return &a->authority[i];
	}
	return NULL;
}

RC anchors_issuing(const struct anchors *a, struct slice id, struct authority *ret)
{
	const struct anchor_certificate *c = anchors_authority(a, id);
	REQUIRE(c != NULL, SIGNER_CONTENT, "no certificate of the authority %.*s", (int)id.len,
	        (const char *)id.p);
	*ret = (struct authority){.id = c->id};
	TRY(authority_from_cert(&c->cert, ret));
	for (size_t i = 0; i < a->url_count; i++) {
		const struct anchor_urls *u = &a->urls[i];
		if (strcmp(u->id, c->id) != 0)
			continue;
		ret->sm2_null = u->sm2_null;
		ret->crl_url = slice_text(u->crl);
		ret->ocsp_url = slice_text(u->ocsp);
		ret->ca_url = slice_text(u->ca);
	}
	return OK;
}
