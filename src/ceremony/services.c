/* Keys of services: communication, key management, responders, statements; first transport certificates. */
#include "ceremony/act.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/pkcs8.h"
#include "pki/pubkey.h"

#include <stdio.h>

struct service {
	const char *name, *profile, *title;
	enum key_purpose purpose;
	enum key_kind kind;
	struct station *station;
	const struct act_authority *issuer;
	int days;
};

static RC make(struct ceremony *c, const struct service *s)
{
	AUTO_BUF(der, CERT_DER_MAX);
	struct key_info info;
	uint32_t key;
	char name[128];
	const struct plan_org *org = s->station->at->org;
	snprintf(name, sizeof name, "%.60s %s", org->name, s->title);
	AUTO_JSON(identity, act_identity(name, org->name));
	struct key_new n = {.name = s->name, .purpose = s->purpose, .kind = s->kind, .stored = true};
	NEED(identity != NULL, RC_NOMEM, "key %s", s->name);
	TRY(act_generate(c, s->station, &n, &key, &info));
	struct act_issue i = {.profile = s->profile,
	                      .issuer = s->issuer,
	                      .identity = identity,
	                      .spki = key_spki(&info),
	                      .days = s->days};
	TRY(rc_note(act_issue(c, &i, &der), "key %s", s->name));
	return act_write(c, buf_slice(&der), 0644, "%s/signer/keys/%s.cer", s->station->at->name, s->name);
}

/* Every signer has a key to speak for its instance; opening it also proves that the secret is right. */
static RC make_speaking(struct ceremony *c, struct station *st)
{
	char title[PLAT_NAME + 1];
	snprintf(title, sizeof title, "%s", strchr(st->at->name, '/') + 1);
	struct service s = {
	        .name = "service",
	        .profile = "comm",
	        .title = title,
	        .purpose = KEY_SERVICE,
	        .kind = KEY_SM2,
	        .station = st,
	        .issuer = act_operator(c, st->at->org, KEY_SM2),
	        .days = ACT_COMM_DAYS,
	};
	return make(c, &s);
}

/* What the signer of a role has besides; a row with `unless` stands back where the organisation has that
 * role. */
static const struct {
	const char *role, *unless, *name, *profile, *title;
	enum key_purpose purpose;
} of_role[] = {
        {"ca", NULL, "ca-comm", "comm", "CA 通信", KEY_COMM},
        {"kmc", NULL, "kmc", "kmc", "密钥管理", KEY_KMC},
        {"vault", NULL, "timestamp", "tsa", "时间戳", KEY_TIMESTAMP},
        {"ca", "vault", "timestamp", "tsa", "时间戳", KEY_TIMESTAMP},
};

static bool has_role(const struct ceremony *c, const struct plan_org *org, const char *role)
{
	for (size_t i = 0; role != NULL && i < c->plan->instances; i++)
		if (c->station[i].at->org == org && strcmp(c->station[i].at->role, role) == 0)
			return true;
	return false;
}

/* Stamps are for strangers: under the tree they know, unless its certificate is still to come. */
static const struct act_authority *issuer_of(struct ceremony *c, const struct plan_org *org,
                                             enum key_purpose purpose)
{
	const struct act_authority *a = purpose == KEY_TIMESTAMP ? act_issuing(c, org, KEY_SM2) : NULL;
	return a != NULL && a->der.len > 0 ? a : act_operator(c, org, KEY_SM2);
}

static RC make_role(struct ceremony *c, struct station *st)
{
	for (size_t i = 0; i < sizeof of_role / sizeof *of_role; i++) {
		if (strcmp(of_role[i].role, st->at->role) != 0 || has_role(c, st->at->org, of_role[i].unless))
			continue;
		struct service s = {.name = of_role[i].name,
		                    .profile = of_role[i].profile,
		                    .title = of_role[i].title,
		                    .purpose = of_role[i].purpose,
		                    .kind = KEY_SM2,
		                    .station = st,
		                    .issuer = issuer_of(c, st->at->org, of_role[i].purpose),
		                    .days = ACT_COMM_DAYS};
		TRY(make(c, &s));
	}
	return OK;
}

/* ---- transport: until the supervisor renews it at the first start ---- */
static RC make_transport(struct ceremony *c, struct station *st)
{
	struct private_key k;
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(pem, 2 * CERT_DER_MAX);
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	__attribute__((cleanup(buf_free))) struct buf key = BUF_SECRET(PKCS8_MAX),
	                                              text = BUF_SECRET(PKCS8_MAX);
	AUTO_JSON(identity, act_identity(st->at->name, st->at->org->name));
	json_put_cstr(identity, "instance", st->at->name);
	json_put_take(identity, "dns", json_pack("[s]", "localhost"));
	json_put_take(identity, "ip", json_pack("[s]", PLAT_HOST));
	NEED(identity != NULL, RC_NOMEM, "transport certificate");
	TRY(private_key_new(OID_P256, &k));
	struct rc rc = pkcs8_build(&k, &key);
	if (rc_ok(rc))
		rc = pubkey_put_p256(k.xy, &spki);
	private_key_wipe(&k);
	TRY(rc);
	struct act_issue i = {.profile = "tls",
	                      .issuer = act_operator(c, st->at->org, KEY_P256),
	                      .identity = identity,
	                      .spki = buf_slice(&spki)};
	TRY(act_issue(c, &i, &der));
	text_to_pem(&pem, "CERTIFICATE", buf_slice(&der));
	text_to_pem(&text, "PRIVATE KEY", buf_slice(&key));
	TRY(buf_done(&pem));
	TRY(buf_done(&text));
	TRY(act_write(c, buf_slice(&pem), 0644, "%s/tls/cert.pem", st->at->name));
	return act_write(c, buf_slice(&text), 0600, "%s/tls/key.pem", st->at->name);
}

RC act_make_services(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++) {
		struct station *st = &c->station[i];
		if (!st->at->runs)
			continue;
		TRY(make_speaking(c, st));
		TRY(make_role(c, st));
		TRY(rc_note(make_transport(c, st), "%s", st->at->name));
	}
	return OK;
}

/* ---- responders ---- */
RC act_make_responders(struct ceremony *c, const struct act_authority *only)
{
	for (size_t i = 0; i < c->plan->authorities; i++) {
		const struct act_authority *a = &c->authority[i];
		char name[KEY_NAME_MAX + 1], title[96];
		if (a->plan->level != PLAN_ISSUING || a->der.len == 0 || (only != NULL && only != a))
			continue;
		snprintf(name, sizeof name, "ocsp-%s", a->plan->id);
		snprintf(title, sizeof title, "OCSP %s", a->plan->id);
		struct service s = {
		        .name = name,
		        .profile = "ocsp",
		        .title = title,
		        .purpose = KEY_OCSP,
		        .kind = a->plan->kind,
		        .station = act_station(c, a->plan->status),
		        .issuer = a,
		        .days = ACT_OCSP_DAYS,
		};
		TRY(make(c, &s));
	}
	return OK;
}
