#ifndef YD_PKI_OCSP_H
#define YD_PKI_OCSP_H
/* OCSP (RFC 6960, nonce RFC 9654): requests in, answers out, and the other side of both.  Parsed
 * objects borrow the input. */
#include "pki/cert.h"
#include "pki/digest.h"

#define OCSP_REQUEST_MAX 8192
#define OCSP_RESPONSE_MAX 65536
#define OCSP_IDS 20                     /* CertIDs of one request */
#define OCSP_NONCE_MAX 128
#define OCSP_DATA_MAX 16384

struct ocsp_id {
	struct slice der;               /* the whole CertID, echoed in answers */
	enum oid hash;                  /* SHA-1, SHA-256, SM3; OID_UNKNOWN: another */
	struct slice name_hash, key_hash;
	struct slice serial;            /* magnitude */
};

/* ---- request ---- */
struct ocsp_request {
	size_t count;
	struct ocsp_id ids[OCSP_IDS];
	bool has_nonce;
	struct slice nonce;             /* contents of extnValue, echoed as they are */
	struct slice tbs;               /* TBSRequest */
	struct slice signature;         /* optionalSignature, SEQUENCE; empty: not signed */
};
/* A signature is neither asked for nor checked (RFC 6960 4.1.2). */
RC ocsp_request_parse(struct slice der, struct ocsp_request *ret);
/* Who signed it: the certificate that lies in the request, not yet believed. RC_INPUT for an unsigned one. */
RC ocsp_request_signer(const struct ocsp_request *q, struct cert *ret);
/* By that signer, whom the issuer certified and who is valid at the instant. */
RC ocsp_request_verify(const struct ocsp_request *q, const struct cert *signer, const struct cert *issuer,
                       int64_t at);
/* One CertID for each serial. */
struct ocsp_issuer;
RC ocsp_request_build(const struct ocsp_issuer *issuer, enum oid hash, const struct slice *serials,
                      size_t n, struct slice nonce, struct buf *ret);

/* ---- who a CertID means: hashes of an issuer, made once ---- */
#define OCSP_HASHES 3
struct ocsp_issuer { uint8_t name[OCSP_HASHES][DIGEST_MAX], key[OCSP_HASHES][DIGEST_MAX]; };
RC   ocsp_issuer_init(struct ocsp_issuer *i, struct slice subject, const struct pubkey *key);
bool ocsp_issuer_matches(const struct ocsp_issuer *i, const struct ocsp_id *id);
/* DER of a CertID. */
RC   ocsp_id_build(const struct ocsp_issuer *i, enum oid hash, struct slice serial, struct buf *ret);

/* ---- answer ---- */
enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };
const char *ocsp_status_name(enum ocsp_status s);
struct ocsp_single {
	struct slice id;                /* CertID TLV */
	enum ocsp_status status;
	int64_t this_update, next_update;       /* next_update 0: left out */
	int64_t revoked_at;
	enum crl_reason reason;         /* REASON_UNSPECIFIED is left out */
	int64_t archive_cutoff;         /* RFC 6960 4.4.4; 0: left out; not read */
};
struct ocsp_data {
	struct slice responder;         /* SHA-1 of the responder's key: pubkey_ski() */
	int64_t produced_at;
	size_t count;
	struct ocsp_single singles[OCSP_IDS];
	bool has_nonce;
	struct slice nonce;             /* contents of extnValue */
	bool extended_revoke;           /* RFC 6960 4.4.8; not read */
};
/* ResponseData: what the responder's key signs. */
RC ocsp_data_build(const struct ocsp_data *d, struct buf *ret);
RC ocsp_data_parse(struct slice der, struct ocsp_data *ret);
/* OCSPResponse successful; certificate: the responder's. */
RC ocsp_response_assemble(struct slice data, struct sigalg a, struct slice signature,
                          struct slice certificate, struct buf *ret);

enum ocsp_error {
	OCSP_SUCCESSFUL = 0, OCSP_MALFORMED = 1, OCSP_INTERNAL = 2, OCSP_TRY_LATER = 3,
	OCSP_SIG_REQUIRED = 5, OCSP_UNAUTHORIZED = 6,
};
const char *ocsp_error_name(enum ocsp_error e);
struct slice ocsp_error_response(enum ocsp_error e);        /* whole OCSPResponse, static bytes */

struct ocsp_response {
	struct slice der;
	enum ocsp_error status;         /* anything else is there only when OCSP_SUCCESSFUL */
	struct slice tbs;               /* ResponseData */
	struct ocsp_data data;          /* responder empty when named by subject */
	struct slice responder_name;
	struct sigalg alg;
	struct slice signature;
	size_t certificates;
	struct slice certificate[4];
};
RC ocsp_response_parse(struct slice der, struct ocsp_response *ret);
/* Signature by the issuer itself or by a responder it certified (EKU OCSPSigning, valid at the
 * instant); the answer is in force at that instant.  responder: where the certificate used is
 * put, may be NULL. */
RC ocsp_response_verify(const struct ocsp_response *r, const struct cert *issuer, int64_t at,
                        struct cert *responder);
/* The answer to that CertID. RC_NOTFOUND. */
RC ocsp_response_find(const struct ocsp_response *r, const struct ocsp_issuer *issuer,
                      struct slice serial, struct ocsp_single *ret);

#endif
