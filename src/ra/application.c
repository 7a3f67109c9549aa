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
#include "ra/application.h"
#include "ra/basis.h"
#include "sm/sm3.h"

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
	return ra_agreement_check(agreement);
}

static RC check_identity(struct entering *e)
{
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(text, RA_SUBJECT_MAX);
	json_t *identity;

	TRY(json_get(e->s->body, "identity", &identity));
	TRY(profile_check_identity(e->profile, identity));
	TRY(profile_check_day(e->profile, identity, e->a.at));
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

RC ra_new_id(char ret[RA_ID + 1])
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

struct rc entering_write(struct db_tx *tx, void *arg)
{
	struct entering *e = arg;
	struct ra_application known;
	struct ra_basis basis;

	/* the same statement again gets the same answer */
	if (rc_ok(ra_store_find_hash(tx->db, e->s->sm3, &known))) {
		e->a = known;
		e->known = true;
		return OK;
	}
	if (rc_last()->code != RC_NOTFOUND)
		return rc_restore(rc_last());
	TRY(check_evidence(e, tx->db));
	TRY(ra_store_entity(tx->db, e->mark, e->kind, e->a.at, e->proposed, e->a.entity));
	TRY(entering_not_listed(e, tx->db));
	TRY(entering_correct(e, tx->db));
	TRY(entering_not_twice(e, tx->db));
	TRY(ra_basis_check(tx->db, e->s, e->profile, &e->a, &basis));
	TRY(ra_store_enter(tx->db, &e->a, buf_slice(&e->s->der)));
	TRY(ra_basis_put(tx->db, e->a.seq, &basis));
	TRY(source_put(e->ra, tx, e->a.seq, &e->source));
	return log_entered(e, tx);
}

RC entering_open(struct entering *e, const struct statement *s, const char *by)
{
	e->s = s;
	e->a.at = clock_now();
	memcpy(e->a.hash, s->sm3, sizeof(e->a.hash));
	(void)snprintf(e->a.entry, sizeof(e->a.entry), "%s", by);
	TRY(check_profile(e));
	TRY(check_terms(e));
	TRY(check_identity(e));
	TRY(check_request(e));
	TRY(ra_new_id(e->a.id));
	return new_uuid(e->proposed);
}

static RC enter(struct ra *ra, const struct statement *s, const char *by, json_t **ret)
{
	AUTO(trust, t, instance_trust(ra->in));
	AUTO_ENTERING(e, mem_new(1, sizeof(*e)));

	NEED(e != NULL, RC_NOMEM, "no memory");
	*e = (struct entering){.ra = ra, .trust = t};
	TRY(entering_open(e, s, by));
	TRY(source_ask(ra, s, &e->source));
	entering_state(e);
	TRY(writer_run(instance_writer(ra->in), entering_write, e));
	if (!e->known)
		atomic_fetch_add(
		        &ra->counts[e->a.state == APPLICATION_HELD ? APPLICATION_HOLD : APPLICATION_ENTER],
		        1);
	*ret = entering_answer(e);
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
