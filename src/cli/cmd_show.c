/* yuandian cert|csr|crl|ocsp show FILE…: what stands in the object; nothing is verified but the proof of a
 * request, which belongs to reading it. */
#include "base/text.h"
#include "cli/objects.h"

#define OBJECT_FILE_MAX CLI_FILE_MAX

/* Adds one object to the result, or prints it. */
static RC give(struct cli *c, json_t *list, const char *file, json_t *take)
{
	AUTO_JSON(o, take);

	json_put_cstr(o, "file", file);
	TRY(json_put_result());
	NEED(o != NULL, RC_NOMEM, "no memory");
	if (!c->json)
		tree_print(c, o, 0);
	else
		NEED(json_array_append(list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC show_all(struct cli *c, const char *schema,
                   struct rc (*one)(struct cli *c, const char *file, json_t *list))
{
	AUTO_JSON(list, json_array());
	json_t *o;

	for (size_t i = 0; i < c->operand_count; i++)
		TRY(one(c, c->operands[i], list));
	if (!c->json)
		return OK;
	o = json_object();
	json_put_take(o, "objects", json_incref(list));
	return cli_json(c, schema, o);
}

static struct rc show_cert(struct cli *c, const char *file, json_t *list)
{
	AUTO(cert_list, certs, cert_list_new());

	NEED(certs != NULL, RC_NOMEM, "no memory");
	TRY(cert_list_read(certs, file));
	for (size_t i = 0; i < certs->count; i++) {
		AUTO_JSON(o, json_object());

		TRY(object_cert(&certs->at[i], o));
		TRY(give(c, list, file, json_incref(o)));
	}
	return OK;
}

static struct rc show_csr(struct cli *c, const char *file, json_t *list)
{
	AUTO_BUF(text, OBJECT_FILE_MAX);
	AUTO_BUF(der, CSR_DER_MAX);
	AUTO_JSON(o, json_object());
	struct csr csr;

	TRY(file_read(file, OBJECT_FILE_MAX, &text));
	TRY(csr_read(buf_slice(&text), &der, &csr));
	TRY(object_csr(&csr, o));
	return give(c, list, file, json_incref(o));
}

static struct rc show_crl(struct cli *c, const char *file, json_t *list)
{
	AUTO_BUF(text, OBJECT_FILE_MAX);
	AUTO_BUF(der, OBJECT_FILE_MAX);
	AUTO_JSON(o, json_object());
	struct crl crl;

	TRY(file_read(file, OBJECT_FILE_MAX, &text));
	TRY(crl_read(buf_slice(&text), &der, &crl));
	TRY(object_crl(&crl, o));
	return give(c, list, file, json_incref(o));
}

/* An answer; what does not parse as one may be a request. */
static struct rc show_ocsp(struct cli *c, const char *file, json_t *list)
{
	AUTO_BUF(der, OCSP_RESPONSE_MAX);
	AUTO_JSON(o, json_object());
	struct ocsp_response response;
	struct ocsp_request request;
	struct rc rc;

	TRY(file_read(file, OCSP_RESPONSE_MAX, &der));
	rc = ocsp_response_parse(buf_slice(&der), &response);
	if (rc_ok(rc)) {
		TRY(object_ocsp(&response, o));
	} else {
		struct rc_text why = *rc_last();

		if (!rc_ok(ocsp_request_parse(buf_slice(&der), &request)))
			return rc_restore(&why);
		TRY(object_ocsp_request(&request, o));
	}
	return give(c, list, file, json_incref(o));
}

struct rc cmd_cert_show(struct cli *c)
{
	return show_all(c, "cert", show_cert);
}

struct rc cmd_csr_show(struct cli *c)
{
	return show_all(c, "csr", show_csr);
}

struct rc cmd_crl_show(struct cli *c)
{
	return show_all(c, "crl", show_crl);
}

struct rc cmd_ocsp_show(struct cli *c)
{
	return show_all(c, "ocsp", show_ocsp);
}
