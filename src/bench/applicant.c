#include "bench/applicant.h"

#include "base/mem.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "sm/sm3.h"

#include <stdatomic.h>

#define TBS_MAX 1024
#define VALIDITY_DAYS 730

/* Process state: numbers given out. */
static atomic_uint numbers;

static RC make_csr(struct applicant *a)
{
	static const uint8_t nobody[] = {0x30, 0x00};
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	AUTO_BUF(tbs, TBS_MAX);
	AUTO_BUF(signature, SM2_SIG_DER_MAX);
	struct sm2_key key;
	struct sm2_sig sig;
	struct rc rc;

	TRY(sm2_key_new(&key));
	TRY(pubkey_put_sm2(&key.pub, &spki));
	sm3_hash(buf_slice(&spki), a->spki_sm3);
	TRY(csr_tbs(&(struct csr_template){.subject = SLICE_ARR(nobody), .spki = buf_slice(&spki)}, &tbs));
	rc = sm2_sign(&key, SM2_ID, buf_slice(&tbs), &sig);
	sm2_key_wipe(&key);
	TRY(rc);
	sm2_sig_to_der(&sig, &signature);
	return csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&signature), &a->csr);
}

RC applicants_new(size_t n, struct applicant **ret)
{
	struct applicant *a = mem_new(n, sizeof(*a));
	size_t i;

	NEED(a != NULL, RC_NOMEM, "bench: no memory");
	for (i = 0; i < n; i++) {
		struct rc rc;

		a[i].csr = BUF(CSR_DER_MAX);
		a[i].number = atomic_fetch_add(&numbers, 1);
		rc = make_csr(&a[i]);
		if (!rc_ok(rc)) {
			applicants_free(a, i + 1);
			return rc;
		}
	}
	*ret = a;
	return OK;
}

void applicants_free(struct applicant *a, size_t n)
{
	size_t i;

	for (i = 0; a != NULL && i < n; i++)
		buf_free(&a[i].csr);
	mem_free(a);
}

void applicant_evidence(const struct applicant *a, uint8_t ret[APPLICANT_EVIDENCE])
{
	/* the key is unlike every other run's, so the bytes are new to the store */
	sm3_kdf(SLICE_ARR(a->spki_sm3), ret, APPLICANT_EVIDENCE);
}

static json_t *identity_of(const struct applicant *a)
{
	json_t *identity = json_object(), *document = json_object();
	char text[32];

	(void)snprintf(text, sizeof(text), "BENCH%09u", a->number);
	json_put_cstr(document, "type", "passport");
	json_put_cstr(document, "number", text);
	json_put_cstr(document, "valid_until", "2099-12-31");
	(void)snprintf(text, sizeof(text), "测试人 %u", a->number);
	json_put_cstr(identity, "name", text);
	json_put_cstr(identity, "organisation", "示范省人民政府办公厅");
	json_put_take(identity, "document", document);
	return identity;
}

static json_t *evidence_of(const struct applicant *a)
{
	uint8_t bytes[APPLICANT_EVIDENCE], sm3[SM3_LEN];
	json_t *list = json_array(), *one = json_object();

	applicant_evidence(a, bytes);
	sm3_hash(SLICE_ARR(bytes), sm3);
	json_put_cstr(one, "type", "identity-document");
	json_put_hex(one, "sm3", SLICE_ARR(sm3));
	json_put_int(one, "size", APPLICANT_EVIDENCE);
	(void)json_array_append_new(list, one);
	return list;
}

RC applicant_application(const struct applicant *a, json_t **ret)
{
	json_t *o = json_object(), *agreement = json_object();

	json_put_cstr(agreement, "version", "1");
	json_put_bool(agreement, "accepted", true);
	json_put_cstr(o, "profile", APPLICANT_PROFILE);
	json_put_cstr(o, "class", APPLICANT_CLASS);
	json_put_base64(o, "csr", buf_slice(&a->csr));
	json_put_take(o, "identity", identity_of(a));
	json_put_cstr(o, "purpose", "公文交换系统");
	json_put_cstr(o, "region", "110101");
	json_put_take(o, "agreement", agreement);
	json_put_take(o, "evidence", evidence_of(a));
	*ret = o;
	return json_put_result();
}

RC applicant_subject(const struct profile *p, const json_t *application, struct buf *ret)
{
	AUTO_BUF(name, NAME_DER_MAX);

	TRY(profile_subject(p, json_object_get(application, "identity"), &name));
	return name_to_text(buf_slice(&name), ret);
}

RC applicant_approval(const struct applicant_case *c, json_t **ret)
{
	json_t *o = json_object();

	json_put_hex(o, "application", slice_of(c->application_sm3, SM3_LEN));
	json_put_text(o, "id", c->id);
	json_put_text(o, "subject", c->subject);
	json_put_text(o, "entity", c->entity);
	json_put_hex(o, "spki", SLICE_ARR(c->a->spki_sm3));
	json_put_cstr(o, "profile", APPLICANT_PROFILE);
	json_put_cstr(o, "class", APPLICANT_CLASS);
	json_put_text(o, "authority", c->authority);
	json_put_int(o, "validity_days", VALIDITY_DAYS);
	*ret = o;
	return json_put_result();
}
