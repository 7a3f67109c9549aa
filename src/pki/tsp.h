#ifndef YD_PKI_TSP_H
#define YD_PKI_TSP_H
/* Time stamps of RFC 3161 (GM/T 0033) over SM3, signed with SM2: request, TSTInfo, token and response.  Out:
 * one form, SignedData with the attributes contentType, messageDigest and signingCertificateV2 (RFC 5816).
 * In: either object identifier of SignedData.  Pure; parsed objects borrow the input. */
#include "pki/cms.h"
#include "pki/cert.h"

#define TSP_MAX (64u << 10)
#define TSP_HASH 32
#define TSP_SERIAL 16
#define TSP_NONCE_MAX 32
#define TSP_POLICY OID_TSA_POLICY
#define TSP_ACCURACY 10 /* seconds, stated in every stamp */
#define TSP_MEDIA_QUERY "application/timestamp-query"
#define TSP_MEDIA_REPLY "application/timestamp-reply"

struct tsp_request {
	uint8_t imprint[TSP_HASH];
	struct slice nonce; /* magnitude; len 0: none */
	bool certificate;   /* certReq: the token is to carry its certificate (ours always does) */
};
RC tsp_request_build(const struct tsp_request *q, struct buf *ret);
/* Refuses what cannot be granted: another hash than SM3, another policy, an extension. */
RC tsp_request_parse(struct slice der, struct tsp_request *ret);

struct tsp_info {
	uint8_t imprint[TSP_HASH];
	struct slice serial, nonce; /* magnitudes; nonce len 0: none */
	int64_t at;
	int64_t accuracy; /* seconds; 0: not said */
	bool our_policy;
};
RC tsp_info_build(const struct tsp_info *i, struct buf *ret);
RC tsp_info_parse(struct slice der, struct tsp_info *ret);

/* The signed attributes as they are signed: DER SET OF. */
RC tsp_attributes(struct slice info, struct slice certificate, struct buf *ret);
RC tsp_token_build(struct slice info, struct slice attributes, const struct cms_signature *s,
                   struct buf *ret);
/* All of it with a key at hand. */
RC tsp_token_sign(struct slice info, const struct sm2_key *key, struct slice certificate, struct buf *ret);
/* TimeStampResp with status granted. */
RC tsp_response_build(struct slice token, struct buf *ret);
/* The token of a granted response. */
RC tsp_response_parse(struct slice der, struct slice *token);

struct tsp_token {
	struct slice info_der;
	struct tsp_info info;
	struct slice certificate; /* the signer's, embedded */
	struct cms_signed message;
};
RC tsp_token_parse(struct slice der, struct tsp_token *ret);
/* Our one form and no other: nothing that the signature does not cover can be added or changed. */
RC tsp_token_own_form(const struct tsp_token *t, struct slice der);
/* The signature under the embedded certificate, which must be for time stamps and nothing else and be the one
 * that the attributes name, valid at the stamp's time.  Who issued it is the caller's question. */
RC tsp_token_verify(const struct tsp_token *t, const uint8_t imprint[TSP_HASH]);

#endif
