/* yuandian archive make|renew|verify: a proof that outlives every certificate in it (R24.11). */
#include "archive/verify.h"
#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"
#include "cli/archive.h"
#include "cli/objects.h"
#include "cli/officer.h"
#include "pki/tsp.h"

#include <stdlib.h>

/* ---- pieces from files ---- */

static RC add_certificates(struct archive *a, enum archive_kind kind, const char *path)
{
	AUTO(cert_list, list, cert_list_new());

	NEED(list != NULL, RC_NOMEM, "no memory");
	TRY(cert_list_read(list, path));
	for (size_t i = 0; i < list->count; i++)
		TRY(archive_add(a, kind, list->at[i].der));
	return OK;
}

static RC add_crl(struct archive *a, const char *path)
{
	AUTO_BUF(text, ARCHIVE_OBJECT_MAX);
	AUTO_BUF(der, ARCHIVE_OBJECT_MAX);
	struct crl l;

	TRY(file_read(path, ARCHIVE_OBJECT_MAX, &text));
	TRY(crl_read(buf_slice(&text), &der, &l));
	return archive_add(a, ARCHIVE_CRL, l.der);
}

static RC add_ocsp(struct archive *a, const char *path)
{
	AUTO_BUF(der, OCSP_RESPONSE_MAX);
	struct ocsp_response r;

	TRY(file_read(path, OCSP_RESPONSE_MAX, &der));
	TRY(ocsp_response_parse(buf_slice(&der), &r));
	return archive_add(a, ARCHIVE_OCSP, buf_slice(&der));
}

static RC add_statement(struct archive *a, const char *path)
{
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	TRY(file_read(path, STATEMENT_MAX, &der));
	TRY(statement_open(buf_slice(&der), &s));
	return archive_add(a, ARCHIVE_STATEMENT, buf_slice(&der));
}

static RC add_certificate(struct archive *a, const char *path)
{
	return add_certificates(a, ARCHIVE_CERTIFICATE, path);
}

static RC add_authority(struct archive *a, const char *path)
{
	return add_certificates(a, ARCHIVE_AUTHORITY, path);
}

static const struct {
	const char *option;
	struct rc (*add)(struct archive *a, const char *path);
} pieces[] = {
        {"certificate", add_certificate}, {"authority", add_authority}, {"crl", add_crl}, {"ocsp", add_ocsp},
        {"statement", add_statement},     {"log", archive_add_log},
};

/* In the order of the table; the log comes last, since it is searched for the certificates. */
static RC add_pieces(const struct cli *c, struct archive *a)
{
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		const char *path;

		for (size_t n = 0; (path = cli_get_at(c, pieces[i].option, n)) != NULL; n++)
			TRY(rc_note(pieces[i].add(a, path), "%s", path));
	}
	return OK;
}

/* ---- stamps and files ---- */

static RC stamp(const struct cli *c, struct archive *a)
{
	AUTO_OFFICER(o);
	AUTO_BUF(request, TSP_MAX);
	AUTO_ANSWER(answer, TSP_MAX);
	uint8_t nonce[8];
	struct tsp_request q = {.nonce = SLICE_ARR(nonce), .certificate = true};
	struct tsp_token t;
	struct slice token;

	TRY(officer_open(c, &o));
	TRY(rand_bytes(nonce, sizeof(nonce)));
	nonce[0] = (uint8_t)((nonce[0] & 0x3f) | 0x40); /* one form as an INTEGER */
	TRY(archive_imprint(a, q.imprint));
	TRY(tsp_request_build(&q, &request));
	TRY(http_call(o.ra,
	              &(struct http_call){.method = "POST",
	                                  .path = "/v1/timestamp",
	                                  .media = TSP_MEDIA_QUERY,
	                                  .body = buf_slice(&request),
	                                  .deadline_ms = OFFICER_DEADLINE_MS},
	              &answer));
	TRY(tsp_response_parse(buf_slice(&answer.body), &token));
	TRY(tsp_token_parse(token, &t));
	TRY(tsp_token_verify(&t, q.imprint));
	REQUIRE(slice_equal(t.info.nonce, SLICE_ARR(nonce)), TSP_TOKEN,
	        "the time stamp answers another request");
	return archive_stamp(a, token);
}

static RC load(const char *path, struct archive **ret)
{
	AUTO_BUF(text, ARCHIVE_MAX);

	TRY(file_read(path, ARCHIVE_MAX, &text));
	return rc_note(archive_read(buf_slice(&text), ret), "%s", path);
}

static RC save(const struct cli *c, const struct archive *a)
{
	AUTO_BUF(text, ARCHIVE_MAX);

	TRY(archive_write(a, &text));
	return file_write(cli_get(c, "out"), buf_slice(&text), 0644);
}

static RC stamp_and_save(struct cli *c, struct archive *a)
{
	AUTO_JSON(o, json_object());

	TRY(stamp(c, a));
	TRY(save(c, a));
	json_put_cstr(o, "file", cli_get(c, "out"));
	json_put_int(o, "objects", (int64_t)a->count);
	json_put_int(o, "stamps", (int64_t)a->layers);
	TRY(json_put_result());
	if (c->json)
		return cli_json(c, "archive", MOVE(o));
	cli_line(c, "%s", cli_get(c, "out"));
	return OK;
}

struct rc cmd_archive_make(struct cli *c)
{
	AUTO(archive, a, NULL);

	TRY(archive_new(&a));
	TRY(add_pieces(c, a));
	return stamp_and_save(c, a);
}

struct rc cmd_archive_renew(struct cli *c)
{
	AUTO(archive, a, NULL);

	TRY(load(c->operands[0], &a));
	TRY(add_pieces(c, a));
	return stamp_and_save(c, a);
}

/* ---- verifying ---- */

static RC tell_subject(const struct archive_subject *s, json_t *list)
{
	AUTO_JSON(o, json_object());
	char serial[CERT_SERIAL_TEXT];
	struct cert c;

	TRY(cert_parse(s->certificate, &c));
	cert_serial_text(c.serial, serial);
	json_put_cstr(o, "serial", serial);
	TRY(object_name(o, "subject", c.subject));
	TRY(object_name(o, "issuer", c.issuer));
	json_put_time(o, "valid_from", s->from);
	json_put_time(o, "proven_until", s->until);
	json_put_bool(o, "revoked", s->revoked);
	if (s->revoked)
		json_put_time(o, "revoked_at", s->revoked_at);
	TRY(json_put_result());
	NEED(json_array_append(list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC tell(struct cli *c, const char *file, const struct archive_report *r, json_t *results)
{
	AUTO_JSON(o, json_object());
	AUTO_JSON(list, json_array());

	for (size_t i = 0; i < r->count; i++)
		TRY(tell_subject(&r->subject[i], list));
	json_put_cstr(o, "file", file);
	json_put_bool(o, "verified", true);
	json_put_take(o, "certificates", json_incref(list));
	json_put_int(o, "statements", (int64_t)r->statements);
	json_put_int(o, "lists", (int64_t)r->lists);
	json_put_int(o, "answers", (int64_t)r->answers);
	json_put_int(o, "stamps", (int64_t)r->stamps);
	json_put_time(o, "first_stamp", r->first);
	json_put_time(o, "last_stamp", r->last);
	json_put_time(o, "renew_before", r->renew);
	TRY(json_put_result());
	if (!c->json)
		tree_print(c, o, 0);
	NEED(json_array_append(results, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC load_trust(const struct cli *c, struct archive_trust **ret)
{
	char organisation[STATEMENT_NAME_MAX + 1];

	TRY(trust_organisation(c, cli_get(c, "trust"), organisation));
	return archive_trust_load(cli_get(c, "trust"), organisation, ret);
}

struct rc cmd_archive_verify(struct cli *c)
{
	AUTO(archive_trust, trust, NULL);
	AUTO_JSON(results, json_array());
	AUTO_JSON(o, json_object());
	int64_t at = clock_real();

	TRY(cli_get_time(c, "at", &at));
	TRY(load_trust(c, &trust));
	c->verifying = true;
	for (size_t i = 0; i < c->operand_count; i++) {
		AUTO(archive, a, NULL);
		struct archive_report r;

		TRY(load(c->operands[i], &a));
		TRY(rc_note(archive_verify(a, trust, at, &r), "%s", c->operands[i]));
		TRY(tell(c, c->operands[i], &r, results));
	}
	json_put_take(o, "results", json_incref(results));
	return c->json ? cli_json(c, "archive-verify", MOVE(o)) : OK;
}
