/* Who may say what, when: each way of not believing a statement has its own name. */
#include "statement/statement.h"

#include "base/mem.h"
#include "base/text.h"
#include "pki/cms.h"
#include "statement/testing.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
	static struct world w;

	world_setup(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* Signs with these particulars and verifies. */
static struct rc judge_head(const struct world *w, const struct statement_head *h, const struct sm2_key *key)
{
	AUTO_JSON(body, world_body(h->kind));
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	assert_ok(statement_sign(h, body, key, &der));
	assert_ok(statement_open(buf_slice(&der), &s));
	return statement_verify(s, w->trust, JUDGE_NOW);
}

static struct rc judge_who(const struct world *w, enum statement_kind k, enum who who)
{
	struct statement_head h = world_head(w, k, who);

	return judge_head(w, &h, &w->key[who]);
}

/* The whole table: kind by kind, person by person. */
static void only_the_roles_of_the_table_may_sign(void **state)
{
	static const enum who people[] = {W_CLERK, W_REVIEWER, W_SUBSCRIBER, W_CEREMONY, W_AUTHORITY, W_LOG};
	static const bool may[STATEMENT_KINDS][6] = {
	        [STATEMENT_APPLICATION] = {true, false, true}, /* R21.3 */
	        [STATEMENT_APPROVAL] = {false, true},
	        [STATEMENT_REFUSAL] = {false, true},
	        [STATEMENT_ACCEPTANCE] = {true, true, true},
	        [STATEMENT_REVOCATION] = {true, true, true},
	        [STATEMENT_ROLE_GRANT] = {false, false, false, true},
	        [STATEMENT_AUTHORISATION] = {[4] = true},
	        [STATEMENT_CPS] = {false, false, false, true},
	        [STATEMENT_RA_APPROVAL] = {false, false, false, true, true},
	        [STATEMENT_BLACKLIST] = {false, true},
	        [STATEMENT_RECOVERY] = {true, false, true},
	        [STATEMENT_RECOVERY_DECISION] = {false, true},
	        [STATEMENT_JUDICIAL_RECOVERY] = {false}, /* agents of the key-management centre alone */
	        [STATEMENT_TREE_HEAD] = {[5] = true},
	        [STATEMENT_LEGAL_HOLD] = {false}, /* the institution, services: none of these people */
	        [STATEMENT_DISPOSAL] = {false},
	        [STATEMENT_DISPOSAL_APPROVAL] = {false},
	        [STATEMENT_DISPOSAL_CERTIFICATE] = {false},
	        [STATEMENT_TIME_ATTESTATION] = {false},
	        [STATEMENT_RESTORATION] = {false},
	        [STATEMENT_CALENDAR] = {false}, /* C02: officers of the regulator */
	        [STATEMENT_CALENDAR_CONFIRMATION] = {false},
	};

	for (unsigned k = 0; k < STATEMENT_KINDS; k++)
		for (unsigned i = 0; i < 6; i++) {
			if (may[k][i])
				assert_ok(judge_who(*state, (enum statement_kind)k, people[i]));
			else
				assert_refused(judge_who(*state, (enum statement_kind)k, people[i]),
				               STATEMENT_ROLE);
		}
}

static void role_counts_only_while_granted(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);
	static const struct {
		int64_t at;
		bool ok;
	} all[] = {
	        {JUDGE_NOW, true},
	        {JUDGE_NOW - JUDGE_DAY, true},
	        {JUDGE_NOW - JUDGE_DAY - 1, false},
	        {JUDGE_NOW + 2 * JUDGE_DAY - 1, true},
	        {JUDGE_NOW + 2 * JUDGE_DAY, false},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		AUTO_JSON(body, world_body(h.kind));
		AUTO_BUF(der, STATEMENT_MAX);
		AUTO(statement, s, NULL);

		h.issued = all[i].at;
		assert_ok(statement_sign(&h, body, &w->key[W_REVIEWER], &der));
		assert_ok(statement_open(buf_slice(&der), &s));
		if (all[i].ok)
			assert_ok(statement_verify(s, w->trust, all[i].at));
		else
			assert_refused(statement_verify(s, w->trust, all[i].at), STATEMENT_ROLE);
	}
	/* The reviewer is no clerk, and no one is what no grant says. */
	h = world_head(w, STATEMENT_APPLICATION, W_REVIEWER);
	h.role = "entry";
	assert_refused(judge_head(w, &h, &w->key[W_REVIEWER]), STATEMENT_ROLE);
	h = world_head(w, STATEMENT_REVOCATION, W_REVIEWER);
	h.role = "ca-operator";
	assert_refused(judge_head(w, &h, &w->key[W_REVIEWER]), STATEMENT_ROLE);
}

static void future_is_refused(void **state)
{
	struct world *w = *state;
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	world_sign(w, STATEMENT_APPROVAL, W_REVIEWER, &der);
	assert_ok(statement_open(buf_slice(&der), &s));
	assert_ok(statement_verify(s, w->trust, JUDGE_NOW - STATEMENT_SKEW));
	assert_refused(statement_verify(s, w->trust, JUDGE_NOW - STATEMENT_SKEW - 1), STATEMENT_FUTURE);
	assert_ok(statement_verify(s, w->trust, JUDGE_NOW + 3650LL * JUDGE_DAY));
}

static void person_must_hold_the_certificate(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);

	h.person = CLERK;
	assert_refused(judge_head(w, &h, &w->key[W_REVIEWER]), STATEMENT_PERSON);
	h.person = NULL;
	assert_refused(judge_head(w, &h, &w->key[W_REVIEWER]), STATEMENT_PERSON);
	h = world_head(w, STATEMENT_CPS, W_CEREMONY);
	h.person = REVIEWER;
	assert_refused(judge_head(w, &h, &w->key[W_CEREMONY]), STATEMENT_PERSON);
}

static void signature_must_verify(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);

	assert_refused(judge_head(w, &h, &w->key[W_CLERK]), STATEMENT_SIGNATURE);
	h = world_head(w, STATEMENT_CPS, W_CEREMONY);
	assert_refused(judge_head(w, &h, &w->key[W_AUTHORITY]), STATEMENT_SIGNATURE);
}

static void organisation_must_be_the_certificates(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);

	h.organisation = "national";
	assert_refused(judge_head(w, &h, &w->key[W_REVIEWER]), STATEMENT_CERTIFICATE);
	h = world_head(w, STATEMENT_CPS, W_CEREMONY);
	h.organisation = "national";
	assert_refused(judge_head(w, &h, &w->key[W_CEREMONY]), STATEMENT_CERTIFICATE);
	/* The authority is pinned for all. */
	h = world_head(w, STATEMENT_AUTHORISATION, W_AUTHORITY);
	h.organisation = "national";
	assert_ok(judge_head(w, &h, &w->key[W_AUTHORITY]));
}

static void strange_certificates_are_refused(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_CPS, W_AUTHORITY);

	/* Issuer's name without the issuer's key; a subscriber as officer; an officer as subscriber; another
	 * pin. */
	assert_refused(judge_who(w, STATEMENT_APPROVAL, W_STRANGER), STATEMENT_CERTIFICATE);
	h.role = "ceremony";
	assert_refused(judge_head(w, &h, &w->key[W_AUTHORITY]), STATEMENT_CERTIFICATE);
	h = world_head(w, STATEMENT_REVOCATION, W_CLERK);
	h.role = "subscriber";
	assert_refused(judge_head(w, &h, &w->key[W_CLERK]), STATEMENT_CERTIFICATE);
	h = world_head(w, STATEMENT_REVOCATION, W_SUBSCRIBER);
	h.role = "review";
	assert_refused(judge_head(w, &h, &w->key[W_SUBSCRIBER]), STATEMENT_CERTIFICATE);
	/* The CA itself is no officer. */
	assert_refused(judge_who(w, STATEMENT_APPROVAL, W_OPERATOR), STATEMENT_CERTIFICATE);
}

/* A certificate of the reviewer with other particulars, under the real operator CA. */
static void certify(const struct world *w, struct judge_cert j, struct buf *ret)
{
	j.subject = "reviewer";
	j.issuer = "operator";
	j.serial = 7;
	j.key = w->judge[W_REVIEWER];
	j.signer = w->judge[W_OPERATOR];
	judge_certificate(&j, ret);
}

static void grant_review(const struct world *w, struct slice certificate)
{
	AUTO_BUF(grant, STATEMENT_MAX);

	world_grant_for(w,
	                &(struct world_grant){REVIEWER, "review", "2025-12-31T00:00:00Z",
	                                      "2026-01-03T00:00:00Z", certificate},
	                &grant);
	assert_ok(statement_trust_grant(w->trust, buf_slice(&grant)));
}

/* Granted, and judged. */
static struct rc judge_certified(struct world *w, struct judge_cert j)
{
	AUTO_BUF(certificate, 4096);
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);

	certify(w, j, &certificate);
	grant_review(w, buf_slice(&certificate));
	h.certificate = buf_slice(&certificate);
	return judge_head(w, &h, &w->key[W_REVIEWER]);
}

/* R06.15: the operator CA alone makes no officer.  A second certificate for the same person, good in every
 * other way, decides nothing until a grant names it; the person's other grants do not help. */
static void only_the_granted_certificate_decides(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);
	AUTO_BUF(certificate, 4096);
	AUTO_BUF(entry, STATEMENT_MAX);

	certify(w,
	        (struct judge_cert){.usage = "critical,digitalSignature",
	                            .san = "URI:urn:uuid:" REVIEWER,
	                            .until = JUDGE_NOW + JUDGE_DAY / 2},
	        &certificate);
	h.certificate = buf_slice(&certificate);
	assert_refused(judge_head(w, &h, &w->key[W_REVIEWER]), STATEMENT_ROLE);
	world_grant_for(w,
	                &(struct world_grant){REVIEWER, "auditor", "2025-12-31T00:00:00Z",
	                                      "2026-01-03T00:00:00Z", h.certificate},
	                &entry);
	assert_ok(statement_trust_grant(w->trust, buf_slice(&entry)));
	assert_refused(judge_head(w, &h, &w->key[W_REVIEWER]), STATEMENT_ROLE);
	/* Roles of the person, as a TLS peer has them, are not about a certificate. */
	assert_true(statement_trust_has(w->trust, ORG, SLICE_LIT(REVIEWER), "review", JUDGE_NOW));
	grant_review(w, h.certificate);
	assert_ok(judge_head(w, &h, &w->key[W_REVIEWER]));
}

static void certificates_must_be_valid_and_for_signatures(void **state)
{
	static const char san[] = "URI:urn:uuid:" REVIEWER, sign[] = "critical,digitalSignature";
	struct world *w = *state;

	assert_ok(judge_certified(w, (struct judge_cert){.usage = sign, .san = san}));
	assert_ok(judge_certified(w, (struct judge_cert){.san = san}));
	assert_ok(judge_certified(
	        w, (struct judge_cert){.usage = sign, .san = "DNS:a.cn,URI:urn:uuid:" REVIEWER}));
	assert_refused(
	        judge_certified(w, (struct judge_cert){.usage = "critical,keyEncipherment", .san = san}),
	        STATEMENT_CERTIFICATE);
	assert_refused(
	        judge_certified(w,
	                        (struct judge_cert){.usage = sign, .san = san, .basic = "critical,CA:TRUE"}),
	        STATEMENT_CERTIFICATE);
	assert_refused(
	        judge_certified(w, (struct judge_cert){.usage = sign, .san = san, .until = JUDGE_NOW - 1}),
	        STATEMENT_EXPIRED);
	assert_refused(
	        judge_certified(w, (struct judge_cert){.usage = sign, .san = san, .from = JUDGE_NOW + 1}),
	        STATEMENT_EXPIRED);
	assert_ok(judge_certified(
	        w, (struct judge_cert){.usage = sign, .san = san, .from = JUDGE_NOW, .until = JUDGE_NOW}));
	assert_refused(judge_certified(w, (struct judge_cert){.usage = sign, .san = "URI:urn:uuid:" CLERK}),
	               STATEMENT_PERSON);
	assert_refused(judge_certified(w, (struct judge_cert){.usage = sign, .san = "URI:urn:uuid:x"}),
	               STATEMENT_PERSON);
	assert_refused(judge_certified(w, (struct judge_cert){.usage = sign}), STATEMENT_PERSON);
}

static void authorities_must_be_valid_too(void **state)
{
	struct world *w = *state;
	AUTO(statement_trust, t, NULL);
	AUTO_BUF(old_ca, 4096);
	AUTO_BUF(old_pin, 4096);
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO_BUF(cps, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	AUTO(statement, c, NULL);
	struct statement_head h = world_head(w, STATEMENT_CPS, W_CEREMONY);
	AUTO_JSON(body, world_body(STATEMENT_CPS));

	judge_certificate(&(struct judge_cert){"operator", .serial = 1, .basic = "CA:TRUE",
	                                       .until = JUDGE_NOW - 1, .key = w->judge[W_OPERATOR],
	                                       .signer = w->judge[W_OPERATOR]},
	                  &old_ca);
	judge_certificate(&(struct judge_cert){"ceremony", .serial = 1, .until = JUDGE_NOW - 1,
	                                       .key = w->judge[W_CEREMONY], .signer = w->judge[W_CEREMONY]},
	                  &old_pin);
	assert_ok(statement_trust_new(&t));
	assert_ok(statement_trust_operator(t, ORG, buf_slice(&old_ca)));
	assert_ok(statement_trust_pin(t, "ceremony", ORG, buf_slice(&old_pin)));
	world_sign(w, STATEMENT_APPROVAL, W_REVIEWER, &der);
	assert_ok(statement_open(buf_slice(&der), &s));
	assert_refused(statement_verify(s, t, JUDGE_NOW), STATEMENT_EXPIRED);
	h.certificate = buf_slice(&old_pin);
	assert_ok(statement_sign(&h, body, &w->key[W_CEREMONY], &cps));
	assert_ok(statement_open(buf_slice(&cps), &c));
	assert_refused(statement_verify(c, t, JUDGE_NOW), STATEMENT_EXPIRED);
	/* An operator CA must be a CA. */
	assert_false(rc_ok(statement_trust_operator(t, ORG, buf_slice(&w->certificate[W_CLERK]))));
	assert_refused(statement_trust_operator(t, ORG, SLICE_LIT("junk")), STATEMENT_CERTIFICATE);
}

/* ---- grants ---- */

static void grants_count_only_from_the_ceremony(void **state)
{
	struct world *w = *state;
	AUTO(statement_trust, t, NULL);
	AUTO_BUF(good, STATEMENT_MAX);
	AUTO_BUF(bad, STATEMENT_MAX);
	AUTO_BUF(other, STATEMENT_MAX);
	AUTO_BUF(pinned, STATEMENT_MAX);
	AUTO_BUF(reversed, STATEMENT_MAX);

	world_grant(w, CLERK, "ca-operator", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", &good);
	world_sign(w, STATEMENT_ROLE_GRANT, W_REVIEWER, &bad);
	world_sign(w, STATEMENT_APPROVAL, W_REVIEWER, &other);
	world_grant(w, CLERK, "ceremony", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", &pinned);
	world_grant(w, CLERK, "review", "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z", &reversed);
	assert_ok(statement_trust_new(&t));
	assert_refused(statement_trust_grant(t, buf_slice(&good)), STATEMENT_CERTIFICATE);
	assert_ok(statement_trust_pin(t, "ceremony", ORG, buf_slice(&w->certificate[W_CEREMONY])));
	assert_ok(statement_trust_operator(t, ORG, buf_slice(&w->certificate[W_OPERATOR])));
	assert_false(statement_trust_has(t, ORG, SLICE_LIT(CLERK), "ca-operator", JUDGE_NOW));
	assert_ok(statement_trust_grant(t, buf_slice(&good)));
	assert_ok(statement_trust_grant(t, buf_slice(&good)));
	assert_refused(statement_trust_grant(t, buf_slice(&bad)), STATEMENT_ROLE);
	assert_refused(statement_trust_grant(t, buf_slice(&other)), STATEMENT_SCHEMA);
	assert_refused(statement_trust_grant(t, buf_slice(&pinned)), STATEMENT_ROLE);
	assert_refused(statement_trust_grant(t, buf_slice(&reversed)), STATEMENT_SCHEMA);
	assert_true(statement_trust_has(t, ORG, SLICE_LIT(CLERK), "ca-operator", JUDGE_NOW));
	assert_false(statement_trust_has(t, "national", SLICE_LIT(CLERK), "ca-operator", JUDGE_NOW));
	assert_false(statement_trust_has(t, ORG, SLICE_LIT(REVIEWER), "ca-operator", JUDGE_NOW));
	assert_false(statement_trust_has(t, ORG, SLICE_LIT("x"), "ca-operator", JUDGE_NOW));
	assert_false(statement_trust_has(t, ORG, SLICE_LIT(CLERK), "review", JUDGE_NOW + 10 * JUDGE_DAY));
}

static void count(void *arg, const char *role)
{
	char *text = arg;

	(void)snprintf(text + strlen(text), 64, "%s ", role);
}

static void many_grants_are_found_again(void **state)
{
	struct world *w = *state;
	AUTO(statement_trust, t, NULL);
	char person[37], roles[256] = "";

	assert_ok(statement_trust_new(&t));
	assert_ok(statement_trust_pin(t, "ceremony", ORG, buf_slice(&w->certificate[W_CEREMONY])));
	for (unsigned i = 0; i < 100; i++) {
		AUTO_BUF(der, STATEMENT_MAX);

		(void)snprintf(person, sizeof(person), "%08x-0000-0000-0000-000000000000", (i * 37) % 50);
		world_grant(w, person, i < 50 ? "auditor" : "entry", "2026-01-01T00:00:00Z",
		            "2026-02-01T00:00:00Z", &der);
		assert_ok(statement_trust_grant(t, buf_slice(&der)));
	}
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(person, sizeof(person), "%08x-0000-0000-0000-000000000000", i);
		assert_true(statement_trust_has(t, ORG, slice_text(person), "auditor", JUDGE_NOW));
		assert_true(statement_trust_has(t, ORG, slice_text(person), "entry", JUDGE_NOW));
		assert_false(statement_trust_has(t, ORG, slice_text(person), "review", JUDGE_NOW));
	}
	statement_trust_roles(t, ORG, slice_text(person), JUDGE_NOW, count, roles);
	assert_true(strcmp(roles, "auditor entry ") == 0 || strcmp(roles, "entry auditor ") == 0);
	roles[0] = 0;
	statement_trust_roles(t, ORG, slice_text(person), JUDGE_NOW - 1, count, roles);
	assert_string_equal(roles, "");
}

static void folder_is_loaded(void **state)
{
	struct world *w = *state;
	char dir[] = "/tmp/yd-trust-XXXXXX", path[256], grants[128];
	AUTO(statement_trust, t, NULL);
	AUTO_BUF(grant, STATEMENT_MAX);
	AUTO_BUF(pem, 8192);
	AUTO_BUF(bad, STATEMENT_MAX);

	assert_non_null(mkdtemp(dir));
	/* Nothing there: nobody trusted, and no failure. */
	assert_ok(statement_trust_load(dir, ORG, &t));
	assert_false(statement_trust_has(t, ORG, SLICE_LIT(CLERK), "entry", JUDGE_NOW));
	statement_trust_free(MOVE(t));
	(void)snprintf(grants, sizeof(grants), "%s/grants", dir);
	assert_ok(dir_make(grants, 0700));
	world_grant(w, CLERK, "entry", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", &grant);
	(void)snprintf(path, sizeof(path), "%s/operator.cer", dir);
	text_to_pem(&pem, "CERTIFICATE", buf_slice(&w->certificate[W_OPERATOR]));
	assert_ok(file_write(path, buf_slice(&pem), 0600));
	(void)snprintf(path, sizeof(path), "%s/ceremony.cer", dir);
	assert_ok(file_write(path, buf_slice(&w->certificate[W_CEREMONY]), 0600));
	(void)snprintf(path, sizeof(path), "%s/clerk.p7s", grants);
	assert_ok(file_write(path, buf_slice(&grant), 0600));
	assert_ok(statement_trust_load(dir, ORG, &t));
	assert_true(statement_trust_has(t, ORG, SLICE_LIT(CLERK), "entry", JUDGE_NOW));
	statement_trust_free(MOVE(t));
	/* One grant that does not verify fails the whole folder. */
	world_sign(w, STATEMENT_ROLE_GRANT, W_REVIEWER, &bad);
	(void)snprintf(path, sizeof(path), "%s/zz.p7s", grants);
	assert_ok(file_write(path, buf_slice(&bad), 0600));
	assert_refused(statement_trust_load(dir, ORG, &t), STATEMENT_ROLE);
	assert_null(t);
	(void)snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

/* ---- damage and numbers ---- */

/* R06.15, requirements g.4 row 1: flip each byte in turn; nothing verifies with changed content. */
static void no_changed_byte_verifies(void **state)
{
	struct world *w = *state;
	AUTO_BUF(der, STATEMENT_MAX);

	world_sign(w, STATEMENT_APPROVAL, W_REVIEWER, &der);
	for (size_t i = 0; i < der.len; i++)
		for (unsigned bit = 0; bit < 8; bit += 3) {
			AUTO(statement, s, NULL);

			der.p[i] ^= (uint8_t)(1u << bit);
			assert_false(rc_ok(statement_open(buf_slice(&der), &s)) &&
			             rc_ok(statement_verify(s, w->trust, JUDGE_NOW)));
			der.p[i] ^= (uint8_t)(1u << bit);
		}
}

static void a_batch_says_what_each_alone_says(void **state)
{
	enum { N = 300 };
	static const enum who people[] = {W_REVIEWER, W_CLERK, W_STRANGER};
	struct world *w = *state;
	struct statement *s[3];
	struct statement_check *c = mem_new(N, sizeof(*c));

	assert_non_null(c);
	for (size_t i = 0; i < 3; i++) {
		AUTO_BUF(der, STATEMENT_MAX);

		world_sign(w, STATEMENT_APPROVAL, people[i], &der);
		assert_ok(statement_open(buf_slice(&der), &s[i]));
	}
	/* The clerk's is refused for its role; a broken signature is found among good ones. */
	AUTO_BUF(forged, STATEMENT_MAX);
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);
	AUTO_JSON(body, world_body(STATEMENT_APPROVAL));
	AUTO(statement, f, NULL);

	assert_ok(statement_sign(&h, body, &w->key[W_CLERK], &forged));
	assert_ok(statement_open(buf_slice(&forged), &f));
	for (size_t i = 0; i < N; i++)
		c[i].s = i % 10 == 7 ? f : s[i % 10 == 3 ? 1 : i % 10 == 5 ? 2 : 0];
	statement_verify_batch(w->trust, JUDGE_NOW, c, N);
	for (size_t i = 0; i < N; i++) {
		enum err expected = i % 10 == 7   ? ERR_STATEMENT_SIGNATURE
		                    : i % 10 == 3 ? ERR_STATEMENT_ROLE
		                    : i % 10 == 5 ? ERR_STATEMENT_CERTIFICATE
		                                  : ERR_COUNT;

		assert_int_equal(rc_ok(c[i].rc), expected == ERR_COUNT);
		if (expected != ERR_COUNT)
			assert_int_equal(c[i].why.err, expected);
	}
	for (size_t i = 0; i < 3; i++)
		statement_free(s[i]);
	mem_free(c);
}

struct worker {
	const struct world *w;
	const struct statement *s;
	struct slice grant;
	bool ok;
};

static void *work(void *arg)
{
	struct worker *k = arg;

	k->ok = true;
	for (unsigned i = 0; i < 50; i++)
		k->ok = k->ok && rc_ok(statement_verify(k->s, k->w->trust, JUDGE_NOW)) &&
		        rc_ok(statement_trust_grant(k->w->trust, k->grant));
	return NULL;
}

static void threads_verify_and_add_together(void **state)
{
	struct world *w = *state;
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	struct worker workers[4];
	struct buf grants[4];
	pthread_t threads[4];

	world_sign(w, STATEMENT_APPROVAL, W_REVIEWER, &der);
	assert_ok(statement_open(buf_slice(&der), &s));
	for (unsigned i = 0; i < 4; i++) {
		char until[32];

		(void)snprintf(until, sizeof(until), "2026-03-0%uT00:00:00Z", i + 1);
		grants[i] = BUF(STATEMENT_MAX);
		world_grant(w, CLERK, "auditor", "2026-02-01T00:00:00Z", until, &grants[i]);
		workers[i] = (struct worker){w, s, buf_slice(&grants[i]), false};
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(workers[i].ok);
		buf_free(&grants[i]);
	}
}

static void golden_statements_verify(void **state)
{
	struct world *w = *state;

	for (unsigned k = 0; k < STATEMENT_KINDS; k++) {
		static const enum who signers[STATEMENT_KINDS] = {
		        W_CLERK,     W_REVIEWER, W_REVIEWER, W_SUBSCRIBER, W_REVIEWER, W_CEREMONY,
		        W_AUTHORITY, W_CEREMONY, W_CEREMONY, W_REVIEWER,   W_CLERK,    W_REVIEWER,
		        W_REVIEWER,  W_LOG,      W_REVIEWER, W_REVIEWER,   W_REVIEWER, W_REVIEWER,
		        W_REVIEWER,  W_REVIEWER, W_REVIEWER, W_REVIEWER,
		};
		AUTO_BUF(der, STATEMENT_MAX);
		AUTO(statement, s, NULL);
		AUTO_JSON(body, world_body((enum statement_kind)k));
		char path[256];

		(void)snprintf(path, sizeof(path), TEST_DATA "/statement/good/%s.p7s",
		               statement_kind_name((enum statement_kind)k));
		assert_ok(file_read(path, STATEMENT_MAX, &der));
		assert_ok(statement_open(buf_slice(&der), &s));
		assert_int_equal(s->kind, k);
		assert_true(json_equal(s->body, body));
		assert_true(judge_verify(w->judge[signers[k]], s->content, s->signature));
	}
}

static void no_memory_is_an_ordinary_result(void **state)
{
	struct world *w = *state;
	AUTO_BUF(grant, STATEMENT_MAX);
	struct rc rc;
	size_t n = 0;

	world_grant(w, CLERK, "entry", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", &grant);
	do {
		AUTO(statement_trust, t, NULL);

		(void)mem_fail_after(++n);
		rc = statement_trust_new(&t);
		if (rc_ok(rc))
			rc = statement_trust_pin(t, "ceremony", ORG, buf_slice(&w->certificate[W_CEREMONY]));
		if (rc_ok(rc))
			rc = statement_trust_grant(t, buf_slice(&grant));
		(void)mem_fail_after(0);
		if (rc_ok(rc))
			assert_true(statement_trust_has(t, ORG, SLICE_LIT(CLERK), "entry", JUDGE_NOW));
	} while (!rc_ok(rc) && n < 10000);
	assert_in_range(n, 2, 9999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_the_roles_of_the_table_may_sign),
	        cmocka_unit_test(role_counts_only_while_granted),
	        cmocka_unit_test(future_is_refused),
	        cmocka_unit_test(person_must_hold_the_certificate),
	        cmocka_unit_test(signature_must_verify),
	        cmocka_unit_test(organisation_must_be_the_certificates),
	        cmocka_unit_test(strange_certificates_are_refused),
	        cmocka_unit_test(only_the_granted_certificate_decides),
	        cmocka_unit_test(certificates_must_be_valid_and_for_signatures),
	        cmocka_unit_test(authorities_must_be_valid_too),
	        cmocka_unit_test(grants_count_only_from_the_ceremony),
	        cmocka_unit_test(many_grants_are_found_again),
	        cmocka_unit_test(folder_is_loaded),
	        cmocka_unit_test(no_changed_byte_verifies),
	        cmocka_unit_test(a_batch_says_what_each_alone_says),
	        cmocka_unit_test(threads_verify_and_add_together),
	        cmocka_unit_test(golden_statements_verify),
	        cmocka_unit_test(no_memory_is_an_ordinary_result),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
