/* Keys: any octets are a point of the curve or refused, any 32 bytes a private key or refused; a key that is
 * taken signs what its public half verifies. */
#include "sm/sm2.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	uint8_t e[32] = {1}, nonce[SM2_LEN] = {[31] = 7};
	struct sm2_pub pub;
	struct sm2_key key;
	struct sm2_sig sig;

	if (rc_ok(sm2_pub_from_octets(slice_of(p, len), &pub)) &&
	    (len != SM2_POINT + 1 || memcmp(pub.xy, p + 1, SM2_POINT) != 0 ||
	     !rc_ok(sm2_pub_load(p + 1, &pub))))
		abort();
	if (len < SM2_LEN || !rc_ok(sm2_key_load(p, &key)))
		return 0;
	if (memcmp(key.d, p, SM2_LEN) != 0 || !rc_ok(sm2_pub_load(key.pub.xy, &pub)))
		abort();
	if (rc_ok(sm2_sign_digest_with(&key, e, nonce, &sig)) && !rc_ok(sm2_verify_digest(&pub, e, &sig)))
		abort();
	return 0;
}
