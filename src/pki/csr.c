/* PKCS#10 requests: reading, proof of possession, writing. */
#include "pki/csr.h"

#include "base/text.h"
#include "pki/form.h"
#include "pki/name.h"

const char *csr_proof_name(enum csr_proof p)
{
	static const char *const names[] = {"none", "default", "empty"};

	return names[p];
}

/* ---- in ---- */

/* Contents of a SET with exactly one string. */
static struct slice take_challenge(struct der_reader *r)
{
	uint8_t tag = der_tag(r);
	struct slice v;

	if (tag != DER_PRINTABLE && tag != DER_UTF8 && tag != DER_IA5)
		der_fail(r, "challengePassword is not a string");
	v = der_value(r, tag);
	if (r->why == NULL && v.len > CSR_CHALLENGE_MAX)
		der_fail(r, "challengePassword is too long (RFC 2985 5.4.1)");
	return v;
}

/* Attribute ::= SEQUENCE { type, values SET OF }; unknown types are read over. */
static void take_attribute(struct der_reader *r, struct csr *c)
{
	enum oid type;

	der_enter(r, DER_SEQUENCE);
	type = der_oid(r);
	der_enter(r, DER_SET);
	if (!der_more(r))
		der_fail(r, "attribute without a value (RFC 2986 4.1)");
	if (type == OID_CHALLENGE || type == OID_GM_CHALLENGE) {
		if (c->challenge.p != NULL)
			der_fail(r, "challengePassword stands twice");
		c->challenge = take_challenge(r);
	} else if (type == OID_EXT_REQUEST) {
		if (c->exts.count > 0)
			der_fail(r, "extensionRequest stands twice");
		exts_take(r, &c->exts);
	} else {
		while (der_more(r))
			der_element(r);
	}
	der_leave(r);
	der_leave(r);
}

static void take_attributes(struct der_reader *r, struct csr *c)
{
	struct slice last = SLICE_NONE;
	size_t n = 0;

	/* RFC 2986 4.1 wants [0] even when empty; some tokens leave it out */
	if (!der_at(r, DER_CTXC(0)))
		return;
	der_enter(r, DER_CTXC(0));
	while (der_more(r)) {
		const uint8_t *from = r->p;
		if (n++ == CSR_ATTRIBUTES)
			der_fail(r, "too many attributes");
		take_attribute(r, c);
		der_ordered(r, from, &last);
	}
	der_leave(r);
}

static void take_info(struct der_reader *r, struct csr *c)
{
	der_enter(r, DER_SEQUENCE);
	if (der_uint(r, 255) != 0)
		der_fail(r, "version is not 0 (RFC 2986 4.1)");
	c->subject = der_element_of(r, DER_SEQUENCE);
	c->key.spki = der_element_of(r, DER_SEQUENCE);
	take_attributes(r, c);
	der_leave(r);
}

RC csr_parse_form(struct slice der, struct csr *ret)
{
	struct der_reader r = der_read(der), info;
	struct csr c = {.der = der};
	struct slice spki;
	struct name name;

	REQUIRE(der.len <= CSR_DER_MAX, CSR, "request: more than %d bytes", CSR_DER_MAX);
	der_enter(&r, DER_SEQUENCE);
	c.tbs = der_element_of(&r, DER_SEQUENCE);
	c.alg = sigalg_take(&r);
	c.signature = der_bits(&r, NULL);
	der_leave(&r);
	TRY(form_done(&r, ERR_CSR, "request"));
	info = der_read(c.tbs);
	take_info(&info, &c);
	TRY(form_done(&info, ERR_CSR, "request"));
	TRY(name_parse(c.subject, &name));
	spki = c.key.spki;
	TRY(pubkey_parse(spki, &c.key));
	*ret = c;
	return OK;
}

#define BATCH 64

static void prove_some(struct csr *const *c, size_t n)
{
	struct sm2_check todo[BATCH];
	struct csr *of[BATCH];
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		struct sm2_check *k = &todo[count];
		enum pubkey_kind kind;

		if (c[i]->proven || c[i]->key.kind != PUBKEY_SM2 || !sigalg_kind(c[i]->alg, &kind) ||
		    kind != PUBKEY_SM2)
			continue;
		*k = (struct sm2_check){.pub = c[i]->key.sm2};
		if (rc_ok(sm2_sig_from_der(c[i]->signature, &k->sig)) &&
		    rc_ok(sm2_digest(&k->pub, SM2_ID, c[i]->tbs, k->e)))
			of[count++] = c[i];
	}
	sm2_verify_batch(todo, count);
	for (size_t i = 0; i < count; i++) {
		of[i]->proven = todo[i].valid;
		of[i]->proof = CSR_PROOF_DEFAULT_ID;
	}
}

void csr_prove_batch(struct csr *const *c, size_t n)
{
	for (size_t done = 0; done < n; done += BATCH)
		prove_some(c + done, n - done < BATCH ? n - done : BATCH);
}

RC csr_prove(struct csr *c)
{
	if (c->proven)
		return OK;
	struct rc rc = pubkey_verify(&c->key, c->alg, c->tbs, c->signature, SM2_ID);

	if (rc_ok(rc)) {
		c->proof = c->key.kind == PUBKEY_SM2 ? CSR_PROOF_DEFAULT_ID : CSR_PROOF_NO_ID;
		c->proven = true;
		return OK;
	}
	if (rc.code != RC_INPUT || rc_last()->err != ERR_SIGNATURE)
		return rc;
	if (c->key.kind == PUBKEY_SM2) {
		rc = pubkey_verify(&c->key, c->alg, c->tbs, c->signature, SLICE_NONE);
		if (rc_ok(rc)) {
			c->proof = CSR_PROOF_EMPTY_ID;
			c->proven = true;
			return OK;
		}
		NEED(rc.code == RC_INPUT, rc.code, "request: the signature cannot be checked");
	}
	REFUSE(CSR_PROOF, "request: the signature does not verify under the key in it");
}

RC csr_parse(struct slice der, struct csr *ret)
{
	struct csr c;

	TRY(csr_parse_form(der, &c));
	TRY(csr_prove(&c));
	*ret = c;
	return OK;
}

RC csr_read(struct slice text, struct buf *der, struct csr *ret)
{
	if (!rc_ok(text_pem(text, "CERTIFICATE REQUEST", der))) {
		buf_clear(der);
		TRY(text_pem(text, "NEW CERTIFICATE REQUEST", der));
	}
	return csr_parse(buf_slice(der), ret);
}

/* ---- out ---- */

static void put_attribute(struct der_writer *w, enum oid type, uint8_t tag, struct slice value)
{
	der_begin(w, DER_SEQUENCE);
	der_put_oid(w, type);
	der_begin(w, DER_SET);
	if (tag != 0)
		der_put_text(w, tag, value);
	else
		der_raw(w, value);
	der_end(w);
	der_end(w);
}

RC csr_tbs(const struct csr_template *t, struct buf *ret)
{
	AUTO_DER(w, CSR_DER_MAX);

	NEED(t->challenge.len <= CSR_CHALLENGE_MAX, RC_INPUT, "request: challenge of more than %d bytes",
	     CSR_CHALLENGE_MAX);
	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, 0);
	der_raw(&w, t->subject);
	der_raw(&w, t->spki);
	der_begin(&w, DER_CTXC(0));
	/* GM/T 0092: a single PrintableString */
	if (t->challenge.len > 0)
		put_attribute(&w, t->challenge_oid, DER_PRINTABLE, t->challenge);
	if (t->extensions.len > 0)
		put_attribute(&w, OID_EXT_REQUEST, 0, t->extensions);
	der_end_set(&w);
	der_end(&w);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

RC csr_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret)
{
	return signed_assemble(tbs, a, signature, ret);
}
