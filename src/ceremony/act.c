#include "ceremony/act.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "sm/sm3.h"

#include <stdarg.h>
#include <stdio.h>

#define SERIAL 16

/* ---- files ---- */
static RC path_of(const struct ceremony *c, char ret[ACT_PATH], const char *fmt, va_list ap)
        __attribute__((format(printf, 3, 0)));

static RC path_of(const struct ceremony *c, char ret[ACT_PATH], const char *fmt, va_list ap)
{
	int n = snprintf(ret, ACT_PATH, "%s/", c->plat.dir);
	int m = vsnprintf(ret + n, (size_t)(ACT_PATH - n), fmt, ap);
	NEED(m >= 0 && n + m < ACT_PATH, RC_INPUT, "ceremony: path too long");
	return OK;
}

RC act_path(const struct ceremony *c, char ret[ACT_PATH], const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct rc rc = path_of(c, ret, fmt, ap);
	va_end(ap);
	return rc;
}

RC act_folder(const struct ceremony *c, unsigned mode, const char *fmt, ...)
{
	char path[ACT_PATH];
	va_list ap;
	va_start(ap, fmt);
	struct rc rc = path_of(c, path, fmt, ap);
	va_end(ap);
	TRY(rc);
	return dir_make(path, mode);
}

RC act_write(const struct ceremony *c, struct slice content, unsigned mode, const char *fmt, ...)
{
	char path[ACT_PATH];
	va_list ap;
	va_start(ap, fmt);
	struct rc rc = path_of(c, path, fmt, ap);
	va_end(ap);
	TRY(rc);
	return file_write(path, content, mode);
}

RC act_publish(const struct ceremony *c, const char *id, struct slice der)
{
	AUTO_BUF(pem, 2 * CERT_DER_MAX);
	text_to_pem(&pem, "CERTIFICATE", der);
	TRY(buf_done(&pem));
	TRY(act_write(c, der, 0644, "demo/ca/%s.der", id));
	return act_write(c, buf_slice(&pem), 0644, "demo/ca/%s.pem", id);
}

/* ---- who and where ---- */
struct station *act_station(struct ceremony *c, const struct plan_instance *at)
{
	return &c->station[at - c->plan->instance];
}

struct act_authority *act_operator(struct ceremony *c, const struct plan_org *org, enum key_kind kind)
{
	const struct plan_authority *a = plan_operator(c->plan, org, kind);
	return a != NULL ? &c->authority[a - c->plan->authority] : NULL;
}

struct act_authority *act_issuing(struct ceremony *c, const struct plan_org *org, enum key_kind kind)
{
	for (size_t i = 0; i < c->plan->authorities; i++) {
		const struct plan_authority *a = &c->plan->authority[i];
		if (a->level == PLAN_ISSUING && a->instance->org == org && a->kind == kind)
			return &c->authority[i];
	}
	return NULL;
}

struct act_hand *act_hand_of(struct ceremony *c, const struct plan_org *org)
{
	return &c->hand[org - c->plan->org];
}

void act_base(const struct ceremony *c, const struct plan_instance *at, char *ret, size_t size)
{
	const struct plat_instance *p = at != NULL ? plat_find(&c->plat, at->name) : NULL;
	if (p == NULL)
		ret[0] = 0;
	else if (c->plan->public_url != NULL)
		snprintf(ret, size, "%s", c->plan->public_url);
	else
		snprintf(ret, size, "http://" PLAT_HOST ":%u", p->public);
}

/* ---- keys and certificates ---- */
RC act_generate(struct ceremony *c, struct station *s, const struct key_new *n, uint32_t *key,
                struct key_info *info)
{
	uint8_t sm3[SM3_LEN];
	struct key_new fresh = *n;
	fresh.test = c->plan->test;
	fresh.created = c->now;
	TRY(rc_note(key_generate(s->keys, &fresh, key), "%s", s->at->name));
	TRY(key_info(s->keys, *key, info));
	sm3_hash(key_spki(info), sm3);
	json_t *o = json_object();
	json_put_cstr(o, "name", info->name);
	json_put_cstr(o, "purpose", key_purpose_name(info->purpose));
	json_put_cstr(o, "algorithm", key_kind_name(info->kind));
	json_put_cstr(o, "device", key_device_name(s->device));
	json_put_bool(o, "test", info->test);
	json_put_hex(o, "key", SLICE_ARR(sm3));
	return act_note(s, "ceremony-key", o);
}

static RC authority_facts(const struct ceremony *c, const struct act_issue *i, struct authority *ret,
                          char urls[3][ACT_PATH])
{
	char base[256];
	*ret = (struct authority){.id = "self"};
	if (i->issuer == NULL) {
		struct key_info info;
		TRY(key_info(i->station->keys, i->key, &info));
		ret->key = info.kind == KEY_SM2    ? PUBKEY_SM2
		           : info.kind == KEY_P256 ? PUBKEY_P256
		                                   : PUBKEY_RSA;
		return OK;
	}
	const struct plan_authority *a = i->issuer->plan;
	TRY(authority_from_cert(&i->issuer->cert, ret));
	ret->id = a->id;
	act_base(c, a->status, base, sizeof base);
	if (base[0] == 0)
		return OK;
	snprintf(urls[0], ACT_PATH, "%s/crl/%s.crl", base, a->id);
	snprintf(urls[1], ACT_PATH, "%s/ocsp", base);
	snprintf(urls[2], ACT_PATH, "%s/ca/%s.cer", base, a->id);
	ret->crl_url = slice_text(urls[0]);
	/* A root answers by its list alone. */
	if (a->level == PLAN_ISSUING)
		ret->ocsp_url = slice_text(urls[1]);
	ret->ca_url = slice_text(urls[2]);
	return OK;
}

static const char *policy_of(const struct ceremony *c, const char *class)
{
	return class != NULL ? json_string_value(json_object_get(c->plan->policies, class)) : NULL;
}

static RC note_certificate(const struct act_issue *i, struct station *s, struct slice der)
{
	struct cert cert;
	char serial[CERT_SERIAL_TEXT];
	uint8_t sm3[SM3_LEN];
	TRY(cert_parse(der, &cert));
	cert_serial_text(cert.serial, serial);
	cert_sm3(&cert, sm3);
	json_t *o = json_object();
	json_put_cstr(o, "profile", i->profile);
	json_put_cstr(o, "issuer", i->issuer != NULL ? i->issuer->plan->id : "self");
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "not_after", cert.not_after);
	json_put_hex(o, "certificate", SLICE_ARR(sm3));
	return act_note(s, "ceremony-certificate", o);
}

RC act_issue(struct ceremony *c, const struct act_issue *i, struct buf *ret)
{
	AUTO(profile, p, NULL);
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	char urls[3][ACT_PATH];
	uint8_t serial[SERIAL];
	struct authority a;
	struct station *s = i->issuer != NULL ? i->issuer->station : act_station(c, i->station->at);
	uint32_t key = i->issuer != NULL ? i->issuer->key : i->key;
	TRY(profile_builtin(i->profile, &p));
	TRY(profile_check_identity(p, i->identity));
	TRY(authority_facts(c, i, &a, urls));
	TRY(rand_bytes(serial, sizeof serial));
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	struct profile_facts f = {
	        .identity = i->identity,
	        .serial = SLICE_ARR(serial),
	        .spki = i->spki,
	        .entity = i->entity,
	        .class = i->class != NULL ? slice_text(i->class) : SLICE_NONE,
	        .policy = policy_of(c, i->class),
	        .not_before = c->now - ACT_BACKDATE,
	};
	TRY(profile_validity(p, &a, f.not_before, i->days, &f.not_after));
	TRY(profile_tbs(p, &a, &f, PROFILE_SIGN, &tbs));
	TRY(key_sign(s->keys, key, KEY_USE_CERTIFICATE, buf_slice(&tbs), &sig));
	TRY(cert_complete(buf_slice(&tbs), buf_slice(&sig), ret));
	return note_certificate(i, s, buf_slice(ret));
}

RC act_note(struct station *s, const char *kind, json_t *take)
{
	json_t *o = json_object();
	json_put_cstr(o, "kind", kind);
	json_put_take(o, "data", take);
	NEED(o != NULL && json_array_append_new(s->notes, o) == 0, RC_NOMEM, "ceremony: log entry");
	return OK;
}

json_t *act_identity(const char *name, const char *organisation)
{
	json_t *o = json_object();
	json_put_cstr(o, "name", name);
	json_put_cstr(o, "organisation", organisation);
	return o;
}
