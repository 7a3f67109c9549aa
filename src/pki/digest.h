#ifndef YD_PKI_DIGEST_H
#define YD_PKI_DIGEST_H
/* The hashes that identifiers of keys and certificates are made with: SM3 by sm/, the others by
 * libcrypto. */
#include "asn1/oid.h"

#define DIGEST_MAX 32

/* 20 or 32; 0 for anything but SHA-1, SHA-256 and SM3. */
size_t digest_len(enum oid hash);
/* Writes digest_len(hash) bytes. */
RC digest(enum oid hash, struct slice s, uint8_t *ret);

#endif
