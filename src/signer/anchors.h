#ifndef YD_SIGNER_ANCHORS_H
#define YD_SIGNER_ANCHORS_H
/* What the signer trusts, from DIR/INSTANCE/trust/ and the certificates beside its keys: an immutable,
 * counted snapshot, read again when a file there changes.  Trust that does not load stops issuing; lists
 * and status answers go on with the last good one (design.md 3, "always on"). */
#include "base/auto.h"
#include "pki/cert.h"
#include "pki/profile.h"
#include "signer/state.h"
#include "statement/statement.h"

#define ANCHOR_ID_MAX 48
#define ANCHOR_AUTHORITIES 64
#define ANCHOR_PROFILES 64
#define ANCHOR_COMMS 32
#define ANCHOR_FILE_MAX (256u << 10)
#define ANCHOR_URL_MAX 200
#define ANCHOR_POLICY_MAX 64

struct anchor_certificate {
	char id[ANCHOR_ID_MAX + 1]; /* authority, or name of the own key */
	struct buf der;
	struct cert cert; /* borrows der */
};
/* An authority whose key is here: what its certificates point to. */
struct anchor_urls {
	char id[ANCHOR_ID_MAX + 1];
	bool sm2_null; /* NULL behind .501 */
	char crl[ANCHOR_URL_MAX + 64], ocsp[ANCHOR_URL_MAX + 64], ca[ANCHOR_URL_MAX + 64];
};
struct anchor_profile {
	char id[ANCHOR_ID_MAX + 1];
	struct profile *profile;
	uint8_t sm3[32]; /* of the file */
};
struct anchors {
	unsigned refs;     /* under signer.trust */
	uint8_t print[32]; /* of names, sizes and times of the files */
	bool failed;       /* then why; nothing else is set but the print */
	struct rc_text why;
	struct statement_trust *statements;
	struct statement *authorisation; /* verified; NULL: none */
	size_t authority_count, own_count, url_count, profile_count;
	struct anchor_certificate authority[ANCHOR_AUTHORITIES], own[KEY_MAX];
	struct anchor_certificate kmc, ca_comm; /* der.len 0: absent */
	size_t comm_count;
	struct anchor_certificate comm[ANCHOR_COMMS]; /* at a KMC: of the registered CAs, id = organisation */
	unsigned agents;                              /* recovery agents who must agree (recovery.json) */
	struct anchor_urls urls[ANCHOR_AUTHORITIES];
	struct anchor_profile profile[ANCHOR_PROFILES];
	char policy_gov[ANCHOR_POLICY_MAX], policy_public[ANCHOR_POLICY_MAX];
};

/* fresh: look whether files have changed, and refuse when they do not load; otherwise the last good
 * snapshot, if there ever was one. */
RC anchors_hold(struct signer *s, bool fresh, struct anchors **ret);
void anchors_leave(struct signer *s, struct anchors *a);
void anchors_free(struct anchors *a);
DROP(anchors, anchors_free);
/* As the folder stands, without a look at its seal. */
RC anchors_load(const struct signer *s, struct anchors **ret);

const struct anchor_certificate *anchors_authority(const struct anchors *a, struct slice id);
const struct anchor_certificate *anchors_own(const struct anchors *a, struct slice key);
const struct anchor_profile *anchors_profile(const struct anchors *a, struct slice id);
/* The registered CA that calls itself so; NULL for a stranger. */
struct km_name;
const struct anchor_certificate *anchors_comm(const struct anchors *a, const struct km_name *name);
/* The authority that issued a certificate, by name and key identifier; NULL when it is not here. */
const struct anchor_certificate *anchors_issuer(const struct anchors *a, const struct cert *c);
/* As the profile wants it: certificate and URLs of an authority whose key is here. */
RC anchors_issuing(const struct anchors *a, struct slice id, struct authority *ret);

#endif
