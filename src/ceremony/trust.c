/* Trust folders: public material that a role and its signer read. */
#include "ceremony/act.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

/* Copies a certificate of one station's key into the trust folder of another instance. */
static RC copy_certificate(const struct ceremony *c, const char *from, const char *key, const char *to,
                           const char *file)
{
	char path[ACT_PATH];
	AUTO_BUF(der, CERT_DER_MAX);
	TRY(act_path(c, path, "%s/signer/keys/%s.cer", from, key));
	TRY(file_read(path, CERT_DER_MAX, &der));
	return act_write(c, buf_slice(&der), 0644, "%s/trust/%s.cer", to, file);
}

static RC own_anchors(struct ceremony *c, const struct plan_instance *at)
{
	struct slice operator= buf_slice(&act_operator(c, at->org, KEY_SM2)->der);
	struct slice tls = buf_slice(&act_operator(c, at->org, KEY_P256)->der);
	TRY(act_write(c, operator, 0644, "%s/trust/operator.cer", at->name));
	TRY(act_write(c, tls, 0644, "%s/trust/operator-tls.cer", at->name));
	TRY(act_write(c, buf_slice(&act_hand_of(c, at->org)->der), 0644, "%s/trust/ceremony.cer", at->name));
	return act_write(c, buf_slice(&act_hand_of(c, c->plan->national)->der), 0644,
	                 "%s/trust/authority.cer", at->name);
}

/* What an organisation's CA and RA may state by rule: each knows the other's certificate and its own. */
static RC services(struct ceremony *c, const struct plan_instance *at)
{
	TRY(act_folder(c, 0755, "%s/trust/services", at->name));
	for (size_t i = 0; i < c->plan->instances; i++) {
		const struct plan_instance *of = &c->plan->instance[i];
		char file[PLAT_NAME + 16];
		if (!of->runs || of->org != at->org ||
		    (strcmp(of->role, "ca") != 0 && strcmp(of->role, "ra") != 0))
			continue;
		snprintf(file, sizeof file, "services/%s", strchr(of->name, '/') + 1);
		TRY(copy_certificate(c, of->name, "service", at->name, file));
	}
	return OK;
}

/* Who signs the heads of which log: everybody may be a witness of everybody (design 4). */
static RC logs(struct ceremony *c, const struct plan_instance *at)
{
	TRY(act_folder(c, 0755, "%s/trust/logs", at->name));
	for (size_t i = 0; i < c->plan->instances; i++) {
		const struct plan_instance *of = &c->plan->instance[i];
		char file[PLAT_NAME + 16];
		if (!of->runs)
			continue;
		snprintf(file, sizeof file, "logs/%s.%s", of->org->id, strchr(of->name, '/') + 1);
		TRY(copy_certificate(c, of->name, "service", at->name, file));
	}
	return OK;
}

/* The KMC's signer judges recovery cases of the institutions itself: it knows their officers' CA and the key
 * that grants roles there, and each institution's CA by its own certificate. */
static RC institutions(struct ceremony *c, const struct plan_instance *at)
{
	TRY(act_folder(c, 0755, "%s/trust/institutions", at->name));
	TRY(act_folder(c, 0755, "%s/trust/ca-comm", at->name));
	for (size_t i = 0; i < c->plan->orgs; i++) {
		const struct plan_org *org = &c->plan->org[i];
		const struct plan_instance *ca = plan_find_role(c->plan, org, "ca");
		char file[PLAT_NAME + 16];
		if (org->kind != PLAN_INSTITUTION || ca == NULL)
			continue;
		TRY(act_folder(c, 0755, "%s/trust/institutions/%s", at->name, org->id));
		TRY(act_folder(c, 0755, "%s/trust/institutions/%s/grants", at->name, org->id));
		TRY(act_folder(c, 0755, "%s/trust/institutions/%s/subscribers", at->name, org->id));
		TRY(act_write(c, buf_slice(&act_operator(c, org, KEY_SM2)->der), 0644,
		              "%s/trust/institutions/%s/operator.cer", at->name, org->id));
		TRY(act_write(c, buf_slice(&act_hand_of(c, org)->der), 0644,
		              "%s/trust/institutions/%s/ceremony.cer", at->name, org->id));
		snprintf(file, sizeof file, "ca-comm/%s", org->id);
		TRY(copy_certificate(c, ca->name, "ca-comm", at->name, file));
	}
	return OK;
}

/* CA and KMC speak to each other across organisations; KMC and source keep each other's tree heads. */
static RC peers(struct ceremony *c, const struct plan_instance *at)
{
	const struct plan *p = c->plan;
	bool ca = strcmp(at->role, "ca") == 0, kmc = strcmp(at->role, "kmc") == 0,
	     source = strcmp(at->role, "source") == 0;
	const struct plan_org *others[2] = {ca || source ? p->keycentre
	                                    : kmc        ? p->institution
	                                                 : NULL,
	                                    kmc ? p->national : NULL};
	TRY(act_folder(c, 0755, "%s/trust/peers", at->name));
	for (size_t i = 0; i < 2; i++) {
		const struct plan_org *org = others[i];
		if (org == NULL || org == at->org || act_operator(c, org, KEY_P256) == NULL)
			continue;
		TRY(act_write(c, buf_slice(&act_operator(c, org, KEY_P256)->der), 0644,
		              "%s/trust/peers/%s-tls.cer", at->name, org->id));
	}
	if (!ca && !kmc)
		return OK;
	/* Each side's role knows both: it cannot read what lies beside its keys. */
	TRY(copy_certificate(c, plan_find_role(p, p->keycentre, "kmc")->name, "kmc", at->name, "kmc"));
	return copy_certificate(c, plan_find_role(p, p->institution, "ca")->name, "ca-comm", at->name,
	                        "ca-comm");
}

/* Responder certificates lie beside their keys, where the role cannot read; it needs them in its answers. */
static RC responders(struct ceremony *c, const struct plan_instance *at)
{
	TRY(act_folder(c, 0755, "%s/trust/responders", at->name));
	for (size_t i = 0; i < c->plan->authorities; i++) {
		const struct act_authority *a = &c->authority[i];
		char key[KEY_NAME_MAX + 1], file[KEY_NAME_MAX + 32];
		if (a->plan->level != PLAN_ISSUING || a->der.len == 0 || a->plan->status != at)
			continue;
		snprintf(key, sizeof key, "ocsp-%s", a->plan->id);
		snprintf(file, sizeof file, "responders/%s", key);
		TRY(copy_certificate(c, at->name, key, at->name, file));
	}
	return OK;
}

/* Every authority's certificate, and what those with a status service point to. */
static RC write_one(struct ceremony *c, const struct plan_instance *at)
{
	AUTO_JSON(o, json_object());
	json_t *list = json_array();
	json_put_cstr(o, "schema", "yuandian/authorities/v1");
	json_put_take(o, "policies", json_deep_copy(c->plan->policies));
	TRY(act_folder(c, 0755, "%s/trust/authorities", at->name));
	for (size_t i = 0; i < c->plan->authorities; i++) {
		const struct act_authority *a = &c->authority[i];
		char base[256];
		json_t *it = json_object();
		act_base(c, a->plan->status, base, sizeof base);
		json_put_cstr(it, "id", a->plan->id);
		json_put_cstr(it, "public_base", base);
		json_array_append_new(list, it);
		if (a->der.len > 0)
			TRY(act_write(c, buf_slice(&a->der), 0644, "%s/trust/authorities/%s.cer", at->name,
			              a->plan->id));
		if (a->der.len > 0 && strcmp(at->role, "kmc") == 0 && a->plan->level == PLAN_ISSUING &&
		    a->plan->kind == KEY_SM2)
			TRY(act_write(c, buf_slice(&a->der), 0644,
			              "%s/trust/institutions/%s/subscribers/%s.cer", at->name,
			              a->plan->instance->org->id, a->plan->id));
	}
	json_put_take(o, "authorities", list);
	char *text = json_dumps(o, JSON_INDENT(1));
	NEED(text != NULL, RC_NOMEM, "authorities.json");
	struct rc rc = act_write(c, slice_text(text), 0644, "%s/trust/authorities.json", at->name);
	mem_free(text);
	return rc;
}

RC act_write_authorities(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++) {
		TRY(write_one(c, &c->plan->instance[i]));
		if (strcmp(c->plan->instance[i].role, "status") == 0)
			TRY(responders(c, &c->plan->instance[i]));
	}
	return OK;
}

RC act_write_trust(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++) {
		TRY(own_anchors(c, &c->plan->instance[i]));
		TRY(peers(c, &c->plan->instance[i]));
		TRY(services(c, &c->plan->instance[i]));
		TRY(logs(c, &c->plan->instance[i]));
		if (strcmp(c->plan->instance[i].role, "kmc") == 0)
			TRY(institutions(c, &c->plan->instance[i]));
	}
	return OK;
}
