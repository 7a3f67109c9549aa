#ifndef YD_PKI_KM_H
#define YD_PKI_KM_H
/* CA <-> key-management centre, GM/T 0014 5.2.3 (standards.md 3.1): CARequest and KMRespond.
 * Out: IMPLICIT tags, directoryName.  In: IMPLICIT or EXPLICIT, directoryName or dNSName, the
 * optional fields as IA5String, UTF8String or OCTET STRING.  Parsed messages borrow the input;
 * messages to encode borrow the caller's bytes. */
#include "asn1/oid.h"
#include "base/auto.h"
#include "sm/sm2.h"

#define KM_BATCH 256
#define KM_REQUEST_MAX (1u << 20)
#define KM_RESPOND_MAX (2u << 20)
#define KM_SERIAL_MAX 20
#define KM_TASK_MAX 20
#define KM_TEXT_MAX 1024
#define KM_NAME_MAX 2048

/* EntName: who speaks. */
struct km_name {
	enum oid hash;   /* of key_hash: OID_SM3 out */
	struct slice dn; /* Name TLV, or the text of a dNSName */
	bool dn_is_text;
	struct slice key_hash;
	struct slice serial; /* magnitude, of the certificate */
};
/* The EntName of a certificate's subject.  key_hash is written into hash (SM3 of the key's octets
 * 04 || X || Y); the rest borrows the certificate. */
RC km_name_from_certificate(struct slice certificate, uint8_t hash[32], struct km_name *ret);
/* Same subject, serial and key.  Takes the hash over the key's octets or over the whole
 * SubjectPublicKeyInfo; a dNSName counts by serial and hash. */
bool km_name_matches(const struct km_name *n, struct slice certificate);

enum km_kind { KM_APPLY, KM_RESTORE, KM_REVOKE, KM_ERROR }; /* KM_ERROR only in answers */

/* ---- CARequest ---- */
struct km_request_item {
	enum km_kind kind;
	struct slice serial;           /* userCertNo, magnitude: serial of the ENCRYPTION certificate */
	struct slice user_key;         /* SubjectPublicKeyInfo TLV of the signing key; not for revoke */
	struct sm2_pub user_pub;       /* set by the parser */
	int64_t not_before, not_after; /* apply: validity of the key */
	struct slice user_name;        /* optional: Name TLV or text */
	struct slice region;           /* optional dsCode */
	struct slice extend;           /* optional */
};
struct km_request {
	struct km_name ca;
	int64_t time;
	struct slice task;      /* taskNO, magnitude, unique per CA */
	struct slice tbs;       /* set by the parser: DER of KSRequest */
	struct slice signature; /* set by the parser: DER SM2Signature */
	size_t count;
	struct km_request_item items[]; /* count of them */
};
/* 1 … KM_BATCH empty items, to fill in; NULL when out of memory or range. */
struct km_request *km_request_new(size_t count);
void km_request_free(struct km_request *m);
DROP(km_request, km_request_free);

RC km_request_tbs(const struct km_request *m, struct buf *ret); /* what the CA signs */
RC km_request_assemble(struct slice tbs, struct slice signature, struct buf *ret);
RC km_request_sign(const struct km_request *m, const struct sm2_key *key, struct buf *ret);
RC km_request_parse(struct slice der, struct km_request **ret);
RC km_request_verify(const struct km_request *m, const struct sm2_pub *pub);

/* ---- KMRespond ---- */
enum km_error { KM_ERR_OTHER = 1, KM_ERR_REQUEST, KM_ERR_NO_KEY, KM_ERR_UNKNOWN, KM_ERR_CONFLICT };
struct km_respond_item {
	enum km_kind kind;
	struct slice serial;     /* userCertNo of the request, magnitude */
	struct slice key;        /* retPubKey: SubjectPublicKeyInfo TLV; apply and restore */
	struct sm2_pub pub;      /* set by the parser */
	struct slice envelope;   /* retPriKey: bare SignedAndEnvelopedData TLV */
	uint32_t error;          /* KM_ERROR: errNo */
	struct slice error_text; /* KM_ERROR: errDesc, may be empty */
};
struct km_respond {
	struct km_name km;
	int64_t time;
	struct slice task;
	struct slice tbs, signature; /* set by the parser */
	size_t count;
	struct km_respond_item items[]; /* in the order of the requests */
};
struct km_respond *km_respond_new(size_t count);
void km_respond_free(struct km_respond *m);
DROP(km_respond, km_respond_free);

RC km_respond_tbs(const struct km_respond *m, struct buf *ret);
RC km_respond_assemble(struct slice tbs, struct slice signature, struct buf *ret);
RC km_respond_sign(const struct km_respond *m, const struct sm2_key *key, struct buf *ret);
RC km_respond_parse(struct slice der, struct km_respond **ret);
RC km_respond_verify(const struct km_respond *m, const struct sm2_pub *pub);
/* The item with that userCertNo, or NULL. */
const struct km_respond_item *km_respond_find(const struct km_respond *m, struct slice serial);

#endif
