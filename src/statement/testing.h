#ifndef YD_STATEMENT_TESTING_H
#define YD_STATEMENT_TESTING_H
/* For tests only: one organisation with its CAs and people, certified by libcrypto. */
#include "pki/testing.h"
#include "sm/sm3.h"
#include "statement/statement.h"

#define ORG "shifan"
#define REVIEWER "11111111-2222-3333-4444-555555555555"
#define CLERK "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
enum who {
	W_OPERATOR,
	W_CEREMONY,
	W_AUTHORITY,
	W_SUBSCRIBER_CA,
	W_REVIEWER,
	W_CLERK,
	W_SUBSCRIBER,
	W_STRANGER,
	W_LOG,
	W_COUNT
};

struct world {
	struct sm2_key key[W_COUNT];
	EVP_PKEY *judge[W_COUNT];
	struct buf certificate[W_COUNT];
	struct statement_trust *trust;
};

static inline void world_certificate(struct world *w, enum who who, struct judge_cert j, enum who issuer)
{
	j.serial = 100 + (long)who;
	j.key = w->judge[who];
	j.signer = w->judge[issuer];
	w->certificate[who] = BUF(4096);
	judge_certificate(&j, &w->certificate[who]);
}

struct world_grant {
	const char *person, *role, *from, *until;
	struct slice certificate;
};

static inline void world_grant_for(const struct world *w, const struct world_grant *g, struct buf *ret)
{
	AUTO_JSON(body, json_object());
	uint8_t sm3[32];
	struct statement_head h = {STATEMENT_ROLE_GRANT,
	                           ORG,
	                           JUDGE_NOW,
	                           buf_slice(&w->certificate[W_CEREMONY]),
	                           NULL,
	                           "ceremony"};

	sm3_hash(g->certificate, sm3);
	json_put_cstr(body, "person", g->person);
	json_put_cstr(body, "name", "张三");
	json_put_cstr(body, "role", g->role);
	json_put_hex(body, "certificate", SLICE_ARR(sm3));
	json_put_cstr(body, "from", g->from);
	json_put_cstr(body, "until", g->until);
	assert_ok(statement_sign(&h, body, &w->key[W_CEREMONY], ret));
}

/* To the reviewer's certificate or, for everybody else, the clerk's. */
static inline void world_grant(const struct world *w, const char *person, const char *role, const char *from,
                               const char *until, struct buf *ret)
{
	enum who who = strcmp(person, REVIEWER) == 0 ? W_REVIEWER : W_CLERK;
	struct world_grant g = {person, role, from, until, buf_slice(&w->certificate[who])};

	world_grant_for(w, &g, ret);
}

static inline void world_trust(struct world *w)
{
	AUTO_BUF(a, STATEMENT_MAX);
	AUTO_BUF(b, STATEMENT_MAX);

	assert_ok(statement_trust_new(&w->trust));
	assert_ok(statement_trust_operator(w->trust, ORG, buf_slice(&w->certificate[W_OPERATOR])));
	assert_ok(statement_trust_subscriber(w->trust, ORG, buf_slice(&w->certificate[W_SUBSCRIBER_CA])));
	assert_ok(statement_trust_pin(w->trust, "ceremony", ORG, buf_slice(&w->certificate[W_CEREMONY])));
	assert_ok(statement_trust_pin(w->trust, "authority", NULL, buf_slice(&w->certificate[W_AUTHORITY])));
	assert_ok(statement_trust_pin(w->trust, "log", ORG, buf_slice(&w->certificate[W_LOG])));
	world_grant(w, REVIEWER, "review", "2025-12-31T00:00:00Z", "2026-01-03T00:00:00Z", &a);
	world_grant(w, CLERK, "entry", "2025-12-31T00:00:00Z", "2026-01-03T00:00:00Z", &b);
	assert_ok(statement_trust_grant(w->trust, buf_slice(&a)));
	assert_ok(statement_trust_grant(w->trust, buf_slice(&b)));
}

static inline void world_setup(struct world *w)
{
	static const char ca[] = "critical,CA:TRUE", sign[] = "critical,digitalSignature,nonRepudiation";

	*w = (struct world){0};
	for (unsigned i = 0; i < W_COUNT; i++) {
		w->key[i] = judge_scalar((uint8_t)(i + 1));
		w->judge[i] = judge_sm2(&w->key[i]);
	}
	world_certificate(w, W_OPERATOR, (struct judge_cert){"operator", .basic = ca, .usage = "keyCertSign"},
	                  W_OPERATOR);
	world_certificate(w, W_SUBSCRIBER_CA, (struct judge_cert){"sm2", .basic = ca}, W_SUBSCRIBER_CA);
	world_certificate(w, W_CEREMONY, (struct judge_cert){"ceremony", .usage = sign}, W_CEREMONY);
	world_certificate(w, W_LOG, (struct judge_cert){"log", .usage = sign}, W_LOG);
	world_certificate(w, W_AUTHORITY, (struct judge_cert){"authority", .usage = sign}, W_AUTHORITY);
	world_certificate(
	        w, W_REVIEWER,
	        (struct judge_cert){"reviewer", "operator", .usage = sign, .san = "URI:urn:uuid:" REVIEWER},
	        W_OPERATOR);
	world_certificate(
	        w, W_CLERK,
	        (struct judge_cert){"clerk", "operator", .usage = sign, .san = "URI:urn:uuid:" CLERK},
	        W_OPERATOR);
	world_certificate(
	        w, W_SUBSCRIBER,
	        (struct judge_cert){"subscriber", "sm2", .usage = sign, .san = "URI:urn:uuid:" CLERK},
	        W_SUBSCRIBER_CA);
	world_certificate(
	        w, W_STRANGER,
	        (struct judge_cert){"stranger", "operator", .usage = sign, .san = "URI:urn:uuid:" REVIEWER},
	        W_STRANGER);
	world_trust(w);
}

static inline void world_free(struct world *w)
{
	for (unsigned i = 0; i < W_COUNT; i++) {
		EVP_PKEY_free(w->judge[i]);
		buf_free(&w->certificate[i]);
	}
	statement_trust_free(w->trust);
}

/* What is decided about kept records. */
static const char *const world_record_bodies[STATEMENT_KINDS] = {
        [STATEMENT_LEGAL_HOLD] =
                ("{\"action\":\"hold\",\"records\":[\"" HEX64
                 "\"],\"authority\":\"示范市中级人民法院\",\"document\":\"（2026）示01调8号\","
                 "\"reason\":\"诉讼保全\"}"),
        [STATEMENT_DISPOSAL] = ("{\"records\":[\"" HEX64 "\"],\"reason\":\"保存期满\"}"),
        [STATEMENT_DISPOSAL_APPROVAL] = ("{\"disposal\":\"" HEX64 "\",\"approve\":true}"),
        [STATEMENT_DISPOSAL_CERTIFICATE] =
                ("{\"disposal\":\"" HEX64 "\",\"approval\":\"" HEX64
                 "\",\"destroyed\":[{\"record\":\"" HEX64
                 "\",\"items\":3,\"until\":\"2037-06-30T16:00:00Z\"}]}"),
        [STATEMENT_TIME_ATTESTATION] = ("{\"time\":\"2026-01-02T00:00:00Z\",\"source\":"
                                        "\"国家授时中心\",\"reason\":\"停机后核对\"}"),
        [STATEMENT_RESTORATION] = "{\"restored\":\"2026-01-02T00:00:00Z\",\"reason\":\"已补录\"}",
        [STATEMENT_CALENDAR] =
                ("{\"year\":2027,\"edition\":1,\"title\":\"国务院办公厅关于2027年部分节假日安排的通知\","
                 "\"date\":\"2026-11-03\",\"off\":[{\"name\":\"元旦\",\"from\":\"2027-01-01\","
                 "\"to\":\"2027-01-03\"}],\"work\":[]}"),
        [STATEMENT_CALENDAR_CONFIRMATION] = ("{\"calendar\":\"" HEX64 "\",\"approve\":true}"),
};

/* One good body of each kind. */
static inline json_t *world_body(enum statement_kind k)
{
	static const char *const bodies[STATEMENT_KINDS] = {
	        [STATEMENT_APPLICATION] = ("{\"profile\":\"person\",\"class\":\"PUBLIC\",\"csr\":\"MAA=\","
	                                   "\"identity\":{\"name\":\"张三\"},"
	                                   "\"purpose\":\"报税\",\"region\":\"110000\",\"agreement\":{"
	                                   "\"version\":\"1\",\"accepted\":true},"
	                                   "\"evidence\":[{\"type\":\"identity-document\",\"sm3\":\"" HEX64
	                                   "\",\"size\":10}]}"),
	        [STATEMENT_APPROVAL] =
	                ("{\"application\":\"" HEX64
	                 "\",\"id\":\"APP-1\",\"subject\":\"CN=张三,C=CN\",\"entity\":\"" CLERK
	                 "\",\"spki\":\"" HEX64 "\",\"profile\":\"person\",\"class\":\"GOV\",\"authority\":"
	                 "\"sm2\",\"validity_days\":730}"),
	        [STATEMENT_REFUSAL] =
	                ("{\"application\":\"" HEX64
	                 "\",\"id\":\"APP-1\",\"code\":\"identity\",\"reason\":\"照片不清晰\"}"),
	        [STATEMENT_ACCEPTANCE] =
	                ("{\"id\":\"APP-1\",\"certificates\":[\"sm2/5a01\",\"sm2/5a02\"],\"notice\":\"1\"}"),
	        [STATEMENT_REVOCATION] =
	                ("{\"ca\":\"sm2\",\"serial\":\"5a01\",\"reason\":\"keyCompromise\"}"),
	        [STATEMENT_ROLE_GRANT] =
	                ("{\"person\":\"" CLERK
	                 "\",\"name\":\"李四\",\"role\":\"entry\",\"certificate\":\"" HEX64
	                 "\",\"from\":\"2026-01-01T00:00:00Z\",\"until\":\"2027-01-01T00:00:00Z\"}"),
	        [STATEMENT_AUTHORISATION] =
	                ("{\"number\":1,\"institution\":\"shifan\",\"classes\":[\"GOV\",\"PUBLIC\"],"
	                 "\"regions\":[\"*\"],"
	                 "\"ra\":[\"shifan/ra\"],\"profiles\":{\"person\":\"" HEX64
	                 "\"},\"not_before\":\"2026-01-01T00:00:00Z\","
	                 "\"not_after\":\"2026-04-01T00:00:00Z\",\"demonstration\":true}"),
	        [STATEMENT_CPS] =
	                ("{\"institution\":\"shifan\",\"version\":1,\"effective\":\"2026-01-01T00:00:00Z\","
	                 "\"parameters\":"
	                 "{\"revocation_seconds\":1,\"crl_period_seconds\":86400,\"acceptance_days\":30}}"),
	        [STATEMENT_RA_APPROVAL] = ("{\"ra\":\"shifan/"
	                                   "ra\",\"regions\":[\"*\"],\"classes\":[\"GOV\"],\"not_after\":"
	                                   "\"2026-04-01T00:00:00Z\"}"),
	        [STATEMENT_BLACKLIST] = ("{\"action\":\"add\","
	                                 "\"reason\":\"伪造证明\"}"),
	        [STATEMENT_RECOVERY] = ("{\"ca\":\"sm2\",\"entity\":\"" CLERK
	                                "\",\"keys\":[{\"serial\":\"5a02\",\"spki\":\"" HEX64
	                                "\"}],\"csr\":\"MAA=\",\"case\":\"2026-7\",\"reason\":\"介质损坏\"}"),
	        [STATEMENT_RECOVERY_DECISION] =
	                ("{\"recovery\":\"" HEX64 "\",\"id\":\"0123456789abcdef\",\"approve\":true}"),
	        [STATEMENT_JUDICIAL_RECOVERY] =
	                ("{\"ca\":\"" HEX64 "\",\"keys\":[{\"serial\":\"5a02\",\"spki\":\"" HEX64
	                 "\"}],\"certificate\":\"MAA=\",\"authority\":\"示范市中级人民法院\","
	                 "\"document\":{\"number\":\"（2026）示01调7号\",\"sm3\":\"" HEX64
	                 "\"},\"case\":\"2026-7\"}"),
	        [STATEMENT_TREE_HEAD] = ("{\"log\":\"shifan/ca\",\"size\":7,\"root\":\"" HEX64
	                                 "\",\"validUntil\":\"2026-01-04T00:00:00Z\"}"),
	};
	json_t *o = json_loads(bodies[k] != NULL ? bodies[k] : world_record_bodies[k], 0, NULL);

	assert_non_null(o);
	return o;
}

/* Head of a statement by one of them. */
static inline struct statement_head world_head(const struct world *w, enum statement_kind k, enum who who)
{
	static const char *const roles[W_COUNT] = {
	        [W_OPERATOR] = "review",
	        [W_CEREMONY] = "ceremony",
	        [W_AUTHORITY] = "authority",
	        [W_REVIEWER] = "review",
	        [W_CLERK] = "entry",
	        [W_SUBSCRIBER] = "subscriber",
	        [W_STRANGER] = "review",
	        [W_SUBSCRIBER_CA] = "subscriber",
	        [W_LOG] = "log",
	};
	static const char *const persons[W_COUNT] = {
	        [W_REVIEWER] = REVIEWER, [W_STRANGER] = REVIEWER, [W_CLERK] = CLERK,
	        [W_SUBSCRIBER] = CLERK,  [W_OPERATOR] = REVIEWER,
	};

	return (struct statement_head){
	        k, ORG, JUDGE_NOW, buf_slice(&w->certificate[who]), persons[who], roles[who]};
}

static inline void world_sign(const struct world *w, enum statement_kind k, enum who who, struct buf *ret)
{
	struct statement_head h = world_head(w, k, who);
	AUTO_JSON(body, world_body(k));

	assert_ok(statement_sign(&h, body, &w->key[who], ret));
}

#endif
