#ifndef YD_PKI_CERT_H
#define YD_PKI_CERT_H
/* X.509 v3 certificates (RFC 5280 4): read strictly into slices and decoded extensions; written
 * from a template.  A parsed certificate borrows its DER. */
#include "pki/ext.h"
#include "pki/pubkey.h"

#define CERT_DER_MAX 16384
#define CERT_SERIAL_MAX 20
#define CERT_SERIAL_TEXT (2 * CERT_SERIAL_MAX + 1)

struct cert {
	struct slice der, tbs;
	unsigned version;               /* 1 … 3 as written in words: 3 = v3 */
	struct slice serial;            /* magnitude */
	struct sigalg alg;
	struct slice issuer, subject;   /* Name TLV */
	int64_t not_before, not_after;
	struct pubkey key;
	struct slice signature;         /* octets of the BIT STRING */
	struct exts exts;
	/* decoded; a has_ member tells absent from empty */
	bool has_basic, ca;
	int path_length;                /* -1: none */
	bool has_usage;
	uint32_t usage;                 /* enum key_usage */
	struct ext_purposes purposes;
	struct slice ski, aki;
	struct slice san;               /* extnValue contents; cert_names() reads them */
	struct ext_policies policies;
	struct ext_urls crl, ocsp, ca_issuers;
	bool nocheck;
	bool unknown_critical;          /* a critical extension that is not read here */
};

/* ---- in ---- */
/* The whole input must be one certificate; inner and outer algorithm identical (RFC 5280 4.1.1.2). */
RC   cert_parse(struct slice der, struct cert *ret);
/* A TBSCertificate alone: der and signature stay empty. */
RC   cert_parse_tbs(struct slice tbs, struct cert *ret);
/* DER, or the first CERTIFICATE block of PEM; the bytes go into der, which c borrows. */
RC   cert_read(struct slice text, struct buf *der, struct cert *ret);
/* Signature only, standard id; see chain.h for the rest. */
RC   cert_verify(const struct cert *c, const struct pubkey *issuer);
RC   cert_sm2_key(const struct cert *c, struct sm2_pub *ret);          /* RC_INPUT for another kind */
void cert_sm3(const struct cert *c, uint8_t ret[32]);       /* of the DER */
RC   cert_names(const struct cert *c, struct general_names *ret);      /* none: count 0 */
/* The first SAN URI that starts with prefix; what follows it.  RC_NOTFOUND. */
RC   cert_uri(const struct cert *c, const char *prefix, struct slice *ret);
/* The service class: which of the two policies is there. RC_NOTFOUND when neither or both. */
RC   cert_policy(const struct cert *c, const struct slice *policies, size_t n, size_t *which);
/* Lower-case hex without leading zeros, as in URLs and CA/SERIAL. */
void cert_serial_text(struct slice serial, char ret[CERT_SERIAL_TEXT]);
RC   cert_serial_from_text(struct slice text, struct buf *ret);
/* Every field in words, a line each; what `cert show` prints. */
RC   cert_to_text(const struct cert *c, struct buf *ret);
/* An extension that is not read here: OID, and its value as text when it is one string, else in hex. */
RC   ext_to_text(const struct ext *e, struct buf *ret);

/* ---- out ---- */
struct cert_template {
	struct slice serial;            /* magnitude, 1 … 20 bytes with sign */
	struct sigalg alg;
	struct slice issuer, subject;   /* Name TLV */
	int64_t not_before, not_after;
	struct slice spki;
	struct slice ski, aki;          /* empty: left out */
	bool basic, ca;                 /* basic: write basicConstraints (critical) */
	int path_length;                /* -1: none */
	uint32_t usage;                 /* critical; 0: left out */
	struct ext_purposes purposes;
	bool purposes_critical;
	struct ext_policies policies;
	const struct general_name *names;
	size_t name_count;
	struct slice crl_url, ocsp_url, ca_url;                 /* empty: left out */
	bool nocheck;
	struct slice extensions;        /* further ones: Extension TLVs, already coded */
};
RC cert_tbs(const struct cert_template *t, struct buf *ret);
RC cert_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret);
/* Takes the algorithm from the TBS. */
RC cert_complete(struct slice tbs, struct slice signature, struct buf *ret);

#endif
