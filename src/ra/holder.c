/* What a holder may ask for who has nothing but his key (R31.1): his own certificate, so that he can say with
 * it what he wants.  Whoever cannot sign with its key gets the same answer as for one that does not exist. */
#include "base/clock.h"
#include "pki/cert.h"
#include "ra/loss.h"

#define HOLDER_REQUEST_MAX 4096

/* The signed bytes: no statement, and nothing that one could be taken for. */
static RC question(const json_t *asked, struct buf *ret)
{
	AUTO_JSON(o, json_object());
	static const char *const members[] = {"at", "ca", "serial"};

	json_put_cstr(o, "ask", "certificate");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_put_take(o, members[i], json_incref(json_object_get(asked, members[i])));
	return json_canonical(o, ret);
}

static RC own_certificate(struct ra *ra, struct slice ca, struct slice serial, struct buf *der)
{
	AUTO(db_lease, lease, NULL);
	AUTO_BUF(any, RA_SERIAL_MAX);
	struct ra_application a;
	char id[RA_ID + 1];

	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_certified(lease->db, ca, serial, id));
	TRY(ra_store_find(lease->db, id, &a));
	return ra_store_certificate(lease->db, a.seq, RA_SIGN, &any, der);
}

static RC signed_by(const json_t *asked, struct slice certificate)
{
	AUTO_BUF(bytes, HOLDER_REQUEST_MAX);
	AUTO_BUF(der, 128);
	struct sm2_sig sig;
	struct sm2_pub pub;
	struct cert cert;

	TRY(question(asked, &bytes));
	TRY(json_get_base64(asked, "signature", 128, &der));
	TRY(sm2_sig_from_der(buf_slice(&der), &sig));
	TRY(cert_parse(certificate, &cert));
	TRY(cert_sm2_key(&cert, &pub));
	return sm2_verify(&pub, SM2_ID, buf_slice(&bytes), &sig);
}

RC ra_holder_certificate(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_JSON(asked, NULL);
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	AUTO_BUF(der, RA_CERTIFICATE_MAX);
	int64_t at, now = clock_now();
	struct slice ca, text;

	TRY(json_read(q->body, HOLDER_REQUEST_MAX, &asked));
	TRY(json_only(asked, "ca", "serial", "at", "signature", NULL));
	TRY(json_get_text(asked, "ca", RA_NAME, &ca));
	TRY(json_get_text(asked, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, &serial));
	TRY(json_get_time(asked, "at", &at));
	REQUIRE(at > now - STATEMENT_SKEW && at < now + STATEMENT_SKEW, HOLDER_PROOF,
	        "asked at another time than now");
	struct rc rc = own_certificate(ra, ca, buf_slice(&serial), &der);

	REQUIRE(rc_ok(rc) || rc.code == RC_NOTFOUND, HOLDER_PROOF, "the certificate cannot be read");
	REQUIRE(rc_ok(rc) && rc_ok(signed_by(asked, buf_slice(&der))), HOLDER_PROOF,
	        "no such certificate with this key");
	*ret = json_object();
	json_put_base64(*ret, "certificate", buf_slice(&der));
	return json_put_result();
}
