/* Strict DER has one form: whatever the reader takes, the writer gives back byte for byte. */
#include "asn1/der.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void copy(struct der_reader *r, struct der_writer *w)
{
	while (der_more(r)) {
		uint8_t tag = der_tag(r);
		if (!(tag & 0x20)) {
			der_put(w, tag, der_value(r, tag));
			continue;
		}
		der_enter(r, tag);
		der_begin(w, tag);
		copy(r, w);
		der_end(w);
		der_leave(r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct der_reader r = der_read(slice_of(p, len));
	AUTO_DER(w, DER_MAX);

	copy(&r, &w);
	if (rc_ok(der_done(&r, "fuzz")) && !slice_equal(buf_slice(&w.out), slice_of(p, len)))
		abort();
	return 0;
}
