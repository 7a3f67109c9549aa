/* A ceremony in a scratch folder, judged by OpenSSL: every certificate link by link (requirements g.6), every
 * key file unreadable without its secret, credentials that open under their pin.  R06.12, R06.15, R02.5. */
#include "ceremony/ceremony.h"
#include "ceremony/plan.h"
#include "ceremony/platform.h"
#include "ceremony/secrets.h"

#include "base/text.h"
#include "db/db.h"
#include "evidence/log.h"
#include "statement/statement.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64], dir[96];

static const char *at(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *at(const char *fmt, ...)
{
	static char path[4][512];
	static unsigned turn;
	char *p = path[turn++ % 4];
	va_list ap;
	int n = snprintf(p, 512, "%s/", dir);
	va_start(ap, fmt);
	vsnprintf(p + n, 512 - (size_t)n, fmt, ap);
	va_end(ap);
	return p;
}

static bool there(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* ---- OpenSSL ---- */
static X509 *read_certificate(const char *path)
{
	BIO *b = BIO_new_file(path, "rb");
	X509 *x = NULL;
	if (b == NULL)
		fail_msg("no file %s", path);
	if (strstr(path, ".pem") != NULL)
		x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	else
		x = d2i_X509_bio(b, NULL);
	BIO_free(b);
	if (x == NULL)
		fail_msg("OpenSSL does not read %s", path);
	return x;
}

static bool is_sm2(EVP_PKEY *k)
{
	char name[32] = "";
	size_t len;
	EVP_PKEY_get_utf8_string_param(k, "group", name, sizeof name, &len);
	return strcmp(name, "SM2") == 0;
}

/* Over the raw TBS, with the standard id for SM2: X509_verify would take the empty one. */
static bool signed_by(X509 *x, EVP_PKEY *issuer)
{
	unsigned char *tbs = NULL;
	const ASN1_BIT_STRING *sig;
	const X509_ALGOR *alg;
	int len = i2d_re_X509_tbs(x, &tbs);
	X509_get0_signature(&sig, &alg, x);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(issuer, NULL);
	bool sm2 = is_sm2(issuer);
	if (sm2)
		assert_int_equal(EVP_PKEY_CTX_set1_id(ctx, "1234567812345678", 16), 1);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, sm2 ? EVP_sm3() : EVP_sha256(), NULL, issuer), 1);
	int rc = EVP_DigestVerify(md, sig->data, (size_t)sig->length, tbs, (size_t)len);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(tbs);
	return rc == 1;
}

static void check_link(const char *cert, const char *issuer)
{
	X509 *x = read_certificate(cert), *ca = read_certificate(issuer);
	if (!signed_by(x, X509_get0_pubkey(ca)))
		fail_msg("%s is not signed by %s", cert, issuer);
	if (X509_check_issued(ca, x) != X509_V_OK)
		fail_msg("%s does not name %s as issuer", cert, issuer);
	assert_true(X509_get_extension_flags(ca) & EXFLAG_CA);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(x)) > 0);
	assert_true(ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(ca)) <= 0);
	X509_free(x);
	X509_free(ca);
}

/* ---- one ceremony for all tests ---- */
static void every_certificate_verifies_link_by_link(void **state)
{
	AUTO(plan, p, NULL);
	(void)state;
	assert_true(rc_ok(plan_demo(&p)));
	for (size_t i = 0; i < p->authorities; i++) {
		const struct plan_authority *a = &p->authority[i];
		const struct plan_authority *issuer = a->issuer != NULL ? a->issuer : a;
		check_link(at("demo/ca/%s.der", a->id), at("demo/ca/%s.pem", issuer->id));
	}
	for (size_t i = 0; i < p->officers; i++) {
		const struct plan_officer *o = &p->officer[i];
		check_link(at("demo/%s/tls.pem", o->name), at("demo/ca/%s-tls.der", o->org->id));
		if (o->role != NULL)
			check_link(at("demo/%s/sign.pem", o->name),
			           at("demo/ca/%s-operator.der", o->org->id));
		else
			check_link(at("demo/%s/sign.pem", o->name), at("demo/ca/sm2.der"));
	}
	check_link(at("shifan/status/trust/responders/ocsp-sm2.cer"), at("demo/ca/sm2.der"));
	check_link(at("shifan/status/signer/keys/ocsp-ecdsa.cer"), at("demo/ca/ecdsa.der"));
	check_link(at("shifan/ca/signer/keys/ca-comm.cer"), at("demo/ca/shifan-operator.der"));
	check_link(at("keycentre/kmc/signer/keys/kmc.cer"), at("demo/ca/keycentre-operator.der"));
	for (size_t i = 0; i < p->instances; i++)
		if (p->instance[i].runs)
			check_link(at("%s/tls/cert.pem", p->instance[i].name),
			           at("demo/ca/%s-tls.der", p->instance[i].org->id));
}

static void a_wrong_issuer_does_not_verify(void **state)
{
	X509 *x = read_certificate(at("demo/ca/sm2.der")),
	     *ca = read_certificate(at("demo/ca/shifan-operator.der"));
	(void)state;
	assert_false(signed_by(x, X509_get0_pubkey(ca)));
	X509_free(x);
	X509_free(ca);
}

static void keys_at_rest_are_wrapped(void **state)
{
	(void)state;
	const char *files[] = {"national/source/signer/keys/root.key", "shifan/ca/signer/keys/sm2.key",
	                       "shifan/ca/signer/keys/ecdsa.key", "keycentre/kmc/signer/keys/kmc.key"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		BIO *b = BIO_new_file(at("%s", files[i]), "rb");
		assert_non_null(b);
		assert_null(d2i_PrivateKey_bio(b, NULL));
		BIO_free(b);
		assert_int_equal(mode_of(at("%s", files[i])), 0600);
	}
	assert_int_equal(mode_of(at("shifan/ca/signer")), 0700);
	assert_int_equal(mode_of(at("shifan/ca")) & 06, 0);
	/* The one-off key was never written. */
	assert_false(there(at("shifan/ca/signer/keys/ceremony.key")));
}

static void each_key_opens_with_its_own_secret_only(void **state)
{
	AUTO(secrets, s, NULL);
	AUTO(key_device, d, NULL);
	AUTO(key_session, k, NULL);
	struct key_info info;
	uint32_t index;
	(void)state;
	assert_true(rc_ok(secrets_read(at("demo/unlock"), &s)));
	assert_true(rc_ok(key_device_open("soft", at("shifan/ca/signer/keys"), &d)));
	assert_string_equal(key_device_name(d), "uncertified-test");
	assert_true(rc_ok(key_session_open(d, &k)));
	assert_int_equal(key_access(k, secrets_find(s, "national")).code, RC_DENIED);
	assert_int_equal(rc_last()->err, ERR_KEY_SECRET);
	assert_false(key_accessible(k));
	assert_true(rc_ok(key_access(k, secrets_find(s, "shifan"))));
	assert_true(rc_ok(key_find(k, SLICE_LIT("sm2"), &index)));
	assert_true(rc_ok(key_info(k, index, &info)));
	assert_int_equal(info.purpose, KEY_CA);
	assert_true(info.test);
}

/* ---- credentials ---- */
static char *read_pin(const char *name)
{
	static char pin[16];
	FILE *f = fopen(at("demo/%s/pin", name), "r");
	assert_non_null(f);
	assert_non_null(fgets(pin, sizeof pin, f));
	fclose(f);
	pin[strcspn(pin, "\n")] = 0;
	return pin;
}

static EVP_PKEY *read_key(const char *path, char *pin)
{
	BIO *b = BIO_new_file(path, "r");
	assert_non_null(b);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, NULL, pin);
	BIO_free(b);
	return k;
}

static void check_credential(const char *name, const char *kind, bool sm2)
{
	char wrong[] = "wrong";
	char *pin = read_pin(name);
	EVP_PKEY *k = read_key(at("demo/%s/%s.key", name, kind), pin), *k12 = NULL;
	X509 *x = read_certificate(at("demo/%s/%s.pem", name, kind)), *x12 = NULL;
	if (k == NULL)
		fail_msg("%s/%s.key does not open", name, kind);
	assert_int_equal(is_sm2(k), sm2);
	assert_int_equal(EVP_PKEY_eq(k, X509_get0_pubkey(x)), 1);
	assert_null(read_key(at("demo/%s/%s.key", name, kind), wrong));
	BIO *b = BIO_new_file(at("demo/%s/%s.p12", name, kind), "rb");
	PKCS12 *p = d2i_PKCS12_bio(b, NULL);
	assert_non_null(p);
	assert_int_equal(PKCS12_parse(p, pin, &k12, &x12, NULL), 1);
	assert_int_equal(X509_cmp(x, x12), 0);
	assert_int_equal(EVP_PKEY_eq(k, k12), 1);
	PKCS12_free(p);
	BIO_free(b);
	X509_free(x);
	X509_free(x12);
	EVP_PKEY_free(k);
	EVP_PKEY_free(k12);
	for (const char *suffix = "pem\0key\0p12\0"; *suffix != 0; suffix += 4)
		assert_int_equal(mode_of(at("demo/%s/%s.%s", name, kind, suffix)), 0600);
}

static void credentials_open_under_their_pin(void **state)
{
	const char *names[] = {"entry", "recovery-2", "regulator", "province", "subscriber"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		check_credential(names[i], "tls", false);
		check_credential(names[i], "sign", true);
	}
	assert_int_equal(mode_of(at("demo/entry/pin")), 0600);
	assert_int_equal(mode_of(at("demo/unlock")), 0600);
}

static void both_certificates_name_the_same_person(void **state)
{
	(void)state;
	char uri[2][128] = {{0}};
	const char *kinds[] = {"tls", "sign"};
	for (size_t i = 0; i < 2; i++) {
		X509 *x = read_certificate(at("demo/review/%s.pem", kinds[i]));
		GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
		assert_non_null(names);
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, 0);
		assert_int_equal(g->type, GEN_URI);
		snprintf(uri[i], sizeof uri[i], "%.*s", ASN1_STRING_length(g->d.ia5),
		         (const char *)ASN1_STRING_get0_data(g->d.ia5));
		GENERAL_NAMES_free(names);
		X509_free(x);
	}
	assert_memory_equal(uri[0], "urn:uuid:", 9);
	assert_string_equal(uri[0], uri[1]);
}

/* ---- trust, configuration, logs ---- */
static void trust_folders_hold_what_roles_need(void **state)
{
	const char *files[] = {
	        "shifan/ca/trust/operator.cer",
	        "shifan/ca/trust/operator-tls.cer",
	        "shifan/ca/trust/ceremony.cer",
	        "shifan/ca/trust/authority.cer",
	        "shifan/ca/trust/kmc.cer",
	        "shifan/ca/trust/peers/keycentre-tls.cer",
	        "shifan/ca/trust/authorisation.p7s",
	        "shifan/ca/trust/cps.p7s",
	        "shifan/ca/trust/ra-approval.p7s",
	        "shifan/ca/trust/profiles/person.json",
	        "shifan/ca/trust/grants/entry.p7s",
	        "shifan/ca/trust/authorities/root.cer",
	        "shifan/ca/trust/authorities.json",
	        "shifan/ra/trust/grants/review.p7s",
	        "keycentre/kmc/trust/ca-comm.cer",
	        "keycentre/kmc/trust/peers/shifan-tls.cer",
	        "keycentre/kmc/trust/grants/recovery-1.p7s",
	        "national/source/trust/grants/source-2.p7s",
	        "province/register/trust/grants/province.p7s",
	        "shifan/status/config.yaml",
	        "shifan/ca/data.db",
	        "platform.json",
	        "ceremony.json",
	};
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (!there(at("%s", files[i])))
			fail_msg("missing: %s", files[i]);
	assert_false(there(at("keycentre/kmc/trust/authorisation.p7s")));
	assert_false(there(at("shifan/ra/trust/kmc.cer")));
	assert_true(there(at("shifan/ca/trust/ca-comm.cer")));
}

static void first_decisions_verify(void **state)
{
	AUTO(statement_trust, t, NULL);
	AUTO(statement, s, NULL);
	AUTO_BUF(der, STATEMENT_MAX);
	(void)state;
	assert_true(rc_ok(statement_trust_load(at("shifan/ca/trust"), "shifan", &t)));
	assert_true(rc_ok(file_read(at("shifan/ca/trust/authorisation.p7s"), STATEMENT_MAX, &der)));
	assert_true(rc_ok(statement_open(buf_slice(&der), &s)));
	assert_true(rc_ok(statement_verify(s, t, time(NULL))));
	assert_string_equal(json_string_value(json_object_get(s->body, "institution")), "shifan");
}

/* design.md 9.10: all logged as the first entries of the instance that owns it. */
static bool logged(const json_t *entries, const char *kind, const char *key, const char *value)
{
	const json_t *it;
	size_t i;
	json_array_foreach(entries, i, it)
	{
		const json_t *e = json_object_get(it, "entry"), *data = json_object_get(e, "data");
		const char *k = json_string_value(json_object_get(e, "kind"));
		const char *v = key != NULL ? json_string_value(json_object_get(data, key)) : NULL;
		if (k != NULL && strcmp(k, kind) == 0 &&
		    (key == NULL || (v != NULL && strcmp(v, value) == 0)))
			return true;
	}
	return false;
}

static json_t *log_of(const char *instance)
{
	struct db *db;
	json_t *entries;
	assert_true(rc_ok(db_open(at("%s/data.db", instance), true, &db)));
	assert_true(rc_ok(log_read(db, 0, 200, &entries)));
	db_close(db);
	return entries;
}

static void the_first_log_entries_tell_of_it(void **state)
{
	(void)state;
	AUTO_JSON(ca, log_of("shifan/ca"));
	AUTO_JSON(source, log_of("national/source"));
	AUTO_JSON(kmc, log_of("keycentre/kmc"));
	const json_t *first = json_object_get(json_array_get(ca, 0), "entry");
	assert_string_equal(json_string_value(json_object_get(first, "kind")), "ceremony-begun");
	assert_true(logged(ca, "ceremony-key", "name", "sm2"));
	assert_true(logged(ca, "ceremony-key", "device", "uncertified-test"));
	assert_true(logged(ca, "ceremony-certificate", "profile", "ocsp"));
	assert_true(logged(ca, "ceremony-statement", "role", "review"));
	assert_true(logged(ca, "ceremony-statement", "kind", "cps"));
	assert_true(logged(ca, "ceremony-key-destroyed", "name", "ceremony"));
	assert_true(logged(ca, "ceremony-done", NULL, NULL));
	assert_true(logged(source, "ceremony-key", "name", "root"));
	assert_true(logged(source, "ceremony-statement", "kind", "authorisation"));
	assert_true(logged(kmc, "ceremony-key", "name", "kmc"));
	assert_false(logged(kmc, "ceremony-key", "name", "sm2"));
}

static void ports_are_in_step(void **state)
{
	struct plat p;
	char base[16];
	(void)state;
	assert_true(rc_ok(plat_load(dir, &p)));
	assert_int_equal(p.base, 23450);
	assert_int_equal(plat_find(&p, "shifan/status")->public, 23450 + 3 * 4 + 1);
	X509 *x = read_certificate(at("demo/subscriber/sign.pem"));
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(x);
	assert_string_equal(sk_OPENSSL_STRING_value(urls, 0), "http://127.0.0.1:23463/ocsp");
	X509_email_free(urls);
	X509_free(x);
	assert_true(rc_ok(plat_rebase(&p, 30000)));
	AUTO_BUF(text, 8192);
	assert_true(rc_ok(file_read(at("shifan/ca/config.yaml"), 8192, &text)));
	snprintf(base, sizeof base, "%u", 30000 + 3 * 1);
	assert_non_null(strstr(buf_cstr(&text), base));
	assert_null(strstr(buf_cstr(&text), "2345"));
	assert_true(rc_ok(plat_rebase(&p, 23450)));
}

static void a_folder_in_use_is_refused(void **state)
{
	struct ceremony_options o = {.data = dir, .base_port = -1};
	enum ceremony_state s;
	(void)state;
	assert_true(rc_ok(ceremony_look(dir, &s)));
	assert_int_equal(s, CEREMONY_DONE);
	assert_int_equal(ceremony_run(&o, &s).code, RC_CONFLICT);
	assert_int_equal(rc_last()->err, ERR_CEREMONY_STATE);
}

static void a_broken_off_ceremony_is_told_from_a_finished_one(void **state)
{
	char other[128];
	enum ceremony_state s;
	(void)state;
	snprintf(other, sizeof other, "%s/broken", root);
	struct ceremony_options o = {.data = other, .base_port = -1};
	assert_int_equal(mkdir(other, 0755), 0);
	assert_true(rc_ok(ceremony_look(other, &s)));
	assert_int_equal(s, CEREMONY_NONE);
	char file[160];
	snprintf(file, sizeof file, "%s/ceremony.json", other);
	assert_true(rc_ok(file_write(
	        file, SLICE_LIT("{\"schema\":\"yuandian/ceremony/v1\",\"state\":\"running\"}"), 0644)));
	assert_true(rc_ok(ceremony_look(other, &s)));
	assert_int_equal(s, CEREMONY_BROKEN);
	assert_int_equal(ceremony_run(&o, &s).code, RC_CONFLICT);
}

static int setup(void **state)
{
	enum ceremony_state s;
	(void)state;
	snprintf(root, sizeof root, "/tmp/yd-ceremony-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	snprintf(dir, sizeof dir, "%s/data", root);
	struct ceremony_options o = {.data = dir, .base_port = 23450};
	struct rc rc = ceremony_run(&o, &s);
	if (!rc_ok(rc)) {
		fprintf(stderr, "ceremony: %s\n", rc_last()->text);
		return -1;
	}
	return s == CEREMONY_DONE ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_certificate_verifies_link_by_link),
	        cmocka_unit_test(a_wrong_issuer_does_not_verify),
	        cmocka_unit_test(keys_at_rest_are_wrapped),
	        cmocka_unit_test(each_key_opens_with_its_own_secret_only),
	        cmocka_unit_test(credentials_open_under_their_pin),
	        cmocka_unit_test(both_certificates_name_the_same_person),
	        cmocka_unit_test(trust_folders_hold_what_roles_need),
	        cmocka_unit_test(first_decisions_verify),
	        cmocka_unit_test(the_first_log_entries_tell_of_it),
	        cmocka_unit_test(ports_are_in_step),
	        cmocka_unit_test(a_folder_in_use_is_refused),
	        cmocka_unit_test(a_broken_off_ceremony_is_told_from_a_finished_one),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
