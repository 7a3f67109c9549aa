/* POST /v1/timestamp: RFC 3161 over HTTP (3.4), where the signer has the key for it. */
#include "base/clock.h"
#include "base/rand.h"
#include "instance/frame.h"
#include "pki/tsp.h"
#include "signer/client.h"

struct rc frame_timestamp(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	uint8_t serial[TSP_SERIAL];
	struct tsp_request ask;
	struct tsp_info i = {.serial = SLICE_ARR(serial), .accuracy = TSP_ACCURACY};
	AUTO_BUF(info, TSP_MAX);
	AUTO_BUF(token, TSP_MAX);
	AUTO_BUF(answer, TSP_MAX);

	TRY(tsp_request_parse(q->body, &ask));
	/* unique over restarts without a counter; positive and of one length */
	TRY(rand_bytes(serial, sizeof(serial)));
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	memcpy(i.imprint, ask.imprint, sizeof(i.imprint));
	i.nonce = ask.nonce;
	i.at = clock_now();
	TRY(tsp_info_build(&i, &info));
	TRY(signer_timestamp(in->signer, buf_slice(&info), &token));
	TRY(tsp_response_build(buf_slice(&token), &answer));
	return response_take(r, TSP_MEDIA_REPLY, &answer);
}
