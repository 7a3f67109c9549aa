/* Reads a trust folder.  Whatever is there must verify; what may be missing is said at each. */
#include "instance/snapshot.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "sm/sm3.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#define PATH_MAX_HERE 1280
#define FOLDER_MAX 256 /* files of one kind */

static RC path_of(const struct trust *t, const char *name, char ret[PATH_MAX_HERE])
{
	int n = snprintf(ret, PATH_MAX_HERE, "%s/%s", t->dir, name);

	NEED(n > 0 && n < PATH_MAX_HERE, RC_INPUT, "the name of the trust folder is too long");
	return OK;
}

/* A missing file leaves ret empty. */
static RC read_file(const struct trust *t, const char *name, struct buf *ret)
{
	char path[PATH_MAX_HERE];
	struct rc rc;

	TRY(path_of(t, name, path));
	*ret = BUF(TRUST_FILE_MAX);
	rc = file_read(path, TRUST_FILE_MAX, ret);
	return rc.code == RC_NOTFOUND ? OK : rc;
}

/* DER or PEM; a missing file leaves ret empty. */
static RC read_certificate(const struct trust *t, const char *name, struct buf *ret)
{
	AUTO_BUF(file, TRUST_FILE_MAX);

	*ret = BUF(TRUST_FILE_MAX);
	TRY(read_file(t, name, &file));
	if (file.len == 0)
		return OK;
	return rc_note(text_pem(buf_slice(&file), "CERTIFICATE", ret), "trust/%s", name);
}

/* ---- a folder of files with one suffix, in the order of their names ---- */

struct folder {
	size_t count;
	char stem[FOLDER_MAX][TRUST_ID_MAX + 1];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static RC folder_take(struct folder *f, const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	if (name[0] == '.' || len <= tail || strcmp(name + len - tail, suffix) != 0)
		return OK;
	REQUIRE(len - tail <= TRUST_ID_MAX && f->count < FOLDER_MAX, TRUST,
	        "%s: name too long or too many files", name);
	memcpy(f->stem[f->count++], name, len - tail);
	return OK;
}

static RC folder_read(const struct trust *t, const char *name, const char *suffix, struct folder *f)
{
	char path[PATH_MAX_HERE];
	struct rc rc = OK;
	DIR *d;

	*f = (struct folder){0};
	TRY(path_of(t, name, path));
	d = opendir(path);
	if (d == NULL && errno == ENOENT)
		return OK;
	NEED(d != NULL, RC_BUSY, "cannot read trust/%s", name);
	for (const struct dirent *e = readdir(d); e != NULL && rc_ok(rc); e = readdir(d))
		rc = folder_take(f, e->d_name, suffix);
	closedir(d);
	qsort(f->stem, f->count, sizeof(f->stem[0]), by_name);
	return rc;
}

/* ---- certificates ---- */

/* authorities.json: {"policies": {"GOV", "PUBLIC"}, "authorities": [{"id", "public_base"}]}. */
static const json_t *entry_of(const struct trust *t, const char *id)
{
	const json_t *list = json_object_get(t->urls, "authorities");
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(json_object_get(v, "id"));

		if (s != NULL && strcmp(s, id) == 0)
			return v;
	}
	return NULL;
}

/* What certificates of that authority point to: its public base and fixed paths under it. */
static RC load_urls(struct trust_urls *u, struct trust_authority *a, const json_t *entry)
{
	const char *base = json_string_value(json_object_get(entry, "public_base"));
	char id[sizeof(a->id)];

	memcpy(id, a->id, sizeof(id));
	a->issue.sm2_null = json_is_true(json_object_get(entry, "sm2_null"));
	if (base == NULL || base[0] == 0)
		return OK;
	REQUIRE(strlen(base) <= TRUST_BASE_MAX, TRUST, "authorities.json: the address of %s is too long",
	        a->id);
	snprintf(u->crl, sizeof(u->crl), "%s/crl/%s.crl", base, id);
	snprintf(u->ocsp, sizeof(u->ocsp), "%s/ocsp", base);
	snprintf(u->ca, sizeof(u->ca), "%s/ca/%s.cer", base, id);
	a->issue.crl_url = slice_text(u->crl);
	a->issue.ocsp_url = slice_text(u->ocsp);
	a->issue.ca_url = slice_text(u->ca);
	return OK;
}

static RC load_authority(struct trust *t, const char *id)
{
	size_t i = t->authorities;
	struct trust_authority *a = &t->authority[i];
	char name[96];

	REQUIRE(i < TRUST_AUTHORITIES_MAX, TRUST, "more than %d authorities", TRUST_AUTHORITIES_MAX);
	snprintf(name, sizeof(name), "authorities/%s.cer", id);
	TRY(read_certificate(t, name, &t->authority_der[i]));
	memcpy(a->id, id, strlen(id) + 1);
	TRY(rc_note(cert_parse(buf_slice(&t->authority_der[i]), &a->cert), "trust/%s", name));
	TRY(authority_from_cert(&a->cert, &a->issue));
	a->issue.id = a->id;
	TRY(load_urls(&t->url[i], a, entry_of(t, id)));
	a->self_signed = slice_equal(a->cert.issuer, a->cert.subject);
	t->authorities++;
	/* subscribers speak with their certificate from an issuing authority */
	if (a->self_signed || a->cert.key.kind != PUBKEY_SM2)
		return OK;
	return statement_trust_subscriber(t->statements, t->organisation, a->cert.der);
}

static RC load_authorities(struct trust *t)
{
	AUTO_MEM(struct folder, f, mem_new(1, sizeof(*f)));
	AUTO_BUF(text, TRUST_FILE_MAX);

	NEED(f != NULL, RC_NOMEM, "no memory");
	TRY(read_file(t, "authorities.json", &text));
	if (text.len > 0)
		TRY(rc_note(json_read(buf_slice(&text), TRUST_FILE_MAX, &t->urls), "trust/authorities.json"));
	TRY(folder_read(t, "authorities", ".cer", f));
	for (size_t i = 0; i < f->count; i++)
		TRY(load_authority(t, f->stem[i]));
	return OK;
}

static RC load_tls(struct trust *t, const char *name, const char *organisation, size_t len)
{
	struct trust_tls *p = &t->peer[t->peers];

	REQUIRE(t->peers < TRUST_PEERS_MAX && len <= TRUST_ID_MAX, TRUST, "more than %d peers",
	        TRUST_PEERS_MAX);
	TRY(read_certificate(t, name, &p->der));
	if (p->der.len == 0)
		return OK;
	TRY(rc_note(cert_parse(buf_slice(&p->der), &p->cert), "trust/%s", name));
	memcpy(p->organisation, organisation, len);
	text_to_pem(&t->tls_pem, "CERTIFICATE", buf_slice(&p->der));
	t->peers++;
	return buf_done(&t->tls_pem);
}

/* operator-tls.cer, then peers/ORG-tls.cer. */
static RC load_peers(struct trust *t)
{
	AUTO_MEM(struct folder, f, mem_new(1, sizeof(*f)));
	char name[96];

	NEED(f != NULL, RC_NOMEM, "no memory");
	t->tls_pem = BUF(1u << 20);
	TRY(load_tls(t, "operator-tls.cer", t->organisation, strlen(t->organisation)));
	TRY(folder_read(t, "peers", ".cer", f));
	for (size_t i = 0; i < f->count; i++) {
		size_t len = strlen(f->stem[i]);

		if (len > 4 && strcmp(f->stem[i] + len - 4, "-tls") == 0)
			len -= 4;
		snprintf(name, sizeof(name), "peers/%s.cer", f->stem[i]);
		TRY(load_tls(t, name, f->stem[i], len));
	}
	return OK;
}

/* ca-comm/ORG.cer: several CAs may use one KMC, each under its organisation's name. */
static RC load_comms(struct trust *t)
{
	AUTO_MEM(struct folder, f, mem_new(1, sizeof(*f)));
	char name[96];

	NEED(f != NULL, RC_NOMEM, "no memory");
	TRY(folder_read(t, "ca-comm", ".cer", f));
	for (size_t i = 0; i < f->count; i++) {
		struct trust_tls *c = &t->comm[t->comms];

		REQUIRE(t->comms < TRUST_PEERS_MAX, TRUST, "more than %d CAs", TRUST_PEERS_MAX);
		t->comms++;
		snprintf(name, sizeof(name), "ca-comm/%s.cer", f->stem[i]);
		memcpy(c->organisation, f->stem[i], sizeof(c->organisation));
		TRY(read_certificate(t, name, &c->der));
	}
	return OK;
}

/* ---- statements ---- */

/* NULL when the file is missing. */
static RC load_statement(struct trust *t, const char *name, enum statement_kind kind, struct statement **ret)
{
	AUTO_BUF(der, TRUST_FILE_MAX);
	AUTO(statement, s, NULL);

	TRY(read_file(t, name, &der));
	if (der.len == 0)
		return OK;
	TRY(rc_note(statement_open(buf_slice(&der), &s), "trust/%s", name));
	REQUIRE(s->kind == kind, TRUST, "trust/%s is a statement of another kind", name);
	TRY(rc_note(statement_verify(s, t->statements, clock_now()), "trust/%s", name));
	*ret = MOVE(s);
	return OK;
}

static RC load_authorisation(struct trust *t)
{
	struct trust_authorisation *a = &t->authorisation;
	struct slice institution;

	TRY(load_statement(t, "authorisation.p7s", STATEMENT_AUTHORISATION, &t->kept[0]));
	if (t->kept[0] == NULL)
		return OK;
	a->body = t->kept[0]->body;
	memcpy(a->hash, t->kept[0]->sm3, sizeof(a->hash));
	TRY(json_get_int(a->body, "number", 1, INT64_MAX, &a->number));
	TRY(json_get_time(a->body, "not_before", &a->not_before));
	TRY(json_get_time(a->body, "not_after", &a->not_after));
	TRY(json_get_bool(a->body, "demonstration", &a->demonstration));
	TRY(json_get_text(a->body, "institution", TRUST_ID_MAX, &institution));
	memcpy(a->institution, institution.p, institution.len);
	a->present = true;
	return OK;
}

static RC load_cps(struct trust *t)
{
	struct trust_cps *c = &t->cps;
	json_t *p;

	c->hold_days = TRUST_HOLD_DAYS;
	c->revoke_pair = true;
	TRY(load_statement(t, "cps.p7s", STATEMENT_CPS, &t->kept[1]));
	if (t->kept[1] == NULL)
		return OK;
	memcpy(c->hash, t->kept[1]->sm3, sizeof(c->hash));
	TRY(json_get_int(t->kept[1]->body, "version", 1, INT64_MAX, &c->version));
	TRY(json_get_time(t->kept[1]->body, "effective", &c->effective));
	TRY(json_get(t->kept[1]->body, "parameters", &p));
	TRY(json_get_int(p, "revocation_seconds", 1, 86400, &c->revocation_seconds));
	TRY(json_get_int(p, "crl_period_seconds", 60, 31 * TIME_DAY, &c->crl_period_seconds));
	TRY(json_get_int(p, "acceptance_days", 1, 3650, &c->acceptance_days));
	if (json_object_get(p, "hold_days") != NULL)
		TRY(json_get_int(p, "hold_days", 1, 3650, &c->hold_days));
	if (json_object_get(p, "revoke_pair") != NULL)
		TRY(json_get_bool(p, "revoke_pair", &c->revoke_pair));
	c->present = true;
	return OK;
}

static RC load_ra(struct trust *t)
{
	struct slice ra;

	TRY(load_statement(t, "ra-approval.p7s", STATEMENT_RA_APPROVAL, &t->kept[2]));
	if (t->kept[2] == NULL)
		return OK;
	t->ra.body = t->kept[2]->body;
	TRY(json_get_text(t->ra.body, "ra", sizeof(t->ra.ra) - 1, &ra));
	memcpy(t->ra.ra, ra.p, ra.len);
	TRY(json_get_time(t->ra.body, "not_after", &t->ra.not_after));
	t->ra.present = true;
	return OK;
}

static RC load_profile(struct trust *t, const char *stem)
{
	size_t i = t->profiles;
	struct trust_profile *p = &t->profile[i];
	char name[96];

	REQUIRE(i < TRUST_PROFILES_MAX, TRUST, "more than %d profiles", TRUST_PROFILES_MAX);
	snprintf(name, sizeof(name), "profiles/%s.json", stem);
	TRY(read_file(t, name, &t->profile_text[i]));
	t->profiles++;
	p->text = buf_slice(&t->profile_text[i]);
	sm3_hash(p->text, p->hash);
	TRY(rc_note(profile_load(p->text, &t->profile_owned[i]), "trust/%s", name));
	p->profile = t->profile_owned[i];
	REQUIRE(strcmp(profile_id(p->profile), stem) == 0, TRUST, "trust/%s calls itself %s", name,
	        profile_id(p->profile));
	memcpy(p->id, stem, strlen(stem) + 1);
	return OK;
}

static RC load_profiles(struct trust *t)
{
	AUTO_MEM(struct folder, f, mem_new(1, sizeof(*f)));

	NEED(f != NULL, RC_NOMEM, "no memory");
	TRY(folder_read(t, "profiles", ".json", f));
	for (size_t i = 0; i < f->count; i++)
		TRY(load_profile(t, f->stem[i]));
	return OK;
}

RC trust_load(const char *trust_dir, const char *organisation, struct trust **ret)
{
	AUTO(trust, t, mem_new(1, sizeof(*t)));

	NEED(t != NULL, RC_NOMEM, "no memory");
	atomic_init(&t->refs, 1);
	NEED(strlen(trust_dir) < sizeof(t->dir) && strlen(organisation) <= TRUST_ID_MAX, RC_INPUT,
	     "the name of the trust folder is too long");
	memcpy(t->dir, trust_dir, strlen(trust_dir) + 1);
	memcpy(t->organisation, organisation, strlen(organisation) + 1);
	TRY(statement_trust_load(trust_dir, organisation, &t->statements));
	TRY(load_authorities(t));
	TRY(load_peers(t));
	TRY(read_certificate(t, "kmc.cer", &t->kmc));
	TRY(read_certificate(t, "ca-comm.cer", &t->ca_comm));
	TRY(load_comms(t));
	TRY(load_authorisation(t));
	TRY(load_cps(t));
	TRY(load_ra(t));
	TRY(load_profiles(t));
	*ret = MOVE(t);
	return OK;
}
