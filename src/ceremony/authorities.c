/* Roots, issuing authorities, operator authorities, and the organisations' one-off keys. */
#include "ceremony/act.h"

#include "base/mem.h"
#include "base/text.h"
#include "pki/csr.h"

#include <stdio.h>

static const struct {
	const char *profile;
	enum key_purpose purpose;
} levels[] = {
        [PLAN_ROOT] = {"root", KEY_ROOT},
        [PLAN_ISSUING] = {"issuing", KEY_CA},
        [PLAN_OPERATOR] = {"operator-ca", KEY_OPERATOR_CA},
};

/* A request for a certificate from another root. */
static RC write_request(struct ceremony *c, const struct act_authority *a, const struct key_info *info,
                        const json_t *identity)
{
	AUTO(profile, p, NULL);
	AUTO_BUF(subject, 2048);
	AUTO_BUF(tbs, CSR_DER_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO_BUF(der, CSR_DER_MAX);
	AUTO_BUF(pem, 2 * CSR_DER_MAX);
	enum pubkey_kind kind = info->kind == KEY_SM2    ? PUBKEY_SM2
	                        : info->kind == KEY_P256 ? PUBKEY_P256
	                                                 : PUBKEY_RSA;
	TRY(profile_builtin(levels[a->plan->level].profile, &p));
	TRY(profile_subject(p, identity, &subject));
	struct csr_template t = {.subject = buf_slice(&subject), .spki = key_spki(info)};
	TRY(csr_tbs(&t, &tbs));
	TRY(key_sign(a->station->keys, a->key, KEY_USE_REQUEST, buf_slice(&tbs), &sig));
	TRY(csr_assemble(buf_slice(&tbs), sigalg_of(kind, false), buf_slice(&sig), &der));
	text_to_pem(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
	TRY(buf_done(&pem));
	TRY(act_folder(c, 0755, "requests"));
	return act_write(c, buf_slice(&pem), 0644, "requests/%s.csr", a->plan->id);
}

static RC make(struct ceremony *c, struct act_authority *a, const struct plan_authority *p)
{
	struct key_info info;
	AUTO_JSON(identity, act_identity(p->name, p->instance->org->name));
	struct key_new n = {
	        .name = p->id, .purpose = levels[p->level].purpose, .kind = p->kind, .stored = true};
	a->plan = p;
	a->station = act_station(c, p->instance);
	a->der = BUF(CERT_DER_MAX);
	NEED(identity != NULL, RC_NOMEM, "authority %s", p->id);
	TRY(act_generate(c, a->station, &n, &a->key, &info));
	if (p->external) {
		c->waiting++;
		return write_request(c, a, &info, identity);
	}
	struct act_issue i = {
	        .profile = levels[p->level].profile,
	        .issuer = p->issuer != NULL ? &c->authority[p->issuer - c->plan->authority] : NULL,
	        .station = a->station,
	        .key = a->key,
	        .identity = identity,
	        .spki = key_spki(&info),
	        .days = p->years * ACT_YEAR,
	};
	TRY(act_issue(c, &i, &a->der));
	TRY(cert_parse(buf_slice(&a->der), &a->cert));
	return act_publish(c, p->id, buf_slice(&a->der));
}

RC act_make_authorities(struct ceremony *c)
{
	TRY(act_folder(c, 0755, "demo/ca"));
	for (size_t i = 0; i < c->plan->authorities; i++)
		TRY(rc_note(make(c, &c->authority[i], &c->plan->authority[i]), "authority %s",
		            c->plan->authority[i].id));
	return OK;
}

static RC load(struct ceremony *c, struct act_authority *a, const struct plan_authority *p)
{
	char path[ACT_PATH];
	a->plan = p;
	a->station = act_station(c, p->instance);
	a->der = BUF(CERT_DER_MAX);
	TRY(key_find(a->station->keys, slice_text(p->id), &a->key));
	TRY(act_path(c, path, "demo/ca/%s.der", p->id));
	struct rc rc = file_read(path, CERT_DER_MAX, &a->der);
	if (rc.code == RC_NOTFOUND && p->external) {
		c->waiting++;
		return OK;
	}
	TRY(rc);
	return cert_parse(buf_slice(&a->der), &a->cert);
}

RC act_load_authorities(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->authorities; i++)
		TRY(load(c, &c->authority[i], &c->plan->authority[i]));
	return OK;
}

/* ---- one-off keys ---- */
static RC make_hand(struct ceremony *c, const struct plan_org *org, struct act_hand *h)
{
	struct act_authority *issuer = act_operator(c, org, KEY_SM2);
	struct key_new n = {.name = ACT_HAND, .purpose = KEY_SERVICE, .kind = KEY_SM2, .stored = false};
	struct key_info info;
	char name[128];
	snprintf(name, sizeof name, "%.90s 密钥仪式", org->name);
	AUTO_JSON(identity, act_identity(name, org->name));
	h->station = issuer->station;
	h->der = BUF(CERT_DER_MAX);
	NEED(identity != NULL, RC_NOMEM, "ceremony key");
	TRY(act_generate(c, h->station, &n, &h->key, &info));
	struct act_issue i = {
	        .profile = "ceremony", .issuer = issuer, .identity = identity, .spki = key_spki(&info)};
	return act_issue(c, &i, &h->der);
}

RC act_make_hands(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->orgs; i++)
		TRY(rc_note(make_hand(c, &c->plan->org[i], &c->hand[i]), "%s", c->plan->org[i].id));
	return OK;
}

RC act_destroy_hands(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->orgs; i++) {
		json_t *o = json_object();
		TRY(key_destroy(c->hand[i].station->keys, c->hand[i].key));
		json_put_cstr(o, "name", ACT_HAND);
		TRY(act_note(c->hand[i].station, "ceremony-key-destroyed", o));
	}
	return OK;
}
