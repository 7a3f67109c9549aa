/* A responder's certificate follows the one before it (R06.13): asked for by the own status service, judged
 * and made by the signer, written into the log before it is given away. */
#include "ca/ca.h"

#include "evidence/log.h"
#include "http/server.h"
#include "pki/cert.h"
#include "signer/client.h"
#include "sm/sm3.h"

#define BODY_MAX 8192

struct noting {
	struct ca *c;
	const struct cert *cert;
	const char *by;
};

static struct rc note(struct db_tx *tx, void *arg)
{
	const struct noting *n = arg;
	AUTO_JSON(o, json_object());
	char serial[CERT_SERIAL_TEXT];
	uint8_t sm3[32];

	cert_serial_text(n->cert->serial, serial);
	sm3_hash(n->cert->der, sm3);
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "not_before", n->cert->not_before);
	json_put_time(o, "not_after", n->cert->not_after);
	json_put_hex(o, "sm3", SLICE_ARR(sm3));
	json_put_base64(o, "certificate", n->cert->der);
	json_put_cstr(o, "by", n->by);
	TRY(json_put_result());
	return log_append(instance_log(n->c->in), tx, "responder", o, NULL, NULL);
}

RC ca_responder(struct ca *c, struct slice body, const struct peer *by, json_t **ret)
{
	AUTO_JSON(asked, NULL);
	AUTO_BUF(old, CERT_DER_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert cert;
	struct noting n = {.c = c, .cert = &cert, .by = by->instance};

	TRY(instance_log_checked(c->in));
	TRY(json_read(body, BODY_MAX, &asked));
	TRY(json_only(asked, "certificate", NULL));
	TRY(json_get_base64(asked, "certificate", CERT_DER_MAX, &old));
	TRY(signer_responder(instance_signer(c->in), buf_slice(&old), &der));
	TRY(cert_parse(buf_slice(&der), &cert));
	TRY(writer_run(instance_writer(c->in), note, &n));
	*ret = json_object();
	json_put_base64(*ret, "certificate", buf_slice(&der));
	return json_put_result();
}
