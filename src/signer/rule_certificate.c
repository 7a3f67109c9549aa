/* Subscriber certificates.  What two persons signed is the only way to a signature of an issuing key: the
 * TBS must be, byte for byte, what the profile makes of the application and the approval. */
#include "signer/anchors.h"
#include "signer/gather.h"
#include "signer/message.h"
#include "signer/serial.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pki/chain.h"
#include "pki/csr.h"
#include "pki/km.h"
#include "base/time.h"
#include "pki/name.h"
#include "statement/basis.h"

#include <stdio.h>

#define SKEW STATEMENT_SKEW
#define APPROVAL_AGE (92 * TIME_DAY) /* an approval does not wait for ever */

struct request {
	struct buf der;
	struct csr csr;
};

static void request_free(struct request *r)
{
	if (r == NULL)
		return;
	buf_free(&r->der);
	mem_free(r);
}
DROP(request, request_free);

/* A batch: objects are opened and verified once, however many items point to them. */
struct object {
	struct statement *statement;
	struct km_respond *km;
	struct request *request; /* of an application, once it was read */
	struct rc rc;
	struct rc_text why;
	bool seen;
};
struct batch {
	struct signer *s;
	const struct anchors *a;
	const struct msg_certificates *m;
	int64_t now;
	struct object object[MSG_OBJECTS];
};

static void batch_free(struct batch *b)
{
	for (size_t i = 0; b != NULL && i < MSG_OBJECTS; i++) {
		statement_free(b->object[i].statement);
		km_respond_free(b->object[i].km);
		request_free(b->object[i].request);
	}
	mem_free(b);
}
DROP(batch, batch_free);

/* ---- objects ---- */
static void keep(struct object *o, struct rc rc)
{
	o->seen = true;
	o->rc = rc;
	if (!rc_ok(rc))
		o->why = *rc_last();
}

static RC outcome(const struct object *o, const char *what)
{
	return rc_ok(o->rc) ? OK : rc_note(rc_restore(&o->why), "%s", what);
}

/* The form of the request for a certificate; whether it holds is for csr_prove(). */
static RC read_request(const struct statement *application, struct request **ret)
{
	AUTO(request, r, mem_new(1, sizeof *r));
	NEED(r != NULL, RC_NOMEM, "certificates");
	r->der = BUF(CSR_DER_MAX);
	TRY(json_get_base64(application->body, "csr", CSR_DER_MAX, &r->der));
	TRY(csr_parse_form(buf_slice(&r->der), &r->csr));
	*ret = MOVE(r);
	return OK;
}

/* All proofs of possession at once.  What cannot be read is refused where it is needed. */
static void prove_requests(struct batch *b)
{
	struct csr *todo[SIGNER_BATCH];
	size_t n = 0;
	for (size_t i = 0; i < MSG_OBJECTS && n < SIGNER_BATCH; i++) {
		struct object *o = &b->object[i];
		if (o->statement != NULL && rc_ok(o->rc) && o->statement->kind == STATEMENT_APPLICATION &&
		    rc_ok(read_request(o->statement, &o->request)))
			todo[n++] = &o->request->csr;
	}
	csr_prove_batch(todo, n);
}

/* All statements of the batch at once; each failure stays with its object. */
static RC open_statements(struct batch *b)
{
	AUTO_MEM(struct statement_check, checks, mem_new(2 * SIGNER_BATCH, sizeof *checks));
	AUTO_MEM(size_t, of, mem_new(2 * SIGNER_BATCH, sizeof *of));
	size_t n = 0;
	NEED(checks != NULL && of != NULL, RC_NOMEM, "certificates");
	for (size_t i = 0; i < b->m->count; i++) {
		const unsigned numbers[] = {b->m->items[i].application, b->m->items[i].approval};
		for (size_t k = 0; k < 2; k++) {
			struct object *o = numbers[k] > 0 ? &b->object[numbers[k] - 1] : NULL;
			if (o == NULL || o->seen)
				continue;
			keep(o, statement_open(msg_object(b->m, numbers[k]), &o->statement));
			if (!rc_ok(o->rc))
				continue;
			of[n] = numbers[k] - 1;
			checks[n++].s = o->statement;
		}
	}
	statement_verify_batch(b->a->statements, b->now, checks, n);
	for (size_t i = 0; i < n; i++) {
		b->object[of[i]].rc = checks[i].rc;
		b->object[of[i]].why = checks[i].why;
	}
	prove_requests(b);
	return OK;
}

static RC need_statement(const struct batch *b, unsigned number, enum statement_kind kind,
                         const struct statement **ret)
{
	const char *what = statement_kind_name(kind);
	REQUIRE(number > 0, SIGNER_APPROVAL, "no %s", what);
	const struct object *o = &b->object[number - 1];
	TRY(outcome(o, what));
	REQUIRE(o->statement != NULL && o->statement->kind == kind, SIGNER_APPROVAL,
	        "the statement is not an %s", what);
	REQUIRE(slice_is(o->statement->organisation, b->s->organisation), SIGNER_APPROVAL,
	        "%s of another organisation", what);
	*ret = o->statement;
	return OK;
}

/* The KMC's answer: opened and its signature verified once. */
static RC open_km(const struct batch *b, struct slice der, struct km_respond **ret)
{
	struct sm2_pub pub;
	const struct anchor_certificate *kmc = &b->a->kmc;
	AUTO(km_respond, m, NULL);
	REQUIRE(kmc->der.len > 0, SIGNER_KMC, "no key-management centre is registered here");
	TRY(km_respond_parse(der, &m));
	REQUIRE(km_name_matches(&m->km, buf_slice(&kmc->der)), SIGNER_KMC,
	        "answer of another key-management centre");
	REQUIRE(kmc->cert.not_before <= b->now && b->now <= kmc->cert.not_after, SIGNER_KMC,
	        "the certificate of the key-management centre is not valid now");
	TRY(cert_sm2_key(&kmc->cert, &pub));
	REQUIRE(rc_ok(km_respond_verify(m, &pub)), SIGNER_KMC, "signature of the answer");
	*ret = MOVE(m);
	return OK;
}

static RC need_km(struct batch *b, unsigned number, const struct km_respond **ret)
{
	struct object *o = &b->object[number - 1];
	if (!o->seen)
		keep(o, open_km(b, msg_object(b->m, number), &o->km));
	TRY(outcome(o, "key-management answer"));
	REQUIRE(o->km != NULL, SIGNER_KMC, "the object is not a key-management answer");
	*ret = o->km;
	return OK;
}

/* ---- one certificate ---- */
struct facts {
	const struct statement *application, *approval;
	struct basis basis;
	struct cert old; /* extension: the signing certificate that is extended */
	const struct anchor_profile *profile;
	struct csr csr;
	struct slice class, spki;
	json_t *identity;
	enum profile_part part;
};

static RC text_is(const json_t *o, const char *key, struct slice want, const char *what)
{
	struct slice got;
	TRY(json_get_text(o, key, NAME_TEXT_MAX, &got));
	REQUIRE(slice_equal(got, want), SIGNER_APPROVAL, "the approval is about another %s", what);
	return OK;
}

static RC hash_is(const json_t *o, const char *key, const uint8_t want[32], const char *what)
{
	uint8_t got[32];
	TRY(json_get_hex(o, key, got, sizeof got));
	REQUIRE(memcmp(got, want, sizeof got) == 0, SIGNER_APPROVAL, "the approval is about another %s",
	        what);
	return OK;
}

/* G13: two natural persons, the second about exactly what the first entered, and not about himself. */
static RC check_persons(const struct batch *b, const struct facts *f)
{
	struct slice entity;
	REQUIRE(f->application->person.len > 0 && f->approval->person.len > 0, SIGNER_PERSONS,
	        "a person is not named");
	REQUIRE(!slice_equal(f->application->person, f->approval->person), SIGNER_PERSONS, "%.*s",
	        (int)f->approval->person.len, (const char *)f->approval->person.p);
	TRY(json_get_text(f->approval->body, "entity", 36, &entity));
	REQUIRE(!slice_equal(f->approval->person, entity), SIGNER_PERSONS,
	        "%.*s approves his own certificate", (int)entity.len, (const char *)entity.p);
	TRY(hash_is(f->approval->body, "application", f->application->sm3, "application"));
	REQUIRE(f->approval->issued >= f->application->issued - SKEW, SIGNER_APPROVAL,
	        "approved before it was entered");
	REQUIRE(f->approval->issued >= b->now - APPROVAL_AGE, SIGNER_APPROVAL, "the approval is too old");
	return OK;
}

/* Proof of possession, and the key that was approved. */
static RC check_request(struct object *application, struct facts *f)
{
	uint8_t sm3[32];
	if (application->request == NULL)
		TRY(read_request(application->statement, &application->request));
	TRY(csr_prove(&application->request->csr));
	f->csr = application->request->csr;
	pubkey_sm3(&f->csr.key, sm3);
	return hash_is(f->approval->body, "spki", sm3, "key");
}

static RC check_profile(const struct batch *b, struct facts *f, struct slice key)
{
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(text, NAME_TEXT_MAX);
	struct slice id;
	TRY(json_get_text(f->application->body, "profile", PROFILE_ID_MAX, &id));
	TRY(json_get_text(f->application->body, "class", 16, &f->class));
	TRY(json_get(f->application->body, "identity", &f->identity));
	TRY(text_is(f->approval->body, "profile", id, "profile"));
	TRY(text_is(f->approval->body, "class", f->class, "class"));
	TRY(text_is(f->approval->body, "authority", key, "authority"));
	f->profile = anchors_profile(b->a, id);
	REQUIRE(f->profile != NULL && !profile_internal(f->profile->profile), SIGNER_PROFILE,
	        "profile %.*s is not open", (int)id.len, (const char *)id.p);
	const struct profile *p = f->profile->profile;
	REQUIRE(profile_has_class(p, f->class), SIGNER_PROFILE, "profile %s has no class %.*s",
	        f->profile->id, (int)f->class.len, (const char *)f->class.p);
	TRY(profile_check_identity(p, f->identity));
	TRY(profile_check_application_day(p, f->application->body, f->application->issued));
	TRY(profile_subject(p, f->identity, &name));
	TRY(name_to_text(buf_slice(&name), &text));
	return text_is(f->approval->body, "subject", buf_slice(&text), "subject");
}

static bool names(const json_t *list, struct slice value)
{
	const json_t *it;
	size_t i;
	json_array_foreach(list, i, it) if (json_is_string(it) &&
	                                    (slice_is(value, json_string_value(it)) ||
	                                     strcmp(json_string_value(it), "*") == 0)) return true;
	return false;
}

/* G01, G11, G12: who may issue what, until when; and the profile as it was authorised, not as it lies here.
 */
static RC check_authorisation(const struct batch *b, const struct facts *f, bool test_key)
{
	const struct statement *s = b->a->authorisation;
	struct slice text;
	json_t *profiles;
	uint8_t sm3[32];
	int64_t from, until;
	bool demonstration;
	REQUIRE(s != NULL, SIGNER_AUTHORISATION, "there is none");
	TRY(json_get_time(s->body, "not_before", &from));
	TRY(json_get_time(s->body, "not_after", &until));
	REQUIRE(from <= b->now && b->now < until, SIGNER_AUTHORISATION, "it is not in force now");
	TRY(json_get_text(s->body, "institution", STATEMENT_NAME_MAX, &text));
	REQUIRE(slice_is(text, b->s->organisation), SIGNER_AUTHORISATION, "it names another institution");
	REQUIRE(names(json_object_get(s->body, "classes"), f->class), SIGNER_AUTHORISATION,
	        "class %.*s is not in it", (int)f->class.len, (const char *)f->class.p);
	TRY(json_get_text(f->application->body, "region", 6, &text));
	REQUIRE(names(json_object_get(s->body, "regions"), text), SIGNER_AUTHORISATION,
	        "region %.*s is not in it", (int)text.len, (const char *)text.p);
	TRY(json_get(s->body, "profiles", &profiles));
	REQUIRE(json_object_get(profiles, f->profile->id) != NULL, SIGNER_AUTHORISATION,
	        "profile %s is not in it", f->profile->id);
	TRY(json_get_hex(profiles, f->profile->id, sm3, sizeof sm3));
	REQUIRE(memcmp(sm3, f->profile->sm3, sizeof sm3) == 0, SIGNER_PROFILE,
	        "profile %s was changed after it was authorised", f->profile->id);
	TRY(json_get_bool(s->body, "demonstration", &demonstration));
	REQUIRE(demonstration || !test_key, SIGNER_AUTHORISATION,
	        "a test key issues in demonstrations only (G06)");
	return OK;
}

/* ---- what it follows ---- */
/* A certificate of the very authority that is to sign, for the same holder. */
static RC open_old(const struct batch *b, const struct facts *f, struct slice der, struct slice key,
                   struct cert *ret)
{
	const struct anchor_certificate *ca = anchors_authority(b->a, key);
	struct slice was, is;
	REQUIRE(der.len > 0, SIGNER_APPROVAL, "the certificate that is extended is missing");
	TRY(cert_parse(der, ret));
	REQUIRE(ca != NULL && rc_ok(chain_link(ret, &ca->cert, CHAIN_ANY_TIME)), SIGNER_APPROVAL,
	        "the certificate that is extended is not of this authority");
	TRY(json_get_text(f->approval->body, "entity", 36, &is));
	TRY(cert_uri(ret, "urn:uuid:", &was));
	REQUIRE(slice_equal(was, is), SIGNER_PERSONS, "the certificate that is extended is another holder's");
	return OK;
}

static RC check_extended(const struct batch *b, struct facts *f, const struct msg_item *it)
{
	TRY(open_old(b, f, msg_object(b->m, it->old[0]), it->key, &f->old));
	REQUIRE(slice_equal(f->old.serial, basis_serial(&f->basis)), SIGNER_APPROVAL,
	        "the certificate that is extended is not the one named");
	REQUIRE(slice_equal(f->old.key.spki, f->csr.key.spki), SIGNER_APPROVAL, "an extension keeps the key");
	REQUIRE(!f->old.has_usage || (f->old.usage & USAGE_SIGN) != 0, SIGNER_APPROVAL,
	        "the certificate that is extended is not for signatures");
	return OK;
}

/* A holder speaks for himself, with the key of the certificate that he names and while it is valid (the
 * signature's own check); everybody else brings evidence (R21.3). */
static RC check_basis(const struct batch *b, struct facts *f, const struct msg_item *it)
{
	struct slice entity;
	struct cert own;
	TRY(basis_read(f->application, &f->basis));
	REQUIRE((f->basis.kind == BASIS_EXTEND) == (it->old[0] != 0), SIGNER_APPROVAL,
	        "a certificate to extend and its application go together");
	REQUIRE(f->basis.kind == BASIS_NONE || slice_is(it->key, f->basis.ca), SIGNER_APPROVAL,
	        "what is followed is of another authority");
	if (f->basis.holder) {
		const struct anchor_certificate *ca = anchors_authority(b->a, it->key);
		TRY(json_get_text(f->approval->body, "entity", 36, &entity));
		REQUIRE(slice_equal(f->application->person, entity), SIGNER_PERSONS,
		        "a holder applies for himself");
		TRY(cert_parse(f->application->certificate, &own));
		REQUIRE(ca != NULL && rc_ok(chain_link(&own, &ca->cert, CHAIN_ANY_TIME)), SIGNER_PERSONS,
		        "the holder's certificate is not of this authority");
	}
	return f->basis.kind == BASIS_EXTEND ? check_extended(b, f, it) : OK;
}

/* The pair's other half: same holder, name and validity as the signing certificate that is extended. */
static RC choose_old_key(const struct batch *b, struct facts *f, const struct msg_item *it)
{
	struct cert old;
	TRY(open_old(b, f, msg_object(b->m, it->old[1]), it->key, &old));
	REQUIRE(old.not_before == f->old.not_before && old.not_after == f->old.not_after &&
	                slice_equal(old.subject, f->old.subject),
	        SIGNER_APPROVAL, "the encryption certificate is not the pair's");
	REQUIRE(old.has_usage && (old.usage & USAGE_SIGN) == 0, SIGNER_APPROVAL,
	        "the old encryption certificate is not for encryption");
	REQUIRE(!slice_equal(old.key.spki, f->csr.key.spki), SIGNER_KMC,
	        "the encryption key is the signing key (R06.9)");
	f->spki = old.key.spki;
	f->part = PROFILE_ENCRYPT;
	return OK;
}

/* Signing part: the CSR's key.  Encryption part: the key the KMC answered for this very serial number. */
static RC choose_key(struct batch *b, struct facts *f, const struct msg_item *it, const struct cert *tbs)
{
	const struct km_respond *km;
	f->spki = f->csr.key.spki;
	f->part = PROFILE_SIGN;
	REQUIRE(it->km == 0 || it->old[1] == 0, SIGNER_KMC, "two keys for one certificate");
	if (it->km == 0 && it->old[1] == 0)
		return OK;
	REQUIRE(profile_dual(f->profile->profile) && f->csr.key.kind == PUBKEY_SM2, SIGNER_PROFILE,
	        "not a pair");
	REQUIRE((f->basis.kind == BASIS_EXTEND) == (it->old[1] != 0), SIGNER_KMC,
	        "an extension keeps the encryption key, and nothing else does");
	if (it->old[1] != 0)
		return choose_old_key(b, f, it);
	TRY(need_km(b, it->km, &km));
	const struct km_respond_item *answer = km_respond_find(km, tbs->serial);
	REQUIRE(answer != NULL && (answer->kind == KM_APPLY || answer->kind == KM_RESTORE), SIGNER_KMC,
	        "no key for this serial number");
	REQUIRE(!slice_equal(answer->key, f->csr.key.spki), SIGNER_KMC,
	        "the encryption key is the signing key (R06.9)");
	f->spki = answer->key;
	f->part = PROFILE_ENCRYPT;
	return OK;
}

/* Begins where the keys began, ends within their life. */
static RC check_extension(const struct batch *b, const struct facts *f, const struct authority *a,
                          const struct cert *tbs, int days)
{
	struct profile_extension e = {.not_before = f->old.not_before,
	                              .not_after = f->old.not_after,
	                              .now = b->now + SKEW,
	                              .days = days};
	int64_t until;
	REQUIRE(tbs->not_before == f->old.not_before, SIGNER_PROFILE, "an extension keeps the beginning");
	TRY(profile_extend(f->profile->profile, a, &e, &until));
	REQUIRE(tbs->not_after <= until && tbs->not_after > f->old.not_after, SIGNER_PROFILE,
	        "valid for longer than approved");
	return OK;
}

static RC check_validity(const struct batch *b, const struct facts *f, const struct authority *a,
                         const struct cert *tbs)
{
	int64_t days, until;
	TRY(json_get_int(f->approval->body, "validity_days", 1, 36500, &days));
	if (f->basis.kind == BASIS_EXTEND)
		return check_extension(b, f, a, tbs, (int)days);
	REQUIRE(tbs->not_before >= f->approval->issued - SKEW && tbs->not_before <= b->now + SKEW,
	        SIGNER_PROFILE, "notBefore is not the time of issue");
	TRY(profile_validity(f->profile->profile, a, tbs->not_before, (int)days, &until));
	REQUIRE(tbs->not_after <= until, SIGNER_PROFILE, "valid for longer than approved");
	return OK;
}

static RC check_tbs(const struct batch *b, const struct facts *f, struct slice key, struct slice der,
                    const struct cert *tbs)
{
	AUTO_BUF(want, PROFILE_TBS_MAX);
	uint8_t sm3[32];
	char entity[40];
	struct slice uuid;
	struct authority a;
	TRY(anchors_issuing(b->a, key, &a));
	TRY(json_get_text(f->approval->body, "entity", 36, &uuid));
	snprintf(entity, sizeof entity, "%.*s", (int)uuid.len, (const char *)uuid.p);
	TRY(check_validity(b, f, &a, tbs));
	struct profile_facts facts = {
	        .identity = f->identity,
	        .class = f->class,
	        .entity = entity,
	        .serial = tbs->serial,
	        .spki = f->spki,
	        .not_before = tbs->not_before,
	        .not_after = tbs->not_after,
	        .policy = slice_is(f->class, "GOV") ? b->a->policy_gov : b->a->policy_public,
	        .extended = f->basis.kind == BASIS_EXTEND,
	};
	if (facts.policy[0] == 0)
		facts.policy = NULL;
	pubkey_sm3(&f->csr.key, sm3);
	TRY(signer_serial_is(b->s, tbs->serial, f->approval->sm3, sm3, f->part == PROFILE_ENCRYPT));
	TRY(profile_tbs(f->profile->profile, &a, &facts, f->part, &want));
	REQUIRE(slice_equal(buf_slice(&want), der), SIGNER_PROFILE,
	        "the bytes are not what profile %s makes of the approval", f->profile->id);
	return OK;
}

static RC judge(struct batch *b, const struct msg_item *it, bool test_key, struct facts *f)
{
	struct cert tbs;
	TRY(cert_parse_tbs(it->tbs, &tbs));
	TRY(need_statement(b, it->application, STATEMENT_APPLICATION, &f->application));
	TRY(need_statement(b, it->approval, STATEMENT_APPROVAL, &f->approval));
	TRY(check_persons(b, f));
	TRY(check_request(&b->object[it->application - 1], f));
	TRY(check_profile(b, f, it->key));
	TRY(check_basis(b, f, it));
	TRY(check_authorisation(b, f, test_key));
	TRY(choose_key(b, f, it, &tbs));
	return check_tbs(b, f, it->key, it->tbs, &tbs);
}

static RC one(struct batch *b, const struct msg_item *it, uint32_t *index)
{
	struct facts f = {0};
	struct key_info info;
	TRY(signer_key(b->s, it->key, index, &info));
	REQUIRE(info.purpose == KEY_CA, KEY_PURPOSE, "key %s serves the purpose %s", info.name,
	        key_purpose_name(info.purpose));
	return judge(b, it, info.test, &f);
}

static RC all(struct batch *b, struct signer_result *results)
{
	AUTO_MEM(struct gather, g, mem_new(1, sizeof *g));
	NEED(g != NULL, RC_NOMEM, "certificates");
	g->s = b->s;
	g->use = KEY_USE_CERTIFICATE;
	g->results = results;
	TRY(open_statements(b));
	for (size_t i = 0; i < b->m->count; i++) {
		uint32_t index = 0;
		struct rc rc = one(b, &b->m->items[i], &index);
		gather_take(g, i, rc, index, b->m->items[i].tbs);
	}
	return gather_sign(g);
}

RC signer_do_certificates(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_MEM(struct msg_certificates, m, mem_new(1, sizeof *m));
	AUTO(batch, b, mem_new(1, sizeof *b));
	struct anchors *a;
	NEED(m != NULL && b != NULL, RC_NOMEM, "certificates");
	TRY(msg_get_certificates(q->body, m));
	AUTO_MEM(struct signer_result, results, mem_new(m->count, sizeof *results));
	NEED(results != NULL, RC_NOMEM, "certificates");
	TRY(anchors_hold(s, true, &a));
	b->s = s;
	b->a = a;
	b->m = m;
	b->now = clock_now();
	struct rc rc = all(b, results);
	anchors_leave(s, a);
	TRY(rc);
	msg_put_results(w, results, m->count);
	return OK;
}
