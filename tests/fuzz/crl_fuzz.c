/* Revocation lists: any bytes parse or are refused; every entry of what parses is there and found again. */
#include "pki/crl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct crl_entry e, again;
	struct der_reader r;
	struct crl c;

	if (!rc_ok(crl_parse(slice_of(p, len), &c)) && !rc_ok(crl_parse_tbs(slice_of(p, len), &c)))
		return 0;
	for (r = crl_walk(&c); crl_next(&r, &e);) {
		if (!rc_ok(crl_find(&c, e.serial, &again)))
			abort();
	}
	if (r.why != NULL)
		abort();
	return 0;
}
