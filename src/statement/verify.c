/* Believing a statement: cheap questions first, one signature last. */
#include "statement/trust.h"

#include "base/time.h"
#include "pki/cms.h"

#define BATCH 256

static bool concerns(const struct anchor *a, enum statement_proof proof, const struct statement *s)
{
	return a->proof == proof &&
	       (a->organisation[0] == '\0' || slice_is(s->organisation, a->organisation));
}

static RC check_validity(const struct holder *h, int64_t at, const char *whose)
{
	char from[21], until[21];

	time_text(h->not_before, from);
	time_text(h->not_after, until);
	REQUIRE(h->not_before <= at && at <= h->not_after, STATEMENT_EXPIRED,
	        "statement: the %s certificate is valid from %s to %s", whose, from, until);
	return OK;
}

/* The certificate itself is trusted for that role. */
static RC check_pin(const struct trust_state *t, const struct statement *s, struct holder *ret)
{
	REQUIRE(s->person.len == 0, STATEMENT_PERSON, "statement: a pinned key belongs to no person");
	for (size_t i = 0; i < t->anchor_count; i++)
		if (concerns(&t->anchors[i], PROOF_PIN, s) && slice_is(s->role, t->anchors[i].role) &&
		    memcmp(t->anchors[i].sm3, s->certificate_sm3, 32) == 0) {
			*ret = t->anchors[i].holder;
			return check_validity(ret, s->issued, "signer's");
		}
	REFUSE(STATEMENT_CERTIFICATE, "statement: no such %.*s certificate is pinned for %.*s",
	       (int)s->role.len, (const char *)s->role.p, (int)s->organisation.len,
	       (const char *)s->organisation.p);
}

static RC check_person(const struct statement *s, const struct holder *h)
{
	REQUIRE(s->person.len > 0, STATEMENT_PERSON, "statement: it names no person");
	REQUIRE(slice_is(s->person, h->person), STATEMENT_PERSON, "statement: its certificate belongs to %s",
	        h->person[0] != '\0' ? h->person : "no person");
	return OK;
}

/* Signed by a CA of the organisation, fit to sign, valid at that time. */
static RC check_chain(struct trust_state *t, enum statement_proof proof, const struct statement *s,
                      struct holder *ret)
{
	const struct anchor *ca = NULL;

	TRY(holder_read(s->certificate, ret));
	REQUIRE(ret->signs && !ret->ca, STATEMENT_CERTIFICATE,
	        "statement: its certificate is not for signatures");
	for (size_t i = 0; i < t->anchor_count && ca == NULL; i++)
		if (concerns(&t->anchors[i], proof, s) &&
		    slice_equal(t->anchors[i].holder.subject, ret->issuer) &&
		    rc_ok(trust_verify_certificate(t, &t->anchors[i], s->certificate, s->certificate_sm3)))
			ca = &t->anchors[i];
	REQUIRE(ca != NULL, STATEMENT_CERTIFICATE, "statement: no CA of %.*s issued its certificate",
	        (int)s->organisation.len, (const char *)s->organisation.p);
	TRY(check_validity(ret, s->issued, "signer's"));
	TRY(check_validity(&ca->holder, s->issued, "CA's"));
	return check_person(s, ret);
}

/* The person had that role, and had it with this very certificate: another one of the same person, or one
 * that the operator CA made in that person's name, decides nothing. */
static RC check_grant(const struct statement *s, const struct statement_trust *t)
{
	REQUIRE(trust_grants(t->state, s), STATEMENT_ROLE,
	        "statement: no grant makes the signer with this certificate %.*s of %.*s at that time",
	        (int)s->role.len, (const char *)s->role.p, (int)s->organisation.len,
	        (const char *)s->organisation.p);
	return OK;
}

static RC check_signer(const struct statement *s, const struct statement_trust *t, struct holder *ret)
{
	enum statement_proof proof = statement_role_proof(s->role);
	struct rc rc;

	(void)pthread_rwlock_rdlock(&t->state->lock);
	rc = proof == PROOF_PIN ? check_pin(t->state, s, ret) : check_chain(t->state, proof, s, ret);
	(void)pthread_rwlock_unlock(&t->state->lock);
	TRY(rc);
	return proof == PROOF_GRANT ? check_grant(s, t) : OK;
}

/* All but the signature, and what is left to check of it. */
static RC prepare(const struct statement *s, const struct statement_trust *t, int64_t now,
                  struct sm2_check *ret)
{
	struct cms_signer signer = {.signature = s->signature};
	struct holder h;

	REQUIRE(s->issued - STATEMENT_SKEW <= now, STATEMENT_FUTURE, "statement: issued in the future");
	REQUIRE(statement_kind_permits(s->kind, s->role), STATEMENT_ROLE, "statement: %.*s may not sign %s",
	        (int)s->role.len, (const char *)s->role.p, statement_kind_name(s->kind));
	TRY(check_signer(s, t, &h));
	REQUIRE(rc_ok(cms_verify_input(&signer, &h.pub, s->content, ret)), STATEMENT_SIGNATURE,
	        "statement: not an SM2 signature");
	return OK;
}

RC statement_verify(const struct statement *s, const struct statement_trust *t, int64_t now)
{
	struct sm2_check c;

	TRY(prepare(s, t, now, &c));
	REQUIRE(rc_ok(sm2_verify_digest(&c.pub, c.e, &c.sig)), STATEMENT_SIGNATURE,
	        "statement: the signature does not verify");
	return OK;
}

static void settle(struct statement_check *c, struct rc rc)
{
	c->rc = rc;
	if (!rc_ok(rc))
		c->why = *rc_last();
}

static void verify_some(const struct statement_trust *t, int64_t now, struct statement_check *c, size_t n)
{
	struct sm2_check todo[BATCH];
	size_t at[BATCH], count = 0;

	for (size_t i = 0; i < n; i++) {
		settle(&c[i], prepare(c[i].s, t, now, &todo[count]));
		if (rc_ok(c[i].rc))
			at[count++] = i;
	}
	sm2_verify_batch(todo, count);
	for (size_t i = 0; i < count; i++)
		if (!todo[i].valid)
			settle(&c[at[i]], rc_refuse(ERR_STATEMENT_SIGNATURE,
			                            "statement: the signature does not verify"));
}

void statement_verify_batch(const struct statement_trust *t, int64_t now, struct statement_check *c, size_t n)
{
	for (size_t done = 0; done < n; done += BATCH)
		verify_some(t, now, c + done, n - done < BATCH ? n - done : BATCH);
}
