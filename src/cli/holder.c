/* A holder who has nothing but certificate and key: what he signs is all that shows who he is. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/endpoints.h"
#include "cli/officer.h"
#include "pki/cert.h"
#include "pki/pkcs8.h"

#define FILE_MAX (256u << 10)

static RC load_credential(const struct cli *c, struct officer *o)
{
	AUTO_BUF(file, FILE_MAX);
	AUTO_BUF(pin, PKCS8_PIN_MAX + 2);
	struct cert cert;
	struct sm2_pub pub;
	struct slice uuid;

	pin.secret = true;
	if (cli_has(c, "pin-file"))
		TRY(officer_pin(cli_get(c, "pin-file"), &pin));
	TRY(file_read(cli_get(c, "certificate"), FILE_MAX, &file));
	TRY(cert_read(buf_slice(&file), &o->certificate, &cert));
	TRY(cert_sm2_key(&cert, &pub));
	if (rc_ok(cert_uri(&cert, "urn:uuid:", &uuid)) && uuid.len < sizeof(o->person))
		memcpy(o->person, uuid.p, uuid.len);
	return officer_load_key(cli_get(c, "key"), buf_slice(&pin), &pub, &o->key);
}

static RC connect_ra(const struct cli *c, struct officer *o)
{
	AUTO_ENDPOINTS(e);
	AUTO_BUF(trust, 4 * FILE_MAX);
	char path[OFFICER_PATH_MAX];
	const char *name, *api;
	int n;

	TRY(endpoints_read(cli_get(c, "endpoints"), &e));
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

RC officer_open_holder(const struct cli *c, struct officer *ret)
{
	REQUIRE(cli_has(c, "key") && cli_has(c, "certificate") && cli_has(c, "endpoints"), USAGE,
	        "a holder gives --key, --certificate and --endpoints; an officer --as");
	*ret = (struct officer){.certificate = BUF(CERT_DER_MAX)};
	TRY(load_credential(c, ret));
	return connect_ra(c, ret);
}

RC officer_open_nobody(const struct cli *c, struct officer *ret)
{
	REQUIRE(cli_has(c, "endpoints"), USAGE, "--endpoints is missing");
	*ret = (struct officer){.certificate = BUF(CERT_DER_MAX)};
	return connect_ra(c, ret);
}
