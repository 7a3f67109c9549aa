/* Private key files, PEM or DER: what reads must write, and read the same. */
#include "pki/pkcs8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	AUTO_BUF(der, PKCS8_MAX);
	struct private_key k, again;

	/* No PIN: a fuzzer would only find many rounds of PBKDF2. */
	if (!rc_ok(private_key_read(slice_of(p, len), SLICE_NONE, &k)))
		return 0;
	if (!rc_ok(pkcs8_build(&k, &der)) || !rc_ok(pkcs8_parse(buf_slice(&der), &again)) ||
	    k.curve != again.curve || memcmp(k.d, again.d, sizeof(k.d)) != 0)
		abort();
	return 0;
}
