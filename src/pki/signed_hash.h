#ifndef YD_PKI_SIGNED_HASH_H
#define YD_PKI_SIGNED_HASH_H
/* The hash that a signature is made over, of content that comes in pieces: SM3 behind Z for SM2 (default id),
 * SHA-256 for the others. */
#include "pki/pubkey.h"
#include "sm/sm3.h"

#define SIGNED_HASH 32

struct signed_hash {
	struct sm3 sm3;
	struct evp_md_ctx_st *sha; /* NULL: SM3 */
};
RC signed_hash_begin(struct signed_hash *h, const struct pubkey *k);
RC signed_hash_add(struct signed_hash *h, struct slice piece);
RC signed_hash_end(struct signed_hash *h, uint8_t ret[SIGNED_HASH]);
void signed_hash_wipe(struct signed_hash *h); /* NULL-filled is fine */
/* As pubkey_verify() over the content that hash was made of. */
RC pubkey_verify_hash(const struct pubkey *k, struct sigalg a, const uint8_t hash[SIGNED_HASH],
                      struct slice sig);

#endif
