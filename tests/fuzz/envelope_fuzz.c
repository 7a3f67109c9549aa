/* Key envelopes and GM/T 0092 answers: what reads must write again, and read the same. */
#include "pki/csr_response.h"
#include "pki/envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void convert(const struct envelope *e, enum envelope_form form)
{
	AUTO_BUF(out, ENVELOPE_MAX + 64);
	struct envelope again;

	if (!rc_ok(envelope_write(e, form, ENVELOPE_SKF_B, &out)))
		return;
	if (!rc_ok(envelope_read(buf_slice(&out), e->has_pub ? &e->pub : NULL, &again)) ||
	    memcmp(again.key, e->key, sizeof(e->key)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct slice in = slice_of(p, len);
	struct csr_response r;
	struct envelope e;

	if (rc_ok(envelope_read(in, NULL, &e)))
		for (unsigned f = 0; f < ENVELOPE_FORM_COUNT; f++)
			convert(&e, (enum envelope_form)f);
	if (rc_ok(csr_response_parse(in, &r)) && r.envelope.len > 0)
		(void)rc_ok(envelope_read(r.envelope, NULL, &e));
	return 0;
}
