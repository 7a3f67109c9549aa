#ifndef YD_PKI_ENVELOPE_BLOB_H
#define YD_PKI_ENVELOPE_BLOB_H
/* Offsets inside the C structures that tokens and devices take, serialised with 4-byte little-endian
 * numbers and no padding (standards.md 1.8, 5.1). */
#include <stddef.h>

#define BLOB_VERSION 1
#define SGD_SM4_ECB 0x00000401u

struct envelope_blob {
	size_t bits;   /* ulBits; 0 = the structure has none */
	size_t body;   /* cbEncryptedPriKey[64] */
	size_t pub;    /* bit length, X[64], Y[64] */
	size_t cipher; /* X[64], Y[64], hash[32], length, 16 bytes */
};
/* GM/T 0016 6.4.10: version, algorithm, bits, body, public key, cipher. */
static const struct envelope_blob envelope_skf_blob = {8, 12, 76, 208};
/* GM/T 0018 5.8: version, algorithm, cipher, public key, body. */
static const struct envelope_blob envelope_sdf_blob = {0, 320, 188, 8};

#endif
