#ifndef YD_PKI_EXT_H
#define YD_PKI_EXT_H
/* Extensions of certificates, requests, CRLs and OCSP messages: encoder and decoder of each kind
 * side by side.  Encoders write a whole Extension TLV; decoders read the contents of extnValue, so
 * the reader given to them stands at their start.  Results borrow the input. */
#include "asn1/der.h"

#define EXT_MAX 24                      /* extensions of one object */
#define EXT_PURPOSES 12                 /* EKU */
#define EXT_POLICIES 8
#define EXT_URLS 4                      /* of one kind */
#define EXT_NAMES 64                    /* of one subjectAltName */
#define EXT_URL_MAX 255

struct ext { enum oid oid; bool critical; struct slice oid_raw, value; };
struct exts { size_t count; struct ext at[EXT_MAX]; };
/* Extensions ::= SEQUENCE SIZE (1..MAX); refuses a second one of a kind (RFC 5280 4.2). */
void exts_take(struct der_reader *r, struct exts *ret);
const struct ext *exts_find(const struct exts *x, enum oid oid);       /* NULL when absent */
/* Opens an Extension; the value goes in between. */
void ext_begin(struct der_writer *w, enum oid oid, bool critical);
void ext_end(struct der_writer *w);

/* KeyUsage: bit n is the n-th named bit. */
enum key_usage {
	USAGE_SIGN = 1 << 0, USAGE_NON_REPUDIATION = 1 << 1, USAGE_KEY_ENCIPHER = 1 << 2,
	USAGE_DATA_ENCIPHER = 1 << 3, USAGE_KEY_AGREEMENT = 1 << 4, USAGE_CERT_SIGN = 1 << 5,
	USAGE_CRL_SIGN = 1 << 6, USAGE_ENCIPHER_ONLY = 1 << 7, USAGE_DECIPHER_ONLY = 1 << 8,
};
#define USAGE_COUNT 9
const char *key_usage_name(unsigned bit);                   /* 0: "digitalSignature" … */
RC   key_usage_find(struct slice name, uint32_t *ret);      /* one flag */
void ext_put_key_usage(struct der_writer *w, uint32_t usage);
uint32_t ext_take_key_usage(struct der_reader *r);

struct ext_purposes { size_t count; enum oid at[EXT_PURPOSES]; };      /* unknown: OID_UNKNOWN */
void ext_put_purposes(struct der_writer *w, const struct ext_purposes *p, bool critical);
void ext_take_purposes(struct der_reader *r, struct ext_purposes *ret);
bool ext_has_purpose(const struct ext_purposes *p, enum oid o);

/* path_length -1: none. */
void ext_put_basic(struct der_writer *w, bool ca, int path_length);
void ext_take_basic(struct der_reader *r, bool *ca, int *path_length);

void ext_put_ski(struct der_writer *w, struct slice id);
struct slice ext_take_ski(struct der_reader *r);
void ext_put_aki(struct der_writer *w, struct slice id);
/* keyIdentifier; empty when only issuer and serial are there. */
struct slice ext_take_aki(struct der_reader *r);

/* GeneralName; the number is the tag. */
enum general_kind {
	GENERAL_OTHER = 0, GENERAL_EMAIL = 1, GENERAL_DNS = 2, GENERAL_X400 = 3, GENERAL_DIRECTORY = 4,
	GENERAL_EDI = 5, GENERAL_URI = 6, GENERAL_IP = 7, GENERAL_RID = 8,
};
struct general_name {
	enum general_kind kind;
	struct slice value;             /* text; IP: 4 or 16 bytes; directory: Name TLV */
};
struct general_names { size_t count; struct general_name at[EXT_NAMES]; };
void general_put(struct der_writer *w, const struct general_name *g);
void general_take(struct der_reader *r, struct general_name *ret);
/* Text of one that we know how to write: host names by RFC 1034 with a leading "*." allowed, mail,
 * URI, IPv4 and IPv6 in text. Fills *ret; IP bytes go into ip. */
RC   general_from_text(enum general_kind kind, struct slice text, uint8_t ip[16], struct general_name *ret);
void general_to_text(const struct general_name *g, struct buf *ret);   /* "DNS:www.example.cn" */
void ext_put_san(struct der_writer *w, const struct general_name *g, size_t n, bool critical);
void ext_take_san(struct der_reader *r, struct general_names *ret);

struct ext_policies { size_t count; struct slice at[EXT_POLICIES]; };  /* OID contents */
void ext_put_policies(struct der_writer *w, const struct ext_policies *p);
void ext_take_policies(struct der_reader *r, struct ext_policies *ret);

struct ext_urls { size_t count; struct slice at[EXT_URLS]; };
void ext_put_crldp(struct der_writer *w, struct slice url);
void ext_take_crldp(struct der_reader *r, struct ext_urls *ret);       /* URIs of fullName */
void ext_put_aia(struct der_writer *w, struct slice ocsp, struct slice issuer);  /* empty = leave out */
void ext_take_aia(struct der_reader *r, struct ext_urls *ocsp, struct ext_urls *issuer);
void ext_put_nocheck(struct der_writer *w);

/* ---- CRL ---- */
enum crl_reason {
	REASON_UNSPECIFIED = 0, REASON_KEY_COMPROMISE = 1, REASON_CA_COMPROMISE = 2,
	REASON_AFFILIATION_CHANGED = 3, REASON_SUPERSEDED = 4, REASON_CESSATION = 5, REASON_HOLD = 6,
	REASON_REMOVE = 8, REASON_PRIVILEGE_WITHDRAWN = 9, REASON_AA_COMPROMISE = 10,
};
const char *crl_reason_name(enum crl_reason r);             /* "keyCompromise"; NULL for 7 and above 10 */
RC   crl_reason_find(struct slice name, enum crl_reason *ret);
void ext_put_crl_number(struct der_writer *w, uint64_t number);
struct slice ext_take_crl_number(struct der_reader *r);     /* magnitude */
void ext_put_reason(struct der_writer *w, enum crl_reason reason);
enum crl_reason ext_take_reason(struct der_reader *r);
void ext_put_invalidity(struct der_writer *w, int64_t t);
int64_t ext_take_invalidity(struct der_reader *r);
void ext_put_delta(struct der_writer *w, uint64_t base);    /* critical (RFC 5280 5.2.4) */
void ext_put_freshest(struct der_writer *w, struct slice url);
/* issuingDistributionPoint with one URI; flags for user, CA, indirect. */
struct ext_idp { struct slice url; bool user_only, ca_only, indirect; };
void ext_put_idp(struct der_writer *w, const struct ext_idp *i);
void ext_take_idp(struct der_reader *r, struct ext_idp *ret);

#endif
