#ifndef YD_PKI_CSR_H
#define YD_PKI_CSR_H
/* PKCS#10 requests (RFC 2986, GM/T 0092).  A parsed request has proven possession of its key; it
 * borrows the input. */
#include "pki/ext.h"
#include "pki/pubkey.h"

#define CSR_DER_MAX 16384
#define CSR_ATTRIBUTES 16
#define CSR_CHALLENGE_MAX 255

/* Which SM2 id the proof was made with: OpenSSL's commands sign with the empty one (standards.md 8). */
enum csr_proof { CSR_PROOF_NO_ID, CSR_PROOF_DEFAULT_ID, CSR_PROOF_EMPTY_ID };
const char *csr_proof_name(enum csr_proof p);               /* "none" "default" "empty" */

struct csr {
	struct slice der, tbs;
	struct slice subject;           /* Name TLV, may have no RDN */
	struct pubkey key;
	struct sigalg alg;
	struct slice signature;         /* octets of the BIT STRING */
	enum csr_proof proof;
	bool proven;                    /* the signature was verified */
	struct slice challenge;         /* challengePassword of either OID; empty when absent */
	struct exts exts;               /* extensionRequest; count 0 when absent */
};

/* The whole input must be one request whose signature verifies. */
RC csr_parse(struct slice der, struct csr *ret);
/* The same without the proof, for whoever checks many at once. */
RC csr_parse_form(struct slice der, struct csr *ret);
/* What was proven already costs nothing. */
RC csr_prove(struct csr *c);
/* Proves those that a batch of SM2 verifications can; the others are left to csr_prove(), which has the last
 * word on each. */
void csr_prove_batch(struct csr *const *c, size_t n);
/* DER, or the first (NEW) CERTIFICATE REQUEST block of PEM; the bytes go into der. */
RC csr_read(struct slice text, struct buf *der, struct csr *ret);

/* ---- out ---- */
struct csr_template {
	struct slice subject;           /* Name TLV */
	struct slice spki;
	struct slice challenge;         /* empty: left out */
	enum oid challenge_oid;         /* OID_CHALLENGE or OID_GM_CHALLENGE */
	struct slice extensions;        /* SEQUENCE OF Extension; empty: left out */
};
RC csr_tbs(const struct csr_template *t, struct buf *ret);
RC csr_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret);

#endif
