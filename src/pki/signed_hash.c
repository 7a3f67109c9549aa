#include "pki/signed_hash.h"

#include "pki/ossl.h"

RC signed_hash_begin(struct signed_hash *h, const struct pubkey *k)
{
	uint8_t z[32];

	h->sha = NULL;
	if (k->kind == PUBKEY_SM2) {
		TRY(sm2_z(&k->sm2, SM2_ID, z));
		sm3_init(&h->sm3);
		sm3_update(&h->sm3, SLICE_ARR(z));
		return OK;
	}
	h->sha = EVP_MD_CTX_new();
	NEED(h->sha != NULL, RC_NOMEM, "hash: out of memory");
	return EVP_DigestInit_ex(h->sha, EVP_sha256(), NULL) == 1 ? OK : ossl_fail("hash");
}

RC signed_hash_add(struct signed_hash *h, struct slice piece)
{
	if (h->sha == NULL)
		sm3_update(&h->sm3, piece);
	else if (EVP_DigestUpdate(h->sha, piece.p, piece.len) != 1)
		return ossl_fail("hash");
	return OK;
}

RC signed_hash_end(struct signed_hash *h, uint8_t ret[SIGNED_HASH])
{
	unsigned len = SIGNED_HASH;

	if (h->sha == NULL)
		sm3_final(&h->sm3, ret);
	else if (EVP_DigestFinal_ex(h->sha, ret, &len) != 1)
		return ossl_fail("hash");
	return OK;
}

void signed_hash_wipe(struct signed_hash *h)
{
	EVP_MD_CTX_free(h->sha);
	h->sha = NULL;
}
