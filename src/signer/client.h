#ifndef YD_SIGNER_CLIENT_H
#define YD_SIGNER_CLIENT_H
/* The role's side of the signer.  Thread-safe: any number of threads may have requests in flight
 * over the one socketpair; each call waits for its own answer.  Failures arrive with the signer's
 * own code, refusal name and text.  A signer that is locked answers RC_BUSY (signer-locked); one
 * that has ended, RC_BUSY (signer-gone). */
#include "key/key.h"
#include "signer/protocol.h"
#include "signer/wrapped.h"

struct signer_client;
/* Takes the descriptor over. */
RC signer_client_open(int fd, struct signer_client **ret);
void signer_client_close(struct signer_client *c);
DROP(signer_client, signer_client_close);

/* ---- certificates: structure in, signature out ---- */
struct signer_item {
	struct slice key;                   /* the authority's key: "sm2", "ecdsa" */
	struct slice tbs;                   /* TBSCertificate DER; serial number as in serial.h */
	struct slice application, approval; /* statements (SignedData DER) */
	struct slice km_respond;            /* encryption certificate: KMRespond DER; else empty */
	/* extension: the signing certificate that is extended; for the encryption certificate also the old
	 * one of it, instead of km_respond */
	struct slice old[2];
};
struct signer_result {
	bool ok;
	struct rc_text why;       /* when not ok */
	uint8_t sig[KEY_SIG_MAX]; /* contents of the certificate's BIT STRING */
	size_t len;
};
/* n of any size; sent in frames of at most SIGNER_BATCH items.  Items that share the same bytes (same
 * pointer and length) of application, approval or km_respond send them once.  RC_OK when every item
 * has its own outcome in ret. */
RC signer_certificates(struct signer_client *c, const struct signer_item *items, struct signer_result *ret,
                       size_t n);

/* fd: a file with the TBSCertList from `at` to its end, read once; stays the caller's. */
RC signer_crl(struct signer_client *c, struct slice key, int fd, uint8_t at, struct buf *sig);
/* ResponseData DER each; ret[i].ok says which were signed. */
RC signer_ocsp(struct signer_client *c, struct slice key, const struct slice *tbs, struct signer_result *ret,
               size_t n);

/* ---- GM/T 0014 ---- */
/* DER of KSRequest in, signature (OCTET STRING contents: DER SM2Signature) out.  approvals: for each of the
 * requests in it 32 bytes, for an apply the SM3 of the approval whose serial number and key it names
 * (signer/serial.h), for others anything. */
RC signer_km_request(struct signer_client *c, struct slice key, struct slice ks_request,
                     struct slice approvals, struct buf *sig);
/* A request that restores keys: with the case and the reviewer's decision. */
RC signer_km_restore(struct signer_client *c, struct slice key, struct slice ks_request,
                     const struct slice orders[2], struct buf *sig);
/* n <= SIGNER_BATCH fresh pairs for the standby store. */
RC signer_km_generate(struct signer_client *c, struct slice key, struct key_stored *ret, size_t n);
/* One per Request of the CARequest, in its order: the stored key that answers it, or an error
 * number for an errorPkgRespond; neither for a revoke. */
struct signer_km_answer {
	struct slice blob;
	uint32_t error;
};
/* DER of a whole KMRespond; the signer verifies the CARequest itself with trust/ca-comm.cer. */
RC signer_km_respond(struct signer_client *c, struct slice key, struct slice ca_request,
                     const struct signer_km_answer *answers, size_t n, struct buf *ret);
/* The statements that let restored keys out: case, review, then the agents' decisions. */
struct signer_orders {
	struct slice at[SIGNER_ORDERS];
	size_t count;
};
RC signer_km_release(struct signer_client *c, struct slice ca_request, const struct signer_km_answer *answers,
                     size_t n, const struct signer_orders *orders, struct buf *ret);
/* n envelopes (SignedAndEnvelopedData) for the authority of a judicial order, in the order of its keys. */
RC signer_km_judicial(struct signer_client *c, const struct signer_orders *orders, const struct slice *blobs,
                      size_t n, struct buf *ret);
#define SIGNER_KMC_KEY "kmc" /* name of the KMC's key in its signer */

/* Canonical JSON in (schema yuandian/statement/v1, signer.certificate must be this key's), GM/T 0010
 * SignedData DER out.  Keys of purpose service and operator service certificates only. */
RC signer_statement(struct signer_client *c, struct slice key, struct slice json, struct buf *ret);
/* TSTInfo (pki/tsp.h) in, time-stamp token out, signed with the signer's key of that purpose; its time
 * must be the signer's. */
#define SIGNER_TIMESTAMP_KEY "timestamp"
RC signer_timestamp(struct signer_client *c, struct slice info, struct buf *ret);
/* The certificate that follows a responder's: same key and beginning, later end.  DER in and out. */
RC signer_responder(struct signer_client *c, struct slice old, struct buf *ret);
/* n <= SIGNER_BATCH values of the signer's keyed function, 16 bytes each. */
RC signer_prf(struct signer_client *c, const struct slice *data, uint8_t (*ret)[16], size_t n);

/* Keys of the items of a vault, n <= SIGNER_BATCH: wrapped under the signer's own key and opened again.  For
 * roles vault only. */
RC signer_wrap(struct signer_client *c, const uint8_t (*keys)[16], size_t n,
               uint8_t (*ret)[SIGNER_WRAPPED]);
RC signer_unwrap(struct signer_client *c, const uint8_t (*wrapped)[SIGNER_WRAPPED], size_t n,
                 uint8_t (*ret)[16]);

struct signer_info {
	bool unlocked;
	char device[32]; /* "uncertified-test" */
	size_t n;
	struct key_info keys[KEY_MAX];
};
RC signer_info(struct signer_client *c, struct signer_info *ret);

/* ---- the supervisor's channel only ---- */
RC signer_unlock(struct signer_client *c, struct slice secret);
/* TLS certificate (P-256, at most 7 days) for an instance of the own organisation; DER of the
 * certificate. */
RC signer_tls(struct signer_client *c, struct slice csr, struct slice instance, struct buf *ret);

#endif
