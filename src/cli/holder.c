/* A holder who has nothing but certificate and key: what he signs is all that shows who he is. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/endpoints.h"
#include "cli/officer.h"
#include "pki/cert.h"
#include "pki/pkcs8.h"

#include <stdlib.h>

#define FILE_MAX (256u << 10)

static RC person_of(const struct cert *cert, struct officer *o)
{
	struct slice uuid;

	if (rc_ok(cert_uri(cert, "urn:uuid:", &uuid)) && uuid.len < sizeof(o->person))
		memcpy(o->person, uuid.p, uuid.len);
	return OK;
}

static RC load_credential(const struct cli *c, struct officer *o)
{
	AUTO_BUF(file, FILE_MAX);
	AUTO_BUF(pin, PKCS8_PIN_MAX + 2);
	struct cert cert;
	struct sm2_pub pub;

	pin.secret = true;
	if (cli_has(c, "pin-file"))
		TRY(officer_pin(cli_get(c, "pin-file"), &pin));
	TRY(file_read(cli_get(c, "certificate"), FILE_MAX, &file));
	TRY(cert_read(buf_slice(&file), &o->certificate, &cert));
	TRY(cert_sm2_key(&cert, &pub));
	TRY(person_of(&cert, o));
	return officer_load_key(cli_get(c, "key"), buf_slice(&pin), &pub, &o->key);
}

/* --endpoints, what the environment says, or the platform that `make run` starts. */
static const char *endpoints_path(const struct cli *c)
{
	const char *said = cli_get(c, "endpoints"), *around = getenv("YUANDIAN_ENDPOINTS");

	return said != NULL ? said : around != NULL ? around : "var/endpoints.json";
}

static RC connect_ra(const struct cli *c, struct officer *o)
{
	AUTO_ENDPOINTS(e);
	AUTO_BUF(trust, 4 * FILE_MAX);
	char path[OFFICER_PATH_MAX];
	const char *name, *api;
	int n;

	TRY(endpoints_read(endpoints_path(c), &e));
	n = snprintf(path, sizeof(path), "%s/clock", e.dir);
	REQUIRE(n > 0 && n < OFFICER_PATH_MAX, USAGE, "--endpoints: the path is too long");
	TRY(clock_open(path));
	TRY(endpoints_find(&e, cli_get(c, "ra"), "ra", &name, &api));
	(void)snprintf(o->instance, sizeof(o->instance), "%s", name);
	(void)snprintf(o->organisation, sizeof(o->organisation), "%.*s", (int)strcspn(name, "/"), name);
	TRY(endpoints_trust(&e, &trust));
	return http_client_new(&(struct http_client_config){.base_url = api,
	                                                    .authorities = buf_slice(&trust),
	                                                    .check_peer = officer_check_instance,
	                                                    .check_ctx = o},
	                       &o->ra);
}

/* What is asked goes over signed, under a name that says what for. */
RC officer_ask(struct officer *o, const char *ask, const char *path, json_t *asked, json_t **ret)
{
	AUTO_BUF(bytes, 1024);
	AUTO_BUF(der, 128);
	const struct sm2_key *key = (const struct sm2_key *)(const void *)o->key->p;
	struct sm2_sig sig;

	json_put_cstr(asked, "ask", ask);
	json_put_time(asked, "at", clock_now());
	TRY(json_canonical(asked, &bytes));
	TRY(sm2_sign(key, SM2_ID, buf_slice(&bytes), &sig));
	sm2_sig_to_der(&sig, &der);
	TRY(buf_done(&der));
	NEED(json_object_del(asked, "ask") == 0, RC_NOMEM, "no memory");
	json_put_base64(asked, "signature", buf_slice(&der));
	return http_call_json(
	        o->ra,
	        &(struct http_call){.method = "POST", .path = path, .deadline_ms = OFFICER_DEADLINE_MS},
	        asked, ret);
}

/* The certificate that belongs to the key, from the RA, against a signature of that key. */
static RC ask_certificate(struct officer *o, const char *ca, const char *serial)
{
	AUTO_JSON(asked, json_object());
	AUTO_JSON(answer, NULL);

	json_put_cstr(asked, "ca", ca);
	json_put_cstr(asked, "serial", serial);
	TRY(officer_ask(o, "certificate", "/v1/holder/certificates", asked, &answer));
	return json_get_base64(answer, "certificate", CERT_DER_MAX, &o->certificate);
}

/* The certificate that the RA answered with must be this key's: what is signed names it. */
static RC is_ours(struct officer *o)
{
	struct sm2_pub pub;
	struct cert cert;

	TRY(cert_parse(buf_slice(&o->certificate), &cert));
	TRY(cert_sm2_key(&cert, &pub));
	NEED(ct_equal(((const struct sm2_key *)(const void *)o->key->p)->pub.xy, pub.xy, SM2_POINT),
	     RC_CRYPTO, "the RA answered with the certificate of another key");
	return person_of(&cert, o);
}

RC officer_open_applicant(const struct cli *c, struct officer *ret)
{
	AUTO_BUF(pin, PKCS8_PIN_MAX + 2);

	REQUIRE(cli_has(c, "key"), USAGE, "an officer gives --as, a holder --key");
	*ret = (struct officer){.certificate = BUF(CERT_DER_MAX)};
	pin.secret = true;
	if (cli_has(c, "pin-file"))
		TRY(officer_pin(cli_get(c, "pin-file"), &pin));
	TRY(holder_key(cli_get(c, "key"), buf_slice(&pin), &ret->key));
	return connect_ra(c, ret);
}

RC officer_outcome(struct officer *o, const char *id, const char *form, json_t **ret)
{
	AUTO_JSON(asked, json_object());

	json_put_cstr(asked, "id", id);
	if (form != NULL)
		json_put_cstr(asked, "envelope", form);
	TRY(json_put_result());
	TRY(officer_ask(o, "outcome", "/v1/holder/outcomes", asked, ret));
	if (json_object_get(*ret, "sign") == NULL)
		return OK;
	buf_clear(&o->certificate);
	TRY(json_get_base64(*ret, "sign", CERT_DER_MAX, &o->certificate));
	return is_ours(o);
}

RC officer_open_key(const struct cli *c, const char *ca, const char *serial, struct officer *ret)
{
	if (cli_has(c, "certificate"))
		return officer_open_holder(c, ret);
	TRY(officer_open_applicant(c, ret));
	TRY(ask_certificate(ret, ca, serial));
	return is_ours(ret);
}

RC officer_open_holder(const struct cli *c, struct officer *ret)
{
	REQUIRE(cli_has(c, "key") && cli_has(c, "certificate"), USAGE,
	        "a holder gives --key and --certificate; an officer --as");
	*ret = (struct officer){.certificate = BUF(CERT_DER_MAX)};
	TRY(load_credential(c, ret));
	return connect_ra(c, ret);
}

RC officer_open_nobody(const struct cli *c, struct officer *ret)
{
	*ret = (struct officer){.certificate = BUF(CERT_DER_MAX)};
	return connect_ra(c, ret);
}
