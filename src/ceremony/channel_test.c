/* The signer's other doors: lists, status answers, GM/T 0014, transport certificates, statements; its
 * channels, its lock, many callers at once, and bytes that are no messages.  R06.5, R06.10, R06.16. */
#include "ceremony/testing.h"

#include "pki/cms.h"
#include "pki/crl.h"
#include "pki/km.h"
#include "pki/ocsp.h"
#include "signer/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>

static struct test_signer ca, kmc, status;

static void refused(struct rc rc, enum err want, const char *what)
{
	if (rc_ok(rc))
		fail_msg("%s: was done", what);
	if (rc_last()->err != want)
		fail_msg("%s: refused as %s (%s), want %s", what, err_info(rc_last()->err)->name,
		         rc_last()->text, err_info(want)->name);
}

static EVP_PKEY *openssl_key(const char *certificate)
{
	AUTO_BUF(der, CERT_DER_MAX);
	test_read(certificate, &der);
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	assert_non_null(x);
	EVP_PKEY *k = X509_get_pubkey(x);
	X509_free(x);
	return k;
}

static bool openssl_verifies(const char *certificate, struct slice msg, struct slice sig)
{
	EVP_PKEY *k = openssl_key(certificate);
	char group[16] = "";
	size_t len;
	EVP_PKEY_get_utf8_string_param(k, "group", group, sizeof group, &len);
	bool sm2 = strcmp(group, "SM2") == 0;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);
	if (sm2)
		assert_int_equal(EVP_PKEY_CTX_set1_id(ctx, "1234567812345678", 16), 1);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, sm2 ? EVP_sm3() : EVP_sha256(), NULL, k), 1);
	int rc = EVP_DigestVerify(md, sig.p, sig.len, msg.p, msg.len);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(k);
	return rc == 1;
}

static void read_cert(const char *path, struct buf *der, struct cert *ret)
{
	test_read(path, der);
	MUST(cert_parse(buf_slice(der), ret));
}

/* ---- revocation lists ---- */
struct list {
	struct crl_head head;
	struct buf ca_der, tbs;
	struct cert ca;
};

static void list_new(struct list *l, const char *authority)
{
	int64_t now = clock_now();
	l->ca_der = BUF(CERT_DER_MAX);
	l->tbs = BUF(65536);
	read_cert(test_path("demo/ca/%s.der", authority), &l->ca_der, &l->ca);
	l->head = (struct crl_head){.alg = sigalg_of(l->ca.key.kind, false),
	                            .issuer = l->ca.subject,
	                            .this_update = now,
	                            .next_update = now + TIME_DAY,
	                            .number = 7,
	                            .aki = l->ca.ski};
}

static struct rc list_ask(struct list *l, const char *key, struct buf *sig)
{
	struct crl_entry e = {
	        .serial = SLICE_LIT("\x12\x34"), .revoked_at = clock_now() - 5, .reason = REASON_SUPERSEDED};
	buf_clear(&l->tbs);
	MUST(crl_tbs(&l->head, &e, 1, &l->tbs));
	int fd = memfd_create("list", MFD_CLOEXEC);
	assert_int_equal(write(fd, l->tbs.p, l->tbs.len), (ssize_t)l->tbs.len);
	struct rc rc = signer_crl(ca.role, slice_text(key), fd, 0, sig);
	close(fd);
	return rc;
}

static void list_free(struct list *l)
{
	buf_free(&l->ca_der);
	buf_free(&l->tbs);
}

static void lists_of_the_own_authority_are_signed(void **state)
{
	(void)state;
	const char *ids[] = {"sm2", "ecdsa", "shifan-operator"};
	for (size_t i = 0; i < 3; i++) {
		struct list l;
		AUTO_BUF(sig, KEY_SIG_MAX);
		list_new(&l, ids[i]);
		MUST(list_ask(&l, ids[i], &sig));
		assert_true(openssl_verifies(test_path("demo/ca/%s.der", ids[i]), buf_slice(&l.tbs),
		                             buf_slice(&sig)));
		list_free(&l);
	}
}

static void wrong_issuer(struct list *l)
{
	static struct buf der;
	static struct cert other;
	der = BUF(CERT_DER_MAX);
	read_cert(test_path("demo/ca/root.der"), &der, &other);
	l->head.issuer = other.subject;
}
static void wrong_key_id(struct list *l)
{
	l->head.aki = SLICE_LIT("01234567890123456789");
}
static void from_the_future(struct list *l)
{
	l->head.this_update += 3600;
	l->head.next_update += 3600;
}
static void for_ever(struct list *l)
{
	l->head.next_update += 1000 * TIME_DAY;
}
static void other_algorithm(struct list *l)
{
	l->head.alg = sigalg_of(PUBKEY_P256, false);
}

static void lists_that_lie_are_refused(void **state)
{
	static const struct {
		const char *what;
		void (*change)(struct list *l);
	} cases[] = {
	        {"another issuer", wrong_issuer},       {"another key identifier", wrong_key_id},
	        {"thisUpdate ahead", from_the_future},  {"nextUpdate in years", for_ever},
	        {"another algorithm", other_algorithm},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct list l;
		AUTO_BUF(sig, KEY_SIG_MAX);
		list_new(&l, "sm2");
		cases[i].change(&l);
		refused(list_ask(&l, "sm2", &sig), ERR_SIGNER_CONTENT, cases[i].what);
		list_free(&l);
	}
}

static void a_list_needs_an_authority_key_and_a_file(void **state)
{
	struct list l;
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO_BUF(cert, CERT_DER_MAX);
	int p[2];
	(void)state;
	list_new(&l, "sm2");
	refused(list_ask(&l, "ca-comm", &sig), ERR_KEY_PURPOSE, "communication key");
	/* A certificate's TBS where a list is expected: no signature without its rules. */
	struct cert c;
	read_cert(test_path("demo/ca/sm2.der"), &cert, &c);
	int fd = memfd_create("cert", MFD_CLOEXEC);
	assert_int_equal(write(fd, c.tbs.p, c.tbs.len), (ssize_t)c.tbs.len);
	assert_false(rc_ok(signer_crl(ca.role, SLICE_LIT("sm2"), fd, 0, &sig)));
	close(fd);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(signer_crl(ca.role, SLICE_LIT("sm2"), p[0], 0, &sig).code, RC_INPUT);
	close(p[0]);
	close(p[1]);
	list_free(&l);
}

/* ---- status answers ---- */
struct answer {
	struct ocsp_data data;
	struct ocsp_issuer issuer;
	uint8_t responder[PUBKEY_SKI];
	struct buf ca_der, own_der, id, tbs;
};

static void answer_new(struct answer *a, const char *authority, const char *about)
{
	struct cert cert, own;
	int64_t now = clock_now();
	a->ca_der = BUF(CERT_DER_MAX);
	a->own_der = BUF(CERT_DER_MAX);
	a->id = BUF(512);
	a->tbs = BUF(OCSP_DATA_MAX);
	read_cert(test_path("demo/ca/%s.der", about), &a->ca_der, &cert);
	read_cert(test_path("shifan/status/signer/keys/ocsp-%s.cer", authority), &a->own_der, &own);
	MUST(ocsp_issuer_init(&a->issuer, cert.subject, &cert.key));
	MUST(pubkey_ski(&own.key, a->responder));
	MUST(ocsp_id_build(&a->issuer, OID_SHA1, SLICE_LIT("\x12\x34"), &a->id));
	a->data = (struct ocsp_data){.responder = SLICE_ARR(a->responder), .produced_at = now, .count = 1};
	a->data.singles[0] = (struct ocsp_single){
	        .id = buf_slice(&a->id), .status = OCSP_GOOD, .this_update = now, .next_update = now + 3600};
}

static struct rc answer_ask(struct answer *a, const char *key, struct signer_result *r)
{
	buf_clear(&a->tbs);
	MUST(ocsp_data_build(&a->data, &a->tbs));
	struct slice tbs = buf_slice(&a->tbs);
	return signer_ocsp(status.role, slice_text(key), &tbs, r, 1);
}

static void answer_free(struct answer *a)
{
	buf_free(&a->ca_der);
	buf_free(&a->own_der);
	buf_free(&a->id);
	buf_free(&a->tbs);
}

static void answers_about_the_own_authority_are_signed(void **state)
{
	(void)state;
	const char *ids[] = {"sm2", "ecdsa"};
	for (size_t i = 0; i < 2; i++) {
		static struct answer a;
		struct signer_result r = {0};
		char key[32];
		snprintf(key, sizeof key, "ocsp-%s", ids[i]);
		answer_new(&a, ids[i], ids[i]);
		MUST(answer_ask(&a, key, &r));
		if (!r.ok)
			fail_msg("refused: %s", r.why.text);
		assert_true(openssl_verifies(test_path("shifan/status/trust/responders/%s.cer", key),
		                             buf_slice(&a.tbs), slice_of(r.sig, r.len)));
		answer_free(&a);
	}
}

static void answers_that_lie_are_refused(void **state)
{
	static struct answer a;
	struct signer_result r = {0};
	(void)state;
	answer_new(&a, "sm2", "ecdsa");
	MUST(answer_ask(&a, "ocsp-sm2", &r));
	assert_false(r.ok);
	assert_int_equal(r.why.err, ERR_SIGNER_CONTENT);
	answer_free(&a);
	answer_new(&a, "sm2", "sm2");
	a.data.produced_at += 3600;
	MUST(answer_ask(&a, "ocsp-sm2", &r));
	assert_false(r.ok);
	answer_free(&a);
	answer_new(&a, "ecdsa", "sm2");
	MUST(answer_ask(&a, "ocsp-sm2", &r));
	assert_false(r.ok);
	refused(answer_ask(&a, "service", &r), ERR_KEY_PURPOSE, "service key for status answers");
	answer_free(&a);
	/* A certificate's TBS is no ResponseData. */
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert c;
	read_cert(test_path("demo/ca/sm2.der"), &der, &c);
	MUST(signer_ocsp(status.role, SLICE_LIT("ocsp-sm2"), &c.tbs, &r, 1));
	assert_false(r.ok);
}

/* An issuing key may not answer for itself here, a responder may not issue. */
static void keys_do_not_leave_their_purpose(void **state)
{
	struct signer_result r = {0};
	AUTO_BUF(sig, KEY_SIG_MAX);
	struct key_stored stored;
	struct slice any = SLICE_LIT("\x30\x00");
	(void)state;
	refused(signer_ocsp(ca.role, SLICE_LIT("sm2"), &any, &r, 1), ERR_KEY_PURPOSE, "CA key for OCSP");
	refused(signer_statement(ca.role, SLICE_LIT("sm2"), SLICE_LIT("{}"), &sig), ERR_KEY_PURPOSE,
	        "CA key for statements");
	refused(signer_km_request(ca.role, SLICE_LIT("sm2"), any, SLICE_NONE, &sig), ERR_KEY_PURPOSE,
	        "CA key for KMC requests");
	refused(signer_km_generate(ca.role, SLICE_LIT("sm2"), &stored, 1), ERR_KEY_PURPOSE,
	        "CA key for stored keys");
	struct signer_item i = {
	        .key = SLICE_LIT("ocsp-sm2"), .tbs = any, .application = any, .approval = any};
	MUST(signer_certificates(status.role, &i, &r, 1));
	assert_false(r.ok);
	assert_int_equal(r.why.err, ERR_KEY_PURPOSE);
}

/* ---- GM/T 0014, the full way ---- */
static void km_message(const struct sm2_key *user, size_t n, struct buf *ret, const char *who)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(spki, 256);
	AUTO_BUF(tbs, KM_REQUEST_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO(km_request, m, km_request_new(n));
	static uint8_t serials[KM_BATCH][16], approvals[KM_BATCH][32];
	uint8_t hash[32], sm3[32];
	test_read(who, &der);
	MUST(km_name_from_certificate(buf_slice(&der), hash, &m->ca));
	MUST(pubkey_put_sm2(&user->pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	m->time = clock_now();
	m->task = SLICE_LIT("\x21\x22");
	for (size_t i = 0; i < n; i++) {
		uint8_t room[SIGNER_SERIAL_INPUT], value[1][16];
		MUST(rand_bytes(approvals[i], 32));
		struct slice input = signer_serial_input(approvals[i], sm3, true, room);
		MUST(signer_prf(ca.role, &input, value, 1));
		signer_serial_take(value[0], serials[i]);
		m->items[i] = (struct km_request_item){.kind = KM_APPLY,
		                                       .serial = SLICE_ARR(serials[i]),
		                                       .user_key = buf_slice(&spki),
		                                       .not_before = m->time,
		                                       .not_after = m->time + TIME_DAY};
	}
	MUST(km_request_tbs(m, &tbs));
	struct rc rc = signer_km_request(ca.role, SLICE_LIT("ca-comm"), buf_slice(&tbs),
	                                 slice_of(approvals, 32 * n), &sig);
	if (!rc_ok(rc)) {
		assert_int_equal(rc_last()->err, ERR_SIGNER_CONTENT);
		return;
	}
	assert_true(openssl_verifies(test_path("shifan/ca/signer/keys/ca-comm.cer"), buf_slice(&tbs),
	                             buf_slice(&sig)));
	MUST(km_request_assemble(buf_slice(&tbs), buf_slice(&sig), ret));
}

static EVP_PKEY *openssl_private(const struct sm2_key *k)
{
	struct private_key p = {.curve = OID_SM2};
	AUTO_BUF(der, PKCS8_MAX);
	memcpy(p.d, k->d, 32);
	memcpy(p.xy, k->pub.xy, 64);
	MUST(pkcs8_build(&p, &der));
	const unsigned char *q = der.p;
	EVP_PKEY *r = d2i_AutoPrivateKey(NULL, &q, (long)der.len);
	assert_non_null(r);
	return r;
}

/* SM2 decrypt, SM4-ECB and d·G by OpenSSL alone. */
static void openssl_opens(EVP_PKEY *user, const struct km_respond_item *item)
{
	static struct cms_sealed sealed;
	uint8_t key[64], plain[64], point[65], zeros[32] = {0};
	size_t len = sizeof key;
	int n = 0;
	MUST(cms_sealed_parse(item->envelope, &sealed));
	assert_true(slice_equal(sealed.recipients[0].serial, item->serial));
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(user, NULL);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, key, &len, sealed.recipients[0].encrypted_key.p,
	                                  sealed.recipients[0].encrypted_key.len),
	                 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_DecryptInit_ex(c, EVP_sm4_ecb(), NULL, key, NULL), 1);
	EVP_CIPHER_CTX_set_padding(c, 0);
	assert_int_equal(EVP_DecryptUpdate(c, plain, &n, sealed.ciphertext.p, (int)sealed.ciphertext.len), 1);
	EVP_CIPHER_CTX_free(c);
	assert_int_equal(n, 64);
	assert_memory_equal(plain, zeros, 32);
	EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *q = EC_POINT_new(g);
	BIGNUM *d = BN_bin2bn(plain + 32, 32, NULL);
	assert_int_equal(EC_POINT_mul(g, q, d, NULL, NULL, NULL), 1);
	assert_int_equal(EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL), 65);
	assert_memory_equal(point + 1, item->pub.xy, 64);
	BN_free(d);
	EC_POINT_free(q);
	EC_GROUP_free(g);
	assert_true(openssl_verifies(test_path("keycentre/kmc/signer/keys/kmc.cer"), SLICE_ARR(plain),
	                             sealed.by.signers[0].signature));
}

enum { KM_N = 6 };
static struct key_stored stored[KM_N];
static struct sm2_key user;

static void encryption_keys_reach_the_subscriber_only(void **state)
{
	AUTO_BUF(request, KM_REQUEST_MAX);
	AUTO_BUF(respond, KM_RESPOND_MAX);
	AUTO(km_respond, m, NULL);
	struct signer_km_answer answers[KM_N] = {{{0}}};
	(void)state;
	MUST(sm2_key_new(&user));
	MUST(signer_km_generate(kmc.role, SLICE_LIT("kmc"), stored, KM_N));
	km_message(&user, KM_N, &request, test_path("shifan/ca/signer/keys/ca-comm.cer"));
	for (size_t i = 0; i < KM_N; i++)
		answers[i].blob = SLICE_ARR(stored[i].blob);
	answers[KM_N - 1] = (struct signer_km_answer){.error = KM_ERR_NO_KEY};
	MUST(signer_km_respond(kmc.role, SLICE_LIT("kmc"), buf_slice(&request), answers, KM_N, &respond));
	MUST(km_respond_parse(buf_slice(&respond), &m));
	assert_true(openssl_verifies(test_path("keycentre/kmc/signer/keys/kmc.cer"), m->tbs, m->signature));
	assert_int_equal(m->count, KM_N);
	EVP_PKEY *k = openssl_private(&user);
	for (size_t i = 0; i + 1 < KM_N; i++) {
		assert_int_equal(m->items[i].kind, KM_APPLY);
		assert_memory_equal(m->items[i].pub.xy, stored[i].pub.xy, 64);
		openssl_opens(k, &m->items[i]);
	}
	assert_int_equal(m->items[KM_N - 1].kind, KM_ERROR);
	EVP_PKEY_free(k);
}

static void the_kmc_answers_its_registered_ca_only(void **state)
{
	AUTO_BUF(request, KM_REQUEST_MAX);
	AUTO_BUF(forged, KM_REQUEST_MAX);
	AUTO_BUF(out, KM_RESPOND_MAX);
	AUTO(km_request, m, NULL);
	struct sm2_key stranger;
	struct signer_km_answer a = {.blob = SLICE_ARR(stored[0].blob)}, none = {{0}, 0};
	(void)state;
	km_message(&user, 1, &request, test_path("shifan/ca/signer/keys/ca-comm.cer"));
	MUST(km_request_parse(buf_slice(&request), &m));
	MUST(sm2_key_new(&stranger));
	MUST(km_request_sign(m, &stranger, &forged));
	refused(signer_km_respond(kmc.role, SLICE_LIT("kmc"), buf_slice(&forged), &a, 1, &out),
	        ERR_KM_SIGNATURE, "forged request");
	refused(signer_km_respond(kmc.role, SLICE_LIT("kmc"), buf_slice(&request), &none, 1, &out),
	        ERR_SIGNER_KMC, "no key for an apply");
	refused(signer_km_respond(kmc.role, SLICE_LIT("kmc"), buf_slice(&request), &a, 0, &out),
	        ERR_SIGNER_KMC, "too few answers");
	uint8_t damaged[KEY_STORED];
	memcpy(damaged, stored[0].blob, KEY_STORED);
	damaged[100] ^= 1;
	a.blob = SLICE_ARR(damaged);
	refused(signer_km_respond(kmc.role, SLICE_LIT("kmc"), buf_slice(&request), &a, 1, &out),
	        ERR_KEY_STORE_DAMAGED, "damaged key");
	/* A request in another's name does not even get the CA's signature. */
	buf_clear(&forged);
	km_message(&user, 1, &forged, test_path("keycentre/kmc/signer/keys/kmc.cer"));
	assert_int_equal(forged.len, 0);
}

/* ---- transport certificates ---- */
static void csr_of(enum oid curve, struct buf *ret)
{
	struct private_key k;
	AUTO_BUF(name, 512);
	AUTO_BUF(spki, 256);
	AUTO_BUF(tbs, 2048);
	AUTO_BUF(sig, 256);
	MUST(private_key_new(curve, &k));
	MUST(name_from_text(SLICE_LIT("CN=x"), &name));
	struct sm2_pub pub;
	memcpy(pub.xy, k.xy, 64);
	if (curve == OID_SM2)
		MUST(pubkey_put_sm2(&pub, &spki));
	else
		MUST(pubkey_put_p256(k.xy, &spki));
	struct csr_template t = {.subject = buf_slice(&name), .spki = buf_slice(&spki)};
	MUST(csr_tbs(&t, &tbs));
	AUTO_BUF(der, PKCS8_MAX);
	MUST(pkcs8_build(&k, &der));
	const unsigned char *p = der.p;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	if (curve == OID_SM2)
		EVP_PKEY_CTX_set1_id(ctx, "1234567812345678", 16);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	assert_int_equal(EVP_DigestSignInit(md, NULL, curve == OID_SM2 ? EVP_sm3() : EVP_sha256(), NULL, key),
	                 1);
	size_t len = 256;
	assert_int_equal(EVP_DigestSign(md, buf_room(&sig, 256), &len, tbs.p, tbs.len), 1);
	sig.len += len;
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	MUST(csr_assemble(buf_slice(&tbs), sigalg_of(curve == OID_SM2 ? PUBKEY_SM2 : PUBKEY_P256, false),
	                  buf_slice(&sig), ret));
}

static void transport_certificates_come_by_the_control_channel(void **state)
{
	AUTO_BUF(csr, 4096);
	AUTO_BUF(sm2, 4096);
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert c;
	struct slice name;
	(void)state;
	csr_of(OID_P256, &csr);
	MUST(signer_tls(ca.control, buf_slice(&csr), SLICE_LIT("shifan/status"), &der));
	MUST(cert_parse(buf_slice(&der), &c));
	assert_true(openssl_verifies(test_path("demo/ca/shifan-tls.der"), c.tbs, c.signature));
	MUST(cert_uri(&c, "yuandian://", &name));
	assert_true(slice_is(name, "shifan/status"));
	assert_true(c.not_after - c.not_before < 7 * TIME_DAY);
	assert_false(c.ca);
	refused(signer_tls(ca.role, buf_slice(&csr), SLICE_LIT("shifan/status"), &der), ERR_SIGNER_CHANNEL,
	        "by the role");
	refused(signer_tls(ca.control, buf_slice(&csr), SLICE_LIT("keycentre/kmc"), &der), ERR_SIGNER_CONTENT,
	        "another organisation");
	refused(signer_tls(ca.control, buf_slice(&csr), SLICE_LIT("shifan/../x"), &der), ERR_SIGNER_CONTENT,
	        "a path");
	refused(signer_tls(status.control, buf_slice(&csr), SLICE_LIT("shifan/status"), &der),
	        ERR_GENERIC_NOTFOUND, "a signer without the key");
	csr_of(OID_SM2, &sm2);
	refused(signer_tls(ca.control, buf_slice(&sm2), SLICE_LIT("shifan/ca"), &der), ERR_SIGNER_CONTENT,
	        "an SM2 key");
	csr.p[csr.len - 4] ^= 1;
	assert_false(rc_ok(signer_tls(ca.control, buf_slice(&csr), SLICE_LIT("shifan/ca"), &der)));
}

/* ---- statements of services ---- */
static void a_service_speaks_with_its_own_certificate_only(void **state)
{
	AUTO_BUF(own, CERT_DER_MAX);
	AUTO_BUF(other, CERT_DER_MAX);
	AUTO_BUF(json, STATEMENT_JSON_MAX);
	AUTO_BUF(out, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	AUTO_JSON(body, json_pack("{s:s,s:i,s:s,s:{s:i,s:i,s:i}}", "institution", "shifan", "version", 2,
	                          "effective", "2026-01-01T00:00:00Z", "parameters", "revocation_seconds", 1,
	                          "crl_period_seconds", 3600, "acceptance_days", 3));
	struct statement_head h = {.kind = STATEMENT_CPS,
	                           .organisation = "shifan",
	                           .issued = clock_now(),
	                           .role = "institution"};
	(void)state;
	test_read(test_path("shifan/ca/signer/keys/service.cer"), &own);
	test_read(test_path("shifan/ca/signer/keys/ca-comm.cer"), &other);
	h.certificate = buf_slice(&own);
	MUST(statement_build(&h, body, &json));
	MUST(signer_statement(ca.role, SLICE_LIT("service"), buf_slice(&json), &out));
	MUST(statement_open(buf_slice(&out), &s));
	assert_true(
	        openssl_verifies(test_path("shifan/ca/signer/keys/service.cer"), s->content, s->signature));
	json.p[json.len - 1] = ' ';
	assert_false(rc_ok(signer_statement(ca.role, SLICE_LIT("service"), buf_slice(&json), &out)));
	buf_clear(&json);
	h.certificate = buf_slice(&other);
	MUST(statement_build(&h, body, &json));
	refused(signer_statement(ca.role, SLICE_LIT("service"), buf_slice(&json), &out),
	        ERR_STATEMENT_CERTIFICATE, "another's certificate");
}

/* ---- lock, information, keyed function ---- */
static void a_locked_signer_only_tells_that_it_is(void **state)
{
	struct test_signer s;
	struct signer_info *i = calloc(1, sizeof *i);
	AUTO_BUF(sig, KEY_SIG_MAX);
	uint8_t prf[1][16], secret[KEY_SECRET_LEN] = {0};
	struct slice one = SLICE_LIT("1");
	struct signer_result r;
	(void)state;
	test_signer_start(&s, "shifan/ca", true);
	MUST(signer_info(s.role, i));
	assert_false(i->unlocked);
	assert_string_equal(i->device, "uncertified-test");
	assert_true(i->n >= 6);
	refused(signer_prf(s.role, &one, prf, 1), ERR_SIGNER_LOCKED, "prf");
	refused(signer_ocsp(s.role, one, &one, &r, 1), ERR_SIGNER_LOCKED, "ocsp");
	refused(signer_statement(s.role, one, one, &sig), ERR_SIGNER_LOCKED, "statement");
	refused(signer_unlock(s.role, SLICE_ARR(secret)), ERR_SIGNER_CHANNEL, "unlocking by the role");
	refused(signer_unlock(s.control, SLICE_ARR(secret)), ERR_KEY_SECRET, "a wrong secret");
	refused(signer_prf(s.role, &one, prf, 1), ERR_SIGNER_LOCKED, "prf after a wrong secret");
	MUST(test_unlock(&s, "shifan"));
	MUST(signer_info(s.role, i));
	assert_true(i->unlocked);
	MUST(signer_prf(s.role, &one, prf, 1));
	test_signer_stop(&s);
	free(i);
}

static void serial_numbers_are_the_same_after_a_restart(void **state)
{
	struct test_signer s;
	uint8_t a[2][16], b[2][16];
	struct slice data[2] = {SLICE_LIT("key sign"), SLICE_LIT("key encrypt")};
	(void)state;
	MUST(signer_prf(ca.role, data, a, 2));
	test_signer_start(&s, "shifan/ca", true);
	MUST(test_unlock(&s, "shifan"));
	MUST(signer_prf(s.role, data, b, 2));
	assert_memory_equal(a, b, sizeof a);
	assert_memory_not_equal(a[0], a[1], 16);
	test_signer_stop(&s);
}

/* ---- many callers ---- */
static atomic_int wrong;

static void *caller(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg;
	for (size_t i = 0; i < 60; i++) {
		uint8_t one[1][16], again[1][16];
		char text[32];
		struct slice data = slice_of(text, (size_t)snprintf(text, sizeof text, "%zu-%zu", n, i));
		AUTO_BUF(sig, KEY_SIG_MAX);
		if (!rc_ok(signer_prf(ca.role, &data, one, 1)) ||
		    !rc_ok(signer_prf(ca.role, &data, again, 1)) || memcmp(one, again, 16) != 0)
			atomic_fetch_add(&wrong, 1);
		/* A failure is the caller's own: text and code do not mix between threads. */
		if (rc_ok(signer_statement(ca.role, data, data, &sig)) ||
		    strstr(rc_last()->text, text) == NULL)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static void answers_find_their_callers(void **state)
{
	enum { N = 16 };
	pthread_t t[N];
	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(pthread_create(&t[i], NULL, caller, (void *)(uintptr_t)i), 0);
	for (size_t i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&wrong), 0);
}

static void callers_of_an_ended_signer_are_told(void **state)
{
	struct test_signer s;
	struct signer_client *late;
	uint8_t prf[1][16];
	struct slice one = SLICE_LIT("1");
	int pair[2];
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	MUST(signer_client_open(pair[0], &late));
	close(pair[1]);
	refused(signer_prf(late, &one, prf, 1), ERR_SIGNER_GONE, "no signer");
	refused(signer_prf(late, &one, prf, 1), ERR_SIGNER_GONE, "still none");
	signer_client_close(late);
	test_signer_start(&s, "shifan/ca", true);
	MUST(test_unlock(&s, "shifan"));
	signer_client_close(s.control);
	s.control = NULL;
	pthread_join(s.thread, NULL);
	refused(signer_prf(s.role, &one, prf, 1), ERR_SIGNER_GONE, "it ends without its supervisor");
	signer_client_close(s.role);
	close(s.options.role_fd);
	close(s.options.control_fd);
}

/* ---- bytes that are no messages ---- */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void send_frame(int fd, uint8_t type, const uint8_t *body, size_t len)
{
	uint8_t head[SIGNER_HEADER];
	signer_header_write((struct signer_header){(uint32_t)len, 1, type}, head);
	assert_int_equal(send(fd, head, sizeof head, MSG_NOSIGNAL), (ssize_t)sizeof head);
	assert_int_equal(send(fd, body, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The answer to one frame: its body starts with a SEQUENCE; false when the signer closed instead. */
static bool read_answer(int fd, struct buf *body)
{
	uint8_t head[SIGNER_HEADER];
	struct signer_header h;
	if (recv(fd, head, sizeof head, MSG_WAITALL) != (ssize_t)sizeof head)
		return false;
	MUST(signer_header_read(head, &h));
	buf_clear(body);
	uint8_t *room = buf_room(body, h.length);
	assert_int_equal(recv(fd, room, h.length, MSG_WAITALL), (ssize_t)h.length);
	body->len = h.length;
	return true;
}

static struct rc result_of(const struct buf *body)
{
	struct der_reader r = der_read(buf_slice(body));
	der_enter(&r, DER_SEQUENCE);
	return signer_get_result(&r);
}

static void random_bodies_are_refused_one_by_one(void **state)
{
	struct test_signer s;
	AUTO_BUF(answer, SIGNER_FRAME_MAX);
	uint8_t body[300];
	uint32_t seed = 1;
	(void)state;
	test_signer_start(&s, "shifan/ca", false);
	MUST(test_unlock(&s, "shifan"));
	for (unsigned i = 0; i < 4000; i++) {
		size_t len = next_random(&seed) % sizeof body;
		uint8_t type = (uint8_t)(next_random(&seed) % 16);
		for (size_t k = 0; k < len; k++)
			body[k] = (uint8_t)next_random(&seed);
		if (len > 2 && i % 2 == 0) {
			body[0] = 0x30;
			body[1] = (uint8_t)(len - 2 < 128 ? len - 2 : 127);
		}
		send_frame(s.raw, type, body, len);
		assert_true(read_answer(s.raw, &answer));
		assert_false(rc_ok(result_of(&answer)) && type != SIGNER_INFO);
	}
	/* It still works. */
	uint8_t good[] = {0x30, 0x03, 0x04, 0x01, 0x31};
	send_frame(s.raw, SIGNER_PRF, good, sizeof good);
	assert_true(read_answer(s.raw, &answer));
	assert_true(rc_ok(result_of(&answer)));
	test_signer_stop(&s);
}

static void an_oversized_frame_ends_the_channel(void **state)
{
	struct test_signer s;
	AUTO_BUF(answer, SIGNER_FRAME_MAX);
	uint8_t head[SIGNER_HEADER];
	(void)state;
	test_signer_start(&s, "shifan/ca", false);
	signer_header_write((struct signer_header){SIGNER_FRAME_MAX + 1, 1, SIGNER_INFO}, head);
	assert_int_equal(send(s.raw, head, sizeof head, MSG_NOSIGNAL), (ssize_t)sizeof head);
	assert_false(read_answer(s.raw, &answer));
	test_signer_stop(&s);
}

static void a_cut_frame_ends_the_channel(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < SIGNER_HEADER + 3; cut += 3) {
		struct test_signer s;
		uint8_t bytes[SIGNER_HEADER + 3] = {0};
		test_signer_start(&s, "shifan/ca", false);
		signer_header_write((struct signer_header){3, 1, SIGNER_INFO}, bytes);
		assert_int_equal(send(s.raw, bytes, cut, MSG_NOSIGNAL), (ssize_t)cut);
		close(s.raw);
		s.raw = -1;
		test_signer_stop(&s);
	}
}

static void send_with_fds(int fd, uint8_t type, const int *fds, size_t n)
{
	uint8_t bytes[SIGNER_HEADER + 7] = {0}, body[] = {0x30, 0x05, 0x04, 0x01, 0x78, 0x04, 0x00};
	union {
		struct cmsghdr align;
		uint8_t room[CMSG_SPACE(8 * sizeof(int))];
	} control = {.room = {0}};
	signer_header_write((struct signer_header){sizeof body, 1, type}, bytes);
	memcpy(bytes + SIGNER_HEADER, body, sizeof body);
	struct iovec io = {bytes, sizeof bytes};
	struct msghdr m = {.msg_iov = &io,
	                   .msg_iovlen = 1,
	                   .msg_control = control.room,
	                   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)sizeof bytes);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void unwanted_descriptors_are_refused_and_closed(void **state)
{
	struct test_signer s;
	AUTO_BUF(answer, SIGNER_FRAME_MAX);
	int fds[3] = {0, 0, 0};
	(void)state;
	for (size_t i = 0; i < 3; i++)
		fds[i] = memfd_create("x", MFD_CLOEXEC);
	test_signer_start(&s, "shifan/ca", false);
	MUST(test_unlock(&s, "shifan"));
	unsigned before = open_descriptors();
	send_with_fds(s.raw, SIGNER_PRF, fds, 1);
	assert_true(read_answer(s.raw, &answer));
	assert_int_equal(result_of(&answer).code, RC_DENIED);
	assert_int_equal(open_descriptors(), before);
	send_with_fds(s.raw, SIGNER_CRL, fds, 3);
	assert_false(read_answer(s.raw, &answer));
	test_signer_stop(&s);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
}

static int setup(void **state)
{
	(void)state;
	if (test_begin() != 0)
		return -1;
	test_signer_start(&ca, "shifan/ca", true);
	test_signer_start(&kmc, "keycentre/kmc", true);
	test_signer_start(&status, "shifan/status", true);
	MUST(test_unlock(&ca, "shifan"));
	MUST(test_unlock(&kmc, "keycentre"));
	MUST(test_unlock(&status, "shifan"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_signer_stop(&ca);
	test_signer_stop(&kmc);
	test_signer_stop(&status);
	return test_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lists_of_the_own_authority_are_signed),
	        cmocka_unit_test(lists_that_lie_are_refused),
	        cmocka_unit_test(a_list_needs_an_authority_key_and_a_file),
	        cmocka_unit_test(answers_about_the_own_authority_are_signed),
	        cmocka_unit_test(answers_that_lie_are_refused),
	        cmocka_unit_test(keys_do_not_leave_their_purpose),
	        cmocka_unit_test(encryption_keys_reach_the_subscriber_only),
	        cmocka_unit_test(the_kmc_answers_its_registered_ca_only),
	        cmocka_unit_test(transport_certificates_come_by_the_control_channel),
	        cmocka_unit_test(a_service_speaks_with_its_own_certificate_only),
	        cmocka_unit_test(a_locked_signer_only_tells_that_it_is),
	        cmocka_unit_test(serial_numbers_are_the_same_after_a_restart),
	        cmocka_unit_test(answers_find_their_callers),
	        cmocka_unit_test(callers_of_an_ended_signer_are_told),
	        cmocka_unit_test(random_bodies_are_refused_one_by_one),
	        cmocka_unit_test(an_oversized_frame_ends_the_channel),
	        cmocka_unit_test(a_cut_frame_ends_the_channel),
	        cmocka_unit_test(unwanted_descriptors_are_refused_and_closed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
