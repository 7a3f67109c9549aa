/* Statements of services: canonical JSON that names this key's own certificate. */
#include "signer/anchors.h"
#include "signer/message.h"

static RC check(struct signer *s, struct slice key, struct slice json, struct buf *certificate)
{
	struct anchors *a;
	TRY(anchors_hold(s, false, &a));
	const struct anchor_certificate *own = anchors_own(a, key);
	if (own != NULL)
		buf_add(certificate, buf_slice(&own->der));
	anchors_leave(s, a);
	REQUIRE(own != NULL, SIGNER_CONTENT, "statement: this key has no certificate");
	TRY(buf_done(certificate));
	return statement_check_json(json, buf_slice(certificate));
}

RC signer_do_statement(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO_BUF(out, STATEMENT_MAX);
	struct slice key, json;
	struct key_info info;
	uint32_t index;
	TRY(msg_get_two(q->body, &key, &json));
	TRY(signer_key(s, key, &index, &info));
	REQUIRE(key_permits(info.purpose, KEY_USE_STATEMENT), KEY_PURPOSE, "key %s serves the purpose %s",
	        info.name, key_purpose_name(info.purpose));
	TRY(check(s, key, json, &certificate));
	TRY(key_sign(s->keys, index, KEY_USE_STATEMENT, json, &sig));
	TRY(statement_assemble(json, buf_slice(&sig), buf_slice(&certificate), &out));
	der_put_octets(w, buf_slice(&out));
	return OK;
}
