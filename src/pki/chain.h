#ifndef YD_PKI_CHAIN_H
#define YD_PKI_CHAIN_H
/* Certification paths, link by link with the standard id (RFC 5280 6, without policies and name
 * constraints: a critical one is refused as unknown).  Revocation is the caller's. */
#include "pki/cert.h"

#define CHAIN_MAX 8

#define CHAIN_ANY_TIME INT64_MIN
/* Names, key identifiers, signature, the issuer's right to sign certificates, validity of both at
 * the instant. */
RC chain_link(const struct cert *c, const struct cert *issuer, int64_t at);
/* A path from certs[0] over any of certs[1 … n-1] to one of the anchors; path[] are the links,
 * the anchor last.  An anchor counts by being there: its own signature is not asked for. */
struct chain { size_t count; const struct cert *at[CHAIN_MAX]; };
RC chain_verify(const struct cert *certs, size_t n, const struct cert *anchors, size_t m, int64_t at,
                struct chain *ret);
/* Issuer = subject and the signature verifies under its own key. */
RC chain_self_signed(const struct cert *c);
/* May sign data at that instant: validity, keyUsage digitalSignature or nonRepudiation. */
RC chain_may_sign(const struct cert *c, int64_t at);

#endif
