/* R02.1, R02.5, R06.9, R06.15, H03.1: what each profile issues is a text in tests/data/profile/snapshot; a
 * change shows as a difference.  YD_WRITE_SNAPSHOTS=1 writes the texts anew (make snapshots).  libcrypto
 * reads every certificate and agrees on its purpose. */
#include "base/mem.h"
#include "pki/lint.h"
#include "pki/profile_parts.h"
#include "pki/profile_trial.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

#define SHOT_MAX (1 << 17)

struct shot {
	struct profile *p;
	struct profile_trial t;
	struct buf *text;
};

/* ---- libcrypto's opinion ---- */

static void judge_purpose(const struct profile *p, const struct profile_use *use, X509 *x)
{
	static const struct {
		enum oid purpose;
		int id;
	} purposes[] = {{OID_KP_TIMESTAMP, X509_PURPOSE_TIMESTAMP_SIGN},
	                {OID_KP_OCSP, X509_PURPOSE_OCSP_HELPER}};

	assert_int_equal(X509_check_ca(x) > 0, p->ca);
	for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
		if (ext_has_purpose(&use->purposes, purposes[i].purpose))
			assert_int_equal(X509_check_purpose(x, purposes[i].id, 0), 1);
	}
	if (ext_has_purpose(&use->purposes, OID_KP_SERVER))
		assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
	if (ext_has_purpose(&use->purposes, OID_KP_CLIENT) && (use->usage & USAGE_SIGN))
		assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 1);
	if (ext_has_purpose(&use->purposes, OID_KP_EMAIL) && (use->usage & USAGE_SIGN))
		assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SMIME_SIGN, 0), 1);
	if (ext_has_purpose(&use->purposes, OID_KP_EMAIL) && (use->usage & USAGE_KEY_ENCIPHER))
		assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SMIME_ENCRYPT, 0), 1);
	/* a purpose it does not have */
	if (!ext_has_purpose(&use->purposes, OID_KP_TIMESTAMP) && !p->ca)
		assert_int_equal(X509_check_purpose(x, X509_PURPOSE_TIMESTAMP_SIGN, 0), 0);
	if (!ext_has_purpose(&use->purposes, OID_KP_SERVER) && use->purposes.count > 0)
		assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 0);
}

/* The signature is none: form and extensions are judged here, signatures end to end. */
static void judge(const struct shot *s, enum profile_part part, struct slice tbs)
{
	AUTO_BUF(der, CERT_DER_MAX);

	assert_ok(cert_complete(tbs, SLICE_LIT("\x30\x06\x02\x01\x01\x02\x01\x01"), &der));
	const unsigned char *p = der.p;
	AUTO(x509_st, x, d2i_X509(NULL, &p, (long)der.len));
	assert_non_null(x);
	assert_true(p == der.p + der.len);
	assert_int_equal(
	        X509_get_extension_flags(x) & (EXFLAG_INVALID | EXFLAG_CRITICAL | EXFLAG_INVALID_POLICY), 0);
	assert_non_null(X509_get0_pubkey(x));
	judge_purpose(s->p, profile_use(s->p, part, s->t.key), x);
}

/* ---- snapshots ---- */

static void one(struct shot *s, enum profile_part part, const char *what)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	struct lint_rules rules = {LINT_ANY, NULL, 0};
	struct cert c;

	assert_ok(profile_trial(s->p, &s->t, part, &tbs));
	assert_ok(cert_parse_tbs(buf_slice(&tbs), &c));
	assert_ok(lint_tbs(buf_slice(&tbs), &rules));
	buf_printf(s->text, "== %s", pubkey_kind_name(s->t.key));
	if (s->t.class.len > 0)
		buf_printf(s->text, ", class %.*s", (int)s->t.class.len, (const char *)s->t.class.p);
	buf_printf(s->text, ", %s\n", what);
	assert_ok(cert_to_text(&c, s->text));
	judge(s, part, buf_slice(&tbs));
}

static void each_key(struct shot *s, const char *more)
{
	for (unsigned k = 0; k < PUBKEY_KINDS; k++) {
		char what[64];

		s->t.key = (enum pubkey_kind)k;
		if (!profile_has_key(s->p, s->t.key))
			continue;
		bool pair = profile_dual(s->p) && k == PUBKEY_SM2;
		(void)snprintf(what, sizeof(what), "%s%s", pair ? "signing part" : "the one certificate",
		               more);
		one(s, PROFILE_SIGN, what);
		(void)snprintf(what, sizeof(what), "encryption part%s", more);
		if (pair)
			one(s, PROFILE_ENCRYPT, what);
	}
}

static void whole(const char *id, struct buf *ret)
{
	static const char *const classes[] = {"GOV", "PUBLIC"};
	AUTO(profile, p, NULL);

	assert_ok(profile_builtin(id, &p));
	struct shot s = {.p = p, .t = {.from = JUDGE_NOW}, .text = ret};
	if (profile_internal(p))
		each_key(&s, "");
	for (size_t i = 0; i < 2; i++) {
		s.t.class = slice_text(classes[i]);
		if (profile_has_class(p, s.t.class))
			each_key(&s, "");
	}
	AUTO_JSON(all, profile_disclosed(p, profile_example(p)));
	if (json_object_get(all, "disclose") == NULL)
		return;
	s.t.identity = all;
	if (!profile_has_class(p, s.t.class))
		s.t.class = SLICE_LIT("GOV");
	each_key(&s, ", everything disclosed");
}

static void profiles_issue_what_the_snapshots_say(void **state)
{
	size_t n = 0;

	(void)state;
	for (const char *id; (id = profile_builtin_id(n)) != NULL; n++) {
		AUTO_BUF(text, SHOT_MAX);
		AUTO_BUF(want, SHOT_MAX);
		char path[400];

		whole(id, &text);
		(void)snprintf(path, sizeof(path), TEST_DATA "/profile/snapshot/%s.txt", id);
		if (getenv("YD_WRITE_SNAPSHOTS") != NULL)
			assert_ok(file_write(path, buf_slice(&text), 0644));
		assert_ok(file_read(path, SHOT_MAX, &want));
		if (strcmp(buf_cstr(&text), buf_cstr(&want)) != 0)
			fail_msg("%s differs from its snapshot (make snapshots); it issues:\n%s", id,
			         buf_cstr(&text));
	}
	assert_true(n >= 24);
}

/* Each of the subscribers' kinds is there, open, with evidence and both names (R02.1, R30.1, H02.2). */
static void every_kind_of_subscriber_has_a_profile(void **state)
{
	static const char *const open[] = {"person",
	                                   "organisation",
	                                   "staff",
	                                   "department",
	                                   "server",
	                                   "device",
	                                   "health-administration",
	                                   "health-institution",
	                                   "health-staff",
	                                   "health-enterprise",
	                                   "health-person",
	                                   "health-device",
	                                   "health-device-external"};
	static const char *const closed[] = {"operator", "ocsp", "tsa", "kmc", "root", "issuing", "tls"};

	(void)state;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		AUTO(profile, p, NULL);
		AUTO_JSON(nothing, json_array());
		assert_ok(profile_builtin(open[i], &p));
		assert_true(!profile_internal(p) && profile_dual(p));
		assert_refused(profile_check_evidence(p, nothing), EVIDENCE);
	}
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		AUTO(profile, p, NULL);
		assert_ok(profile_builtin(closed[i], &p));
		assert_true(profile_internal(p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(profiles_issue_what_the_snapshots_say),
	                                   cmocka_unit_test(every_kind_of_subscriber_has_a_profile)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
