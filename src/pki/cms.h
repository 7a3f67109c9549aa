#ifndef YD_PKI_CMS_H
#define YD_PKI_CMS_H
/* Message syntax of GM/T 0010 / GB/T 35275 (PKCS#7 v1.5 shape, standards.md 1.6): SignedData and
 * SignedAndEnvelopedData.  Out: our one form.  In: also the OIDs of RFC 5652, .501 or .301.1 as
 * signature algorithm, other versions, attributes.  Parsed objects borrow the input. */
#include "asn1/oid.h"
#include "sm/sm2.h"

#define CMS_MAX (4u << 20)
#define CMS_CERTIFICATES 16
#define CMS_SIGNERS 8
#define CMS_RECIPIENTS 8

/* One SignerInfo. */
struct cms_signer {
	struct slice issuer;     /* Name TLV */
	struct slice serial;     /* magnitude */
	struct slice type;       /* contents octets of the content type it covers */
	struct slice attributes; /* contents of [0]; len 0 = none */
	struct slice signature;  /* DER SM2Signature */
};

/* What SignedData and SignedAndEnvelopedData share. */
struct cms_signers {
	struct slice certificates[CMS_CERTIFICATES]; /* whole Certificate TLVs */
	size_t certificate_count;
	struct slice crls; /* contents of [1] */
	struct cms_signer signers[CMS_SIGNERS];
	size_t signer_count;
};

struct cms_signed {
	struct slice type;    /* contents octets of the inner content type */
	bool has_content;     /* false: detached */
	struct slice content; /* octets of the OCTET STRING, or the whole TLV of another type */
	struct cms_signers by;
};

struct cms_recipient {
	struct slice issuer;        /* Name TLV; may be the empty SEQUENCE (standards.md 1.7) */
	struct slice serial;        /* magnitude; both empty when named by key identifier */
	struct slice encrypted_key; /* DER SM2Cipher of the 16-byte key */
};

struct cms_sealed { /* SignedAndEnvelopedData */
	struct cms_recipient recipients[CMS_RECIPIENTS];
	size_t recipient_count;
	enum oid cipher; /* OID_SM4, OID_SM4_ECB or OID_SM4_CBC */
	struct slice iv; /* 16 bytes, or none: ECB (standards.md 1.1, bare .104) */
	struct slice ciphertext;
	struct cms_signers by;
};

/* ---- in ---- */
/* The whole input must be one ContentInfo with SignedData. */
RC cms_signed_parse(struct slice der, struct cms_signed *ret);
/* With or without the ContentInfo around it (GM/T 0014 carries the bare type). */
RC cms_sealed_parse(struct slice der, struct cms_sealed *ret);
/* The embedded certificate whose issuer and serial the signer names. */
RC cms_signer_certificate(const struct cms_signers *s, size_t index, struct slice *ret);
/* Issuer (Name TLV) and serial number of a certificate, without judging the rest of it. */
RC cms_certificate_names(struct slice certificate, struct slice *issuer, struct slice *serial);
/* One signature under the given key and the default id.  content: what was signed over; for a
 * detached message the caller's, for SignedAndEnvelopedData the plaintext.  With attributes their
 * contentType and messageDigest must agree. */
RC cms_verify(const struct cms_signer *s, const struct sm2_pub *pub, struct slice content);
/* The same, only the digest to check: for batches. */
RC cms_verify_input(const struct cms_signer *s, const struct sm2_pub *pub, struct slice content,
                    struct sm2_check *ret);

/* ---- out: signatures are made elsewhere over Z(default id) || content, then assembled ---- */
struct cms_signature {
	struct slice certificate, signature;
}; /* DER, DER SM2Signature */
/* SignedData with data content and the signers' certificates. 1 … CMS_SIGNERS signatures. */
RC cms_signed_build(struct slice content, const struct cms_signature *s, size_t n, struct buf *ret);
/* Signs at once with a key at hand. */
RC cms_signed_sign(struct slice content, const struct sm2_key *key, struct slice certificate,
                   struct buf *ret);

struct cms_seal {
	struct slice issuer;        /* Name TLV; SLICE_NONE writes the empty SEQUENCE */
	struct slice serial;        /* of the receiver's ENCRYPTION certificate, magnitude */
	struct slice encrypted_key; /* DER SM2Cipher */
	struct slice ciphertext;    /* SM4-ECB */
	struct cms_signature by;
};
/* Bare SignedAndEnvelopedData, as RetKeyRespond carries it. */
RC cms_sealed_build(const struct cms_seal *s, struct buf *ret);
/* ContentInfo around a bare SignedAndEnvelopedData; a ContentInfo passes unchanged. */
RC cms_sealed_wrap(struct slice der, struct buf *ret);

#endif
