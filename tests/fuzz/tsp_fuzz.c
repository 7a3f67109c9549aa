/* Time stamps: any bytes parse or are refused; a token in our one form is written again as it was. */
#include "pki/tsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static const uint8_t imprint[TSP_HASH];
	struct slice in = slice_of(p, len), token;
	AUTO_BUF(out, TSP_MAX);
	struct tsp_request q;
	struct tsp_token t;
	struct tsp_info i;

	if (rc_ok(tsp_request_parse(in, &q)))
		(void)rc_ok(tsp_request_build(&q, &out));
	buf_clear(&out);
	if (rc_ok(tsp_info_parse(in, &i)))
		(void)rc_ok(tsp_info_build(&i, &out));
	(void)rc_ok(tsp_response_parse(in, &token));
	if (rc_ok(tsp_token_parse(in, &t)) && rc_ok(tsp_token_own_form(&t, in)))
		(void)rc_ok(tsp_token_verify(&t, imprint));
	return 0;
}
