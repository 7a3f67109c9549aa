/* yuandian cert|csr|crl|ocsp verify FILE…: SM2 with the standard id, ECDSA, RSA; whole chains. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/objects.h"
#include "pki/chain.h"
#include "pki/name.h"

#define CRLS_MAX 16

struct crls {
	size_t count;
	struct buf der[CRLS_MAX];
	struct crl at[CRLS_MAX];
};

struct check {
	struct cli *c;
	int64_t at;
	struct cert_list *anchors, *chain;
	struct crls *crls;
	json_t *results;
};

/* ---- input ---- */

static void crls_free(struct crls *l)
{
	for (size_t i = 0; l != NULL && i < CRLS_MAX; i++)
		buf_free(&l->der[i]);
	mem_free(l);
}
DROP(crls, crls_free);

static RC crls_add(struct crls *l, const char *path)
{
	AUTO_BUF(text, CLI_FILE_MAX);

	NEED(l->count < CRLS_MAX, RC_INPUT, "more than %d revocation lists", CRLS_MAX);
	l->der[l->count] = BUF(CLI_FILE_MAX);
	TRY(file_read(path, CLI_FILE_MAX, &text));
	TRY(crl_read(buf_slice(&text), &l->der[l->count], &l->at[l->count]));
	l->count++;
	return OK;
}

/* ---- one path ---- */

static RC check_crl(const struct crl *l, const struct cert *issuer, int64_t at)
{
	REQUIRE(name_equal(l->issuer, issuer->subject), NOT_VERIFIED, "the list was issued by somebody else");
	REQUIRE(!issuer->has_usage || (issuer->usage & USAGE_CRL_SIGN), NOT_VERIFIED,
	        "the issuer may not sign lists");
	TRY(crl_verify(l, &issuer->key));
	REQUIRE(!l->unknown_critical && !l->delta, NOT_VERIFIED,
	        "the list has a critical extension that is not read");
	REQUIRE(at >= l->this_update, NOT_VERIFIED, "the list is not in force yet");
	REQUIRE(l->next_update == 0 || at <= l->next_update, NOT_VERIFIED, "the list is out of date");
	return OK;
}

static RC not_revoked(const struct check *k, const struct cert *c, const struct cert *issuer, bool *covered)
{
	for (size_t i = 0; i < k->crls->count; i++) {
		const struct crl *l = &k->crls->at[i];
		char serial[CERT_SERIAL_TEXT];
		struct crl_entry e;

		if (!name_equal(l->issuer, issuer->subject))
			continue;
		TRY(check_crl(l, issuer, k->at));
		*covered = true;
		cert_serial_text(c->serial, serial);
		REQUIRE(!rc_ok(crl_find(l, c->serial, &e)) || e.revoked_at > k->at, NOT_VERIFIED,
		        "%s is revoked (%s)", serial, crl_reason_name(e.reason));
	}
	return OK;
}

static RC revocation(const struct check *k, const struct chain *path)
{
	for (size_t i = 0; k->crls->count > 0 && i + 1 < path->count; i++) {
		bool covered = false;

		TRY(not_revoked(k, path->at[i], path->at[i + 1], &covered));
		REQUIRE(covered || i > 0, NOT_VERIFIED, "no list of the certificate's issuer was given");
	}
	return OK;
}

static RC tell(struct check *k, const char *file, const struct chain *path)
{
	AUTO_JSON(o, json_object());
	json_t *list = json_array();

	json_put_cstr(o, "file", file);
	json_put_bool(o, "verified", true);
	for (size_t i = 0; path != NULL && i < path->count; i++) {
		AUTO_JSON(one, json_object());

		TRY(object_name(one, "subject", path->at[i]->subject));
		NEED(list != NULL && json_array_append(list, one) == 0, RC_NOMEM, "no memory");
	}
	if (path != NULL)
		json_put_take(o, "path", list);
	else
		json_decref(list);
	TRY(json_put_result());
	if (!k->c->json)
		tree_print(k->c, o, 0);
	NEED(json_array_append(k->results, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

/* The file's first certificate; what else stands in it may help on the way. */
static RC verify_cert(struct check *k, const char *file)
{
	AUTO(cert_list, own, cert_list_new());
	AUTO_MEM(struct cert, all, mem_new(2 * OBJECTS_CERTS, sizeof(*all)));
	struct chain path;

	NEED(own != NULL && all != NULL, RC_NOMEM, "no memory");
	TRY(cert_list_read(own, file));
	memcpy(all, own->at, own->count * sizeof(*all));
	memcpy(all + own->count, k->chain->at, k->chain->count * sizeof(*all));
	TRY(chain_verify(all, own->count + k->chain->count, k->anchors->at, k->anchors->count, k->at, &path));
	TRY(revocation(k, &path));
	return tell(k, file, &path);
}

static RC verify_csr(struct check *k, const char *file)
{
	AUTO_BUF(text, CLI_FILE_MAX);
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr csr;

	TRY(file_read(file, CLI_FILE_MAX, &text));
	TRY(csr_read(buf_slice(&text), &der, &csr));
	return tell(k, file, NULL);
}

static RC verify_crl(struct check *k, const char *file)
{
	AUTO_BUF(text, CLI_FILE_MAX);
	AUTO_BUF(der, CLI_FILE_MAX);
	struct crl crl;

	TRY(file_read(file, CLI_FILE_MAX, &text));
	TRY(crl_read(buf_slice(&text), &der, &crl));
	for (size_t i = 0; i < k->anchors->count; i++) {
		if (!name_equal(k->anchors->at[i].subject, crl.issuer))
			continue;
		TRY(check_crl(&crl, &k->anchors->at[i], k->at));
		return tell(k, file, NULL);
	}
	REFUSE(NOT_VERIFIED, "%s was issued by none of the trusted certificates", file);
}

/* --cert FILE: the answer must say good of it. */
static RC good(const struct check *k, const struct ocsp_response *r, const struct cert *issuer)
{
	const char *file = cli_get(k->c, "cert");
	AUTO(cert_list, wanted, cert_list_new());
	struct ocsp_issuer id;
	struct ocsp_single s;

	if (file == NULL)
		return OK;
	NEED(wanted != NULL, RC_NOMEM, "no memory");
	TRY(cert_list_read(wanted, file));
	TRY(ocsp_issuer_init(&id, issuer->subject, &issuer->key));
	TRY(ocsp_response_find(r, &id, wanted->at[0].serial, &s));
	REQUIRE(s.status == OCSP_GOOD, NOT_VERIFIED, "%s is %s", file, ocsp_status_name(s.status));
	return OK;
}

static RC verify_ocsp(struct check *k, const char *file)
{
	AUTO_BUF(der, OCSP_RESPONSE_MAX);
	struct ocsp_response r;
	struct rc rc = OK;

	TRY(file_read(file, OCSP_RESPONSE_MAX, &der));
	TRY(ocsp_response_parse(buf_slice(&der), &r));
	REQUIRE(r.status == OCSP_SUCCESSFUL, NOT_VERIFIED, "the answer is %s", ocsp_error_name(r.status));
	for (size_t i = 0; i < k->anchors->count; i++) {
		rc = ocsp_response_verify(&r, &k->anchors->at[i], k->at, NULL);
		if (!rc_ok(rc))
			continue;
		TRY(good(k, &r, &k->anchors->at[i]));
		return tell(k, file, NULL);
	}
	return rc;
}

/* ---- the commands ---- */

static RC verify_all(struct cli *c, const char *schema, struct rc (*one)(struct check *k, const char *file))
{
	AUTO(cert_list, anchors, cert_list_new());
	AUTO(cert_list, chain, cert_list_new());
	AUTO(crls, lists, mem_new(1, sizeof(*lists)));
	AUTO_JSON(results, json_array());
	struct check k = {c, clock_real(), anchors, chain, lists, results};
	const char *file;
	json_t *o;

	NEED(anchors != NULL && chain != NULL && lists != NULL && results != NULL, RC_NOMEM, "no memory");
	TRY(cli_get_time(c, "at", &k.at));
	if (cli_has(c, "ca"))
		TRY(cert_list_read(anchors, cli_get(c, "ca")));
	for (size_t i = 0; (file = cli_get_at(c, "chain", i)) != NULL; i++)
		TRY(cert_list_read(chain, file));
	for (size_t i = 0; (file = cli_get_at(c, "crl", i)) != NULL; i++)
		TRY(crls_add(lists, file));
	/* from here on what does not read does not verify either; a file that is not there stays just that */
	c->verifying = true;
	for (size_t i = 0; i < c->operand_count; i++)
		TRY(one(&k, c->operands[i]));
	if (!c->json)
		return OK;
	o = json_object();
	json_put_take(o, "results", json_incref(results));
	return cli_json(c, schema, o);
}

struct rc cmd_cert_verify(struct cli *c)
{
	return verify_all(c, "cert-verify", verify_cert);
}

struct rc cmd_csr_verify(struct cli *c)
{
	return verify_all(c, "csr-verify", verify_csr);
}

struct rc cmd_crl_verify(struct cli *c)
{
	return verify_all(c, "crl-verify", verify_crl);
}

struct rc cmd_ocsp_verify(struct cli *c)
{
	return verify_all(c, "ocsp-verify", verify_ocsp);
}
