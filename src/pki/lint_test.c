/* Each lint rule is broken once, alone, and named. */
#include "pki/lint.h"

#include "base/mem.h"
#include "pki/name.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

struct made {
	struct buf name, ca, spki, gov, public;
	uint8_t ski[PUBKEY_SKI];
	struct general_name dns;
	struct cert_template t;
	struct slice classes[2];
	struct lint_rules rules;
};

static void make(struct made *m)
{
	struct sm2_key k = judge_scalar(1);
	struct pubkey p;

	*m = (struct made){.name = BUF(512),
	                   .ca = BUF(512),
	                   .spki = BUF(256),
	                   .gov = BUF(32),
	                   .public = BUF(32),
	                   .dns = {GENERAL_DNS, SLICE_LIT("a.cn")}};
	assert_ok(name_from_text(SLICE_LIT("CN=张三,C=CN"), &m->name));
	assert_ok(name_from_text(SLICE_LIT("CN=CA,C=CN"), &m->ca));
	assert_ok(pubkey_put_sm2(&k.pub, &m->spki));
	assert_ok(pubkey_parse(buf_slice(&m->spki), &p));
	assert_ok(pubkey_ski(&p, m->ski));
	assert_ok(oid_from_dotted(SLICE_LIT("1.3.6.1.4.1.32473.1.1"), &m->gov));
	assert_ok(oid_from_dotted(SLICE_LIT("1.3.6.1.4.1.32473.1.2"), &m->public));
	m->classes[0] = buf_slice(&m->gov);
	m->classes[1] = buf_slice(&m->public);
	m->rules = (struct lint_rules){LINT_SIGN, m->classes, 2};
	m->t = (struct cert_template){
	        .serial = SLICE_LIT("0123456789abcdef"),
	        .alg = sigalg_of(PUBKEY_SM2, false),
	        .issuer = buf_slice(&m->ca),
	        .subject = buf_slice(&m->name),
	        .not_before = JUDGE_NOW,
	        .not_after = JUDGE_NOW + 1000,
	        .spki = buf_slice(&m->spki),
	        .ski = SLICE_ARR(m->ski),
	        .aki = SLICE_LIT("abcdefghijabcdefghij"),
	        .path_length = -1,
	        .usage = USAGE_SIGN | USAGE_NON_REPUDIATION,
	        .purposes = {1, {OID_KP_SERVER}},
	        .policies = {1, {m->classes[0]}},
	        .names = &m->dns,
	        .name_count = 1,
	};
}

static void drop(struct made *m)
{
	buf_free(&m->name);
	buf_free(&m->ca);
	buf_free(&m->spki);
	buf_free(&m->gov);
	buf_free(&m->public);
}

/* want NULL: nothing is found. */
static void found(const struct made *m, const char *want)
{
	AUTO_BUF(tbs, CERT_DER_MAX);
	struct cert c;
	struct lint l;

	assert_ok(cert_tbs(&m->t, &tbs));
	assert_ok(cert_parse_tbs(buf_slice(&tbs), &c));
	lint_cert(&c, &m->rules, &l);
	if (want == NULL) {
		if (l.count != 0)
			fail_msg("found %s", l.at[0].id);
		assert_ok(lint_tbs(buf_slice(&tbs), &m->rules));
		return;
	}
	if (l.count != 1 || strcmp(l.at[0].id, want) != 0)
		fail_msg("%zu findings, %s first; wanted %s", l.count, l.count > 0 ? l.at[0].id : "none",
		         want);
	assert_refused(lint_tbs(buf_slice(&tbs), &m->rules), LINT);
}

static void test_end_entity(void **state)
{
	struct made m;
	struct cert_template t;

	(void)state;
	make(&m);
	t = m.t;
	found(&m, NULL);
#define BREAK(id, ...)                                                                                       \
	do {                                                                                                 \
		m.t = t;                                                                                     \
		__VA_ARGS__;                                                                                 \
		found(&m, id);                                                                               \
	} while (0)
	BREAK("serial", m.t.serial = SLICE_LIT("0123456"));
	BREAK("validity", m.t.not_after = m.t.not_before - 1);
	BREAK("subject-strings",
	      m.t.subject = SLICE_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01"
	                              "A"));
	BREAK("issuer-strings", m.t.issuer = SLICE_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01"
	                                               "A"));
	BREAK("key-usage", m.t.usage = USAGE_SIGN | USAGE_KEY_ENCIPHER);
	BREAK("key-usage", m.t.usage = USAGE_CERT_SIGN);
	BREAK("key-usage", m.t.usage = USAGE_NON_REPUDIATION);
	BREAK("basic-constraints", m.t.basic = true);
	BREAK("ski", m.t.ski = SLICE_LIT("abcdefghijabcdefghij"));
	BREAK("ski", m.t.ski = SLICE_NONE);
	BREAK("aki", m.t.aki = SLICE_NONE);
	BREAK("eku", m.t.purposes.count = 0);
	BREAK("server-name", m.t.name_count = 0);
	BREAK("nocheck", m.t.nocheck = true);
	BREAK("class", m.t.policies.count = 0);
	BREAK("class", m.t.policies = ((struct ext_policies){2, {m.classes[0], m.classes[1]}}));
	BREAK("subject",
	      (m.t.subject = SLICE_LIT("\x30\0"), m.t.name_count = 0, m.t.purposes.at[0] = OID_KP_CLIENT));
	BREAK(NULL, (m.t.subject = SLICE_LIT("\x30\0"))); /* a critical subjectAltName stands for it */
	drop(&m);
}

static void test_usage_missing(void **state)
{
	struct made m;
	AUTO_BUF(tbs, CERT_DER_MAX);
	struct cert c;
	struct lint l;

	(void)state;
	make(&m);
	m.t.usage = 0;
	assert_ok(cert_tbs(&m.t, &tbs));
	assert_ok(cert_parse_tbs(buf_slice(&tbs), &c));
	lint_cert(&c, &m.rules, &l);
	assert_int_equal(l.count, 2);
	assert_string_equal(l.at[0].id, "key-usage-critical");
	drop(&m);
}

/* What Tongsuo and GmSSL ask of the encryption part (standards.md 7). */
static void test_encryption_usage(void **state)
{
	struct made m;
	struct cert_template t;

	(void)state;
	make(&m);
	m.rules.use = LINT_ENCRYPT;
	m.t.usage = USAGE_KEY_ENCIPHER | USAGE_DATA_ENCIPHER | USAGE_KEY_AGREEMENT;
	t = m.t;
	found(&m, NULL);
	BREAK("key-usage", m.t.usage = USAGE_KEY_AGREEMENT);
	BREAK("key-usage", m.t.usage |= USAGE_SIGN);
	m.rules.use = LINT_SINGLE;
	BREAK(NULL, m.t.usage = USAGE_SIGN | USAGE_KEY_ENCIPHER);
	drop(&m);
}

static void test_authority(void **state)
{
	struct made m;
	struct cert_template t;

	(void)state;
	make(&m);
	m.rules = (struct lint_rules){LINT_CA, NULL, 0};
	m.t.basic = m.t.ca = true;
	m.t.usage = USAGE_CERT_SIGN | USAGE_CRL_SIGN;
	m.t.purposes.count = m.t.policies.count = m.t.name_count = 0;
	t = m.t;
	found(&m, NULL);
	BREAK("basic-constraints", m.t.basic = false);
	BREAK("basic-constraints", m.t.ca = false);
	BREAK("key-usage", m.t.usage = USAGE_CRL_SIGN);
	BREAK("subject", m.t.subject = SLICE_LIT("\x30\0"));
	BREAK(NULL, (m.t.issuer = m.t.subject, m.t.aki = SLICE_NONE));
	drop(&m);
}

static void load(const char *name, struct buf *der, struct cert *c)
{
	char path[400];

	(void)snprintf(path, sizeof(path), TEST_DATA "/cert/good/%s.der", name);
	assert_ok(file_read(path, CERT_DER_MAX, der));
	assert_ok(cert_parse(buf_slice(der), c));
}

static bool finds(const char *file, const char *id)
{
	AUTO_BUF(der, CERT_DER_MAX);
	struct lint_rules any = {LINT_ANY, NULL, 0};
	struct cert c;
	struct lint l;

	load(file, &der, &c);
	lint_cert(&c, &any, &l);
	for (size_t i = 0; i < l.count; i++) {
		if (strcmp(l.at[i].id, id) == 0)
			return true;
	}
	return false;
}

static void test_strangers(void **state)
{
	(void)state;
	assert_true(finds("v1", "version"));
	assert_true(finds("old-strings", "subject-strings"));
	assert_true(finds("unknown-critical", "critical"));
	assert_true(finds("sha384", "algorithm"));
	assert_true(finds("sm2-leaf", "basic-constraints"));
	assert_false(finds("sm2-root", "basic-constraints"));
}

static void test_pair_R06_9(void **state)
{
	AUTO_BUF(a, CERT_DER_MAX);
	AUTO_BUF(b, CERT_DER_MAX);
	struct cert sign, encrypt;
	struct lint l;

	(void)state;
	load("sm2-leaf", &a, &sign);
	load("p256-leaf", &b, &encrypt);
	lint_pair(&sign, &sign, &l);
	assert_int_equal(l.count, 3);
	assert_string_equal(l.at[0].id, "pair-serial");
	assert_string_equal(l.at[1].id, "pair-usage");
	assert_string_equal(l.at[2].id, "pair-key");
	encrypt.usage = USAGE_KEY_ENCIPHER;
	encrypt.serial = SLICE_LIT("other");
	lint_pair(&sign, &encrypt, &l);
	assert_int_equal(l.count, 1);
	assert_string_equal(l.at[0].id, "pair-subject");
	encrypt.subject = sign.subject;
	lint_pair(&sign, &encrypt, &l);
	assert_int_equal(l.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_end_entity),       cmocka_unit_test(test_usage_missing),
	        cmocka_unit_test(test_encryption_usage), cmocka_unit_test(test_authority),
	        cmocka_unit_test(test_strangers),        cmocka_unit_test(test_pair_R06_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
