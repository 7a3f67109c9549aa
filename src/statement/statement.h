#ifndef YD_STATEMENT_STATEMENT_H
#define YD_STATEMENT_STATEMENT_H
/* Statements (design.md 4): one decision = one canonical JSON document (RFC 8785) inside a GM/T 0010
 * SignedData, signed over Z || content without attributes.  Pure: bytes in, bytes out. */
#include "base/json.h"
#include "base/rc.h"
#include "sm/sm2.h"

#define STATEMENT_MAX (256u << 10) /* DER */
#define STATEMENT_JSON_MAX (192u << 10)
#define STATEMENT_NAME_MAX 64 /* organisation, role */
#define STATEMENT_SKEW 300    /* seconds a statement may be ahead of us */
#define STATEMENT_MEDIA "application/vnd.yuandian.statement"

/* kinds.def: id, name, roles that may sign. */
enum statement_kind {
#define KIND(id, name, roles) STATEMENT_##id,
#include "statement/kinds.def"
#undef KIND
	STATEMENT_KINDS
};
const char *statement_kind_name(enum statement_kind k);
RC statement_kind_find(struct slice name, enum statement_kind *ret);

/* ---- making ---- */
struct statement_head {
	enum statement_kind kind;
	const char *organisation;
	int64_t issued;
	struct slice certificate; /* DER of the signer's certificate */
	const char *person;       /* UUID; NULL for a ceremony or service key */
	const char *role;         /* "review", "ceremony", "authority", "subscriber" … */
};
/* The canonical JSON that gets signed.  The body must fit the kind's schema. */
RC statement_build(const struct statement_head *h, const json_t *body, struct buf *ret);
/* build + sign with a key at hand. */
RC statement_sign(const struct statement_head *h, const json_t *body, const struct sm2_key *key,
                  struct buf *ret);
/* For keys held elsewhere: signature = DER SM2Signature over Z(default id) || json. */
RC statement_assemble(struct slice json, struct slice signature, struct slice certificate, struct buf *ret);
/* Refuses bytes that are not the canonical JSON of a statement naming that certificate; a signer
 * calls it before it signs. */
RC statement_check_json(struct slice json, struct slice certificate);

/* ---- reading ---- */
struct statement {
	enum statement_kind kind;
	int64_t issued;
	struct slice organisation, role; /* borrowed from json */
	struct slice person;             /* UUID text; len 0 = absent */
	uint8_t certificate_sm3[32];     /* SM3 of the embedded certificate = the one named */
	struct slice certificate;        /* embedded DER, borrowed from der */
	struct slice signature;          /* DER SM2Signature, borrowed from der */
	struct slice content;            /* signed bytes, borrowed from der */
	json_t *json, *body;             /* whole document (owned), its body (borrowed) */
	uint8_t sm3[32];                 /* of the DER: the statement's name elsewhere */
	struct buf der;                  /* owned copy */
};
/* Form only: SignedData with one signer, canonical JSON, envelope and body schemas, certificate
 * named by its hash.  No signature is checked. */
RC statement_open(struct slice der, struct statement **ret);
void statement_free(struct statement *s);
DROP(statement, statement_free);

/* ---- trusting ---- */
/* Who may say what.  Filled first; afterwards any thread may verify and add. */
struct statement_trust;
RC statement_trust_new(struct statement_trust **ret);
void statement_trust_free(struct statement_trust *t);
DROP(statement_trust, statement_trust_free);
/* Operator CA of an organisation: certificates under it sign with granted roles. */
RC statement_trust_operator(struct statement_trust *t, const char *organisation, struct slice ca);
/* A CA whose end entities may sign as role "subscriber". */
RC statement_trust_subscriber(struct statement_trust *t, const char *organisation, struct slice ca);
/* One certificate that may sign in that role (ceremony, authority, service or log) for the organisation;
 * organisation NULL = whichever the statement names. */
RC statement_trust_pin(struct statement_trust *t, const char *role, const char *organisation,
                       struct slice certificate);
/* A role-grant statement: verified, then counted.  The same grant twice is fine. */
RC statement_trust_grant(struct statement_trust *t, struct slice der);
/* Every *.p7s of a folder; fails on the first that does not verify.  A missing folder is empty. */
RC statement_trust_grants(struct statement_trust *t, const char *dir);
/* DIR/ORG/ROLE/trust as the contract lays it out: operator.cer, ceremony.cer, authority.cer (each
 * may be missing), services, logs, grants; institutions/ORG with the same for organisations whose cases come
 * here. */
RC statement_trust_load(const char *dir, const char *organisation, struct statement_trust **ret);

/* One value for all CAs and pins, whatever the order they were added in; grants are not in it. */
void statement_trust_print(const struct statement_trust *t, uint8_t ret[32]);

bool statement_trust_has(const struct statement_trust *t, const char *organisation, struct slice person,
                         const char *role, int64_t at);
/* All roles of a person at an instant, for each grant once. */
void statement_trust_roles(const struct statement_trust *t, const char *organisation, struct slice person,
                           int64_t at, void (*each)(void *arg, const char *role), void *arg);

/* Signature, signer's certificate (chain, validity at `issued`, person), right of that role to
 * this kind, a grant at `issued` that names this certificate, not from the future of `now`. */
RC statement_verify(const struct statement *s, const struct statement_trust *t, int64_t now);
/* Many at once; `why` tells of each failure. */
struct statement_check {
	const struct statement *s;
	struct rc rc;
	struct rc_text why;
};
void statement_verify_batch(const struct statement_trust *t, int64_t now, struct statement_check *c,
                            size_t n);

#endif
