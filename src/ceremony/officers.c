/* The first officers: credentials under demo/NAME, role grants under the organisation's one-off key. */
#include "ceremony/act.h"
#include "ceremony/decide.h"

#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "pki/identity_number.h"
#include "pki/pkcs12.h"
#include "pki/pubkey.h"
#include "sm/sm3.h"

#include <stdio.h>

#define PIN_LEN 8
#define UUID_LEN 36
#define UUID_PREFIX "urn:uuid:"
/* The subscriber's made-up identity: a citizen number with its check digit (GB 11643). */
#define SUBSCRIBER_NUMBER "11010119900307002"

struct credential {
	const struct plan_officer *officer;
	const char *file; /* "sign" "tls" */
	enum oid curve;
	struct act_issue issue;
	char person[UUID_LEN + 1], pin[PIN_LEN + 1];
};

static RC new_person(char ret[UUID_LEN + 1])
{
	uint8_t id[16];
	TRY(rand_bytes(id, sizeof id));
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	char *p = ret;
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += snprintf(p, 3, "%02x", id[i]);
	}
	return OK;
}

static RC new_pin(char ret[PIN_LEN + 1])
{
	uint8_t r[PIN_LEN];
	for (size_t i = 0; i < PIN_LEN;) {
		TRY(rand_bytes(r, sizeof r));
		for (size_t k = 0; k < sizeof r && i < PIN_LEN; k++)
			if (r[k] < 250)
				ret[i++] = (char)('0' + r[k] % 10);
	}
	ret[PIN_LEN] = 0;
	return OK;
}

/* ---- files ---- */
static RC write_pem(struct ceremony *c, const struct credential *k, struct slice der)
{
	AUTO_BUF(pem, 4 * CERT_DER_MAX);
	text_to_pem(&pem, "CERTIFICATE", der);
	text_to_pem(&pem, "CERTIFICATE", buf_slice(&k->issue.issuer->der));
	TRY(buf_done(&pem));
	return act_write(c, buf_slice(&pem), 0600, "demo/%s/%s.pem", k->officer->name, k->file);
}

static RC write_keys(struct ceremony *c, const struct credential *k, const struct private_key *key,
                     struct slice der)
{
	AUTO_BUF(pem, PKCS8_MAX);
	AUTO_BUF(p12, PKCS12_MAX);
	struct slice pin = slice_text(k->pin);
	struct slice chain[2] = {der, buf_slice(&k->issue.issuer->der)};
	TRY(private_key_write(key, pin, &pem));
	TRY(act_write(c, buf_slice(&pem), 0600, "demo/%s/%s.key", k->officer->name, k->file));
	TRY(pkcs12_build(key, chain, 2, pin, k->officer->name, &p12));
	return act_write(c, buf_slice(&p12), 0600, "demo/%s/%s.p12", k->officer->name, k->file);
}

/* Key pair, certificate, files; der is the certificate. */
static RC make_credential(struct ceremony *c, struct credential *k, struct buf *der)
{
	struct private_key key;
	struct sm2_pub pub;
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	TRY(private_key_new(k->curve, &key));
	memcpy(pub.xy, key.xy, sizeof pub.xy);
	struct rc rc = k->curve == OID_SM2 ? pubkey_put_sm2(&pub, &spki) : pubkey_put_p256(key.xy, &spki);
	k->issue.spki = buf_slice(&spki);
	k->issue.entity = k->person;
	if (rc_ok(rc))
		rc = act_issue(c, &k->issue, der);
	if (rc_ok(rc))
		rc = write_pem(c, k, buf_slice(der));
	if (rc_ok(rc))
		rc = write_keys(c, k, &key, buf_slice(der));
	private_key_wipe(&key);
	return rc_note(rc, "officer %s", k->officer->name);
}

/* ---- officers ---- */
static RC write_abroad(struct ceremony *c, const char *at, const struct credential *k, struct slice statement)
{
	const char *org = k->officer->org->id;
	TRY(act_folder(c, 0755, "%s/trust/institutions", at));
	TRY(act_folder(c, 0755, "%s/trust/institutions/%s", at, org));
	TRY(act_folder(c, 0755, "%s/trust/institutions/%s/grants", at, org));
	return act_write(c, statement, 0644, "%s/trust/institutions/%s/grants/%s.p7s", at, org,
	                 k->officer->name);
}

/* Those who bring recovery cases are known to the KMC too, by its signer. */
static RC grant_abroad(struct ceremony *c, const struct credential *k, struct slice statement)
{
	const char *role = k->officer->role;
	if (k->officer->org->kind != PLAN_INSTITUTION ||
	    (strcmp(role, "entry") != 0 && strcmp(role, "review") != 0))
		return OK;
	for (size_t i = 0; i < c->plan->instances; i++)
		if (strcmp(c->plan->instance[i].role, "kmc") == 0)
			TRY(write_abroad(c, c->plan->instance[i].name, k, statement));
	return OK;
}

static RC grant(struct ceremony *c, const struct credential *k, struct slice der)
{
	struct cert cert;
	uint8_t sm3[SM3_LEN];
	AUTO_JSON(body, json_object());
	AUTO_BUF(statement, ACT_STATEMENT_MAX);
	TRY(cert_parse(der, &cert));
	cert_sm3(&cert, sm3);
	json_put_cstr(body, "person", k->person);
	json_put_cstr(body, "name", k->officer->person);
	json_put_cstr(body, "role", k->officer->role);
	json_put_hex(body, "certificate", SLICE_ARR(sm3));
	json_put_time(body, "from", cert.not_before);
	json_put_time(body, "until", cert.not_after);
	struct decision d = {
	        .kind = STATEMENT_ROLE_GRANT, .org = k->officer->org, .role = "ceremony", .body = body};
	TRY(decide_sign(c, &d, &statement));
	for (size_t i = 0; i < c->plan->instances; i++)
		if (c->plan->instance[i].org == k->officer->org)
			TRY(act_write(c, buf_slice(&statement), 0644, "%s/trust/grants/%s.p7s",
			              c->plan->instance[i].name, k->officer->name));
	return grant_abroad(c, k, buf_slice(&statement));
}

static RC make_tls(struct ceremony *c, struct credential k)
{
	AUTO_BUF(der, CERT_DER_MAX);
	k.file = "tls";
	k.curve = OID_P256;
	k.issue.profile = "operator-tls";
	k.issue.issuer = act_operator(c, k.officer->org, KEY_P256);
	k.issue.days = ACT_OFFICER_DAYS;
	return make_credential(c, &k, &der);
}

static RC make_sign(struct ceremony *c, struct credential k)
{
	AUTO_BUF(der, CERT_DER_MAX);
	k.file = "sign";
	k.curve = OID_SM2;
	k.issue.profile = "operator";
	k.issue.issuer = act_operator(c, k.officer->org, KEY_SM2);
	k.issue.days = ACT_OFFICER_DAYS;
	TRY(make_credential(c, &k, &der));
	return grant(c, &k, buf_slice(&der));
}

static RC read_person(struct ceremony *c, struct credential *k);

/* Two accounts of one natural person carry one id: two persons are told apart by it (R30.4). */
static RC same_person(struct ceremony *c, const struct plan_officer *o, char ret[UUID_LEN + 1])
{
	struct credential k = {.officer = o};
	TRY(read_person(c, &k));
	memcpy(ret, k.person, UUID_LEN + 1);
	return OK;
}

static RC make_officer(struct ceremony *c, const struct plan_officer *o)
{
	struct credential k = {.officer = o};
	AUTO_JSON(identity, act_identity(o->person, o->org->name));
	char line[PIN_LEN + 2];
	NEED(identity != NULL, RC_NOMEM, "officer %s", o->name);
	TRY(o->same != NULL ? same_person(c, o->same, k.person) : new_person(k.person));
	TRY(new_pin(k.pin));
	TRY(act_folder(c, 0700, "demo/%s", o->name));
	snprintf(line, sizeof line, "%s\n", k.pin);
	TRY(act_write(c, slice_text(line), 0600, "demo/%s/pin", o->name));
	k.issue.identity = identity;
	TRY(make_tls(c, k));
	return o->role != NULL ? make_sign(c, k) : OK;
}

RC act_make_officers(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++)
		TRY(act_folder(c, 0755, "%s/trust/grants", c->plan->instance[i].name));
	for (size_t i = 0; i < c->plan->officers; i++)
		TRY(make_officer(c, &c->plan->officer[i]));
	return OK;
}

/* ---- subscribers: a person's certificate of the issuing authority ---- */
static RC read_person(struct ceremony *c, struct credential *k)
{
	char path[ACT_PATH];
	struct cert cert;
	struct slice person;
	AUTO_BUF(pin, 64);
	AUTO_BUF(pem, 4 * CERT_DER_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	TRY(act_path(c, path, "demo/%s/pin", k->officer->name));
	TRY(file_read(path, 64, &pin));
	NEED(pin.len == PIN_LEN + 1, RC_INPUT, "officer %s: pin", k->officer->name);
	memcpy(k->pin, pin.p, PIN_LEN);
	TRY(act_path(c, path, "demo/%s/tls.pem", k->officer->name));
	TRY(file_read(path, 4 * CERT_DER_MAX, &pem));
	TRY(cert_read(buf_slice(&pem), &der, &cert));
	TRY(cert_uri(&cert, UUID_PREFIX, &person));
	NEED(person.len == UUID_LEN, RC_INPUT, "officer %s: person", k->officer->name);
	memcpy(k->person, person.p, UUID_LEN);
	return OK;
}

static json_t *subscriber_identity(const struct plan_officer *o)
{
	char number[19];
	json_t *identity = json_object(), *document = json_object();
	snprintf(number, sizeof number, SUBSCRIBER_NUMBER "%c",
	         citizen_digit((const uint8_t *)SUBSCRIBER_NUMBER));
	json_put_cstr(document, "type", "citizen");
	json_put_cstr(document, "number", number);
	json_put_cstr(document, "valid_until", "long-term");
	json_put_cstr(identity, "name", o->person);
	json_put_take(identity, "document", document);
	return identity;
}

static RC make_subscriber(struct ceremony *c, const struct plan_officer *o,
                          const struct act_authority *issuer)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_JSON(identity, subscriber_identity(o));
	struct credential k = {.officer = o, .file = "sign", .curve = OID_SM2};
	NEED(identity != NULL, RC_NOMEM, "subscriber");
	TRY(read_person(c, &k));
	k.issue = (struct act_issue){
	        .profile = "person", .issuer = issuer, .identity = identity, .class = "GOV"};
	return make_credential(c, &k, &der);
}

RC act_make_subscribers(struct ceremony *c, const struct act_authority *only)
{
	for (size_t i = 0; i < c->plan->officers; i++) {
		const struct plan_officer *o = &c->plan->officer[i];
		const struct act_authority *issuer = act_issuing(c, o->org, KEY_SM2);
		if (o->role != NULL || issuer == NULL || issuer->der.len == 0 ||
		    (only != NULL && only != issuer))
			continue;
		TRY(make_subscriber(c, o, issuer));
	}
	return OK;
}
