/* GM/T 0014 messages: what parses must encode, and the encoding must parse to the same. */
#include "pki/km.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void request(struct slice in)
{
	AUTO(km_request, m, NULL);
	AUTO(km_request, again, NULL);
	AUTO_BUF(tbs, KM_REQUEST_MAX);
	AUTO_BUF(der, KM_REQUEST_MAX);

	if (!rc_ok(km_request_parse(in, &m)) || !rc_ok(km_request_tbs(m, &tbs)) ||
	    !rc_ok(km_request_assemble(buf_slice(&tbs), m->signature, &der)))
		return;
	if (!rc_ok(km_request_parse(buf_slice(&der), &again)) || again->count != m->count)
		abort();
}

static void respond(struct slice in)
{
	AUTO(km_respond, m, NULL);
	AUTO(km_respond, again, NULL);
	AUTO_BUF(tbs, KM_RESPOND_MAX);
	AUTO_BUF(der, KM_RESPOND_MAX);

	if (!rc_ok(km_respond_parse(in, &m)) || !rc_ok(km_respond_tbs(m, &tbs)) ||
	    !rc_ok(km_respond_assemble(buf_slice(&tbs), m->signature, &der)))
		return;
	if (!rc_ok(km_respond_parse(buf_slice(&der), &again)) || again->count != m->count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	request(slice_of(p, len));
	respond(slice_of(p, len));
	return 0;
}
