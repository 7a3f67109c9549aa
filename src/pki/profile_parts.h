#ifndef YD_PKI_PROFILE_PARTS_H
#define YD_PKI_PROFILE_PARTS_H
/* A profile as it lies in memory: the JSON with its texts, and what was read out of it. */
#include "pki/profile.h"

#define PROFILE_SUBJECT 16
#define PROFILE_SAN 8
#define PROFILE_CLASSES 2
#define PROFILE_EXTENSIONS 8
#define PROFILE_OID_MAX 64              /* contents octets */
#define PROFILE_EXTENSION_MAX 512       /* bytes of one, coded */

enum profile_san { SAN_ENTITY, SAN_EMAIL, SAN_DNS, SAN_IP, SAN_INSTANCE, SAN_KINDS };

struct profile_use {                    /* of one certificate */
	bool there;
	uint32_t usage;
	struct ext_purposes purposes;
	bool purposes_critical;
	enum profile_san san[PROFILE_SAN];
	size_t san_count;
};
struct profile_rdn {
	enum oid type;
	const char *value, *from;       /* one of them */
	bool optional;
};
/* How an extension's value is written. */
enum profile_form { FORM_PRINTABLE, FORM_UTF8, FORM_IDENTIFY_CODE, FORM_DOCUMENT, FORM_ENTITY, FORM_COUNT };
struct profile_ext {
	const char *name, *from, *document;
	uint8_t oid[PROFILE_OID_MAX];
	size_t oid_len;
	enum profile_form form;
	bool discloses;
};
struct profile {
	json_t *json;
	const char *id;
	bool dual, internal, any_policy, nocheck, ca;
	int path_length;
	bool keys[PUBKEY_KINDS];
	const char *classes[PROFILE_CLASSES];
	size_t class_count;
	int64_t days, days_max, key_life;
	struct profile_rdn subject[PROFILE_SUBJECT];
	size_t subject_count;
	struct profile_ext extension[PROFILE_EXTENSIONS];
	size_t extension_count;
	struct profile_use sign, encrypt, single;
};

/* The part that a key of that kind gets. */
const struct profile_use *profile_use(const struct profile *p, enum profile_part part, enum pubkey_kind kind);
/* What a schema cannot say about an identity: check digits, names among the host names. */
RC profile_run_checks(const struct profile *p, const json_t *identity);
/* Every name that the identity gives a certificate can be written. */
RC profile_check_names(const struct profile *p, const json_t *identity);
/* Reads the list "extensions" of the file. */
RC profile_read_extensions(struct profile *p);
/* Extension TLVs one after the other.  entity NULL: as if it were known, for trying. */
RC profile_put_extensions(const struct profile *p, const json_t *identity, const char *entity,
                          struct der_writer *w);

#endif
