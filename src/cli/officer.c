#include "cli/officer.h"

#include "base/clock.h"
#include "base/text.h"
#include "cli/endpoints.h"
#include "pki/cert.h"
#include "pki/pkcs8.h"

#include <poll.h>

#define CREDENTIAL_MAX (256u << 10)
#define OFFICER_REPEAT_MS 15000
#define OFFICER_PAUSE_MS 250

/* ---- files of the folder ---- */

static RC path_of(char ret[OFFICER_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(ret, OFFICER_PATH_MAX, "%s/%s", dir, name);

	REQUIRE(n > 0 && n < OFFICER_PATH_MAX, USAGE, "%s: the path is too long", dir);
	return OK;
}

RC officer_pin(const char *path, struct buf *ret)
{
	TRY(file_read(path, PKCS8_PIN_MAX, ret));
	while (ret->len > 0 && (ret->p[ret->len - 1] == '\n' || ret->p[ret->len - 1] == '\r'))
		ret->len--;
	NEED(ret->len > 0, RC_INPUT, "%s: the PIN is empty", path);
	return OK;
}

RC holder_key(const char *path, struct slice pin, struct secret **ret)
{
	AUTO_BUF(file, CREDENTIAL_MAX);
	AUTO(secret, s, secret_new(sizeof(struct sm2_key)));
	struct private_key k;
	struct rc rc;

	NEED(s != NULL, RC_NOMEM, "no locked memory");
	file.secret = true;
	TRY(file_read(path, CREDENTIAL_MAX, &file));
	TRY(private_key_read(buf_slice(&file), pin, &k));
	rc = k.curve == OID_SM2 ? sm2_key_load(k.d, (struct sm2_key *)(void *)s->p)
	                        : rc_fail(RC_INPUT, "%s: not an SM2 key", path);
	private_key_wipe(&k);
	TRY(rc);
	*ret = MOVE(s);
	return OK;
}

RC officer_load_key(const char *path, struct slice pin, const struct sm2_pub *want, struct secret **ret)
{
	AUTO(secret, s, NULL);

	TRY(holder_key(path, pin, &s));
	NEED(ct_equal(((const struct sm2_key *)(const void *)s->p)->pub.xy, want->xy, SM2_POINT), RC_INPUT,
	     "%s does not belong to the certificate", path);
	*ret = MOVE(s);
	return OK;
}

static RC load_sign(const char *dir, struct slice pin, struct officer *o)
{
	AUTO_BUF(file, CREDENTIAL_MAX);
	char path[OFFICER_PATH_MAX];
	struct cert cert;
	struct sm2_pub pub;
	struct slice uuid;

	TRY(path_of(path, dir, "sign.pem"));
	TRY(file_read(path, CREDENTIAL_MAX, &file));
	TRY(cert_read(buf_slice(&file), &o->certificate, &cert));
	TRY(cert_sm2_key(&cert, &pub));
	if (rc_ok(cert_uri(&cert, "urn:uuid:", &uuid)) && uuid.len < sizeof(o->person))
		memcpy(o->person, uuid.p, uuid.len);
	TRY(path_of(path, dir, "sign.key"));
	return officer_load_key(path, pin, &pub, &o->key);
}

/* ---- the RA ---- */

/* The server must be the instance that endpoints.json names, not just any server of that organisation. */
struct rc officer_check_instance(void *ctx, struct slice certificate)
{
	const struct officer *o = ctx;
	struct cert cert;
	struct slice name;

	TRY(cert_parse(certificate, &cert));
	REQUIRE(rc_ok(cert_uri(&cert, "yuandian://", &name)) && slice_is(name, o->instance), PEER_IDENTITY,
	        "the server is not %s", o->instance);
	return OK;
}

/* Trust for the RA's TLS certificate: the organisation's own authority as it stands behind the officer's
 * certificate; failing that, what endpoints.json names. */
static RC authorities(const char *tls_pem, const struct endpoints *e, struct buf *ret)
{
	AUTO_BUF(file, CREDENTIAL_MAX);
	const char *second;

	TRY(file_read(tls_pem, CREDENTIAL_MAX, &file));
	second = strstr(buf_cstr(&file), "-----END");
	second = second != NULL ? strstr(second, "-----BEGIN") : NULL;
	if (second == NULL)
		return endpoints_trust(e, ret);
	buf_text(ret, second);
	return buf_done(ret);
}

/* Where an officer is at home: the RA, unless the TLS authority behind the own certificate is that of an
 * organisation that has none but a KMC (recovery agents). */
static RC home_of(const struct cli *c, const struct endpoints *e, const char *tls_pem, const char **name,
                  const char **api)
{
	char organisation[65];

	if (cli_get(c, "instance") != NULL)
		return endpoints_find(e, cli_get(c, "instance"), NULL, name, api);
	if (cli_get(c, "ra") == NULL && rc_ok(endpoints_organisation(e, tls_pem, organisation)) &&
	    !rc_ok(endpoints_of(e, organisation, "ra", name, api)) &&
	    rc_ok(endpoints_of(e, organisation, "kmc", name, api)))
		return OK;
	return endpoints_find(e, cli_get(c, "ra"), "ra", name, api);
}

/* The instance of that role in the organisation behind the certificate. */
static RC role_of(const struct endpoints *e, const char *role, const char *tls_pem, const char **name,
                  const char **api)
{
	char organisation[65];

	TRY(endpoints_organisation(e, tls_pem, organisation));
	return endpoints_of(e, organisation, role, name, api);
}

static RC connect_ra(const struct cli *c, const char *dir, struct slice pin, struct officer *o)
{
	AUTO_ENDPOINTS(e);
	AUTO_BUF(trust, 4 * CREDENTIAL_MAX);
	char path[OFFICER_PATH_MAX], certificate[OFFICER_PATH_MAX], key[OFFICER_PATH_MAX],
	        password[PKCS8_PIN_MAX + 1];
	const char *file = cli_get(c, "endpoints"), *name, *api;
	struct rc rc;

	TRY(path_of(path, dir, "../../endpoints.json"));
	TRY(endpoints_read(file != NULL ? file : path, &e));
	TRY(path_of(path, e.dir, "clock"));
	TRY(clock_open(path));
	TRY(path_of(certificate, dir, "tls.pem"));
	TRY(o->role != NULL ? role_of(&e, o->role, certificate, &name, &api)
	                    : home_of(c, &e, certificate, &name, &api));
	(void)snprintf(o->instance, sizeof(o->instance), "%s", name);
	(void)snprintf(o->organisation, sizeof(o->organisation), "%.*s", (int)strcspn(name, "/"), name);
	TRY(path_of(key, dir, "tls.key"));
	TRY(authorities(certificate, &e, &trust));
	(void)snprintf(password, sizeof(password), "%.*s", (int)pin.len, (const char *)pin.p);
	rc = http_client_new(&(struct http_client_config){.base_url = api,
	                                                  .certificate_path = certificate,
	                                                  .key_path = key,
	                                                  .key_password = password,
	                                                  .authorities = buf_slice(&trust),
	                                                  .check_peer = officer_check_instance,
	                                                  .check_ctx = o},
	                     &o->ra);
	wipe(password, sizeof(password));
	return rc;
}

RC officer_open(const struct cli *c, struct officer *ret)
{
	return officer_open_at(c, NULL, ret);
}

RC officer_open_at(const struct cli *c, const char *role, struct officer *ret)
{
	AUTO_BUF(pin, PKCS8_PIN_MAX + 2);
	const char *dir = cli_get(c, "as");
	char path[OFFICER_PATH_MAX];

	REQUIRE(dir != NULL, USAGE, "--as DIR: the folder of the officer's credential");
	*ret = (struct officer){.role = role, .certificate = BUF(CERT_DER_MAX)};
	pin.secret = true;
	TRY(path_of(path, dir, "pin"));
	TRY(officer_pin(path, &pin));
	TRY(load_sign(dir, buf_slice(&pin), ret));
	return connect_ra(c, dir, buf_slice(&pin), ret);
}

RC officer_open_offline(const struct cli *c, struct officer *ret)
{
	AUTO_BUF(pin, PKCS8_PIN_MAX + 2);
	const char *dir = cli_get(c, "as"), *organisation = cli_get(c, "organisation");
	char path[OFFICER_PATH_MAX];

	REQUIRE(dir != NULL && organisation != NULL && strlen(organisation) < sizeof(ret->organisation),
	        USAGE, "--as and --organisation are needed");
	*ret = (struct officer){.certificate = BUF(CERT_DER_MAX)};
	(void)snprintf(ret->organisation, sizeof(ret->organisation), "%s", organisation);
	pin.secret = true;
	TRY(path_of(path, dir, "pin"));
	TRY(officer_pin(path, &pin));
	return load_sign(dir, buf_slice(&pin), ret);
}

void officer_close(struct officer *o)
{
	http_client_free(o->ra);
	secret_free(o->key);
	buf_free(&o->certificate);
	*o = (struct officer){0};
}

/* ---- talking ---- */

RC officer_path(struct buf *b, const char *before, const char *id, const char *after)
{
	buf_text(b, before);
	http_escape(b, slice_text(id));
	buf_text(b, after);
	return buf_done(b);
}

RC officer_get(struct officer *o, const char *path, json_t **ret)
{
	return http_call_json(o->ra, &(struct http_call){.path = path, .deadline_ms = OFFICER_DEADLINE_MS},
	                      NULL, ret);
}

RC officer_role(struct officer *o, const char *const *wanted, const char **ret)
{
	AUTO_JSON(self, NULL);
	json_t *roles, *one;
	size_t i;

	TRY(officer_get(o, "/v1/self", &self));
	TRY(json_get_array(self, "roles", 32, &roles));
	*ret = "subscriber";
	for (; *wanted != NULL; wanted++) {
		json_array_foreach(roles, i, one)
		{
			if (json_is_string(one) && strcmp(json_string_value(one), *wanted) == 0) {
				*ret = *wanted;
				return OK;
			}
		}
	}
	return OK;
}

RC officer_sign(struct officer *o, enum statement_kind kind, const char *role, const json_t *body,
                struct buf *ret)
{
	struct statement_head h = {
	        .kind = kind,
	        .organisation = o->organisation,
	        .issued = clock_now(),
	        .certificate = buf_slice(&o->certificate),
	        .person = o->person[0] != '\0' ? o->person : NULL,
	        .role = role,
	};

	return statement_sign(&h, body, (const struct sm2_key *)(const void *)o->key->p, ret);
}

/* The same statement again gets the same answer: an outcome that is not known is asked for, also over a
 * restart of the RA. */
static RC post_until_known(struct officer *o, const struct http_call *call, struct http_answer *answer)
{
	uint64_t end = clock_mono_ms() + OFFICER_REPEAT_MS;
	struct rc rc = http_call(o->ra, call, answer);
	struct rc_text first = *rc_last();

	if (rc.code != RC_UNCERTAIN)
		return rc;
	while ((rc.code == RC_UNCERTAIN || rc.code == RC_BUSY) && clock_mono_ms() < end) {
		(void)poll(NULL, 0, OFFICER_PAUSE_MS);
		rc = http_call(o->ra, call, answer);
	}
	return rc.code == RC_UNCERTAIN || rc.code == RC_BUSY ? rc_restore(&first) : rc;
}

RC officer_state(struct officer *o, enum statement_kind kind, const char *role, const json_t *body,
                 const char *path, json_t **ret)
{
	AUTO_BUF(statement, STATEMENT_MAX);
	AUTO_ANSWER(answer, OFFICER_ANSWER_MAX);

	TRY(officer_sign(o, kind, role, body, &statement));
	TRY(post_until_known(o,
	                     &(struct http_call){.method = "POST",
	                                         .path = path,
	                                         .media = STATEMENT_MEDIA,
	                                         .body = buf_slice(&statement),
	                                         .deadline_ms = OFFICER_DEADLINE_MS},
	                     &answer));
	return json_read(buf_slice(&answer.body), OFFICER_ANSWER_MAX, ret);
}
