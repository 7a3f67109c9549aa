#ifndef YD_PKI_PROFILE_PARTS_H
#define YD_PKI_PROFILE_PARTS_H
/* A profile as it lies in memory: the JSON with its texts, and what was read out of it. */
#include "pki/profile.h"

#define PROFILE_SUBJECT 16
#define PROFILE_SAN 8
#define PROFILE_CLASSES 2

enum profile_san { SAN_ENTITY, SAN_EMAIL, SAN_DNS, SAN_IP, SAN_INSTANCE, SAN_KINDS };

struct profile_use {                    /* of one certificate */
	bool there;
	uint32_t usage;
	struct ext_purposes purposes;
	enum profile_san san[PROFILE_SAN];
	size_t san_count;
};
struct profile_rdn {
	enum oid type;
	const char *value, *from;       /* one of them */
	bool optional;
};
struct profile {
	json_t *json;
	const char *id;
	bool dual, internal, any_policy, nocheck, ca;
	int path_length;
	bool keys[PUBKEY_KINDS];
	const char *classes[PROFILE_CLASSES];
	size_t class_count;
	int64_t days, days_max;
	struct profile_rdn subject[PROFILE_SUBJECT];
	size_t subject_count;
	struct profile_use sign, encrypt, single;
};

/* The part that a key of that kind gets. */
const struct profile_use *profile_use(const struct profile *p, enum profile_part part, enum pubkey_kind kind);
/* What a schema cannot say about an identity: check digits, names among the host names. */
RC profile_run_checks(const struct profile *p, const json_t *identity);

#endif
