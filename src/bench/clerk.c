#include "bench/clerk.h"

#include "base/clock.h"
#include "base/text.h"
#include "pki/cert.h"
#include "pki/pkcs8.h"

#define FILE_MAX (256u << 10)
#define TRUST "demo/ca/" CLERK_ORGANISATION "-tls.pem"

static RC file_of(const struct platform *p, const char *who, const char *name, char ret[PLATFORM_PATH_MAX])
{
	char part[256];

	(void)snprintf(part, sizeof(part), "demo/%s/%s", who, name);
	return platform_path(p, part, ret);
}

static RC read_pin(const struct platform *p, const char *who, char pin[PKCS8_PIN_MAX + 1])
{
	char path[PLATFORM_PATH_MAX];
	AUTO_BUF(text, FILE_MAX);

	TRY(file_of(p, who, "pin", path));
	TRY(file_read(path, FILE_MAX, &text));
	(void)snprintf(pin, PKCS8_PIN_MAX + 1, "%.*s", (int)strcspn(buf_cstr(&text), "\r\n"),
	               buf_cstr(&text));
	return OK;
}

static RC read_sign(const struct platform *p, const char *who, const char *pin, struct clerk *o)
{
	char path[PLATFORM_PATH_MAX];
	AUTO_BUF(pem, FILE_MAX);
	AUTO_BUF(file, FILE_MAX);
	struct private_key k;
	struct slice uuid;
	struct cert cert;
	struct rc rc;

	TRY(file_of(p, who, "sign.pem", path));
	TRY(file_read(path, FILE_MAX, &pem));
	TRY(cert_read(buf_slice(&pem), &o->certificate, &cert));
	TRY(cert_uri(&cert, "urn:uuid:", &uuid));
	(void)snprintf(o->person, sizeof(o->person), "%.*s", (int)uuid.len, (const char *)uuid.p);
	TRY(file_of(p, who, "sign.key", path));
	TRY(file_read(path, FILE_MAX, &file));
	o->key = secret_new(sizeof(struct sm2_key));
	NEED(o->key != NULL, RC_NOMEM, "bench: no locked memory");
	TRY(private_key_read(buf_slice(&file), slice_text(pin), &k));
	rc = sm2_key_load(k.d, (struct sm2_key *)(void *)o->key->p);
	private_key_wipe(&k);
	return rc;
}

static RC open_parts(const struct platform *p, const char *name, struct clerk *o)
{
	char certificate[PLATFORM_PATH_MAX], key[PLATFORM_PATH_MAX], trust[PLATFORM_PATH_MAX],
	        pin[PKCS8_PIN_MAX + 1];

	TRY(read_pin(p, name, pin));
	TRY(read_sign(p, name, pin, o));
	TRY(file_of(p, name, "tls.pem", certificate));
	TRY(file_of(p, name, "tls.key", key));
	TRY(platform_path(p, TRUST, trust));
	return wire_identity_new(certificate, key, pin, trust, &o->tls);
}

RC clerk_open(const struct platform *p, const char *name, const char *role, struct clerk *ret)
{
	struct rc rc;

	*ret = (struct clerk){.certificate = BUF(CERT_DER_MAX), .role = role};
	rc = open_parts(p, name, ret);
	if (!rc_ok(rc))
		clerk_close(ret);
	return rc;
}

void clerk_close(struct clerk *o)
{
	wire_identity_free(o->tls);
	secret_free(o->key);
	buf_free(&o->certificate);
	*o = (struct clerk){0};
}

RC clerk_sign(const struct clerk *o, enum statement_kind kind, const json_t *body, struct buf *ret)
{
	struct statement_head h = {
	        .kind = kind,
	        .organisation = CLERK_ORGANISATION,
	        .issued = clock_now(),
	        .certificate = buf_slice(&o->certificate),
	        .person = o->person,
	        .role = o->role,
	};

	return statement_sign(&h, body, (const struct sm2_key *)(const void *)o->key->p, ret);
}
