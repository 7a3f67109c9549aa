#ifndef YD_PKI_ENVELOPE_H
#define YD_PKI_ENVELOPE_H
/* Delivery of an encryption private key under the subscriber's signing key (R06.10), in the four
 * forms met in the field (standards.md 1.4, 1.5, 1.7, 1.8).  All come from one content: the SM2
 * ciphertext of a one-time SM4 key, and SM4-ECB of 32 zero bytes || d; so whoever holds one form
 * writes the others without decrypting. */
#include "sm/sm2.h"

#define ENVELOPE_MAX 8192 /* any form, in or out */
#define ENVELOPE_BODY 512 /* ciphertext of the private key, any layout */
#define ENVELOPE_SKF 388
#define ENVELOPE_SDF 384

enum envelope_form {
	ENVELOPE_FORM_SM2,  /* SM2EnvelopedKey, GM/T 0009 / GB/T 35276 7.4, 32-byte body */
	ENVELOPE_FORM_SAED, /* SignedAndEnvelopedData in a ContentInfo, GB/T 35275 */
	ENVELOPE_FORM_SKF,  /* ENVELOPEDKEYBLOB, GM/T 0016 6.4.10, 388 bytes */
	ENVELOPE_FORM_SDF,  /* EnvelopedKeyBlob, GM/T 0018 5.8, 384 bytes */
	ENVELOPE_FORM_COUNT
};
/* "sm2" "saed" "skf" "sdf". */
const char *envelope_form_name(enum envelope_form f);
RC envelope_form_find(struct slice name, enum envelope_form *ret);

/* How token vendors read cbEncryptedPriKey (standards.md 1.8): A = all 64 bytes are ciphertext,
 * B = the first 32 are zero. */
enum envelope_skf { ENVELOPE_SKF_B, ENVELOPE_SKF_A };

struct envelope {
	uint8_t key[112]; /* C1 || C3 || C2 of the SM4 key */
	uint8_t body[ENVELOPE_BODY];
	size_t body_len;  /* 64: canonical; 32: lower half alone; else a DER layout */
	bool upper_known; /* body[0..31] is the ciphertext of the zeros */
	bool has_pub;
	struct sm2_pub pub; /* public half of the delivered key */
	struct slice saed;  /* borrowed: the signed original, when it was one */
};

/* ---- at the KMC ---- */
struct envelope_item {
	const struct sm2_key *key; /* delivered */
	struct sm2_pub receiver;   /* the subscriber's signing key */
	struct slice serial;       /* of the encryption certificate, magnitude */
};
/* n bare SignedAndEnvelopedData, signed by the KMC; ret holds n empty buffers with a maximum. */
RC envelope_make(const struct envelope_item *items, size_t n, const struct sm2_key *signer,
                 struct slice certificate, struct buf *ret);
/* One bare SignedAndEnvelopedData from parts made inside a key device (key.h, key_parcel). */
struct envelope_parts {
	const uint8_t *key;        /* 112 bytes, C1 || C3 || C2 */
	const uint8_t *body;       /* 64 bytes */
	const struct sm2_sig *sig; /* the KMC's, over 32 zero bytes || d */
	struct slice serial;       /* of the encryption certificate, magnitude */
	struct slice certificate;  /* the KMC's */
};
RC envelope_assemble(const struct envelope_parts *p, struct buf *ret);
/* The content alone, without a signature. */
RC envelope_seal(const struct sm2_key *delivered, const struct sm2_pub *receiver, struct envelope *ret);

/* ---- at the RA: no private key anywhere ---- */
/* Recognises the form by its bytes.  pub: the key of the encryption certificate, or NULL; a form
 * that carries a public key must carry that one. */
RC envelope_read(struct slice bytes, const struct sm2_pub *pub, struct envelope *ret);
/* Refuses what cannot be derived: saed without the original, skf A without the upper half, and
 * sm2, skf and sdf from a DER layout or without the public key. */
RC envelope_write(const struct envelope *e, enum envelope_form form, enum envelope_skf skf, struct buf *ret);
/* Reads and writes in one step. */
RC envelope_convert(struct slice bytes, const struct sm2_pub *pub, enum envelope_form form, struct buf *ret);

/* ---- at the subscriber ---- */
/* Opens any form with the signing key; accepts every layout of standards.md 1.5; the key found
 * must give the public key `expected` (or, when NULL, the one the form carries).  Secret result:
 * wipe with sm2_key_wipe(). */
RC envelope_open(struct slice bytes, const struct sm2_key *signing, const struct sm2_pub *expected,
                 struct sm2_key *ret);
/* The KMC's signature in a SignedAndEnvelopedData covers the private key, so only its receiver can
 * check it: pub is the KMC's. */
RC envelope_verify(struct slice saed, const struct sm2_key *delivered, const struct sm2_pub *pub);

#endif
