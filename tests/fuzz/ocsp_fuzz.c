/* OCSP: any bytes parse or are refused; answers' data that we could have written are written again. */
#include "pki/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct slice in = slice_of(p, len);
	AUTO_BUF(out, OCSP_DATA_MAX * 2);
	struct ocsp_issuer issuer = {{{0}}, {{0}}};
	struct ocsp_response a;
	struct ocsp_request q;
	struct ocsp_single s;
	struct ocsp_data d;

	if (rc_ok(ocsp_request_parse(in, &q)))
		(void)ocsp_issuer_matches(&issuer, &q.ids[0]);
	if (rc_ok(ocsp_response_parse(in, &a)))
		(void)rc_ok(ocsp_response_find(&a, &issuer, SLICE_LIT("\1"), &s));
	if (rc_ok(ocsp_data_parse(in, &d)))
		(void)rc_ok(ocsp_data_build(&d, &out));
	return 0;
}
