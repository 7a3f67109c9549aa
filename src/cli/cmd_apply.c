/* yuandian apply: evidence first, then the application statement that names it by hash. */
#include "base/text.h"
#include "cli/apply.h"
#include "pki/csr.h"
#include "sm/sm3.h"

#define EVIDENCE_MAX (10u << 20)
#define DATA_MAX (256u << 10)
#define CSR_FILE_MAX (64u << 10)
#define TEXT_MAX (256u << 10)

/* "TYPE=FILE": uploads the file and adds {type, sm3, size} to the list. */
RC apply_evidence(struct officer *o, const char *spec, json_t *list)
{
	const char *sign = strchr(spec, '=');
	AUTO_BUF(file, EVIDENCE_MAX);
	AUTO_BUF(path, 512);
	AUTO_JSON(answer, NULL);
	AUTO_ANSWER(a, OFFICER_ANSWER_MAX);
	uint8_t sm3[SM3_LEN], told[SM3_LEN];
	json_t *e;

	REQUIRE(sign != NULL && sign > spec && sign[1] != '\0', USAGE, "--evidence %s: not TYPE=FILE", spec);
	TRY(file_read(sign + 1, EVIDENCE_MAX, &file));
	buf_text(&path, "/v1/evidence?type=");
	http_escape(&path, slice_of(spec, (size_t)(sign - spec)));
	TRY(buf_done(&path));
	TRY(http_call(o->ra,
	              &(struct http_call){.method = "POST",
	                                  .path = buf_cstr(&path),
	                                  .media = "application/octet-stream",
	                                  .body = buf_slice(&file),
	                                  .deadline_ms = OFFICER_DEADLINE_MS},
	              &a));
	TRY(json_read(buf_slice(&a.body), OFFICER_ANSWER_MAX, &answer));
	sm3_hash(buf_slice(&file), sm3);
	TRY(json_get_hex(answer, "sm3", told, sizeof(told)));
	NEED(memcmp(sm3, told, SM3_LEN) == 0, RC_BUSY, "%s: the RA stored something else", sign + 1);
	e = json_object();
	json_put_text(e, "type", slice_of(spec, (size_t)(sign - spec)));
	json_put_hex(e, "sm3", SLICE_ARR(sm3));
	json_put_int(e, "size", (int64_t)file.len);
	NEED(e != NULL && json_array_append_new(list, e) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

RC apply_csr(const char *path, json_t *body)
{
	AUTO_BUF(file, CSR_FILE_MAX);
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr csr;

	TRY(file_read(path, CSR_FILE_MAX, &file));
	TRY(csr_read(buf_slice(&file), &der, &csr));
	json_put_base64(body, "csr", csr.der);
	return json_put_result();
}

/* identity, purpose, region and agreement go over as they are; whether they fit is the RA's to say. */
RC apply_data(const char *path, json_t *body)
{
	static const char *const members[] = {"identity", "purpose", "region", "agreement"};
	AUTO_BUF(file, DATA_MAX);
	AUTO_JSON(data, NULL);

	TRY(file_read(path, DATA_MAX, &file));
	TRY(json_read(buf_slice(&file), DATA_MAX, &data));
	NEED(json_is_object(data), RC_INPUT, "%s: not a JSON object", path);
	TRY(json_only(data, "identity", "purpose", "region", "agreement", "duplicate", NULL));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *v;

		TRY(json_get(data, members[i], &v));
		json_put_take(body, members[i], json_deep_copy(v));
	}
	if (json_object_get(data, "duplicate") != NULL)
		json_put_take(body, "duplicate", json_incref(json_object_get(data, "duplicate")));
	return json_put_result();
}

/* R21.1: the statement names the very text that was accepted. */
RC apply_agreement(struct officer *o, json_t *body)
{
	json_t *agreement = json_object_get(body, "agreement");
	AUTO_BUF(path, 256);
	AUTO_ANSWER(a, TEXT_MAX);
	struct slice version;
	char name[17];
	uint8_t sm3[SM3_LEN];

	TRY(json_get_text(agreement, "version", sizeof(name) - 1, &version));
	(void)snprintf(name, sizeof(name), "%.*s", (int)version.len, (const char *)version.p);
	TRY(officer_path(&path, "/v1/texts/subscriber-agreement-", name, ""));
	/* what the RA does not have it refuses itself */
	if (!rc_ok(http_call(o->ra, &(struct http_call){.path = buf_cstr(&path)}, &a)))
		return rc_last()->code == RC_NOTFOUND ? OK : rc_restore(rc_last());
	sm3_hash(buf_slice(&a.body), sm3);
	json_put_hex(agreement, "sm3", SLICE_ARR(sm3));
	return json_put_result();
}

static RC put_options(const struct cli *c, json_t *body)
{
	if (cli_has(c, "corrects"))
		json_put_cstr(body, "corrects", cli_get(c, "corrects"));
	if (cli_has(c, "duplicate"))
		json_put_cstr(body, "duplicate", "accepted");
	return json_put_result();
}

struct rc cmd_apply(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	json_t *evidence = json_array();
	const char *spec;
	struct slice id;

	json_put_take(body, "evidence", evidence);
	json_put_cstr(body, "profile", cli_get(c, "profile"));
	json_put_cstr(body, "class", cli_get(c, "class"));
	TRY(json_put_result());
	TRY(apply_csr(cli_get(c, "csr"), body));
	TRY(apply_data(cli_get(c, "data"), body));
	TRY(put_options(c, body));
	TRY(officer_open(c, &o));
	TRY(apply_agreement(&o, body));
	for (size_t i = 0; (spec = cli_get_at(c, "evidence", i)) != NULL; i++)
		TRY(apply_evidence(&o, spec, evidence));
	TRY(officer_state(&o, STATEMENT_APPLICATION, "entry", body, "/v1/applications", &answer));
	if (c->json)
		return cli_json(c, "apply", json_incref(answer));
	TRY(json_get_text(answer, "id", 64, &id));
	if (json_object_get(answer, "duplicates") != NULL)
		cli_note(c, "注意：该主体已有同模板同类别的证书或申请",
		         "note: the holder has another certificate or application of this profile and class");
	cli_line(c, "%.*s", (int)id.len, (const char *)id.p);
	return OK;
}
