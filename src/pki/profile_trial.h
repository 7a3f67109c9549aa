#ifndef YD_PKI_PROFILE_TRIAL_H
#define YD_PKI_PROFILE_TRIAL_H
/* A certificate as a profile would make it, with a key and an authority that nobody has: for looking at,
 * and for the snapshots in tests/data/profile.  Nothing is signed. */
#include "pki/profile.h"

struct profile_trial {
	const json_t *identity;         /* NULL: the profile's example */
	struct slice class;             /* empty for profiles without class */
	enum pubkey_kind key;
	int64_t from;
	int days;                       /* 0: the profile's default */
};
/* TBSCertificate.  Everything that an application's data is checked for is checked first. */
RC profile_trial(const struct profile *p, const struct profile_trial *t, enum profile_part part,
                 struct buf *ret);
/* The identity with everything in /disclose that the profile can show; the caller's. */
json_t *profile_disclosed(const struct profile *p, const json_t *identity);

#endif
