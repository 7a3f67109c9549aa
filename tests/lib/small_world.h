#ifndef YD_TESTS_SMALL_WORLD_H
#define YD_TESTS_SMALL_WORLD_H
/* A ceremony in miniature for tests of roles: keys in clear, trust folders on disk, instances without
 * listeners, a signer and a connection to the KMC that the test can make fail.  It defines the functions
 * of signer/client.h and http/client.h itself, so include it in one file of a test program only. */
#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"
#include "http/client.h"
#include "instance/frame.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "pki/envelope.h"
#include "pki/km.h"
#include "pki/name.h"
#include "pki/testing.h"
#include "signer/client.h"
#include "sm/sm3.h"
#include "statement/statement.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum world_key {
	W_AUTHORITY,
	W_CEREMONY,
	W_OPERATOR,
	W_ROOT,
	W_CA,
	W_COMM,
	W_KMC,
	W_ENTRY,
	W_REVIEW,
	W_CHIEF,
	W_STRANGER,
	W_SERVICE, /* of the CA and of the RA */
	W_KEYS
};

#define W_DAY 86400LL
#define UUID_OF(n) "00000000-0000-4000-8000-00000000000" n
static const char *const world_person[W_KEYS] = {[W_ENTRY] = UUID_OF("1"),
                                                 [W_REVIEW] = UUID_OF("2"),
                                                 [W_CHIEF] = UUID_OF("3"),
                                                 [W_STRANGER] = UUID_OF("4")};

static struct {
	char dir[64];
	struct sm2_key key[W_KEYS];
	struct buf cert[W_KEYS];
	/* switches */
	_Atomic(enum rc_code) signer_fails; /* every signing call fails so */
	int refuse_after;                   /* n > 0: the n-th certificate item is refused for good */
	bool crl_rests; /* who starts now makes lists when asked only, after the first */
	_Atomic(enum rc_code)
	        kmc_fails; /* the connection to the KMC: RC_BUSY before, RC_UNCERTAIN after it acted */
	unsigned kmc_calls, lost_answers;
	void (*meddle)(struct buf *answer); /* changes the KMC's answer on its way */
	struct rc (*kmc)(struct slice request, struct buf *answer);
	/* who answers every other call; NULL: only the KMC is called */
	struct rc (*door)(const struct http_call *call, struct http_answer *answer);
	struct sm2_key delivered; /* last encryption key that was generated */
} world;

/* ---- certificates ---- */

static inline void world_spki(enum world_key k, struct buf *ret)
{
	assert_ok(pubkey_put_sm2(&world.key[k].pub, ret));
}

struct world_cert {
	enum world_key key, issuer;
	const char *cn;
	bool ca;
	uint32_t usage;
	const char *uri;
};

static inline void world_name(const char *cn, struct buf *ret)
{
	const struct name_attribute a[] = {{.type = OID_C, .value = SLICE_LIT("CN")},
	                                   {.type = OID_CN, .value = slice_text(cn)}};

	assert_ok(name_build(a, 2, ret));
}

static inline void world_certificate(const struct world_cert *w)
{
	AUTO_BUF(spki, 256);
	AUTO_BUF(subject, 256);
	AUTO_BUF(tbs, 4096);
	AUTO_BUF(sig, 128);
	struct general_name san;
	struct pubkey own, issuer;
	uint8_t ski[PUBKEY_SKI], aki[PUBKEY_SKI], serial[9] = {1, [8] = (uint8_t)w->key}, ip[16];
	struct cert_template t = {.serial = SLICE_ARR(serial),
	                          .alg = sigalg_of(PUBKEY_SM2, false),
	                          .not_before = clock_now() - W_DAY,
	                          .not_after = clock_now() + 365 * W_DAY,
	                          .basic = w->ca,
	                          .ca = w->ca,
	                          .path_length = -1,
	                          .usage = w->usage};
	AUTO_BUF(issuer_spki, 256);
	struct cert parent;
	struct sm2_sig s;

	world_spki(w->key, &spki);
	world_spki(w->issuer, &issuer_spki);
	world_name(w->cn, &subject);
	assert_ok(pubkey_parse(buf_slice(&spki), &own));
	assert_ok(pubkey_parse(buf_slice(&issuer_spki), &issuer));
	assert_ok(pubkey_ski(&own, ski));
	assert_ok(pubkey_ski(&issuer, aki));
	t.spki = buf_slice(&spki);
	t.subject = t.issuer = buf_slice(&subject);
	t.ski = SLICE_ARR(ski);
	t.aki = SLICE_ARR(aki);
	if (w->issuer != w->key) {
		assert_ok(cert_parse(buf_slice(&world.cert[w->issuer]), &parent));
		t.issuer = parent.subject;
	}
	if (w->uri != NULL) {
		assert_ok(general_from_text(GENERAL_URI, slice_text(w->uri), ip, &san));
		t.names = &san;
		t.name_count = 1;
	}
	assert_ok(cert_tbs(&t, &tbs));
	assert_ok(sm2_sign(&world.key[w->issuer], SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	world.cert[w->key] = BUF(CERT_DER_MAX);
	assert_ok(cert_complete(buf_slice(&tbs), buf_slice(&sig), &world.cert[w->key]));
}

/* ---- statements ---- */

static inline void world_statement(enum statement_kind kind, enum world_key by, const char *org,
                                   const char *role, const json_t *body, struct buf *ret)
{
	struct statement_head h = {.kind = kind,
	                           .organisation = org,
	                           .issued = clock_now() - 60,
	                           .role = role,
	                           .certificate = buf_slice(&world.cert[by]),
	                           .person = world_person[by]};

	assert_ok(statement_sign(&h, body, &world.key[by], ret));
}

static inline void world_write(const char *name, struct slice content)
{
	char path[256], folder[256];

	snprintf(path, sizeof(path), "%s/%s", world.dir, name);
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = 0;
	assert_ok(dir_make(folder, 0700));
	assert_ok(file_write(path, content, 0600));
}

static inline void world_file(const char *name, enum statement_kind kind, enum world_key by, const char *org,
                              const char *role, json_t *body)
{
	AUTO_BUF(der, STATEMENT_MAX);

	world_statement(kind, by, org, role, body, &der);
	world_write(name, buf_slice(&der));
	json_decref(body);
}

static inline json_t *world_json(const char *text)
{
	json_t *v = NULL;

	assert_ok(json_read(slice_text(text), JSON_MAX, &v));
	return v;
}

static inline void world_times(json_t *o, const char *from, const char *until, int64_t days)
{
	if (from != NULL)
		json_put_time(o, from, clock_now() - W_DAY);
	json_put_time(o, until, clock_now() + days * W_DAY);
}

static inline void world_grant(enum world_key who, const char *role)
{
	json_t *o = json_object();
	char name[96];
	uint8_t sm3[32];

	sm3_hash(buf_slice(&world.cert[who]), sm3);
	json_put_cstr(o, "person", world_person[who]);
	json_put_cstr(o, "name", "某人");
	json_put_cstr(o, "role", role);
	json_put_hex(o, "certificate", SLICE_ARR(sm3));
	world_times(o, "from", "until", 300);
	snprintf(name, sizeof(name), "shifan/ca/trust/grants/%s.p7s", role);
	world_file(name, STATEMENT_ROLE_GRANT, W_CEREMONY, "shifan", "ceremony", o);
}

/* The trust folder of the CA. */
static inline void world_ca_trust(void)
{
	struct slice profile = profile_builtin_text("person");
	json_t *o, *profiles = json_object();
	uint8_t sm3[32];

	world_write("shifan/ca/trust/operator.cer", buf_slice(&world.cert[W_OPERATOR]));
	world_write("shifan/ca/trust/ceremony.cer", buf_slice(&world.cert[W_CEREMONY]));
	world_write("shifan/ca/trust/authority.cer", buf_slice(&world.cert[W_AUTHORITY]));
	world_write("shifan/ca/trust/operator-tls.cer", buf_slice(&world.cert[W_OPERATOR]));
	world_write("shifan/ca/trust/services/ca.cer", buf_slice(&world.cert[W_SERVICE]));
	world_write("shifan/ca/trust/services/ra.cer", buf_slice(&world.cert[W_SERVICE]));
	world_write("shifan/ca/trust/kmc.cer", buf_slice(&world.cert[W_KMC]));
	world_write("shifan/ca/trust/ca-comm.cer", buf_slice(&world.cert[W_COMM]));
	world_write("shifan/ca/trust/authorities/root.cer", buf_slice(&world.cert[W_ROOT]));
	world_write("shifan/ca/trust/authorities/sm2.cer", buf_slice(&world.cert[W_CA]));
	world_write(
	        "shifan/ca/trust/authorities.json",
	        SLICE_LIT("{\"policies\":{\"GOV\":\"1.3.6.1.4.1.32473.1.1\",\"PUBLIC\":\"1.3.6.1.4.1.32473.1."
	                  "2\"},"
	                  "\"authorities\":[{\"id\":\"sm2\",\"public_base\":\"http://127.0.0.1:7452\"}]}"));
	world_write("shifan/ca/trust/profiles/person.json", profile);
	world_grant(W_ENTRY, "entry");
	world_grant(W_REVIEW, "review");
	world_grant(W_CHIEF, "ca-operator");
	sm3_hash(profile, sm3);
	json_put_hex(profiles, "person", SLICE_ARR(sm3));
	o = world_json("{\"number\":1,\"institution\":\"shifan\",\"classes\":[\"GOV\",\"PUBLIC\"],"
	               "\"regions\":[\"*\"],"
	               "\"ra\":[\"shifan/ra\"],\"demonstration\":true}");
	json_put_take(o, "profiles", profiles);
	world_times(o, "not_before", "not_after", 30);
	world_file("shifan/ca/trust/authorisation.p7s", STATEMENT_AUTHORISATION, W_AUTHORITY, "national",
	           "authority", o);
	o = world_json("{\"institution\":\"shifan\",\"version\":1,\"parameters\":{\"revocation_seconds\":1,"
	               "\"crl_period_seconds\":86400,\"acceptance_days\":30}}");
	json_put_time(o, "effective", clock_now() - W_DAY);
	world_file("shifan/ca/trust/cps.p7s", STATEMENT_CPS, W_CEREMONY, "shifan", "ceremony", o);
	o = world_json("{\"ra\":\"shifan/ra\",\"regions\":[\"*\"],\"classes\":[\"GOV\",\"PUBLIC\"]}");
	world_times(o, NULL, "not_after", 300);
	world_file("shifan/ca/trust/ra-approval.p7s", STATEMENT_RA_APPROVAL, W_CEREMONY, "shifan", "ceremony",
	           o);
}

/* Everybody's certificates and the CA's trust, made now. */
static inline void world_certify(void)
{
	static const struct world_cert certs[] = {
	        {W_AUTHORITY, W_AUTHORITY, "authority", false, USAGE_SIGN, NULL},
	        {W_CEREMONY, W_CEREMONY, "ceremony", false, USAGE_SIGN, NULL},
	        {W_OPERATOR, W_OPERATOR, "operator CA", true, USAGE_CERT_SIGN | USAGE_CRL_SIGN, NULL},
	        {W_ROOT, W_ROOT, "root", true, USAGE_CERT_SIGN | USAGE_CRL_SIGN, NULL},
	        {W_CA, W_ROOT, "issuing CA", true, USAGE_CERT_SIGN | USAGE_CRL_SIGN, NULL},
	        {W_COMM, W_OPERATOR, "CA communication", false, USAGE_SIGN, NULL},
	        {W_KMC, W_KMC, "KMC", false, USAGE_SIGN, NULL},
	        {W_ENTRY, W_OPERATOR, "entry", false, USAGE_SIGN, "urn:uuid:" UUID_OF("1")},
	        {W_REVIEW, W_OPERATOR, "review", false, USAGE_SIGN, "urn:uuid:" UUID_OF("2")},
	        {W_CHIEF, W_OPERATOR, "chief", false, USAGE_SIGN, "urn:uuid:" UUID_OF("3")},
	        {W_SERVICE, W_OPERATOR, "service", false, USAGE_SIGN, NULL},
	        {W_STRANGER, W_OPERATOR, "stranger", false, USAGE_SIGN, "urn:uuid:" UUID_OF("4")},
	};

	for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
		buf_free(&world.cert[certs[i].key]);
		world_certificate(&certs[i]);
	}
	world_ca_trust();
}

static inline void world_open(void)
{
	memset(&world, 0, sizeof(world));
	memcpy(world.dir, "/tmp/yuandian-world-XXXXXX", 27);
	assert_non_null(mkdtemp(world.dir));
	for (uint8_t k = 0; k < W_KEYS; k++)
		world.key[k] = judge_scalar((uint8_t)(k + 1));
	world_certify();
	world_write("keycentre/kmc/trust/ca-comm.cer", buf_slice(&world.cert[W_COMM]));
	world_write("keycentre/kmc/trust/ca-comm/shifan.cer", buf_slice(&world.cert[W_COMM]));
	world_write("keycentre/kmc/trust/operator-tls.cer", buf_slice(&world.cert[W_OPERATOR]));
}

static int world_remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static inline void world_close(void)
{
	for (int k = 0; k < W_KEYS; k++)
		buf_free(&world.cert[k]);
	assert_int_equal(nftw(world.dir, world_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- an instance without listeners ---- */

/* driver faults may be NULL: then the plain driver. */
static inline struct instance *world_instance(const char *name, const struct role *role,
                                              struct db_faults *faults)
{
	struct instance *in = mem_new(1, sizeof(*in));
	struct db *db = NULL;
	AUTO(db_lease, lease, NULL);
	char path[512];

	in->role = role;
	snprintf(in->name, sizeof(in->name), "%s", name);
	snprintf(in->org, sizeof(in->org), "%.*s", (int)(strchr(name, '/') - name), name);
	snprintf(in->data, sizeof(in->data), "%s", world.dir);
	snprintf(in->dir, sizeof(in->dir), "%s/%s", world.dir, name);
	in->config.value = (struct instance_config){.crl_delay_ms = world.crl_rests ? 3600000 : 10,
	                                            .standby_keep = 4,
	                                            .standby_fill = 8,
	                                            .kmc_url = (char[]){"https://kmc"},
	                                            .kmc_name = (char[]){"keycentre/kmc"}};
	pthread_mutex_init(&in->trust_lock, NULL);
	pthread_mutex_init(&in->head_lock, NULL);
	pthread_mutex_init(&in->clients_lock, NULL);
	snprintf(path, sizeof(path), "%.200s/%.100s/trust", world.dir, name);
	assert_ok(trust_load(path, in->org, &in->trust));
	snprintf(path, sizeof(path), "%.200s/%.100s/data.db", world.dir, name);
	assert_ok(db_open(path, false, &db));
	assert_ok(db_migrate(db, role->name));
	db_close(db);
	assert_ok(faults != NULL ? db_open_faulty(path, faults, &db) : db_open(path, false, &db));
	assert_ok(writer_open(db, &in->writer));
	assert_ok(db_pool_open(path, FRAME_READERS, &in->readers));
	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(log_open(in->writer, lease->db, &in->log));
	return in;
}

static inline void world_end(struct instance *in)
{
	if (in->role->ending != NULL && in->state != NULL)
		in->role->ending(in);
	if (in->role->stop != NULL && in->state != NULL)
		in->role->stop(in);
	writer_close(in->writer);
	log_close(in->log);
	db_pool_close(in->readers);
	trust_drop(in->trust);
	mem_free(in);
}

/* Waits for what a thread of a role is about to do. */
#define world_until(condition)                                                                               \
	do {                                                                                                 \
		uint64_t world_start = clock_mono_ms();                                                      \
		while (!(condition)) {                                                                       \
			if (clock_mono_ms() - world_start > 20000)                                           \
				fail_msg("never: %s", #condition);                                           \
			nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);                             \
		}                                                                                            \
	} while (0)

/* ---- the signer ---- */

static enum world_key world_key_named(struct slice name)
{
	if (slice_is(name, "sm2"))
		return W_CA;
	if (slice_is(name, "ca-comm"))
		return W_COMM;
	if (slice_is(name, "service"))
		return W_SERVICE;
	assert_true(slice_is(name, "kmc"));
	return W_KMC;
}

static RC world_signer_ok(void)
{
	if (world.signer_fails != RC_OK)
		FAIL(world.signer_fails, "the test wants the signer to fail");
	return OK;
}

static RC world_sign(struct slice name, struct slice msg, struct buf *ret)
{
	struct sm2_sig s;

	TRY(world_signer_ok());
	TRY(sm2_sign(&world.key[world_key_named(name)], SM2_ID, msg, &s));
	sm2_sig_to_der(&s, ret);
	return buf_done(ret);
}

RC signer_certificates(struct signer_client *c, const struct signer_item *items, struct signer_result *ret,
                       size_t n)
{
	(void)c;
	TRY(world_signer_ok());
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF(sig, 128);

		assert_true(items[i].application.len > 0 && items[i].approval.len > 0);
		ret[i] = (struct signer_result){.ok = true};
		if (world.refuse_after > 0 && --world.refuse_after == 0) {
			ret[i].ok = false;
			(void)rc_ok(rc_refuse(ERR_SIGNER_APPROVAL, "the test wants a refusal"));
			ret[i].why = *rc_last();
			continue;
		}
		TRY(world_sign(items[i].key, items[i].tbs, &sig));
		memcpy(ret[i].sig, sig.p, sig.len);
		ret[i].len = sig.len;
	}
	return OK;
}

RC signer_crl(struct signer_client *c, struct slice key, int fd, uint8_t at, struct buf *sig)
{
	AUTO_BUF(tbs, 1u << 20);
	ssize_t n;

	(void)c;
	assert_int_equal(lseek(fd, at, SEEK_SET), at);
	while ((n = read(fd, buf_room(&tbs, 65536), 65536)) > 0)
		tbs.len += (size_t)n;
	return world_sign(key, buf_slice(&tbs), sig);
}

RC signer_statement(struct signer_client *c, struct slice key, struct slice json, struct buf *ret)
{
	struct slice certificate = buf_slice(&world.cert[world_key_named(key)]);
	struct sm2_sig s;
	AUTO_BUF(sig, 128);

	(void)c;
	TRY(world_signer_ok());
	assert_ok(statement_check_json(json, certificate));
	assert_ok(sm2_sign(&world.key[world_key_named(key)], SM2_ID, json, &s));
	sm2_sig_to_der(&s, &sig);
	return statement_assemble(json, buf_slice(&sig), certificate, ret);
}

/* Real signers make responder certificates: tests/e2e/14_scheduler.py. */
RC signer_responder(struct signer_client *c, struct slice old, struct buf *ret)
{
	(void)c;
	(void)old;
	(void)ret;
	return rc_refuse(ERR_SIGNER_CONTENT, "no responder in this world");
}

/* Real signers stamp: src/ceremony/stamp_test.c. */
RC signer_timestamp(struct signer_client *c, struct slice info, struct buf *ret)
{
	(void)c;
	(void)info;
	(void)ret;
	return rc_fail(RC_NOTFOUND, "no key for time stamps in this world");
}

RC signer_km_request(struct signer_client *c, struct slice key, struct slice ks_request,
                     struct slice approvals, struct buf *sig)
{
	(void)c;
	(void)approvals;
	return world_sign(key, ks_request, sig);
}

RC signer_km_restore(struct signer_client *c, struct slice key, struct slice ks_request,
                     const struct slice orders[2], struct buf *sig)
{
	(void)c;
	(void)orders;
	return world_sign(key, ks_request, sig);
}

/* The blob is the scalar in clear: this signer keeps no secrets from its test. */
RC signer_km_generate(struct signer_client *c, struct slice key, struct key_stored *ret, size_t n)
{
	(void)c;
	(void)key;
	TRY(world_signer_ok());
	for (size_t i = 0; i < n; i++) {
		TRY(sm2_key_new(&world.delivered));
		memset(&ret[i], 0, sizeof(ret[i]));
		ret[i].pub = world.delivered.pub;
		memcpy(ret[i].blob, world.delivered.d, SM2_LEN);
	}
	return OK;
}

RC signer_km_respond(struct signer_client *c, struct slice key, struct slice ca_request,
                     const struct signer_km_answer *answers, size_t n, struct buf *ret)
{
	AUTO(km_request, q, NULL);
	struct km_respond *m;
	struct buf envelope[KM_BATCH] = {0}, spki[KM_BATCH] = {0};
	uint8_t hash[32];
	struct rc rc;

	(void)c;
	(void)key;
	TRY(world_signer_ok());
	TRY(km_request_parse(ca_request, &q));
	m = km_respond_new(n);
	assert_ok(km_name_from_certificate(buf_slice(&world.cert[W_KMC]), hash, &m->km));
	m->time = clock_now();
	m->task = q->task;
	for (size_t i = 0; i < n; i++) {
		struct sm2_key k;
		struct envelope_item item = {
		        .key = &k, .receiver = q->items[i].user_pub, .serial = q->items[i].serial};

		envelope[i] = BUF(8192);
		spki[i] = BUF(256);
		m->items[i] =
		        (struct km_respond_item){.kind = answers[i].error != 0 ? KM_ERROR : q->items[i].kind,
		                                 .serial = q->items[i].serial,
		                                 .error = answers[i].error};
		if (m->items[i].kind != KM_APPLY && m->items[i].kind != KM_RESTORE)
			continue;
		assert_int_equal(answers[i].blob.len, KEY_STORED);
		assert_ok(sm2_key_load(answers[i].blob.p, &k));
		assert_ok(envelope_make(&item, 1, &world.key[W_KMC], buf_slice(&world.cert[W_KMC]),
		                        &envelope[i]));
		assert_ok(pubkey_put_sm2(&k.pub, &spki[i]));
		m->items[i].key = buf_slice(&spki[i]);
		m->items[i].envelope = buf_slice(&envelope[i]);
	}
	rc = km_respond_sign(m, &world.key[W_KMC], ret);
	km_respond_free(m);
	for (size_t i = 0; i < n; i++) {
		buf_free(&envelope[i]);
		buf_free(&spki[i]);
	}
	return rc;
}

RC signer_km_judicial(struct signer_client *c, const struct signer_orders *orders, const struct slice *blobs,
                      size_t n, struct buf *ret)
{
	(void)c;
	(void)orders;
	(void)blobs;
	(void)n;
	(void)ret;
	FAIL(RC_BUG, "no judicial recovery in this world");
}

RC signer_km_release(struct signer_client *c, struct slice ca_request, const struct signer_km_answer *answers,
                     size_t n, const struct signer_orders *orders, struct buf *ret)
{
	assert_true(orders->count >= 4);
	return signer_km_respond(c, SLICE_LIT("kmc"), ca_request, answers, n, ret);
}

RC signer_prf(struct signer_client *c, const struct slice *data, uint8_t (*ret)[16], size_t n)
{
	(void)c;
	TRY(world_signer_ok());
	for (size_t i = 0; i < n; i++) {
		uint8_t mac[32];

		sm3_hmac_of(SLICE_LIT("key of the test"), data[i], mac);
		memcpy(ret[i], mac, 16);
	}
	return OK;
}

/* Wrapped under a byte that everybody knows, but wrapped: what the copies hold is not the key. */
RC signer_wrap(struct signer_client *c, const uint8_t (*keys)[16], size_t n, uint8_t (*ret)[SIGNER_WRAPPED])
{
	(void)c;
	TRY(world_signer_ok());
	memset(ret, 0, n * SIGNER_WRAPPED);
	for (size_t i = 0; i < n; i++)
		for (size_t b = 0; b < 16; b++)
			ret[i][b] = keys[i][b] ^ 0x5a;
	return OK;
}

RC signer_unwrap(struct signer_client *c, const uint8_t (*wrapped)[SIGNER_WRAPPED], size_t n,
                 uint8_t (*ret)[16])
{
	(void)c;
	TRY(world_signer_ok());
	for (size_t i = 0; i < n; i++)
		for (size_t b = 0; b < 16; b++)
			ret[i][b] = wrapped[i][b] ^ 0x5a;
	return OK;
}

RC signer_info(struct signer_client *c, struct signer_info *ret)
{
	(void)c;
	*ret = (struct signer_info){.unlocked = true, .n = 2};
	snprintf(ret->keys[0].name, sizeof(ret->keys[0].name), "sm2");
	ret->keys[0].purpose = KEY_CA;
	snprintf(ret->keys[1].name, sizeof(ret->keys[1].name), "ca-comm");
	ret->keys[1].purpose = KEY_COMM;
	return OK;
}

RC signer_client_open(int fd, struct signer_client **ret)
{
	(void)fd;
	*ret = NULL;
	return OK;
}

void signer_client_close(struct signer_client *c)
{
	(void)c;
}

/* ---- the way to the KMC ---- */

struct http_client {
	int unused;
};

RC http_client_new(const struct http_client_config *c, struct http_client **ret)
{
	static struct http_client only;

	(void)c;
	*ret = &only;
	return OK;
}

void http_client_reload(struct http_client *c)
{
	(void)c;
}

void http_client_free(struct http_client *c)
{
	(void)c;
}

void http_answer_free(struct http_answer *a)
{
	buf_free(&a->body);
}

RC http_call(struct http_client *c, const struct http_call *call, struct http_answer *ret)
{
	(void)c;
	if (world.door != NULL)
		return world.door(call, ret);
	world.kmc_calls++;
	assert_string_equal(call->path, "/gmt0014");
	if (world.kmc_fails == RC_BUSY)
		FAIL(RC_BUSY, "the test wants no KMC");
	TRY(world.kmc(call->body, &ret->body));
	if (world.lost_answers > 0) {
		world.lost_answers--;
		FAIL(RC_UNCERTAIN, "the test wants the answer lost");
	}
	if (world.meddle != NULL)
		world.meddle(&ret->body);
	return OK;
}

RC http_call_json(struct http_client *c, const struct http_call *call, const json_t *body, json_t **ret)
{
	struct http_answer a = HTTP_ANSWER(JSON_MAX);
	struct rc rc;

	NEED(world.door != NULL && body == NULL, RC_BUG, "not in this world");
	rc = http_call(c, call, &a);
	if (rc_ok(rc))
		rc = json_read(buf_slice(&a.body), JSON_MAX, ret);
	http_answer_free(&a);
	return rc;
}

#endif
