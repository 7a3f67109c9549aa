/* Time stamps: a TSTInfo that says this signer's own time, under a certificate for time stamps alone. */
#include "signer/anchors.h"
#include "signer/client.h"
#include "signer/message.h"

#include "base/clock.h"
#include "pki/tsp.h"

static RC own_certificate(struct signer *s, struct slice key, struct buf *ret)
{
	struct anchors *a;
	TRY(anchors_hold(s, false, &a));
	const struct anchor_certificate *own = anchors_own(a, key);
	bool alone =
	        own != NULL && own->cert.purposes.count == 1 && own->cert.purposes.at[0] == OID_KP_TIMESTAMP;
	bool valid = own != NULL && own->cert.not_before <= clock_now() && clock_now() <= own->cert.not_after;
	if (own != NULL)
		buf_add(ret, buf_slice(&own->der));
	anchors_leave(s, a);
	REQUIRE(alone, SIGNER_CONTENT, "time stamp: this key has no certificate for time stamps alone");
	REQUIRE(valid, SIGNER_CONTENT, "time stamp: the certificate is not valid now");
	return buf_done(ret);
}

/* What is signed is a TSTInfo in our one form, of our policy, and says the present time. */
static RC check(struct slice der)
{
	AUTO_BUF(again, TSP_MAX);
	struct tsp_info i;
	int64_t now = clock_now();
	TRY(tsp_info_parse(der, &i));
	TRY(tsp_info_build(&i, &again));
	REQUIRE(slice_equal(der, buf_slice(&again)), SIGNER_CONTENT,
	        "time stamp: not the one form, or another policy");
	REQUIRE(i.serial.len == TSP_SERIAL, SIGNER_CONTENT, "time stamp: serial number");
	REQUIRE(i.accuracy == TSP_ACCURACY, SIGNER_CONTENT, "time stamp: accuracy");
	REQUIRE(i.at >= now - TSP_ACCURACY && i.at <= now + TSP_ACCURACY, SIGNER_CONTENT,
	        "time stamp: its time is not this signer's");
	return OK;
}

RC signer_do_timestamp(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	AUTO_BUF(attributes, TSP_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO_BUF(token, TSP_MAX);
	struct slice key, info;
	struct key_info k;
	uint32_t index;
	TRY(msg_get_two(q->body, &key, &info));
	TRY(signer_key(s, key, &index, &k));
	REQUIRE(key_permits(k.purpose, KEY_USE_TIMESTAMP), KEY_PURPOSE, "key %s serves the purpose %s",
	        k.name, key_purpose_name(k.purpose));
	TRY(check(info));
	TRY(own_certificate(s, key, &certificate));
	TRY(tsp_attributes(info, buf_slice(&certificate), &attributes));
	TRY(key_sign(s->keys, index, KEY_USE_TIMESTAMP, buf_slice(&attributes), &sig));
	TRY(tsp_token_build(info, buf_slice(&attributes),
	                    &(struct cms_signature){buf_slice(&certificate), buf_slice(&sig)}, &token));
	der_put_octets(w, buf_slice(&token));
	return OK;
}
