/* Each bit of a certificate, a revocation list, an OCSP answer and a statement turned over, one at a time
 * (R06.10, issue of judges 5): none verifies with other signed content, by us or by OpenSSL.  Objects are
 * strict DER here, so with us not even the unsigned parts bear a change. */
#include "statement/testing.h"

#include "pki/crl.h"
#include "pki/ocsp.h"

#include <openssl/ocsp.h>

static struct world world;
static struct cert issuer; /* W_OPERATOR */

/* Verifies the bytes; the signed content goes to *signed_part. */
typedef bool verifier(struct slice der, struct buf *signed_part);

static void keep(struct buf *to, struct slice s)
{
	buf_clear(to);
	buf_add(to, s);
	assert_ok(buf_done(to));
}

/* ---- ours ---- */

static bool our_certificate(struct slice der, struct buf *signed_part)
{
	struct cert c;

	if (!rc_ok(cert_parse(der, &c)) || !rc_ok(cert_verify(&c, &issuer.key)))
		return false;
	keep(signed_part, c.tbs);
	return true;
}

static bool our_list(struct slice der, struct buf *signed_part)
{
	struct crl c;

	if (!rc_ok(crl_parse(der, &c)) || !rc_ok(crl_verify(&c, &issuer.key)))
		return false;
	keep(signed_part, c.tbs);
	return true;
}

static bool our_answer(struct slice der, struct buf *signed_part)
{
	struct ocsp_response r;

	if (!rc_ok(ocsp_response_parse(der, &r)) || r.status != OCSP_SUCCESSFUL ||
	    !rc_ok(ocsp_response_verify(&r, &issuer, JUDGE_NOW, NULL)))
		return false;
	keep(signed_part, r.tbs);
	return true;
}

static bool our_statement(struct slice der, struct buf *signed_part)
{
	AUTO(statement, s, NULL);

	if (!rc_ok(statement_open(der, &s)) || !rc_ok(statement_verify(s, world.trust, JUDGE_NOW)))
		return false;
	keep(signed_part, s->content);
	return true;
}

/* ---- OpenSSL's, over what it takes for the signed part ---- */

static bool their_signature(unsigned char *tbs, int len, const ASN1_BIT_STRING *sig, struct buf *signed_part)
{
	bool ok = len > 0 && sig != NULL &&
	          judge_verify(world.judge[W_OPERATOR], slice_of(tbs, (size_t)len),
	                       slice_of(sig->data, (size_t)sig->length));

	if (ok)
		keep(signed_part, slice_of(tbs, (size_t)len));
	OPENSSL_free(tbs);
	return ok;
}

static bool their_certificate(struct slice der, struct buf *signed_part)
{
	const unsigned char *p = der.p;
	AUTO(x509_st, x, d2i_X509(NULL, &p, (long)der.len));
	unsigned char *tbs = NULL;
	const ASN1_BIT_STRING *sig = NULL;

	if (x == NULL || p != der.p + der.len)
		return false;
	X509_get0_signature(&sig, NULL, x);
	int len = i2d_re_X509_tbs(x, &tbs);
	return their_signature(tbs, len, sig, signed_part);
}

static bool their_list(struct slice der, struct buf *signed_part)
{
	const unsigned char *p = der.p;
	X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)der.len);
	unsigned char *tbs = NULL;
	const ASN1_BIT_STRING *sig = NULL;
	bool ok = false;

	if (x != NULL && p == der.p + der.len) {
		X509_CRL_get0_signature(x, &sig, NULL);
		int len = i2d_re_X509_CRL_tbs(x, &tbs);
		ok = their_signature(tbs, len, sig, signed_part);
	}
	X509_CRL_free(x);
	return ok;
}

/* ---- each bit ---- */

static void flip_all(const char *what, struct slice good, verifier *verify, bool strict)
{
	AUTO_BUF(copy, 1u << 16);
	AUTO_BUF(whole, 1u << 16);
	AUTO_BUF(part, 1u << 16);

	keep(&copy, good);
	assert_true(verify(good, &whole));
	for (size_t i = 0; i < good.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			copy.p[i] ^= (uint8_t)(1u << bit);
			if (verify(buf_slice(&copy), &part) &&
			    (strict || !slice_equal(buf_slice(&part), buf_slice(&whole))))
				fail_msg("%s verifies with bit %u of byte %zu turned over", what, bit, i);
			copy.p[i] ^= (uint8_t)(1u << bit);
		}
	}
}

static void sign(struct slice tbs, struct buf *sig)
{
	struct sm2_sig s;

	assert_ok(sm2_sign(&world.key[W_OPERATOR], SM2_ID, tbs, &s));
	sm2_sig_to_der(&s, sig);
	assert_ok(buf_done(sig));
}

static void certificate(void **state)
{
	struct slice der = buf_slice(&world.certificate[W_REVIEWER]);

	(void)state;
	flip_all("the certificate", der, our_certificate, true);
	flip_all("the certificate (OpenSSL)", der, their_certificate, false);
}

static void list(void **state)
{
	AUTO_BUF(tbs, 4096);
	AUTO_BUF(sig, 128);
	AUTO_BUF(der, 4096);
	struct crl_entry e[2] = {{SLICE_LIT("\x5a\x01"), JUDGE_NOW - 60, REASON_KEY_COMPROMISE, false, 0},
	                         {SLICE_LIT("\x5a\x02"), JUDGE_NOW - 50, REASON_HOLD, false, 0}};
	struct crl_head h = {.alg = sigalg_of(PUBKEY_SM2, false),
	                     .issuer = issuer.subject,
	                     .this_update = JUDGE_NOW - 10,
	                     .next_update = JUDGE_NOW + 1000,
	                     .number = 7,
	                     .aki = issuer.ski};

	(void)state;
	assert_ok(crl_tbs(&h, e, 2, &tbs));
	sign(buf_slice(&tbs), &sig);
	assert_ok(crl_assemble(buf_slice(&tbs), h.alg, buf_slice(&sig), &der));
	flip_all("the list", buf_slice(&der), our_list, true);
	flip_all("the list (OpenSSL)", buf_slice(&der), their_list, false);
}

static void answer(void **state)
{
	AUTO_BUF(id, 256);
	AUTO_BUF(tbs, 4096);
	AUTO_BUF(sig, 128);
	AUTO_BUF(der, 8192);
	struct ocsp_issuer who;
	uint8_t responder[PUBKEY_SKI];
	struct ocsp_data d = {.responder = SLICE_ARR(responder), .produced_at = JUDGE_NOW, .count = 1};

	(void)state;
	assert_ok(ocsp_issuer_init(&who, issuer.subject, &issuer.key));
	assert_ok(ocsp_id_build(&who, OID_SM3, SLICE_LIT("\x5a\x01"), &id));
	assert_ok(pubkey_ski(&issuer.key, responder));
	d.singles[0] = (struct ocsp_single){.id = buf_slice(&id),
	                                    .status = OCSP_REVOKED,
	                                    .this_update = JUDGE_NOW,
	                                    .next_update = JUDGE_NOW + 600,
	                                    .revoked_at = JUDGE_NOW - 60,
	                                    .reason = REASON_KEY_COMPROMISE};
	assert_ok(ocsp_data_build(&d, &tbs));
	sign(buf_slice(&tbs), &sig);
	assert_ok(ocsp_response_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig),
	                                 issuer.der, &der));
	flip_all("the answer", buf_slice(&der), our_answer, false);
}

static void statement(void **state)
{
	AUTO_BUF(der, STATEMENT_MAX);

	(void)state;
	world_sign(&world, STATEMENT_APPROVAL, W_REVIEWER, &der);
	flip_all("the statement", buf_slice(&der), our_statement, true);
}

static int setup(void **state)
{
	(void)state;
	world_setup(&world);
	return rc_ok(cert_parse(buf_slice(&world.certificate[W_OPERATOR]), &issuer)) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	world_free(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(certificate),
	        cmocka_unit_test(list),
	        cmocka_unit_test(answer),
	        cmocka_unit_test(statement),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
