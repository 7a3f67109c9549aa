/* Signatures in DER: any bytes parse or are refused; what parses is written back the same and can be
 * verified, alone and in a batch with the same answer. */
#include "sm/sm2.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static const uint8_t d[SM2_LEN] = {1, 2, 3};
	static struct sm2_key key;
	struct sm2_check c[2] = {{.e = {0}}};
	struct sm2_sig sig;
	AUTO_BUF(der, SM2_SIG_DER_MAX);

	if (key.d[0] == 0 && !rc_ok(sm2_key_load(d, &key)))
		abort();
	if (!rc_ok(sm2_sig_from_der(slice_of(p, len), &sig)))
		return 0;
	sm2_sig_to_der(&sig, &der);
	if (!slice_equal(buf_slice(&der), slice_of(p, len)))
		abort();
	c[0].pub = c[1].pub = key.pub;
	c[0].sig = c[1].sig = sig;
	c[1].e[0] = 1;
	sm2_verify_batch(c, 2);
	if (c[0].valid != rc_ok(sm2_verify_digest(&key.pub, c[0].e, &sig)) ||
	    c[1].valid != rc_ok(sm2_verify_digest(&key.pub, c[1].e, &sig)))
		abort();
	return 0;
}
