/* An application: everything that can be checked is checked before it is taken on, and the refusal says
 * what is missing (R21.1, R30.1, R30.2, R30.5). */
#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"
#include "evidence/log.h"
#include "evidence/record.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "pki/profile.h"
#include "ra/basis.h"
#include "ra/ra.h"
#include "sm/sm3.h"

struct entering {
	struct ra *ra;
	const struct statement *s;
	const struct trust *trust;
	const struct profile *profile;
	struct ra_application a;
	uint8_t mark[32];
	const char *kind;
	char proposed[RA_UUID + 1]; /* id of the entity, if it is new */
};

/* ---- evidence ---- */

struct taking {
	struct ra_evidence e;
	const char *by;
};

static struct rc evidence_write(struct db_tx *tx, void *arg)
{
	struct taking *t = arg;

	return ra_store_evidence_put(tx->db, &t->e, t->by, clock_now());
}

static bool type_name(struct slice s)
{
	if (s.len == 0 || s.len > RA_NAME)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
			return false;
	}
	return true;
}

/* Sealed and durable in the record store first, then known by its hash. */
RC ra_evidence_take(struct ra *ra, const struct request *q, json_t **ret)
{
	struct taking t = {.by = q->peer->person};
	struct slice type = SLICE_NONE;

	TRY(request_query_only(q, "type", NULL));
	NEED(request_query(q, "type", &type) && type_name(type), RC_INPUT,
	     "type is not the name of a kind of evidence");
	NEED(q->body.len > 0, RC_INPUT, "the evidence is empty");
	memcpy(t.e.type, type.p, type.len);
	t.e.size = (int64_t)q->body.len;
	TRY(record_put(instance_records(ra->in), q->body, t.e.sm3));
	TRY(writer_run(instance_writer(ra->in), evidence_write, &t));
	*ret = json_object();
	json_put_hex(*ret, "sm3", SLICE_ARR(t.e.sm3));
	json_put_int(*ret, "size", t.e.size);
	return OK;
}

/* Each piece the statement names was handed in; the profile's list is complete (R30.1). */
static RC check_evidence(struct entering *e, struct db *db)
{
	json_t *list, *one;
	size_t i;

	TRY(json_get_array(e->s->body, "evidence", RA_EVIDENCE_COUNT, &list));
	/* R21.3: a holder proves himself with the old key */
	if (!slice_is(e->s->role, "subscriber"))
		TRY(profile_check_evidence(e->profile, list));
	json_array_foreach(list, i, one)
	{
		struct ra_evidence v = {.size = 0};
		struct slice type;
		bool there;

		TRY(json_get_text(one, "type", RA_NAME, &type));
		memcpy(v.type, type.p, type.len);
		TRY(json_get_hex(one, "sm3", v.sm3, sizeof(v.sm3)));
		TRY(json_get_int(one, "size", 1, RA_EVIDENCE_MAX, &v.size));
		TRY(ra_store_evidence_has(db, &v, &there));
		REQUIRE(there, EVIDENCE_MISSING, "%s was named but not handed in", v.type);
	}
	return OK;
}

/* ---- what the statement says ---- */

static RC copy_text(const json_t *body, const char *key, char *ret, size_t size)
{
	struct slice s;

	TRY(json_get_text(body, key, size - 1, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

static RC check_profile(struct entering *e)
{
	const struct trust_profile *p;

	TRY(copy_text(e->s->body, "profile", e->a.profile, sizeof(e->a.profile)));
	TRY(copy_text(e->s->body, "class", e->a.class, sizeof(e->a.class)));
	p = trust_profile(e->trust, e->a.profile);
	REQUIRE(p != NULL && !profile_internal(p->profile), PROFILE_UNKNOWN, "%s", e->a.profile);
	e->profile = p->profile;
	REQUIRE(profile_has_class(p->profile, slice_text(e->a.class)), G11, "%s is not issued in class %s",
	        e->a.profile, e->a.class);
	e->a.days = profile_days(p->profile);
	e->a.days_max = profile_days_max(p->profile);
	return OK;
}

static bool blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] != ' ' && s.p[i] != '\t')
			return false;
	}
	return true;
}

static RC check_terms(const struct entering *e)
{
	struct slice purpose, region, version;
	json_t *agreement;
	bool accepted;

	TRY(json_get_text(e->s->body, "purpose", 512, &purpose));
	REQUIRE(!blank(purpose), PURPOSE, "the purpose is empty");
	TRY(json_get_text(e->s->body, "region", 6, &region));
	REQUIRE(region.len == 6 && region.p[0] != '0', REGION, "%.*s", (int)region.len,
	        (const char *)region.p);
	TRY(json_get(e->s->body, "agreement", &agreement));
	TRY(json_get_text(agreement, "version", 16, &version));
	TRY(json_get_bool(agreement, "accepted", &accepted));
	REQUIRE(accepted && slice_is(version, RA_AGREEMENT), AGREEMENT,
	        "the present edition is " RA_AGREEMENT);
	return OK;
}

static RC check_identity(struct entering *e)
{
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(text, RA_SUBJECT_MAX);
	json_t *identity;

	TRY(json_get(e->s->body, "identity", &identity));
	TRY(profile_check_identity(e->profile, identity));
	TRY(profile_check_application_day(e->profile, e->s->body, e->a.at));
	TRY(ra_identity_mark(identity, slice_of(e->ra->registry->p, e->ra->registry->len), e->mark,
	                     &e->kind));
	TRY(profile_subject(e->profile, identity, &name));
	TRY(name_to_text(buf_slice(&name), &text));
	(void)snprintf(e->a.subject, sizeof(e->a.subject), "%s", buf_cstr(&text));
	return OK;
}

const struct trust_authority *ra_authority(const struct trust *t, enum pubkey_kind kind)
{
	const struct trust_authority *a, *other = NULL;

	for (size_t i = 0; (a = trust_authority_at(t, i)) != NULL; i++) {
		if (a->self_signed || a->issue.ocsp_url.len == 0)
			continue;
		if (a->issue.key == kind)
			return a;
		/* a P-256 key may stand under an RSA authority and the other way round */
		if (other == NULL && a->issue.key != PUBKEY_SM2 && kind != PUBKEY_SM2)
			other = a;
	}
	return other;
}

/* R30.5: the applicant holds the key; which id the proof was made with is kept. */
static RC check_request(struct entering *e)
{
	const struct trust_authority *authority;
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr csr;

	TRY(json_get_base64(e->s->body, "csr", CSR_DER_MAX, &der));
	TRY(csr_parse(buf_slice(&der), &csr));
	REQUIRE(profile_has_key(e->profile, csr.key.kind), PROFILE_KEY, "%s takes no %s keys", e->a.profile,
	        pubkey_kind_name(csr.key.kind));
	authority = ra_authority(e->trust, csr.key.kind);
	REQUIRE(authority != NULL, KEY_KIND, "nobody here certifies %s keys", pubkey_kind_name(csr.key.kind));
	(void)snprintf(e->a.authority, sizeof(e->a.authority), "%s", authority->id);
	e->a.possession = (int)csr.proof;
	pubkey_sm3(&csr.key, e->a.spki);
	return OK;
}

/* ---- taking it on ---- */

static RC new_id(char ret[RA_ID + 1])
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t r[RA_ID];

	TRY(rand_bytes(r, sizeof(r)));
	for (size_t i = 0; i < RA_ID; i++)
		ret[i] = alphabet[r[i] % 32];
	ret[RA_ID] = '\0';
	return OK;
}

/* 16 random bytes in UUID form (design 9.4). */
static RC new_uuid(char ret[RA_UUID + 1])
{
	uint8_t r[16];
	size_t n = 0;

	TRY(rand_bytes(r, sizeof(r)));
	for (size_t i = 0; i < sizeof(r); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[n++] = '-';
		n += (size_t)snprintf(ret + n, 3, "%02x", r[i]);
	}
	return OK;
}

static RC log_entered(struct entering *e, struct db_tx *tx)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", e->a.id);
	json_put_cstr(o, "profile", e->a.profile);
	json_put_cstr(o, "class", e->a.class);
	json_put_cstr(o, "entity", e->a.entity);
	json_put_cstr(o, "by", e->a.entry);
	json_put_cstr(o, "possession", csr_proof_name((enum csr_proof)e->a.possession));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(e->ra->in), tx, "application-entered", o, e->s->sm3, NULL);
}

static struct rc enter_write(struct db_tx *tx, void *arg)
{
	struct entering *e = arg;
	struct ra_application known;
	struct ra_basis basis;

	/* the same statement again gets the same answer */
	if (rc_ok(ra_store_find_hash(tx->db, e->s->sm3, &known))) {
		e->a = known;
		return OK;
	}
	if (rc_last()->code != RC_NOTFOUND)
		return rc_restore(rc_last());
	TRY(check_evidence(e, tx->db));
	TRY(ra_store_entity(tx->db, e->mark, e->kind, e->a.at, e->proposed, e->a.entity));
	TRY(ra_basis_check(tx->db, e->s, e->profile, &e->a, &basis));
	TRY(ra_store_enter(tx->db, &e->a, buf_slice(&e->s->der)));
	TRY(ra_basis_put(tx->db, e->a.seq, &basis));
	return log_entered(e, tx);
}

static RC enter(struct ra *ra, const struct statement *s, const char *by, json_t **ret)
{
	AUTO(trust, t, instance_trust(ra->in));
	AUTO_MEM(struct entering, e, mem_new(1, sizeof(*e)));

	NEED(e != NULL, RC_NOMEM, "no memory");
	*e = (struct entering){.ra = ra, .s = s, .trust = t, .a = {.at = clock_now()}};
	memcpy(e->a.hash, s->sm3, sizeof(e->a.hash));
	(void)snprintf(e->a.entry, sizeof(e->a.entry), "%s", by);
	TRY(check_profile(e));
	TRY(check_terms(e));
	TRY(check_identity(e));
	TRY(check_request(e));
	TRY(new_id(e->a.id));
	TRY(new_uuid(e->proposed));
	TRY(writer_run(instance_writer(ra->in), enter_write, e));
	atomic_fetch_add(&ra->counts[APPLICATION_ENTER], 1);
	*ret = ra_brief(&e->a);
	return OK;
}

RC ra_enter(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);

	TRY(ra_statement(ra, q, RA_KIND(APPLICATION), &s));
	return enter(ra, s, q->peer->person, ret);
}

RC ra_enter_holder(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	char person[RA_UUID + 1];

	TRY(ra_holder_statement(ra, q, RA_KIND(APPLICATION), &s));
	(void)snprintf(person, sizeof(person), "%.*s", (int)s->person.len, (const char *)s->person.p);
	return enter(ra, s, person, ret);
}

/* ---- showing it ---- */

json_t *ra_brief(const struct ra_application *a)
{
	json_t *o = json_object();

	json_put_cstr(o, "id", a->id);
	json_put_cstr(o, "state", application_state_name(a->state));
	json_put_cstr(o, "entity", a->entity);
	json_put_cstr(o, "profile", a->profile);
	json_put_cstr(o, "class", a->class);
	json_put_cstr(o, "authority", a->authority);
	json_put_time(o, "entered_at", a->at);
	return o;
}

static struct rc add_event(void *arg, const struct ra_event *e)
{
	json_t *o = json_object();

	json_put_time(o, "at", e->at);
	json_put_text(o, "event", e->event);
	json_put_cstr(o, "state", application_state_name(e->state));
	json_put_text(o, "by", e->by);
	if (e->code.len > 0)
		json_put_text(o, "code", e->code);
	if (e->text.len > 0)
		json_put_text(o, "text", e->text);
	NEED(o != NULL && json_array_append_new(arg, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

/* "ca/serial" of each certificate that is there. */
static RC put_certificates(struct db *db, const struct ra_application *a, json_t *list)
{
	for (int part = RA_SIGN; part < RA_PARTS; part++) {
		AUTO_BUF(serial, RA_SERIAL_MAX);
		AUTO_BUF(der, RA_CERTIFICATE_MAX);
		char text[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];

		if (!rc_ok(ra_store_certificate(db, a->seq, (enum ra_part)part, &serial, &der))) {
			NEED(rc_last()->code == RC_NOTFOUND, rc_last()->code, "certificates of %s", a->id);
			continue;
		}
		cert_serial_text(buf_slice(&serial), text);
		(void)snprintf(name, sizeof(name), "%s/%s", a->authority, text);
		NEED(json_array_append_new(list, json_string(name)) == 0, RC_NOMEM, "no memory");
	}
	return OK;
}

RC ra_full(struct db *db, const struct ra_application *a, json_t **ret)
{
	AUTO_JSON(o, ra_brief(a));
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO_BUF(decision, RA_STATEMENT_MAX);
	json_t *history = json_array(), *certificates = json_array();

	json_put_take(o, "history", history);
	json_put_take(o, "certificates", certificates);
	TRY(ra_store_bodies(db, a->seq, &(struct ra_bodies){.statement = &statement, .decision = &decision}));
	json_put_cstr(o, "subject", a->subject);
	json_put_base64(o, "statement", buf_slice(&statement));
	if (decision.len > 0)
		json_put_base64(o, "decision", buf_slice(&decision));
	json_put_cstr(o, "possession", csr_proof_name((enum csr_proof)a->possession));
	json_put_int(o, "validity_days", a->days);
	json_put_int(o, "validity_days_max", a->days_max);
	TRY(json_put_result());
	TRY(ra_store_history(db, a->seq, add_event, history));
	TRY(put_certificates(db, a, certificates));
	*ret = MOVE(o);
	return OK;
}
