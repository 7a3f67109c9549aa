#include "bench/peer.h"

#include "base/mem.h"
#include "bench/crew.h"

#include <openssl/ocsp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#define STATEMENT_BYTES 1400 /* an application as it travels, about */
#define ID "1234567812345678"
#define WINDOW 3.0

struct peer {
	EVP_PKEY *ca, *officer, *subject;
	X509 *ca_cert;
	uint8_t *csr, *request;
	int csr_len, request_len;
	uint8_t statement[STATEMENT_BYTES], signature[80];
	size_t signature_len;
};

/* ---- SM2 with the standard identifier ---- */

static EVP_MD_CTX *digest_new(EVP_PKEY *key)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	(void)EVP_PKEY_CTX_set1_id(ctx, ID, (int)strlen(ID));
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	return md;
}

static void digest_free(EVP_MD_CTX *md)
{
	EVP_PKEY_CTX *ctx = EVP_MD_CTX_get_pkey_ctx(md);

	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
}

static bool verify_statement(const struct peer *p)
{
	EVP_MD_CTX *md = digest_new(p->officer);
	bool ok = EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, p->officer) == 1 &&
	          EVP_DigestVerify(md, p->signature, p->signature_len, p->statement, STATEMENT_BYTES) == 1;

	digest_free(md);
	return ok;
}

static bool verify_csr(const struct peer *p, X509_REQ **ret)
{
	const uint8_t *at = p->csr;
	X509_REQ *req = d2i_X509_REQ(NULL, &at, p->csr_len);
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

	(void)ASN1_OCTET_STRING_set(id, (const uint8_t *)ID, (int)strlen(ID));
	X509_REQ_set0_distinguishing_id(req, id);
	*ret = req;
	return req != NULL && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1;
}

/* ---- certificates ---- */

static const struct {
	int nid;
	const char *value;
} extensions[] = {
        {NID_key_usage, "critical,digitalSignature,nonRepudiation"},
        {NID_ext_key_usage, "clientAuth,emailProtection"},
        {NID_certificate_policies, "1.3.6.1.4.1.32473.1.1"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid"},
        {NID_subject_alt_name, "URI:urn:uuid:11111111-2222-3333-4444-555555555555"},
        {NID_crl_distribution_points, "URI:http://127.0.0.1:7454/crl/sm2.crl"},
        {NID_info_access,
         "OCSP;URI:http://127.0.0.1:7454/ocsp,caIssuers;URI:http://127.0.0.1:7454/ca/sm2.cer"},
};

static void add_extensions(X509 *x, X509 *issuer)
{
	X509V3_CTX ctx;
	size_t i;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, extensions[i].nid, extensions[i].value);

		(void)X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
}

static X509_NAME *add_name(X509_NAME *name, const char *cn)
{
	(void)X509_NAME_add_entry_by_txt(name, "C", MBSTRING_UTF8, (const uint8_t *)"CN", -1, -1, 0);
	(void)X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"示范省", -1, -1, 0);
	(void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
	return name;
}

/* issuer NULL: self-signed. */
static X509 *certify(EVP_PKEY *subject, const char *cn, X509 *issuer, EVP_PKEY *key)
{
	X509 *x = X509_new();
	EVP_MD_CTX *md = digest_new(key);
	uint8_t serial[16];
	BIGNUM *n;

	(void)RAND_bytes(serial, sizeof(serial));
	serial[0] &= 0x7f;
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	(void)X509_set_version(x, X509_VERSION_3);
	(void)BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	(void)add_name(X509_get_subject_name(x), cn);
	(void)X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer : x));
	(void)X509_gmtime_adj(X509_getm_notBefore(x), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 730 * 86400L);
	(void)X509_set_pubkey(x, subject);
	add_extensions(x, issuer != NULL ? issuer : x);
	if (EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key) != 1 || X509_sign_ctx(x, md) <= 0) {
		X509_free(x);
		x = NULL;
	}
	digest_free(md);
	return x;
}

static bool issue_one(const struct peer *p, EVP_PKEY *key)
{
	X509 *x = certify(key, "测试人", p->ca_cert, p->ca);
	uint8_t *der = NULL;
	int len = x != NULL ? i2d_X509(x, &der) : 0;

	OPENSSL_free(der);
	X509_free(x);
	return len > 0;
}

/* ---- envelope: SM4 key to the subject's key, private key under SM4-ECB ---- */

static bool envelope(EVP_PKEY *to, EVP_PKEY *wrapped)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(to, NULL);
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	BIGNUM *d = NULL;
	uint8_t key[16], plain[32], out[64], sealed[256];
	size_t len = sizeof(sealed);
	int n = 0;
	bool ok = RAND_bytes(key, sizeof(key)) == 1 && EVP_PKEY_encrypt_init(ctx) == 1 &&
	          EVP_PKEY_encrypt(ctx, sealed, &len, key, sizeof(key)) == 1 &&
	          EVP_PKEY_get_bn_param(wrapped, "priv", &d) == 1 &&
	          BN_bn2binpad(d, plain, sizeof(plain)) > 0 &&
	          EVP_EncryptInit_ex(cipher, EVP_sm4_ecb(), NULL, key, NULL) == 1 &&
	          EVP_EncryptUpdate(cipher, out, &n, plain, sizeof(plain)) == 1;

	BN_clear_free(d);
	EVP_CIPHER_CTX_free(cipher);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static struct rc issue_step(void *arg, size_t *units)
{
	const struct peer *p = arg;
	EVP_PKEY *encryption = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	X509_REQ *req = NULL;
	bool ok = encryption != NULL && verify_csr(p, &req) && verify_statement(p) && verify_statement(p) &&
	          issue_one(p, X509_REQ_get0_pubkey(req)) && issue_one(p, encryption) &&
	          envelope(X509_REQ_get0_pubkey(req), encryption);

	X509_REQ_free(req);
	EVP_PKEY_free(encryption);
	*units = 1;
	NEED(ok, RC_CRYPTO, "bench: OpenSSL's objects failed");
	return OK;
}

/* ---- OCSP ---- */

static struct rc ocsp_step(void *arg, size_t *units)
{
	const struct peer *p = arg;
	const uint8_t *at = p->request;
	OCSP_REQUEST *req = d2i_OCSP_REQUEST(NULL, &at, p->request_len);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0), *next = X509_gmtime_adj(NULL, 60);
	OCSP_RESPONSE *response = NULL;
	uint8_t *der = NULL;
	int len = 0;

	(void)OCSP_basic_add1_status(basic, OCSP_onereq_get0_id(OCSP_request_onereq_get0(req, 0)),
	                             V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, next);
	(void)OCSP_copy_nonce(basic, req);
	if (OCSP_basic_sign(basic, p->ca_cert, p->ca, EVP_sm3(), NULL, OCSP_RESPID_KEY) == 1) {
		response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
		len = i2d_OCSP_RESPONSE(response, &der);
	}
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_REQUEST_free(req);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	*units = 1;
	NEED(len > 0, RC_CRYPTO, "bench: OpenSSL's OCSP failed");
	return OK;
}

/* ---- set-up ---- */

static void make_csr(struct peer *p)
{
	X509_REQ *req = X509_REQ_new();
	EVP_MD_CTX *md = digest_new(p->subject);

	(void)X509_REQ_set_pubkey(req, p->subject);
	(void)EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, p->subject);
	if (X509_REQ_sign_ctx(req, md) > 0)
		p->csr_len = i2d_X509_REQ(req, &p->csr);
	digest_free(md);
	X509_REQ_free(req);
}

static void make_request(struct peer *p)
{
	OCSP_REQUEST *req = OCSP_REQUEST_new();

	(void)OCSP_request_add0_id(req, OCSP_cert_to_id(EVP_sha1(), p->ca_cert, p->ca_cert));
	(void)OCSP_request_add1_nonce(req, NULL, 16);
	p->request_len = i2d_OCSP_REQUEST(req, &p->request);
	OCSP_REQUEST_free(req);
}

static void make_statement(struct peer *p)
{
	EVP_MD_CTX *md = digest_new(p->officer);

	memset(p->statement, 'x', sizeof(p->statement));
	p->signature_len = sizeof(p->signature);
	if (EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, p->officer) != 1 ||
	    EVP_DigestSign(md, p->signature, &p->signature_len, p->statement, STATEMENT_BYTES) != 1)
		p->signature_len = 0;
	digest_free(md);
}

static RC peer_open(struct peer *p)
{
	p->ca = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	p->officer = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	p->subject = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	NEED(p->ca != NULL && p->officer != NULL && p->subject != NULL, RC_CRYPTO, "bench: no keys");
	p->ca_cert = certify(p->ca, "CA", NULL, p->ca);
	NEED(p->ca_cert != NULL, RC_CRYPTO, "bench: no CA certificate");
	make_csr(p);
	make_request(p);
	make_statement(p);
	NEED(p->csr_len > 0 && p->request_len > 0 && p->signature_len > 0, RC_CRYPTO, "bench: no CSR");
	return OK;
}

static void peer_close(struct peer *p)
{
	EVP_PKEY_free(p->ca);
	EVP_PKEY_free(p->officer);
	EVP_PKEY_free(p->subject);
	X509_free(p->ca_cert);
	OPENSSL_free(p->csr);
	OPENSSL_free(p->request);
}

static struct rc share(void *arg, void **lane)
{
	*lane = arg;
	return OK;
}

static void nothing(void *lane)
{
	(void)lane;
}

static RC run_peer(struct rc (*step)(void *lane, size_t *units), bool one, double *rate)
{
	struct peer p = {.csr = NULL};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct crew c = {.threads = cores > 0 && !one ? (size_t)cores : 1,
	                 .warm = 0.3,
	                 .window = WINDOW,
	                 .arg = &p,
	                 .open = share,
	                 .close = nothing,
	                 .step = step};
	struct crew_result r = {.rate = 0};
	struct rc rc = peer_open(&p);

	if (rc_ok(rc))
		rc = crew_run(&c, &r);
	peer_close(&p);
	TRY(rc);
	NEED(r.errors == 0, RC_CRYPTO, "%s", r.why.text);
	*rate = r.rate;
	return OK;
}

RC peer_issue(double *rate)
{
	return run_peer(issue_step, false, rate);
}

RC peer_ocsp(double *rate)
{
	return run_peer(ocsp_step, true, rate);
}
