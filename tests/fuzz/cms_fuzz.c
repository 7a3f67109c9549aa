/* GM/T 0010 messages: any bytes parse or are refused; signatures in them are judged, never trusted. */
#include "pki/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct slice in = slice_of(p, len), certificate;
	struct cms_signed s;
	struct cms_sealed e;
	struct sm2_check check;
	struct sm2_pub pub = {{0}};

	if (rc_ok(cms_signed_parse(in, &s)))
		for (size_t i = 0; i < s.by.signer_count; i++) {
			(void)rc_ok(cms_signer_certificate(&s.by, i, &certificate));
			(void)rc_ok(cms_verify_input(&s.by.signers[i], &pub, s.content, &check));
		}
	if (rc_ok(cms_sealed_parse(in, &e)) && e.by.signer_count > 0)
		(void)rc_ok(cms_signer_certificate(&e.by, 0, &certificate));
	return 0;
}
