/* SHA-1 and SHA-256 are fetched from libcrypto once; SM3 is our own. */
#include "pki/digest.h"

#include "pki/ossl.h"
#include "sm/sm3.h"

#include <pthread.h>

/* Filled once, constant afterwards. */
static EVP_MD *sha1, *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

size_t digest_len(enum oid hash)
{
	if (hash == OID_SHA1)
		return 20;
	return hash == OID_SHA256 || hash == OID_SM3 ? 32 : 0;
}

RC digest(enum oid hash, struct slice s, uint8_t *ret)
{
	const EVP_MD *md;

	if (hash == OID_SM3) {
		sm3_hash(s, ret);
		return OK;
	}
	NEED(digest_len(hash) != 0, RC_BUG, "digest: %s", oid_name(hash));
	pthread_once(&once, fetch);
	md = hash == OID_SHA1 ? sha1 : sha256;
	NEED(md != NULL, RC_CRYPTO, "digest: libcrypto has no %s", oid_name(hash));
	if (EVP_Digest(s.p, s.len, ret, NULL, md, NULL) != 1)
		return ossl_fail("digest");
	return OK;
}
