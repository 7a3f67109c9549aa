#include "ca/match.h"

#include "base/mem.h"
#include "base/text.h"
#include "ca/basis.h"
#include "pki/csr.h"
#include "pki/lint.h"
#include "pki/name.h"
#include "sm/sm3.h"

RC match_open(struct issue *i, struct slice application, struct slice approval)
{
	uint8_t hash[32];

	TRY(rc_note(statement_open(application, &i->application), "application"));
	TRY(rc_note(statement_open(approval, &i->approval), "approval"));
	REQUIRE(i->application->kind == STATEMENT_APPLICATION && i->approval->kind == STATEMENT_APPROVAL,
	        REQUEST_MISMATCH, "an application and its approval are asked for");
	NEED(memcmp(i->approval->sm3, i->row.key, 32) == 0, RC_INPUT, "key is not the SM3 of the approval");
	TRY(json_get_hex(i->approval->body, "application", hash, sizeof(hash)));
	REQUIRE(memcmp(hash, i->application->sm3, 32) == 0, REQUEST_MISMATCH,
	        "the approval is of another application");
	memcpy(i->row.application, i->application->sm3, 32);
	return OK;
}

void match_request_free(struct match_request *r)
{
	if (r == NULL)
		return;
	buf_free(&r->der);
	mem_free(r);
}

RC match_request(const struct issue *i, struct match_request **ret)
{
	AUTO(match_request, r, mem_new(1, sizeof(*r)));

	NEED(r != NULL, RC_NOMEM, "no memory");
	r->der = BUF(CSR_DER_MAX);
	TRY(json_get_base64(i->application->body, "csr", CSR_DER_MAX, &r->der));
	TRY(csr_parse_form(buf_slice(&r->der), &r->csr));
	*ret = MOVE(r);
	return OK;
}

RC match_key(struct issue *i)
{
	AUTO(match_request, r, NULL);

	TRY(match_request(i, &r));
	sm3_hash(r->csr.key.spki, i->row.spki);
	buf_clear(&i->spki);
	buf_add(&i->spki, r->csr.key.spki);
	return buf_done(&i->spki);
}

static RC copy_text(const json_t *body, const char *key, char *ret, size_t size)
{
	struct slice s;

	TRY(json_get_text(body, key, size - 1, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = 0;
	return OK;
}

static RC same_text(const struct issue *i, const char *key)
{
	struct slice a, b;

	TRY(json_get_text(i->application->body, key, 1024, &a));
	TRY(json_get_text(i->approval->body, key, 1024, &b));
	REQUIRE(slice_equal(a, b), REQUEST_MISMATCH, "%s differs between application and approval", key);
	return OK;
}

/* R06.9: the applicant holds the key, and it is the key that was approved. */
static RC match_csr(struct issue *i, struct csr *csr, const struct profile *p, bool *pair)
{
	uint8_t approved[32];

	TRY(csr_prove(csr));
	sm3_hash(csr->key.spki, i->row.spki);
	TRY(json_get_hex(i->approval->body, "spki", approved, sizeof(approved)));
	REQUIRE(memcmp(approved, i->row.spki, 32) == 0, REQUEST_MISMATCH, "the approval names another key");
	REQUIRE(profile_has_key(p, csr->key.kind), REQUEST_MISMATCH, "the profile does not take %s keys",
	        pubkey_kind_name(csr->key.kind));
	*pair = profile_dual(p) && csr->key.kind == PUBKEY_SM2;
	buf_add(&i->spki, csr->key.spki);
	return buf_done(&i->spki);
}

/* The subject is a function of profile and identity; the reviewer saw its text. */
static RC match_subject(const struct issue *i, const struct profile *p)
{
	AUTO_BUF(der, NAME_DER_MAX);
	AUTO_BUF(text, NAME_TEXT_MAX);
	struct slice approved;
	json_t *identity;

	TRY(json_get(i->application->body, "identity", &identity));
	TRY(profile_check_identity(p, identity));
	TRY(profile_check_application_day(p, i->application->body, i->application->issued));
	TRY(profile_subject(p, identity, &der));
	TRY(name_to_text(buf_slice(&der), &text));
	TRY(json_get_text(i->approval->body, "subject", NAME_TEXT_MAX, &approved));
	REQUIRE(slice_equal(buf_slice(&text), approved), REQUEST_MISMATCH,
	        "the approved subject is not the identity's");
	return OK;
}

static RC match_authority(const struct issue *i, const struct trust *t, const struct trust_authority **ret)
{
	const struct trust_authority *a = trust_authority(t, i->row.ca);
	struct pubkey key;

	TRY(pubkey_parse(buf_slice(&i->spki), &key));
	REQUIRE(a != NULL, AUTHORITY_WRONG, "there is no authority %s", i->row.ca);
	REQUIRE((key.kind == PUBKEY_SM2) == (a->issue.key == PUBKEY_SM2), AUTHORITY_WRONG,
	        "%s does not certify %s keys", a->id, pubkey_kind_name(key.kind));
	*ret = a;
	return OK;
}

RC match_fill(struct issue *i, struct match_request *r, const struct trust *t, int64_t now,
              const struct trust_authority **authority)
{
	const struct trust_profile *p;
	int64_t days;
	bool pair;

	TRY(same_text(i, "profile"));
	TRY(same_text(i, "class"));
	TRY(copy_text(i->approval->body, "profile", i->row.profile, sizeof(i->row.profile)));
	TRY(copy_text(i->approval->body, "class", i->row.class, sizeof(i->row.class)));
	TRY(copy_text(i->approval->body, "authority", i->row.ca, sizeof(i->row.ca)));
	TRY(copy_text(i->approval->body, "entity", i->row.entity, sizeof(i->row.entity)));
	p = trust_profile(t, i->row.profile);
	REQUIRE(p != NULL, PROFILE_OUTSIDE, "there is no profile %s", i->row.profile);
	TRY(match_csr(i, &r->csr, p->profile, &pair));
	i->row.pair = pair;
	TRY(match_subject(i, p->profile));
	TRY(match_authority(i, t, authority));
	if (i->basis.kind == BASIS_EXTEND)
		return ca_basis_validity(i, p->profile, &(*authority)->issue, now);
	TRY(json_get_int(i->approval->body, "validity_days", 1, 36500, &days));
	i->row.at = i->row.not_before = now;
	return profile_validity(p->profile, &(*authority)->issue, now, (int)days, &i->row.not_after);
}

/* ---- TBS ---- */

static RC lint_part(const struct issue *i, const struct trust *t, enum ca_part part)
{
	AUTO_BUF(gov, 64);
	AUTO_BUF(public, 64);
	struct slice classes[2];
	struct lint_rules rules = {
	        .use = part == CA_ENCRYPT ? LINT_ENCRYPT
	               : i->row.pair      ? LINT_SIGN
	                                  : LINT_SINGLE,
	        .classes = classes,
	        .class_count = 2,
	};

	TRY(oid_from_dotted(slice_text(trust_policy(t, SLICE_LIT("GOV"))), &gov));
	TRY(oid_from_dotted(slice_text(trust_policy(t, SLICE_LIT("PUBLIC"))), &public));
	classes[0] = buf_slice(&gov);
	classes[1] = buf_slice(&public);
	return lint_tbs(buf_slice(&i->tbs[part]), &rules);
}

RC match_tbs(struct issue *i, const struct trust *t, enum ca_part part, struct slice spki)
{
	const struct trust_authority *a = trust_authority(t, i->row.ca);
	const struct trust_profile *p = trust_profile(t, i->row.profile);
	struct profile_facts facts = {
	        .class = slice_text(i->row.class),
	        .policy = trust_policy(t, slice_text(i->row.class)),
	        .entity = i->row.entity,
	        .serial = slice_of(i->row.serial[part], CA_SERIAL),
	        .spki = spki,
	        .not_before = i->row.not_before,
	        .not_after = i->row.not_after,
	        .extended = i->basis.kind == BASIS_EXTEND,
	};

	REQUIRE(a != NULL && p != NULL && facts.policy != NULL, TRUST,
	        "authority, profile or policy is gone");
	facts.identity = json_object_get(i->application->body, "identity");
	buf_free(&i->tbs[part]);
	i->tbs[part] = BUF(CA_CERTIFICATE_MAX);
	TRY(profile_tbs(p->profile, &a->issue, &facts, part == CA_SIGN ? PROFILE_SIGN : PROFILE_ENCRYPT,
	                &i->tbs[part]));
	return lint_part(i, t, part);
}
