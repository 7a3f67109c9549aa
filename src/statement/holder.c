#include "statement/holder.h"

#include "pki/cert.h"
#include "statement/kinds.h"

#define PERSON_PREFIX "urn:uuid:"

static RC refuse(struct rc rc)
{
	if (rc.code != RC_INPUT && rc.code != RC_NOTFOUND)
		return rc;
	struct rc_text t = *rc_last();

	t.err = ERR_STATEMENT_CERTIFICATE;
	t.code = RC_INPUT;
	return rc_restore(&t);
}

/* A certificate without a person, or with another kind of name there, leaves ret empty. */
static void read_person(const struct cert *c, char ret[37])
{
	struct slice person;

	memset(ret, 0, 37);
	if (rc_ok(cert_uri(c, PERSON_PREFIX, &person)) && statement_is_uuid(person))
		memcpy(ret, person.p, person.len);
}

RC holder_read(struct slice certificate, struct holder *ret)
{
	struct cert c;

	TRY(refuse(cert_parse(certificate, &c)));
	TRY(refuse(cert_sm2_key(&c, &ret->pub)));
	REQUIRE(!c.unknown_critical, STATEMENT_CERTIFICATE,
	        "statement: its certificate has an unknown critical extension (RFC 5280 4.2)");
	ret->issuer = c.issuer;
	ret->subject = c.subject;
	ret->not_before = c.not_before;
	ret->not_after = c.not_after;
	ret->ca = c.has_basic && c.ca;
	ret->signs = !c.has_usage || (c.usage & USAGE_SIGN) != 0;
	read_person(&c, ret->person);
	return OK;
}

RC holder_verify(struct slice certificate, const struct sm2_pub *issuer)
{
	struct cert c;
	struct pubkey k = {.kind = PUBKEY_SM2, .sm2 = *issuer};

	TRY(refuse(cert_parse(certificate, &c)));
	return refuse(cert_verify(&c, &k));
}
