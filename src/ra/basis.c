#include "ra/basis.h"

#include "base/clock.h"
#include "pki/cert.h"

RC ra_holder_statement(struct ra *ra, const struct request *q, unsigned kinds, struct statement **ret)
{
	AUTO(trust, t, instance_trust(ra->in));
	AUTO(statement, s, NULL);
	int64_t now = clock_now();

	TRY(statement_open(q->body, &s));
	NEED(kinds & (1u << s->kind), RC_INPUT, "a statement of kind %s has no place here",
	     statement_kind_name(s->kind));
	REQUIRE(slice_is(s->role, "subscriber"), STATEMENT_ROLE, "this door is for holders");
	REQUIRE(slice_is(s->organisation, instance_org(ra->in)), STATEMENT_CERTIFICATE,
	        "holders of %s speak here", instance_org(ra->in));
	/* an old statement is no sign of who asks today, and an ended certificate must not speak from its
	 * past */
	REQUIRE(s->issued >= now - STATEMENT_SKEW, STATEMENT_EXPIRED, "the statement is %lld s old",
	        (long long)(now - s->issued));
	TRY(statement_verify(s, trust_statements(t), now));
	*ret = MOVE(s);
	return OK;
}

static RC same_holder(const struct ra_basis *b, const struct statement *s, const struct ra_application *old,
                      const struct ra_application *a)
{
	REQUIRE(strcmp(old->entity, a->entity) == 0, BASIS, "the certificate followed is another holder's");
	REQUIRE(!b->b.holder || slice_is(s->person, a->entity), BASIS,
	        "the application is signed by another than the holder");
	REQUIRE(strcmp(old->profile, a->profile) == 0 && strcmp(old->class, a->class) == 0 &&
	                strcmp(old->authority, a->authority) == 0,
	        BASIS, "profile, class or authority differs from the certificate followed");
	/* what nobody has taken into use yet can be lost, but not renewed (R21.2) */
	REQUIRE(old->state == APPLICATION_ACCEPTED ||
	                (b->b.kind == BASIS_REPLACE && old->state >= APPLICATION_PARTIAL),
	        CERTIFICATE_STATE, "the certificate followed was not accepted yet");
	return OK;
}

static RC extension(const struct ra_application *old, struct slice der, const struct profile *p,
                    struct ra_application *a)
{
	struct cert c;

	TRY(cert_parse(der, &c));
	REQUIRE(memcmp(old->spki, a->spki, sizeof(a->spki)) == 0, BASIS, "an extension keeps the key");
	a->days = profile_extension_days(p, c.not_before, clock_now());
	REQUIRE(a->days > 0 && clock_now() + a->days * 86400LL > c.not_after, KEY_LIFE,
	        "%d days in all, %d are left from now", profile_key_life(p), a->days);
	return OK;
}

static RC key_is_new(struct db *db, const struct ra_application *a)
{
	bool used;

	TRY(ra_store_key_used(db, a->spki, &used));
	REQUIRE(!used, SAME_KEY, "another application names this key");
	return OK;
}

RC ra_basis_check(struct db *db, const struct statement *s, const struct profile *p, struct ra_application *a,
                  struct ra_basis *ret)
{
	AUTO_MEM(struct ra_application, old, mem_new(1, sizeof(*old)));
	AUTO_BUF(der, RA_CERTIFICATE_MAX);
	struct rc rc;

	*ret = (struct ra_basis){.b = {.kind = BASIS_NONE}};
	NEED(old != NULL, RC_NOMEM, "no memory");
	TRY(basis_read(s, &ret->b));
	if (ret->b.kind != BASIS_EXTEND)
		TRY(key_is_new(db, a));
	if (ret->b.kind == BASIS_NONE)
		return OK;
	rc = ra_store_find_certificate(db, ret->b.ca, basis_serial(&ret->b), old, &der);
	REQUIRE(rc.code != RC_NOTFOUND, BASIS, "there is no such signing certificate");
	TRY(rc);
	ret->old = old->seq;
	TRY(same_holder(ret, s, old, a));
	return ret->b.kind == BASIS_EXTEND ? extension(old, buf_slice(&der), p, a) : OK;
}

RC ra_basis_put(struct db *db, int64_t application, const struct ra_basis *b)
{
	return b->b.kind == BASIS_NONE ? OK : ra_store_basis_put(db, application, b);
}
