/* Requests: any bytes parse or are refused; the proof of what parses is judged. */
#include "pki/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr c;

	if (rc_ok(csr_parse_form(slice_of(p, len), &c)))
		(void)rc_ok(csr_prove(&c));
	(void)rc_ok(csr_read(slice_of(p, len), &der, &c));
	return 0;
}
