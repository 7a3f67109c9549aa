/* A demonstration has a calendar from the start: its first two officers of the regulator sign the editions
 * that the program has (C02), one after the other, into demo/calendar. */
#include "ceremony/act.h"

#include "base/embed.h"
#include "base/json.h"
#include "base/text.h"
#include "embed_calendar_rules.h"
#include "key/key.h"
#include "pki/private_key.h"
#include "sm/sm3.h"
#include "statement/statement.h"

#include <stdio.h>

#define ROLE "regulator"
#define FILE_PREFIX "rulesets/calendar/"
#define PIN_MAX 64

struct signing {
	const struct plan_officer *officer;
	struct secret *key;
	struct buf der;
	struct slice person;
	struct cert cert;
};

static void signing_free(struct signing *s)
{
	secret_free(s->key);
	buf_free(&s->der);
}

static RC load_key(const struct ceremony *c, struct signing *s)
{
	AUTO_BUF(pin, PIN_MAX);
	AUTO_BUF(file, PKCS8_MAX);
	struct private_key k;
	char path[ACT_PATH];
	struct rc rc;

	pin.secret = file.secret = true;
	TRY(act_path(c, path, "demo/%s/pin", s->officer->name));
	TRY(file_read(path, PIN_MAX, &pin));
	NEED(pin.len > 0, RC_INPUT, "officer %s: pin", s->officer->name);
	TRY(act_path(c, path, "demo/%s/sign.key", s->officer->name));
	TRY(file_read(path, PKCS8_MAX, &file));
	s->key = secret_new(sizeof(struct sm2_key));
	NEED(s->key != NULL, RC_NOMEM, "no locked memory");
	TRY(private_key_read(buf_slice(&file), slice_of(pin.p, pin.len - 1), &k));
	rc = sm2_key_load(k.d, (struct sm2_key *)(void *)s->key->p);
	private_key_wipe(&k);
	return rc;
}

static RC load(const struct ceremony *c, struct signing *s)
{
	AUTO_BUF(pem, 4 * CERT_DER_MAX);
	char path[ACT_PATH];

	s->der = BUF(CERT_DER_MAX);
	TRY(act_path(c, path, "demo/%s/sign.pem", s->officer->name));
	TRY(file_read(path, 4 * CERT_DER_MAX, &pem));
	TRY(cert_read(buf_slice(&pem), &s->der, &s->cert));
	TRY(cert_uri(&s->cert, "urn:uuid:", &s->person));
	return load_key(c, s);
}

static RC sign(const struct ceremony *c, const struct signing *s, enum statement_kind kind,
               const json_t *body, struct buf *ret)
{
	char person[40];
	struct statement_head h = {.kind = kind,
	                           .organisation = s->officer->org->id,
	                           .issued = c->now,
	                           .certificate = buf_slice(&s->der),
	                           .person = person,
	                           .role = ROLE};

	(void)snprintf(person, sizeof(person), "%.*s", (int)s->person.len, (const char *)s->person.p);
	return statement_sign(&h, body, (const struct sm2_key *)(const void *)s->key->p, ret);
}

/* "2015-2.json" follows what was signed as 2015.p7s (statement/chain.h). */
static RC put_previous(const struct ceremony *c, const char *name, json_t *edition)
{
	AUTO_BUF(der, ACT_STATEMENT_MAX);
	char path[ACT_PATH];
	uint8_t sm3[SM3_LEN];

	if (strchr(name, '-') == NULL)
		return OK;
	TRY(act_path(c, path, "demo/calendar/%.4s.p7s", name));
	TRY(file_read(path, ACT_STATEMENT_MAX, &der));
	sm3_hash(buf_slice(&der), sm3);
	json_put_hex(edition, "previous", SLICE_ARR(sm3));
	return OK;
}

/* The edition by the first, its confirmation by the second. */
static RC sign_edition(const struct ceremony *c, const struct signing s[2], const struct embedded *f)
{
	const char *name = f->name + strlen(FILE_PREFIX);
	AUTO_BUF(first, ACT_STATEMENT_MAX);
	AUTO_BUF(second, ACT_STATEMENT_MAX);
	AUTO_JSON(edition, NULL);
	AUTO_JSON(body, json_object());
	uint8_t sm3[SM3_LEN];
	int len = (int)strcspn(name, ".");

	TRY(json_read(f->content, ACT_STATEMENT_MAX, &edition));
	TRY(put_previous(c, name, edition));
	TRY(sign(c, &s[0], STATEMENT_CALENDAR, edition, &first));
	sm3_hash(buf_slice(&first), sm3);
	json_put_hex(body, "calendar", SLICE_ARR(sm3));
	json_put_bool(body, "approve", true);
	TRY(sign(c, &s[1], STATEMENT_CALENDAR_CONFIRMATION, body, &second));
	TRY(act_write(c, buf_slice(&first), 0644, "demo/calendar/%.*s.p7s", len, name));
	return act_write(c, buf_slice(&second), 0644, "demo/calendar/%.*s-confirmed.p7s", len, name);
}

static RC sign_all(const struct ceremony *c, const struct signing s[2])
{
	TRY(act_folder(c, 0755, "demo/calendar"));
	for (int amended = 0; amended < 2; amended++)
		for (const struct embedded *f = embed_calendar_rules; f->name != NULL; f++)
			if (f->name[strlen(FILE_PREFIX)] == '2' &&
			    (strchr(f->name, '-') != NULL) == (amended == 1))
				TRY(rc_note(sign_edition(c, s, f), "%s", f->name));
	return OK;
}

RC act_sign_calendar(struct ceremony *c)
{
	struct signing s[2] = {{0}};
	struct rc rc = OK;
	size_t n = 0;

	for (size_t i = 0; i < c->plan->officers && n < 2; i++) {
		const struct plan_officer *o = &c->plan->officer[i];

		if (o->org == c->plan->national && o->role != NULL && strcmp(o->role, ROLE) == 0 &&
		    o->same == NULL)
			s[n++].officer = o;
	}
	if (!c->plan->test || n < 2)
		return OK;
	for (size_t i = 0; i < 2 && rc_ok(rc); i++)
		rc = load(c, &s[i]);
	if (rc_ok(rc))
		rc = sign_all(c, s);
	signing_free(&s[0]);
	signing_free(&s[1]);
	return rc_note(rc, "calendar");
}
