#ifndef YD_INSTANCE_SNAPSHOT_H
#define YD_INSTANCE_SNAPSHOT_H
/* The inside of struct trust, shared by trust.c and trust_load.c. */
#include "instance/trust.h"

#include <stdatomic.h>

/* A TLS operator CA and whose it is. */
struct trust_tls {
	char organisation[TRUST_ID_MAX + 1];
	struct buf der;
	struct cert cert;
};

#define TRUST_BASE_MAX 200
struct trust_urls {
	char crl[TRUST_BASE_MAX + 64], ocsp[TRUST_BASE_MAX + 64], ca[TRUST_BASE_MAX + 64];
};

struct trust {
	atomic_uint refs;
	char dir[1024], organisation[TRUST_ID_MAX + 1];
	struct statement_trust *statements;
	size_t authorities, profiles, peers;
	struct trust_authority authority[TRUST_AUTHORITIES_MAX];
	struct buf authority_der[TRUST_AUTHORITIES_MAX];
	struct trust_urls url[TRUST_AUTHORITIES_MAX];
	json_t *urls; /* authorities.json */
	struct trust_profile profile[TRUST_PROFILES_MAX];
	struct profile *profile_owned[TRUST_PROFILES_MAX];
	struct buf profile_text[TRUST_PROFILES_MAX];
	struct trust_tls peer[TRUST_PEERS_MAX]; /* own organisation first */
	size_t comms;                           /* CAs registered here (ca-comm/ORG.cer) */
	struct trust_tls comm[TRUST_PEERS_MAX];
	struct buf tls_pem, kmc, ca_comm;
	struct trust_authorisation authorisation;
	struct trust_cps cps;
	struct trust_ra ra;
	struct statement *kept[3]; /* own the bodies above */
};

void trust_free(struct trust *t);

#endif
