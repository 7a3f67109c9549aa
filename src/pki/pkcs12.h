#ifndef YD_PKI_PKCS12_H
#define YD_PKI_PKCS12_H
/* PKCS#12 (RFC 7292) of one key and its chain, through libcrypto.  SM2 keys: SM4-CBC and an SM3 MAC,
 * which OpenSSL 3.0 reads (standards.md 8); P-256: AES-256-CBC and SHA-256. */
#include "pki/pkcs8.h"

#define PKCS12_MAX (64u << 10)
#define PKCS12_CHAIN 8
#define PKCS12_ROUNDS 20000 /* each of key, certificates and MAC */

/* chain[0] is the key's certificate (DER), the rest its issuers; n >= 1. */
RC pkcs12_build(const struct private_key *k, const struct slice *chain, size_t n, struct slice pin,
                const char *name, struct buf *ret);

#endif
