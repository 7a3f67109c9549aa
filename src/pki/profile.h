#ifndef YD_PKI_PROFILE_H
#define YD_PKI_PROFILE_H
/* Certificate profiles: profiles/ID.json under profiles/profile.schema.json, embedded.  Subject and
 * TBS are pure functions of (profile, authority, facts), so that CLI, RA, CA and signer find the
 * same bytes from the same facts. */
#include "base/auto.h"
#include "base/json.h"
#include "pki/cert.h"

#define PROFILE_MAX (64u << 10)         /* bytes of a profile file */
#define PROFILE_ID_MAX 48
#define PROFILE_NAMES 40                /* subjectAltName entries one certificate may get */
#define PROFILE_TBS_MAX 8192

enum profile_part { PROFILE_SIGN, PROFILE_ENCRYPT };
/* The service classes (R02.1) and their policies in the demonstration plan (RFC 5612 arc). */
#define PROFILE_POLICY_GOV "1.3.6.1.4.1.32473.1.1"
#define PROFILE_POLICY_PUBLIC "1.3.6.1.4.1.32473.1.2"

struct profile;
/* Schema, then what a schema cannot say. */
RC   profile_load(struct slice json, struct profile **ret);
void profile_free(struct profile *p);
DROP(profile, profile_free);
/* One of the embedded ones.  RC_NOTFOUND. */
RC   profile_builtin(const char *id, struct profile **ret);
/* The file's bytes, as the ceremony copies them; empty when there is none. */
struct slice profile_builtin_text(const char *id);
/* Ids of the embedded ones, sorted; NULL at the end. */
const char *profile_builtin_id(size_t i);

const char *profile_id(const struct profile *p);
const char *profile_title(const struct profile *p, bool english);
bool profile_dual(const struct profile *p);                 /* SM2 keys get a pair */
bool profile_internal(const struct profile *p);             /* not open to applicants */
bool profile_has_class(const struct profile *p, struct slice class);   /* "GOV" "PUBLIC" */
bool profile_has_key(const struct profile *p, enum pubkey_kind kind);
int  profile_days(const struct profile *p);                 /* default validity */
int  profile_days_max(const struct profile *p);
/* One of these extensions is marked `discloses` in the profile: not for a directory. */
bool profile_discloses(const struct profile *p, const struct exts *x);
/* An identity to try the profile with. */
const json_t *profile_example(const struct profile *p);
const json_t *profile_json(const struct profile *p);
int  profile_key_life(const struct profile *p);             /* days one key may be certified in all (R21.4) */

/* The identity object against the profile's schema, and texts that must be clean. */
RC profile_check_identity(const struct profile *p, const json_t *identity);
/* No document in it has lapsed and nobody is born later than at that time (R30.2). */
RC profile_check_day(const struct profile *p, const json_t *identity, int64_t at);
/* The same of an application's body, when documents are its evidence: one that the old key signed brings
 * none (R21.3). */
RC profile_check_application_day(const struct profile *p, const json_t *body, int64_t at);
/* Every kind of evidence that the profile wants is in the array [{"type": …}]; the refusal names the
 * piece that is not (R30.1). */
RC profile_check_evidence(const struct profile *p, const json_t *evidence);
/* Name TLV. */
RC profile_subject(const struct profile *p, const json_t *identity, struct buf *ret);

/* The issuing authority, as far as its certificates depend on it. */
struct authority {
	const char *id;
	struct slice name;              /* subject of its certificate */
	struct slice ski;               /* of its certificate */
	enum pubkey_kind key;
	bool sm2_null;                  /* NULL behind .501 */
	int64_t not_after;              /* of its certificate; 0: no bound */
	struct slice crl_url, ocsp_url, ca_url;                 /* whole URLs; empty: left out */
};
/* name, ski, key and not_after from its certificate. */
RC authority_from_cert(const struct cert *c, struct authority *ret);

/* What was approved. */
struct profile_facts {
	const json_t *identity;
	struct slice class;             /* "GOV", "PUBLIC"; empty for profiles without class */
	const char *policy;             /* dotted; NULL: the demonstration policy of the class */
	const char *entity;             /* UUID text; NULL: no entity name */
	struct slice serial;            /* magnitude */
	struct slice spki;
	int64_t not_before, not_after;
	bool extended;                  /* keys of an earlier certificate: their life is the limit */
};
/* The end for a certificate that starts at `from`: days (0: the profile's default), the last second
 * not counted, never beyond the authority.  Refuses more than the profile allows. */
RC profile_validity(const struct profile *p, const struct authority *a, int64_t from, int days,
                    int64_t *not_after);
/* The end of an extension: same keys and beginning, `days` from now.  KEY_LIFE beyond the keys' life. */
struct profile_extension {
	int64_t not_before, not_after;  /* of the certificate that is extended */
	int64_t now;
	int days;
};
RC profile_extend(const struct profile *p, const struct authority *a, const struct profile_extension *e,
                  int64_t *not_after);
/* Days that an extension gets by default: the profile's, or what is left of the keys' life; 0: nothing. */
int profile_extension_days(const struct profile *p, int64_t not_before, int64_t now);
/* TBSCertificate.  Refuses a key, class or validity outside the profile and an authority of another
 * kind. self-signed: authority's name empty = the subject, ski empty = the key's. */
RC profile_tbs(const struct profile *p, const struct authority *a, const struct profile_facts *f,
               enum profile_part part, struct buf *ret);

#endif
