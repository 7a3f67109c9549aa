/* OCSP: requests and answers by OpenSSL are read, ours are read and verified by OpenSSL over the TBS. */
#include "pki/ocsp.h"

#include "base/mem.h"
#include "pki/name.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

#include <openssl/ocsp.h>

DROP(ocsp_response_st, OCSP_RESPONSE_free);
DROP(ocsp_basic_response_st, OCSP_BASICRESP_free);
DROP(ocsp_request_st, OCSP_REQUEST_free);

static bool is_request(const char *name)
{
	return strncmp(name, "request", 7) == 0;
}

static void good(const struct golden *g)
{
	struct ocsp_request q;
	struct ocsp_response a;
	struct rc rc = is_request(g->name) ? ocsp_request_parse(g->der, &q) : ocsp_response_parse(g->der, &a);
	const unsigned char *p = g->der.p;

	if (!rc_ok(rc))
		fail_msg("%s: %s", g->name, rc_last()->text);
	golden_again(g);
	if (!is_request(g->name))
		return;
	AUTO(ocsp_request_st, theirs, d2i_OCSP_REQUEST(NULL, &p, (long)g->der.len));
	assert_non_null(theirs);
	assert_int_equal(q.count, OCSP_request_onereq_count(theirs));
	assert_int_equal(q.has_nonce, OCSP_REQUEST_get_ext_by_NID(theirs, NID_id_pkix_OCSP_Nonce, -1) >= 0);
}

static void test_good_files(void **state)
{
	(void)state;
	golden_each("ocsp/good", 11, good);
}

static void bad(const struct golden *g)
{
	struct ocsp_request q;
	struct ocsp_response a;

	golden_refused(g, is_request(g->name) ? ocsp_request_parse(g->der, &q)
	                                      : ocsp_response_parse(g->der, &a));
}

static void test_bad_files(void **state)
{
	(void)state;
	golden_each("ocsp/bad", 15, bad);
}

static void load(const char *path, struct buf *der)
{
	char whole[400];

	(void)snprintf(whole, sizeof(whole), TEST_DATA "/%s.der", path);
	assert_ok(file_read(whole, 1 << 16, der));
}

static void load_cert(const char *name, struct buf *der, struct cert *c)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "cert/good/%s", name);
	load(path, der);
	assert_ok(cert_parse(buf_slice(der), c));
}

/* The three hashes of `openssl ocsp -issuer`: all mean our issuer, none another. */
static void test_issuer_by_three_hashes(void **state)
{
	static const struct {
		const char *name;
		enum oid hash;
	} rows[] = {
	        {"ocsp/good/request-sha1", OID_SHA1},
	        {"ocsp/good/request-sha256", OID_SHA256},
	        {"ocsp/good/request-sm3", OID_SM3},
	};
	AUTO_BUF(p256_der, CERT_DER_MAX);
	AUTO_BUF(rsa_der, CERT_DER_MAX);
	struct cert p256, rsa;
	struct ocsp_issuer right, wrong;

	(void)state;
	load_cert("p256-root", &p256_der, &p256);
	load_cert("rsa-root", &rsa_der, &rsa);
	assert_ok(ocsp_issuer_init(&right, p256.subject, &p256.key));
	assert_ok(ocsp_issuer_init(&wrong, p256.subject, &rsa.key));
	for (unsigned i = 0; i < 3; i++) {
		AUTO_BUF(der, OCSP_REQUEST_MAX);
		struct ocsp_request q;
		load(rows[i].name, &der);
		assert_ok(ocsp_request_parse(buf_slice(&der), &q));
		assert_int_equal(q.count, 2);
		assert_int_equal(q.ids[0].hash, rows[i].hash);
		assert_true(ocsp_issuer_matches(&right, &q.ids[0]));
		assert_true(ocsp_issuer_matches(&right, &q.ids[1]));
		assert_false(ocsp_issuer_matches(&wrong, &q.ids[0]));
		assert_true(slice_equal(q.ids[1].serial, SLICE_LIT("\x42")));
		q.ids[0].hash = OID_RSA;
		assert_false(ocsp_issuer_matches(&right, &q.ids[0]));
	}
}

/* An answer by `openssl ocsp`: the first certificate is revoked, the second good. */
static void test_answers_of_openssl(void **state)
{
	static const char *const names[] = {"ocsp/good/response-issuer", "ocsp/good/response-by-key"};
	AUTO_BUF(ca_der, CERT_DER_MAX);
	struct cert ca, by;
	struct ocsp_issuer issuer;

	(void)state;
	load_cert("p256-root", &ca_der, &ca);
	assert_ok(ocsp_issuer_init(&issuer, ca.subject, &ca.key));
	for (unsigned i = 0; i < 2; i++) {
		AUTO_BUF(der, OCSP_RESPONSE_MAX);
		struct ocsp_response a;
		struct ocsp_single s;
		load(names[i], &der);
		assert_ok(ocsp_response_parse(buf_slice(&der), &a));
		int64_t at = a.data.produced_at;
		assert_ok(ocsp_response_verify(&a, &ca, at, &by));
		assert_true(slice_equal(by.key.spki, ca.key.spki));
		assert_ok(ocsp_response_find(&a, &issuer, SLICE_LIT("\x42"), &s));
		assert_int_equal(s.status, OCSP_GOOD);
		assert_int_equal(a.data.count, 2);
		assert_int_equal(a.data.singles[0].status, OCSP_REVOKED);
		assert_int_equal(a.data.singles[0].reason, REASON_KEY_COMPROMISE);
		assert_int_equal(a.data.singles[0].revoked_at, 1793534400); /* 2026-11-01T12:00:00Z */
		assert_rc(ocsp_response_find(&a, &issuer, SLICE_LIT("\x43"), &s), RC_NOTFOUND);
		assert_refused(ocsp_response_verify(&a, &ca, at - 1000, NULL), OCSP_STALE);
		if (s.next_update != 0)
			assert_refused(ocsp_response_verify(&a, &ca, s.next_update + 1, NULL), OCSP_STALE);
		der.p[der.len / 3] ^= 1;
		if (rc_ok(ocsp_response_parse(buf_slice(&der), &a)))
			assert_false(rc_ok(ocsp_response_verify(&a, &ca, at, NULL)));
	}
}

/* ---- ours ---- */

/* A responder under a CA, both made by libcrypto. */
struct pki {
	struct sm2_key ca, responder;
	struct buf ca_der, der;
	struct cert ca_cert, cert;
	struct ocsp_issuer issuer;
};

static void make(struct pki *p, bool purpose)
{
	*p = (struct pki){
	        .ca = judge_scalar(1), .responder = judge_scalar(2), .ca_der = BUF(4096), .der = BUF(4096)};
	AUTO(evp_pkey_st, ca, judge_sm2(&p->ca));
	struct judge_cert j = {.subject = "CA",
	                       .serial = 1,
	                       .basic = "critical,CA:TRUE",
	                       .usage = "critical,keyCertSign,cRLSign",
	                       .key = ca,
	                       .signer = ca};
	judge_certificate(&j, &p->ca_der);
	assert_ok(cert_parse(buf_slice(&p->ca_der), &p->ca_cert));
	assert_ok(ocsp_issuer_init(&p->issuer, p->ca_cert.subject, &p->ca_cert.key));
	AUTO_BUF(spki, 256);
	AUTO_BUF(subject, 256);
	AUTO_BUF(tbs, 4096);
	AUTO_BUF(sig, 80);
	assert_ok(pubkey_put_sm2(&p->responder.pub, &spki));
	assert_ok(name_from_text(SLICE_LIT("CN=OCSP"), &subject));
	struct cert_template t = {
	        .serial = SLICE_LIT("12345678"),
	        .alg = sigalg_of(PUBKEY_SM2, false),
	        .issuer = p->ca_cert.subject,
	        .subject = buf_slice(&subject),
	        .not_before = JUDGE_NOW - 1000,
	        .not_after = JUDGE_NOW + 1000,
	        .spki = buf_slice(&spki),
	        .usage = USAGE_SIGN,
	        .path_length = -1,
	        .purposes = {1, {purpose ? OID_KP_OCSP : OID_KP_CLIENT}},
	        .nocheck = true,
	};
	assert_ok(cert_tbs(&t, &tbs));
	judge_sign(ca, buf_slice(&tbs), &sig);
	assert_ok(cert_complete(buf_slice(&tbs), buf_slice(&sig), &p->der));
	assert_ok(cert_parse(buf_slice(&p->der), &p->cert));
}

static void drop(struct pki *p)
{
	buf_free(&p->ca_der);
	buf_free(&p->der);
}

static void answer(const struct pki *p, const struct ocsp_request *q, struct buf *ret)
{
	uint8_t ski[PUBKEY_SKI];
	struct ocsp_data d = {
	        .produced_at = JUDGE_NOW, .has_nonce = q->has_nonce, .nonce = q->nonce, .count = q->count};
	AUTO_BUF(tbs, OCSP_DATA_MAX);
	AUTO_BUF(again, OCSP_DATA_MAX);
	AUTO_BUF(sig, 80);
	struct ocsp_data read;
	struct sm2_sig s;

	assert_ok(pubkey_ski(&p->cert.key, ski));
	d.responder = SLICE_ARR(ski);
	for (size_t i = 0; i < q->count; i++)
		d.singles[i] = (struct ocsp_single){
		        .id = q->ids[i].der,
		        .status = (enum ocsp_status)(i % 3),
		        .this_update = JUDGE_NOW,
		        .next_update = i == 1 ? 0 : JUDGE_NOW + 60,
		        .revoked_at = JUDGE_NOW - 5,
		        .reason = i == 1 ? REASON_UNSPECIFIED : REASON_CA_COMPROMISE,
		};
	assert_ok(ocsp_data_build(&d, &tbs));
	/* decode -> encode gives the same bytes (R06.15) */
	assert_ok(ocsp_data_parse(buf_slice(&tbs), &read));
	assert_ok(ocsp_data_build(&read, &again));
	assert_true(slice_equal(buf_slice(&tbs), buf_slice(&again)));
	assert_ok(sm2_sign(&p->responder, SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(ocsp_response_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig),
	                                 buf_slice(&p->der), ret));
}

static void ask(const struct pki *p, enum oid hash, struct slice nonce, struct buf *der,
                struct ocsp_request *q)
{
	static const struct slice serials[] = {{(const uint8_t *)"\x80\1", 2},
	                                       {(const uint8_t *)"\2", 1},
	                                       {(const uint8_t *)"\3", 1},
	                                       {(const uint8_t *)"\4", 1}};

	assert_ok(ocsp_request_build(&p->issuer, hash, serials, 4, nonce, der));
	assert_ok(ocsp_request_parse(buf_slice(der), q));
}

static void openssl_reads(const struct pki *p, struct slice der, struct slice request)
{
	static const int states[] = {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED,
	                             V_OCSP_CERTSTATUS_UNKNOWN, V_OCSP_CERTSTATUS_GOOD};
	const unsigned char *a = der.p, *r = request.p;
	AUTO(ocsp_response_st, x, d2i_OCSP_RESPONSE(NULL, &a, (long)der.len));
	AUTO(ocsp_request_st, q, d2i_OCSP_REQUEST(NULL, &r, (long)request.len));

	assert_non_null(x);
	assert_non_null(q);
	assert_int_equal(OCSP_response_status(x), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	AUTO(ocsp_basic_response_st, b, OCSP_response_get1_basic(x));
	AUTO(evp_pkey_st, key, judge_sm2(&p->responder));
	assert_int_equal(OCSP_resp_count(b), 4);
	assert_true(OCSP_check_nonce(q, b) == 1 || OCSP_check_nonce(q, b) == 2);
	for (int i = 0; i < 4; i++) {
		OCSP_SINGLERESP *s = OCSP_resp_get0(b, i);
		int reason;
		ASN1_GENERALIZEDTIME *at, *from, *until;
		assert_int_equal(OCSP_single_get0_status(s, &reason, &at, &from, &until), states[i]);
		assert_int_equal(until == NULL, i == 1);
		assert_int_equal(OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, i)),
		                             OCSP_SINGLERESP_get0_id(s)),
		                 0);
	}
	unsigned char *tbs = NULL;
	int len = i2d_OCSP_RESPDATA(OCSP_resp_get0_respdata(b), &tbs);
	const ASN1_OCTET_STRING *sig = OCSP_resp_get0_signature(b);
	assert_true(len > 0 &&
	            judge_verify(key, slice_of(tbs, (size_t)len), slice_of(sig->data, (size_t)sig->length)));
	OPENSSL_free(tbs);
}

static void test_openssl_reads_ours(void **state)
{
	static const enum oid hashes[] = {OID_SHA1, OID_SHA256, OID_SM3};
	struct pki p;

	(void)state;
	make(&p, true);
	for (unsigned i = 0; i < 6; i++) {
		AUTO_BUF(request, OCSP_REQUEST_MAX);
		AUTO_BUF(der, OCSP_RESPONSE_MAX);
		struct ocsp_request q;
		struct ocsp_response a;
		struct ocsp_single s;
		ask(&p, hashes[i % 3], i < 3 ? SLICE_LIT("sixteen bytes ok") : SLICE_NONE, &request, &q);
		answer(&p, &q, &der);
		openssl_reads(&p, buf_slice(&der), buf_slice(&request));
		assert_ok(ocsp_response_parse(buf_slice(&der), &a));
		assert_ok(ocsp_response_verify(&a, &p.ca_cert, JUDGE_NOW, NULL));
		assert_true(a.data.has_nonce == (i < 3) && slice_equal(a.data.nonce, q.nonce));
		assert_ok(ocsp_response_find(&a, &p.issuer, SLICE_LIT("\2"), &s));
		assert_int_equal(s.status, OCSP_REVOKED);
		assert_ok(ocsp_response_find(&a, &p.issuer, SLICE_LIT("\x80\1"), &s));
		assert_int_equal(s.status, OCSP_GOOD);
	}
	drop(&p);
}

/* RFC 6960 4.2.2.2: only the issuer says who may answer. */
static void test_responders_that_are_none(void **state)
{
	AUTO_BUF(request, OCSP_REQUEST_MAX);
	AUTO_BUF(der, OCSP_RESPONSE_MAX);
	AUTO_BUF(other_der, CERT_DER_MAX);
	struct ocsp_request q;
	struct ocsp_response a;
	struct cert other;
	struct pki p, right;

	(void)state;
	make(&right, true);
	make(&p, false);
	ask(&p, OID_SHA1, SLICE_NONE, &request, &q);
	answer(&p, &q, &der);
	assert_ok(ocsp_response_parse(buf_slice(&der), &a));
	assert_refused(ocsp_response_verify(&a, &p.ca_cert, JUDGE_NOW, NULL), OCSP_RESPONDER);
	buf_clear(&der);
	answer(&right, &q, &der);
	assert_ok(ocsp_response_parse(buf_slice(&der), &a));
	load_cert("sm2-root", &other_der, &other);
	assert_refused(ocsp_response_verify(&a, &other, JUDGE_NOW, NULL), CHAIN_ISSUER);
	assert_refused(ocsp_response_verify(&a, &right.ca_cert, JUDGE_NOW + 2000, NULL), CHAIN_VALIDITY);
	a.certificates = 0;
	assert_refused(ocsp_response_verify(&a, &right.ca_cert, JUDGE_NOW, NULL), OCSP_RESPONDER);
	drop(&p);
	drop(&right);
}

static void test_errors(void **state)
{
	static const struct {
		enum ocsp_error e;
		int theirs;
	} rows[] = {
	        {OCSP_MALFORMED, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST},
	        {OCSP_INTERNAL, OCSP_RESPONSE_STATUS_INTERNALERROR},
	        {OCSP_TRY_LATER, OCSP_RESPONSE_STATUS_TRYLATER},
	        {OCSP_SIG_REQUIRED, OCSP_RESPONSE_STATUS_SIGREQUIRED},
	        {OCSP_UNAUTHORIZED, OCSP_RESPONSE_STATUS_UNAUTHORIZED},
	};
	struct ocsp_response a;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct slice der = ocsp_error_response(rows[i].e);
		const unsigned char *p = der.p;
		AUTO(ocsp_response_st, x, d2i_OCSP_RESPONSE(NULL, &p, (long)der.len));
		assert_int_equal(OCSP_response_status(x), rows[i].theirs);
		assert_ok(ocsp_response_parse(der, &a));
		assert_int_equal(a.status, rows[i].e);
		assert_rc(ocsp_response_verify(&a, NULL, 0, NULL), RC_INPUT);
	}
}

static void test_request_limits(void **state)
{
	AUTO_BUF(der, OCSP_REQUEST_MAX);
	struct slice serials[OCSP_IDS + 1];
	struct pki p;

	(void)state;
	make(&p, true);
	for (size_t i = 0; i <= OCSP_IDS; i++)
		serials[i] = SLICE_LIT("\1");
	assert_rc(ocsp_request_build(&p.issuer, OID_SHA1, serials, OCSP_IDS + 1, SLICE_NONE, &der), RC_INPUT);
	assert_rc(ocsp_request_build(&p.issuer, OID_SHA1, serials, 0, SLICE_NONE, &der), RC_INPUT);
	assert_rc(ocsp_request_build(&p.issuer, OID_RSA, serials, 1, SLICE_NONE, &der), RC_INPUT);
	assert_ok(ocsp_request_build(&p.issuer, OID_SHA256, serials, OCSP_IDS, SLICE_NONE, &der));
	drop(&p);
}

static struct rc build_fresh(const struct ocsp_data *d, struct slice certificate)
{
	AUTO_BUF(tbs, OCSP_DATA_MAX);
	AUTO_BUF(der, OCSP_RESPONSE_MAX);

	TRY(ocsp_data_build(d, &tbs));
	return ocsp_response_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), SLICE_LIT("signature"),
	                              certificate, &der);
}

static void test_torture(void **state)
{
	AUTO_BUF(request, OCSP_REQUEST_MAX);
	struct ocsp_request q;
	struct ocsp_data d = {
	        .responder = SLICE_LIT("abcdefghijabcdefghij"), .produced_at = JUDGE_NOW, .count = 1};
	struct pki p;

	(void)state;
	make(&p, true);
	ask(&p, OID_SHA1, SLICE_NONE, &request, &q);
	d.singles[0] = (struct ocsp_single){.id = q.ids[0].der, .this_update = JUDGE_NOW};
	GOLDEN_TORTURE(build_fresh(&d, buf_slice(&p.der)), 3);
	drop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good_files),
	        cmocka_unit_test(test_bad_files),
	        cmocka_unit_test(test_issuer_by_three_hashes),
	        cmocka_unit_test(test_answers_of_openssl),
	        cmocka_unit_test(test_openssl_reads_ours),
	        cmocka_unit_test(test_responders_that_are_none),
	        cmocka_unit_test(test_errors),
	        cmocka_unit_test(test_request_limits),
	        cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
