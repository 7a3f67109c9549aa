/* The CA in a small world: RA's requests in, certificates, revocations and lists out; KMC, signer, database
 * and connections fail in turn (R02.1, R06.5, R06.9, R06.10, R21.6; design 3, 9.5 to 9.8). */
#include "../../tests/lib/small_world.h"

#include "ca/erase.h"
#include "ca/ca.h"
#include "ca/revoke.h"
#include "ca/routes.h"
#include "evidence/alarm.h"
#include "http/route.h"
#include "http/route_check.h"
#include "kmc/kmc.h"
#include "pki/cms.h"
#include "pki/crl.h"

static struct instance *ca_in, *kmc_in;
static struct db_faults faults;
static struct peer ra = {.kind = PEER_INSTANCE, .org = "shifan", .instance = "shifan/ra", .role = "ra"};

static struct rc kmc_door(struct slice request, struct buf *answer)
{
	return kmc_serve(kmc_in->state, "shifan/ca", request, answer);
}

static struct ca *ca_of(void)
{
	return instance_state(ca_in);
}

static void start_ca(void)
{
	faults = (struct db_faults){.verb = -1};
	ca_in = world_instance("shifan/ca", &role_ca, &faults);
	assert_ok(role_ca.start(ca_in));
	world_until(rc_ok(role_ca.checks[0].check(ca_in)));
}

static int open_all(void **state)
{
	(void)state;
	world_open();
	world.kmc = kmc_door;
	kmc_in = world_instance("keycentre/kmc", &role_kmc, NULL);
	kmc_in->config.value.standby_keep = 64;
	kmc_in->config.value.standby_fill = 128;
	assert_ok(role_kmc.start(kmc_in));
	world_until(rc_ok(role_kmc.checks[0].check(kmc_in)));
	start_ca();
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	world_end(ca_in);
	world_end(kmc_in);
	world_close();
	return 0;
}

/* ---- an applicant, two officers ---- */

struct subject {
	uint8_t key;    /* number of the signing key */
	char entity[2]; /* last digit of the entity id */
	const char *name;
	const char *class;
	enum world_key reviewer;
	const char *authority;
};
static const struct subject zhang = {1, "7", "张三", "GOV", W_REVIEW, "sm2"};

struct paper {
	struct buf application, approval;
	char key[65];
};

static void paper_free(struct paper *p)
{
	buf_free(&p->application);
	buf_free(&p->approval);
}
#define AUTO_PAPER(name, subject) __attribute__((cleanup(paper_free))) struct paper name = paper_of(subject)

static void csr_of(const struct sm2_key *key, struct buf *ret)
{
	AUTO_BUF(spki, 256);
	AUTO_BUF(name, 256);
	AUTO_BUF(tbs, 1024);
	AUTO_BUF(sig, 128);
	struct sm2_sig s;

	assert_ok(pubkey_put_sm2(&key->pub, &spki));
	world_name("csr", &name);
	assert_ok(
	        csr_tbs(&(struct csr_template){.subject = buf_slice(&name), .spki = buf_slice(&spki)}, &tbs));
	assert_ok(sm2_sign(key, SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), ret));
}

static json_t *application_of(const struct subject *s, struct slice csr)
{
	char text[512];
	json_t *o;

	snprintf(text, sizeof(text),
	         "{\"profile\":\"person\",\"class\":\"%s\",\"purpose\":\"办公\",\"region\":\"350000\","
	         "\"identity\":{\"name\":\"%s\",\"document\":{\"type\":\"citizen\",\"number\":"
	         "\"11010519491231002X\",\"valid_until\":\"long-term\"}},"
	         "\"agreement\":{\"version\":\"1\",\"accepted\":true}}",
	         s->class, s->name);
	o = world_json(text);
	json_put_base64(o, "csr", csr);
	json_put_take(o, "evidence",
	              world_json("[{\"type\":\"identity-document\",\"size\":1,\"sm3\":"
	                         "\"abababababababababababababababababababababababababababababababab\"}]"));
	return o;
}

static json_t *approval_of(const struct subject *s, const json_t *application, const uint8_t hash[32])
{
	struct sm2_key key = judge_scalar(s->key);
	AUTO(profile, p, NULL);
	AUTO_BUF(spki, 256);
	AUTO_BUF(name, 1024);
	AUTO_BUF(text, 1024);
	char entity[37] = UUID_OF("0");
	uint8_t sm3[32];
	json_t *o = world_json("{\"id\":\"APP-1\",\"profile\":\"person\",\"validity_days\":365}");

	entity[35] = s->entity[0];
	assert_ok(profile_builtin("person", &p));
	assert_ok(profile_subject(p, json_object_get(application, "identity"), &name));
	assert_ok(name_to_text(buf_slice(&name), &text));
	assert_ok(pubkey_put_sm2(&key.pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	json_put_hex(o, "application", slice_of(hash, 32));
	json_put_text(o, "subject", buf_slice(&text));
	json_put_cstr(o, "entity", entity);
	json_put_hex(o, "spki", SLICE_ARR(sm3));
	json_put_cstr(o, "class", s->class);
	json_put_cstr(o, "authority", s->authority);
	return o;
}

static struct paper paper_of(const struct subject *s)
{
	struct sm2_key key = judge_scalar(s->key);
	struct paper p = {BUF(STATEMENT_MAX), BUF(STATEMENT_MAX), ""};
	AUTO_BUF(csr, 2048);
	AUTO_BUF(hex, 65);
	AUTO_JSON(application, NULL);
	AUTO_JSON(approval, NULL);
	uint8_t hash[32];

	csr_of(&key, &csr);
	application = application_of(s, buf_slice(&csr));
	world_statement(STATEMENT_APPLICATION, W_ENTRY, "shifan", "entry", application, &p.application);
	sm3_hash(buf_slice(&p.application), hash);
	approval = approval_of(s, application, hash);
	world_statement(STATEMENT_APPROVAL, s->reviewer, "shifan", "review", approval, &p.approval);
	sm3_hash(buf_slice(&p.approval), hash);
	buf_hex(&hex, SLICE_ARR(hash));
	memcpy(p.key, buf_cstr(&hex), 65);
	return p;
}

static json_t *post_all(const struct paper *p, size_t n)
{
	AUTO_JSON(list, json_array());
	json_t *results = NULL;

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		json_put_cstr(o, "key", p[i].key);
		json_put_base64(o, "application", buf_slice(&p[i].application));
		json_put_base64(o, "approval", buf_slice(&p[i].approval));
		json_array_append_new(list, o);
	}
	assert_ok(ca_door(ca_of(), list, &ra, true, &results));
	assert_int_equal(json_array_size(results), n);
	return results;
}

static json_t *post(const struct paper *p)
{
	AUTO_JSON(results, post_all(p, 1));

	return json_incref(json_array_get(results, 0));
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static void has_state(const json_t *o, const char *state)
{
	if (strcmp(text_at(o, "state"), state) != 0) {
		char *text = json_dumps(o, 0);

		fail_msg("state is not %s: %s", state, text);
	}
}

static void refused_with(const struct paper *p, enum err code)
{
	AUTO_JSON(o, post(p));

	has_state(o, "refused");
	assert_string_equal(text_at(json_object_get(o, "error"), "code"), err_info(code)->name);
}

/* The request as the database has it. */
static json_t *show(const struct paper *p)
{
	AUTO(db_lease, lease, NULL);
	struct ca_request row;
	uint8_t key[32];
	json_t *o = NULL;

	assert_ok(db_pool_lease(ca_in->readers, &lease));
	assert_ok(text_hex(slice_text(p->key), key, 32));
	assert_ok(ca_store_find(lease->db, key, &row));
	assert_ok(ca_result_row(lease->db, &row, &o));
	return o;
}

static bool issued(const struct paper *p)
{
	AUTO_JSON(o, show(p));

	return strcmp(text_at(o, "state"), "issued") == 0;
}

static int64_t scalar(struct instance *in, const char *sql)
{
	AUTO(db_lease, lease, NULL);
	int64_t n = -1;

	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(db_scalar(lease->db, &n, sql, DB_NOARGS));
	return n;
}

/* Entries of a kind: canonical JSON has its members sorted, so "kind" can be searched for. */
static size_t entries_of(const char *kind, const char *part)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);
	size_t n = 0;

	assert_ok(db_pool_lease(ca_in->readers, &lease));
	assert_ok(log_read(lease->db, 0, LOG_READ_MAX, &list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_object_get(json_array_get(list, i), "entry");
		char *text = json_dumps(e, JSON_SORT_KEYS);

		n += strcmp(text_at(e, "kind"), kind) == 0 && strstr(text, part) != NULL;
		mem_free(text);
	}
	return n;
}

/* ---- libcrypto judges ---- */

static void certificate_at(const json_t *o, size_t i, struct buf *ret)
{
	const char *s = json_string_value(json_array_get(json_object_get(o, "certificates"), i));

	assert_non_null(s);
	assert_ok(text_base64(slice_text(s), ret));
}

static void judge_issued(struct slice der, const char *usage, const uint8_t *point)
{
	AUTO(evp_pkey_st, ca, judge_sm2(&world.key[W_CA]));
	const unsigned char *p = der.p;
	AUTO(x509_st, x, d2i_X509(NULL, &p, (long)der.len));
	const ASN1_BIT_STRING *bits = NULL;
	struct cert c;
	uint32_t want = strcmp(usage, "sign") == 0
	                        ? KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION
	                        : KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT;

	assert_non_null(x);
	assert_ptr_equal(p, der.p + der.len);
	assert_int_equal(X509_get_key_usage(x), want);
	assert_ok(cert_parse(der, &c));
	assert_true(judge_verify(ca, c.tbs, c.signature));
	X509_get0_signature(&bits, NULL, x);
	assert_true(slice_equal(c.signature, slice_of(bits->data, (size_t)bits->length)));
	assert_memory_equal(X509_get0_pubkey_bitstr(x)->data + 1, point, 64);
}

/* R06.10: the envelope opens with the subscriber's key alone and gives the key of the certificate. */
static void judge_envelope(const char *base64, uint8_t user, struct slice certificate)
{
	struct sm2_key key = judge_scalar(user), delivered;
	AUTO(evp_pkey_st, judge, judge_sm2(&key));
	AUTO_BUF(der, 8192);
	uint8_t sm4[64], plain[64];
	struct cms_sealed sealed;
	size_t len = sizeof(sm4);
	struct cert c;

	assert_ok(text_base64(slice_text(base64), &der));
	assert_ok(cms_sealed_parse(buf_slice(&der), &sealed));
	assert_true(judge_decrypt(judge, sealed.recipients[0].encrypted_key, sm4, &len));
	judge_sm4_ecb(sm4, sealed.ciphertext, plain, false);
	assert_ok(sm2_key_load(plain + 32, &delivered));
	assert_ok(cert_parse(certificate, &c));
	assert_memory_equal(c.key.sm2.xy, delivered.pub.xy, 64);
}

static void judge_pair(const json_t *o, uint8_t user)
{
	struct sm2_key key = judge_scalar(user);
	AUTO_BUF(sign, 8192);
	AUTO_BUF(encrypt, 8192);
	struct cert a, b;

	has_state(o, "issued");
	assert_int_equal(json_array_size(json_object_get(o, "certificates")), 2);
	certificate_at(o, 0, &sign);
	certificate_at(o, 1, &encrypt);
	judge_issued(buf_slice(&sign), "sign", key.pub.xy);
	assert_ok(cert_parse(buf_slice(&sign), &a));
	assert_ok(cert_parse(buf_slice(&encrypt), &b));
	judge_issued(buf_slice(&encrypt), "encrypt", b.key.sm2.xy);
	judge_envelope(text_at(o, "envelope"), user, buf_slice(&encrypt));
	assert_true(slice_equal(a.subject, b.subject));
	assert_false(slice_equal(a.serial, b.serial));
	assert_int_equal(a.serial.len, 16);
	assert_int_equal(a.not_after, b.not_after);
}

/* ---- issuing ---- */

static void a_pair_is_issued(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(stored, show(&p));
	AUTO_BUF(sign, 8192);
	const struct slice policies[] = {SLICE_LIT("\x2b\x06\x01\x04\x01\x81\xfd\x59\x01\x01"),
	                                 SLICE_LIT("\x2b\x06\x01\x04\x01\x81\xfd\x59\x01\x02")};
	struct cert c;
	size_t which = 9;

	(void)state;
	judge_pair(o, 1);
	assert_true(json_equal(o, stored));
	certificate_at(o, 0, &sign);
	assert_ok(cert_parse(buf_slice(&sign), &c));
	assert_ok(cert_policy(&c, policies, 2, &which)); /* R02.1 */
	assert_int_equal(which, 0);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM request WHERE class = 'GOV'"), 1);
	assert_int_equal(entries_of("issued", text_at(o, "serial")), 2);
	assert_int_equal(scalar(kmc_in, "SELECT count(*) FROM in_use"), 1);
}

/* R24.10: the statements go when the vault's copy was destroyed; what was issued stays. */
static void what_was_disposed_of_is_erased(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(answer, NULL);
	struct disposed_eraser e = ca_eraser();
	char text[256];
	bool more;

	(void)state;
	judge_pair(o, 1);
	(void)snprintf(text, sizeof(text),
	               "{\"records\":[{\"position\":0,\"record\":\"%s\",\"originals\":[]}]}",
	               json_string_value(json_object_get(o, "key")));
	answer = world_json(text);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM request_body WHERE length(application) > 0"), 1);
	assert_ok(disposed_apply(ca_in, answer, &e, &more));
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM request_body WHERE length(application) > 0"), 0);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 2);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM disposed"), 1);
}

/* Design 9.5: same key and bytes, same answer; nothing happens twice. */
static void the_same_request_gets_the_same_answer(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(a, post(&p));
	AUTO_JSON(b, post(&p));
	struct paper twice[2] = {p, p};
	AUTO_JSON(c, post_all(twice, 2));

	(void)state;
	assert_true(json_equal(a, b));
	assert_true(json_equal(a, json_array_get(c, 0)));
	assert_true(json_equal(a, json_array_get(c, 1)));
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 2);
}

static void other_bytes_under_the_same_key_conflict(void **state)
{
	struct subject other = zhang;
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(a, post(&p));

	(void)state;
	has_state(a, "issued");
	other.name = "李四";
	AUTO_PAPER(q, &other);
	struct paper mixed = {q.application, p.approval, ""};

	memcpy(mixed.key, p.key, 65);
	refused_with(&mixed, ERR_REQUEST_CONFLICT);
	/* a new key for the mixed pair is no way around */
	struct paper crossed = {p.application, q.approval, ""};

	memcpy(crossed.key, q.key, 65);
	refused_with(&crossed, ERR_REQUEST_MISMATCH);
	memset(crossed.key, 'a', 64);
	refused_with(&crossed, ERR_GENERIC_INPUT);
	/* a known key alone is no ticket to its answer */
	struct paper stolen = {p.application, q.approval, ""};

	memcpy(stolen.key, p.key, 65);
	refused_with(&stolen, ERR_GENERIC_INPUT);
}

static void a_batch_has_an_outcome_each(void **state)
{
	struct paper p[24];
	size_t n = 0;

	(void)state;
	for (uint8_t i = 0; i < 24; i++) {
		struct subject s = {(uint8_t)(30 + i),
		                    {(char)('a' + i % 6)},
		                    "某某",
		                    i % 2 ? "GOV" : "PUBLIC",
		                    W_REVIEW,
		                    "sm2"};

		if (i == 5)
			s.reviewer = W_ENTRY; /* one person: has no role review */
		p[i] = paper_of(&s);
	}
	AUTO_JSON(results, post_all(p, 24));
	for (uint8_t i = 0; i < 24; i++) {
		const json_t *o = json_array_get(results, i);

		if (i == 5) {
			has_state(o, "refused");
			assert_string_equal(text_at(json_object_get(o, "error"), "code"), "statement-role");
			continue;
		}
		judge_pair(o, (uint8_t)(30 + i));
		n++;
	}
	for (size_t i = 0; i < 24; i++)
		paper_free(&p[i]);
	assert_int_equal(n, 23);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 46);
	assert_int_equal(scalar(ca_in, "SELECT count(DISTINCT serial) FROM certificate"), 46);
	/* one message to the KMC carried many */
	assert_true(world.kmc_calls < 23);
}

/* Design 9.8. */
static void a_key_is_certified_once(void **state)
{
	struct subject again = zhang, stranger = zhang;
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));

	(void)state;
	has_state(o, "issued");
	again.class = "PUBLIC";
	stranger.entity[0] = '8';
	AUTO_PAPER(q, &again);
	AUTO_PAPER(r, &stranger);
	refused_with(&q, ERR_SAME_KEY);
	refused_with(&r, ERR_SAME_KEY);
	world_until(entries_of("refused", "same-key") == 2);
	/* twice in one batch: one of them */
	struct subject first = {50, "9", "甲", "GOV", W_REVIEW, "sm2"}, second = first;

	second.class = "PUBLIC";
	struct paper both[2] = {paper_of(&first), paper_of(&second)};
	AUTO_JSON(results, post_all(both, 2));

	has_state(json_array_get(results, 0), "issued");
	has_state(json_array_get(results, 1), "refused");
	paper_free(&both[0]);
	paper_free(&both[1]);
}

/* ---- the gate ---- */

static void reload_trust(void)
{
	char path[2048];
	struct trust *t = NULL;

	snprintf(path, sizeof(path), "%s/trust", ca_in->dir);
	assert_ok(trust_load(path, "shifan", &t));
	pthread_mutex_lock(&ca_in->trust_lock);
	trust_drop(ca_in->trust);
	ca_in->trust = t;
	pthread_mutex_unlock(&ca_in->trust_lock);
}

static void remove_file(const char *name)
{
	char path[2048];

	snprintf(path, sizeof(path), "%s/trust/%s", ca_in->dir, name);
	assert_int_equal(unlink(path), 0);
	reload_trust();
}

/* A refusal names its gate, changes nothing and is logged (design 5). */
static void a_closed_gate_refuses_and_logs(void **state)
{
	AUTO_PAPER(p, &zhang);

	(void)state;
	(void)snprintf(ra.instance, sizeof(ra.instance), "shifan/ra-9");
	refused_with(&p, ERR_G09);
	(void)snprintf(ra.instance, sizeof(ra.instance), "shifan/ra");
	remove_file("cps.p7s");
	refused_with(&p, ERR_G12);
	remove_file("authorisation.p7s");
	refused_with(&p, ERR_AUTHORISATION);
	world_until(entries_of("refused", "g09-ra") == 1);
	world_until(entries_of("refused", "g12-cps") == 1);
	world_until(entries_of("refused", "authorisation") == 1);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM request"), 0);
	assert_int_equal(world.kmc_calls, 0);
}

static void strangers_are_not_believed(void **state)
{
	struct subject s = zhang;
	AUTO_PAPER(good, &zhang);

	(void)state;
	s.reviewer = W_STRANGER;
	AUTO_PAPER(p, &s);
	refused_with(&p, ERR_STATEMENT_ROLE);
	s = zhang;
	s.authority = "root"; /* its key is not here */
	AUTO_PAPER(q, &s);
	refused_with(&q, ERR_AUTHORITY_WRONG);
	s.authority = "nobody";
	AUTO_PAPER(r, &s);
	refused_with(&r, ERR_AUTHORITY_WRONG);
	/* one bit of the approval's signature */
	good.approval.p[good.approval.len - 5] ^= 1;
	uint8_t hash[32];
	AUTO_BUF(hex, 65);

	sm3_hash(buf_slice(&good.approval), hash);
	buf_hex(&hex, SLICE_ARR(hash));
	memcpy(good.key, buf_cstr(&hex), 65);
	refused_with(&good, ERR_STATEMENT_SIGNATURE);
}

/* ---- the KMC ---- */

/* Design 9.7: half a pair at once, the other half when the KMC is back. */
static void half_a_pair_waits_for_the_kmc(void **state)
{
	AUTO_PAPER(p, &zhang);

	(void)state;
	world.kmc_fails = RC_BUSY;
	AUTO_JSON(half, post(&p));
	has_state(half, "issued-partial");
	assert_int_equal(json_array_size(json_object_get(half, "certificates")), 1);
	assert_null(json_object_get(half, "envelope"));
	assert_int_equal(entries_of("issued", text_at(half, "serial")), 1);
	AUTO_JSON(again, post(&p));
	has_state(again, "issued-partial");
	world.kmc_fails = RC_OK;
	world_until(issued(&p));
	AUTO_JSON(whole, show(&p));
	judge_pair(whole, 1);
	assert_string_equal(text_at(whole, "serial"), text_at(half, "serial"));
	assert_string_equal(text_at(whole, "encrypt_serial"), text_at(half, "encrypt_serial"));
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 2);
}

/* Whoever waits while the other half is made gets the first half as it was issued. */
static void a_resumed_half_is_whole(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, NULL);
	struct flights own;
	struct ca_request row;
	struct issue *i;
	uint8_t key[32];
	bool fresh;

	(void)state;
	world.kmc_fails = RC_BUSY;
	AUTO_JSON(half, post(&p));
	has_state(half, "issued-partial");
	assert_ok(text_hex(slice_text(text_at(half, "key")), key, sizeof(key)));
	assert_ok(db_pool_lease(instance_readers(ca_in), &lease));
	assert_ok(ca_store_find(lease->db, key, &row));
	flights_open(&own);
	assert_ok(flight_join(&own, key, &i, &fresh));
	assert_ok(ca_resume(instance_state(ca_in), lease->db, &row, i, NULL));
	assert_ok(ca_result(i, false, &o));
	assert_true(json_equal(json_object_get(o, "certificates"), json_object_get(half, "certificates")));
	flight_finish(&own, &i, 1, true);
	flights_close(&own);
	world.kmc_fails = RC_OK;
	world_until(issued(&p));
}

/* The same bytes again bring the same answer: one key in use. */
static void a_lost_answer_is_asked_for_again(void **state)
{
	AUTO_PAPER(p, &zhang);

	(void)state;
	world.lost_answers = 1;
	AUTO_JSON(o, post(&p));
	judge_pair(o, 1);
	assert_int_equal(world.kmc_calls, 2);
	assert_int_equal(scalar(kmc_in, "SELECT count(*) FROM in_use"), 1);
	assert_int_equal(scalar(kmc_in, "SELECT count(*) FROM task"), 1);
}

static struct buf recorded;

static void forge(struct buf *answer)
{
	answer->p[answer->len - 3] ^= 1;
}

static void record(struct buf *answer)
{
	buf_clear(&recorded);
	buf_add(&recorded, buf_slice(answer));
}

static void replay(struct buf *answer)
{
	buf_clear(answer);
	buf_add(answer, buf_slice(&recorded));
}

/* R06.5: a forged or replayed response is refused; no encryption certificate comes of it. */
static void forged_and_replayed_answers_are_refused(void **state)
{
	struct subject li = {2, "8", "李四", "GOV", W_REVIEW, "sm2"},
	               wang = {3, "9", "王五", "GOV", W_REVIEW, "sm2"};
	AUTO_PAPER(p, &zhang);
	AUTO_PAPER(q, &li);
	AUTO_PAPER(r, &wang);

	(void)state;
	recorded = BUF(1u << 20);
	world.meddle = record;
	AUTO_JSON(first, post(&p));
	judge_pair(first, 1);
	world.meddle = replay;
	AUTO_JSON(second, post(&q));
	has_state(second, "issued-partial");
	world.meddle = forge;
	AUTO_JSON(third, post(&r));
	has_state(third, "issued-partial");
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate WHERE part = 1"), 1);
	world.meddle = NULL;
	world_until(issued(&q) && issued(&r));
	AUTO_JSON(healed, show(&q));
	judge_pair(healed, 2);
	buf_free(&recorded);
}

/* Design 9.8: the key that the KMC gave Zhang. */
static void delivered_to(const struct paper *p, struct buf *spki)
{
	AUTO_JSON(o, show(p));
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert c;

	certificate_at(o, 1, &der);
	assert_ok(cert_parse(buf_slice(&der), &c));
	buf_add(spki, c.key.spki);
}

static struct buf victim;

/* A KMC that hands a used key out again, properly signed. */
static void give_again(struct buf *answer)
{
	AUTO(km_respond, m, NULL);
	AUTO_BUF(again, KM_RESPOND_MAX);

	assert_ok(km_respond_parse(buf_slice(answer), &m));
	m->items[0].key = buf_slice(&victim);
	assert_ok(km_respond_sign(m, &world.key[W_KMC], &again));
	buf_clear(answer);
	buf_add(answer, buf_slice(&again));
}

static void a_delivered_key_serves_nobody_else(void **state)
{
	struct subject li = {2, "8", "李四", "GOV", W_REVIEW, "sm2"};
	AUTO_PAPER(p, &zhang);
	AUTO_PAPER(q, &li);
	AUTO_JSON(first, post(&p));

	(void)state;
	judge_pair(first, 1);
	victim = BUF(256);
	delivered_to(&p, &victim);
	world.meddle = give_again;
	AUTO_JSON(second, post(&q));
	has_state(second, "issued-partial");
	world.meddle = NULL;
	world_until(issued(&q));
	AUTO_JSON(healed, show(&q));
	judge_pair(healed, 2);
	buf_free(&victim);
}

/* ---- a KMC that signs what is wrong ---- */

static unsigned lies; /* told */
static void (*lie)(struct km_respond **m);

static void tell(struct buf *answer)
{
	AUTO(km_respond, m, NULL);
	AUTO_BUF(again, KM_RESPOND_MAX);

	assert_ok(km_respond_parse(buf_slice(answer), &m));
	lie(&m);
	assert_ok(km_respond_sign(m, &world.key[W_KMC], &again));
	buf_clear(answer);
	buf_add(answer, buf_slice(&again));
	lies++;
}

/* R06.5: whatever field lies, properly signed, no encryption certificate comes of it. */
static void is_not_believed(void (*how)(struct km_respond **m))
{
	AUTO_PAPER(p, &zhang);

	lie = how;
	lies = 0;
	world.meddle = tell;
	AUTO_JSON(first, post(&p));
	has_state(first, "issued-partial");
	assert_true(lies > 0);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate WHERE part = 1"), 0);
	world.meddle = NULL;
	world_until(issued(&p));
	AUTO_JSON(healed, show(&p));
	judge_pair(healed, 1);
}

#define LIE(name, ...)                                                                                       \
	static void name##_lie(struct km_respond **m)                                                        \
	{                                                                                                    \
		__VA_ARGS__;                                                                                 \
	}                                                                                                    \
	static void name(void **state)                                                                       \
	{                                                                                                    \
		(void)state;                                                                                 \
		is_not_believed(name##_lie);                                                                 \
	}

static void name_another(struct km_respond *m)
{
	static uint8_t hash[32];

	assert_ok(km_name_from_certificate(buf_slice(&world.cert[W_CA]), hash, &m->km));
}

/* The same answer twice in one message. */
static void say_twice(struct km_respond **m)
{
	struct km_respond *two = km_respond_new(2);

	assert_non_null(two);
	two->km = (*m)->km;
	two->time = (*m)->time;
	two->task = (*m)->task;
	two->items[0] = two->items[1] = (*m)->items[0];
	/* the parsed one stays alive until the test ends: the copies borrow its bytes */
	static struct km_respond *kept;
	km_respond_free(kept);
	kept = *m;
	*m = two;
}

LIE(another_kmc_is_named, name_another(*m))
LIE(the_answer_is_old, (*m)->time -= 2 * TIME_DAY)
LIE(the_answer_is_early, (*m)->time += 2 * TIME_DAY)
LIE(another_task_is_named, (*m)->task = SLICE_LIT("another task"))
LIE(another_certificate_is_named, (*m)->items[0].serial = SLICE_LIT("\x5a\x5a\x5a"))
LIE(two_answers_to_one_request, say_twice(m))
LIE(an_answer_of_another_kind, (*m)->items[0].kind = KM_RESTORE)

/* ---- the signer ---- */

static void what_the_signer_refuses_leaves_no_trace(void **state)
{
	AUTO_PAPER(p, &zhang);

	(void)state;
	world.refuse_after = 2; /* the encryption half */
	refused_with(&p, ERR_SIGNER_APPROVAL);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 0);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM request"), 0);
	assert_int_equal(entries_of("refused", "signer-approval"), 1);
	/* the way is free again */
	AUTO_JSON(o, post(&p));
	judge_pair(o, 1);
}

static void *post_thread(void *arg)
{
	return post(arg);
}

static json_t *joined(pthread_t t)
{
	void *o;

	assert_int_equal(pthread_join(t, &o), 0);
	return o;
}

/* serials come from the signer, so it fails after them: TBS durable, not signed */
static void meddle_locks(struct buf *answer)
{
	(void)answer;
	world.signer_fails = RC_BUSY;
}

static void prepared_work_waits_for_its_signer(void **state)
{
	AUTO_PAPER(p, &zhang);
	pthread_t t;

	(void)state;
	world.meddle = meddle_locks;
	assert_int_equal(pthread_create(&t, NULL, post_thread, &p), 0);
	world_until(scalar(ca_in, "SELECT count(*) FROM request WHERE state = 1") == 1);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 0);
	world.meddle = NULL;
	world.signer_fails = RC_OK;
	AUTO_JSON(o, joined(t));
	judge_pair(o, 1);
}

/* Law 1: after a stop at any point the work is taken up by its state; the serial stays. */
static void a_stopped_ca_goes_on(void **state)
{
	AUTO_PAPER(p, &zhang);
	pthread_t t;

	(void)state;
	world.meddle = meddle_locks;
	assert_int_equal(pthread_create(&t, NULL, post_thread, &p), 0);
	world_until(scalar(ca_in, "SELECT count(*) FROM request WHERE state = 1") == 1);
	role_ca.ending(ca_in);
	AUTO_JSON(cut, joined(t));
	assert_string_not_equal(text_at(cut, "state"), "issued");
	world_end(ca_in);
	world.meddle = NULL;
	world.signer_fails = RC_OK;
	start_ca();
	world_until(issued(&p));
	AUTO_JSON(o, post(&p));
	judge_pair(o, 1);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 2);
	assert_int_equal(entries_of("issued", "\"part\": \"sign\""), 1);
}

/* Whichever database call fails, or loses its answer: repeating the request ends with one pair, logged once.
 */
static void a_failing_database_issues_once(void **state)
{
	unsigned long failed = 0;
	int64_t pairs = 0;

	(void)state;
	for (unsigned long n = 1; n <= 120; n += 3) {
		struct subject s = {(uint8_t)(60 + pairs), "7", "某某", "GOV", W_REVIEW, "sm2"};
		AUTO_PAPER(p, &s);

		faults = (struct db_faults){
		        .verb = -1, .kinds = DB_CALL_ALL, .at = n, .uncertain = pairs % 2 == 0};
		AUTO_JSON(first, post(&p));
		faults.kinds = 0;
		failed += strcmp(text_at(first, "state"), "issued") != 0;
		pairs++;
		atomic_store(&ca_of()->records_failed, 0);
		AUTO_JSON(o, post(&p));
		judge_pair(o, s.key);
		assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate"), 2 * pairs);
		assert_int_equal(entries_of("issued", "\"pair\""), 2 * pairs);
	}
	assert_true(failed > 5);
}

/* ---- revocation ---- */

static RC revoke_as(enum world_key who, const char *role, const char *serial, const char *reason,
                    json_t **ret)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(der, STATEMENT_MAX);

	json_put_cstr(body, "ca", "sm2");
	json_put_cstr(body, "serial", serial);
	json_put_cstr(body, "reason", reason);
	world_statement(STATEMENT_REVOCATION, who, "shifan", role, body, &der);
	return ca_revoke(ca_of(), buf_slice(&der), ret);
}

static void read_list(struct buf *der)
{
	int64_t number;
	char path[2048];

	buf_clear(der);
	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	assert_ok(file_read(path, CRL_FILE_MAX, der));
}

/* libcrypto finds the serial in the list, or does not. */
static bool judge_listed(struct slice der, const char *serial)
{
	const unsigned char *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	AUTO(bignum_st, n, NULL);
	X509_REVOKED *entry = NULL;
	ASN1_INTEGER *i;
	bool found;

	assert_non_null(crl);
	assert_true(BN_hex2bn(&n, serial) > 0);
	i = BN_to_ASN1_INTEGER(n, NULL);
	found = X509_CRL_get0_by_serial(crl, &entry, i) == 1;
	ASN1_INTEGER_free(i);
	X509_CRL_free(crl);
	return found;
}

static bool listed(const char *serial)
{
	AUTO_BUF(der, CRL_FILE_MAX);

	read_list(&der);
	return judge_listed(buf_slice(&der), serial);
}

static void revocation_reaches_the_list(void **state)
{
	AUTO(evp_pkey_st, ca, judge_sm2(&world.key[W_CA]));
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);
	AUTO_BUF(before, CRL_FILE_MAX);
	AUTO_BUF(after, CRL_FILE_MAX);
	const char *serial = text_at(o, "serial");
	struct crl a, b;

	(void)state;
	read_list(&before);
	assert_false(judge_listed(buf_slice(&before), serial));
	assert_ok(revoke_as(W_REVIEW, "review", serial, "keyCompromise", &done));
	assert_string_equal(text_at(done, "serial"), serial);
	/* both of the pair, unless the statement or the CPS says otherwise (R31.3) */
	assert_int_equal(entries_of("revoked", serial), 1);
	assert_int_equal(entries_of("revoked", text_at(o, "encrypt_serial")), 1);
	world_until(listed(serial));
	read_list(&after);
	assert_ok(crl_parse(buf_slice(&before), &a));
	assert_ok(crl_parse(buf_slice(&after), &b));
	assert_true(judge_verify(ca, b.tbs, b.signature));
	assert_true(crl_number(&b) > crl_number(&a)); /* R21.6: rises */
	assert_true(judge_listed(buf_slice(&after), text_at(o, "encrypt_serial")));
	/* final; unknown stays unknown */
	json_t *no = NULL;

	assert_refused(revoke_as(W_CHIEF, "ca-operator", serial, "superseded", &no), ALREADY_REVOKED);
	assert_int_equal(revoke_as(W_CHIEF, "ca-operator", "5a5a5a", "superseded", &no).code, RC_NOTFOUND);
	assert_refused(revoke_as(W_ENTRY, "entry", serial, "superseded", &no), REVOCATION_RIGHT);
	assert_refused(revoke_as(W_STRANGER, "review", serial, "superseded", &no), STATEMENT_ROLE);
	assert_refused(revoke_as(W_CHIEF, "ca-operator", serial, "removeFromCRL", &no), ALREADY_REVOKED);
	assert_refused(revoke_as(W_CHIEF, "ca-operator", serial, "certificateHold", &no), ALREADY_REVOKED);
	assert_int_equal(entries_of("revoked", ""), 2);
}

static struct rc run_sql(struct db_tx *tx, void *arg)
{
	return db_run(tx->db, NULL, arg, DB_NOARGS);
}

static void sql(struct instance *in, const char *text)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_ok(writer_run(instance_writer(in), run_sql, copy));
}

static enum life_state state_of(const char *serial)
{
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(magnitude, CERT_SERIAL_MAX);
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	AUTO(db_lease, lease, NULL);
	struct revocation last;
	enum life_state ret;

	assert_ok(db_pool_lease(instance_readers(ca_in), &lease));
	assert_ok(cert_serial_from_text(slice_text(serial), &magnitude));
	assert_ok(ca_store_certificate(lease->db, "sm2", buf_slice(&magnitude), c, &tbs));
	assert_ok(ca_life(lease->db, c, clock_now(), &ret, &last));
	return ret;
}

/* R21.7: hold shows and goes, the same statement again changes nothing, and holders cannot lift it. */
static void a_hold_comes_and_goes(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(held, NULL);
	AUTO_JSON(freed, NULL);
	json_t *no = NULL;
	const char *serial = text_at(o, "serial"), *pair = text_at(o, "encrypt_serial");

	(void)state;
	assert_refused(revoke_as(W_REVIEW, "review", serial, "removeFromCRL", &no), CERTIFICATE_STATE);
	/* a clerk alone stops, and neither ends nor lifts (R31.2) */
	assert_ok(revoke_as(W_ENTRY, "entry", serial, "certificateHold", &held));
	assert_string_equal(text_at(held, "state"), "on-hold");
	assert_string_equal(text_at(held, "ground"), "holder");
	assert_int_equal(state_of(serial), LIFE_ON_HOLD);
	assert_int_equal(state_of(pair), LIFE_ON_HOLD);
	world_until(listed(serial) && listed(pair));
	assert_refused(revoke_as(W_ENTRY, "entry", serial, "removeFromCRL", &no), REVOCATION_RIGHT);
	assert_refused(revoke_as(W_REVIEW, "review", serial, "certificateHold", &no), CERTIFICATE_STATE);
	assert_ok(revoke_as(W_REVIEW, "review", serial, "removeFromCRL", &freed));
	assert_string_equal(text_at(freed, "state"), "active");
	assert_int_equal(state_of(serial), LIFE_ACTIVE);
	assert_int_equal(state_of(pair), LIFE_ACTIVE);
	world_until(!listed(serial) && !listed(pair));
	assert_int_equal(entries_of("released", serial), 1);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate WHERE status = 1"), 0);
}

static RC hold_again(struct slice der, json_t **ret)
{
	return ca_revoke(ca_of(), der, ret);
}

/* A statement counts once: sent again it is answered as before, also after its hold was lifted. */
static void an_old_hold_does_not_come_back(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(body, json_object());
	AUTO_JSON(first, NULL);
	AUTO_JSON(again, NULL);
	AUTO_JSON(freed, NULL);
	AUTO_BUF(der, STATEMENT_MAX);

	(void)state;
	json_put_cstr(body, "ca", "sm2");
	json_put_cstr(body, "serial", text_at(o, "serial"));
	json_put_cstr(body, "reason", "certificateHold");
	json_put_time(body, "reported", clock_now() - 60);
	world_statement(STATEMENT_REVOCATION, W_REVIEW, "shifan", "review", body, &der);
	assert_ok(hold_again(buf_slice(&der), &first));
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o, "serial"), "removeFromCRL", &freed));
	assert_ok(hold_again(buf_slice(&der), &again));
	assert_true(json_equal(first, again));
	assert_non_null(json_object_get(first, "reported")); /* R31.5: both times */
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_ACTIVE);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM revocation"), 4);
}

/* R21.7: the longest time is over, once; who was released or is expired is left alone. */
static void a_hold_ends_by_rule(void **state)
{
	struct subject other = {2, "8", "李四", "GOV", W_REVIEW, "sm2"};
	AUTO_PAPER(p, &zhang);
	AUTO_PAPER(q, &other);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(o2, post(&q));
	AUTO_JSON(held, NULL);
	AUTO_JSON(held2, NULL);
	AUTO_JSON(freed, NULL);

	(void)state;
	assert_int_equal(ca_hold_due(ca_of()), INT64_MAX);
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o, "serial"), "certificateHold", &held));
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o2, "serial"), "certificateHold", &held2));
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o2, "serial"), "removeFromCRL", &freed));
	assert_true(ca_hold_due(ca_of()) > clock_now() + 29 * W_DAY);
	assert_ok(ca_hold_run(ca_of()));
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_ON_HOLD);
	sql(ca_in, "UPDATE revocation SET at = at - 31 * 86400, since = since - 31 * 86400");
	assert_true(ca_hold_due(ca_of()) < clock_now());
	world.signer_fails = RC_BUSY;
	assert_int_equal(ca_hold_run(ca_of()).code, RC_BUSY);
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_ON_HOLD);
	world.signer_fails = RC_OK;
	assert_ok(ca_hold_run(ca_of()));
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_REVOKED);
	assert_int_equal(state_of(text_at(o, "encrypt_serial")), LIFE_REVOKED);
	assert_int_equal(state_of(text_at(o2, "serial")), LIFE_ACTIVE);
	assert_int_equal(ca_hold_due(ca_of()), INT64_MAX);
	assert_ok(ca_hold_run(ca_of()));
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM revocation WHERE event = 0"), 2);
	/* since the hold, not since its end (X.509 8.5.2.2) */
	assert_int_equal(
	        scalar(ca_in, "SELECT count(*) FROM revocation WHERE event = 0 AND at - since > 30 * 86400"),
	        2);
}

/* The key's certificate is gone for good: a revoked key is never certified again (design 9.8). */
static void a_revoked_key_stays_out(void **state)
{
	struct subject again = zhang;
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);

	(void)state;
	assert_ok(revoke_as(W_CHIEF, "ca-operator", text_at(o, "serial"), "superseded", &done));
	again.class = "PUBLIC";
	AUTO_PAPER(q, &again);
	refused_with(&q, ERR_SAME_KEY);
}

/* "Always on": no gate, no signer, no KMC stands in its way. */
static void revocation_waits_for_nobody(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);

	(void)state;
	remove_file("authorisation.p7s");
	remove_file("cps.p7s");
	remove_file("ra-approval.p7s");
	world.signer_fails = RC_BUSY;
	world.kmc_fails = RC_BUSY;
	assert_ok(revoke_as(W_CHIEF, "ca-operator", text_at(o, "serial"), "superseded", &done));
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM revocation"), 2);
	world.signer_fails = RC_OK;
	world_until(listed(text_at(o, "serial")));
}

/* A revoked encryption certificate ends its key at the KMC (GB/T 25056), even if the KMC was away. */
static void an_ended_key_moves_to_history(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);

	(void)state;
	world.kmc_fails = RC_BUSY;
	assert_ok(revoke_as(W_CHIEF, "ca-operator", text_at(o, "encrypt_serial"), "superseded", &done));
	assert_int_equal(scalar(kmc_in, "SELECT count(*) FROM history"), 0);
	world.kmc_fails = RC_OK;
	world_until(scalar(kmc_in, "SELECT count(*) FROM history") == 1);
	world_until(scalar(ca_in, "SELECT count(*) FROM km_notice") == 0);
	world_until(listed(text_at(o, "encrypt_serial")));
}

/* ---- lists by period; after a restart numbers go on ---- */

static void numbers_go_on_after_a_restart(void **state)
{
	AUTO_BUF(a, CRL_FILE_MAX);
	AUTO_BUF(b, CRL_FILE_MAX);
	AUTO_BUF(c, CRL_FILE_MAX);
	struct crl x, y;
	char path[2048];
	int64_t number;

	(void)state;
	read_list(&a);
	assert_int_equal(crl_maker_due(ca_of()->lists) / W_DAY, (clock_now() + W_DAY / 2) / W_DAY);
	world_end(ca_in);
	start_ca();
	read_list(&b);
	assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
	/* a list whose file was lost or changed is made anew */
	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	world_end(ca_in);
	assert_int_equal(truncate(path, 100), 0);
	start_ca();
	read_list(&c);
	assert_ok(crl_parse(buf_slice(&b), &x));
	assert_ok(crl_parse(buf_slice(&c), &y));
	assert_true(crl_number(&y) > crl_number(&x));
}

/* Who learns of a list from the log finds that list, or a newer one. */
static void a_follower_finds_the_list_it_heard_of(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		uint64_t size = log_size(ca_in->log), now = 0;
		AUTO(db_lease, lease, NULL);
		AUTO_JSON(list, NULL);
		char path[2048];
		int64_t number;

		crl_maker_revoked(ca_of()->lists, "sm2");
		assert_ok(log_wait(ca_in->log, size, 20000, &now));
		assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
		assert_ok(db_pool_lease(ca_in->readers, &lease));
		assert_ok(log_read(lease->db, size, 1, &list));
		const json_t *e = json_object_get(json_array_get(list, 0), "entry");

		assert_string_equal(text_at(e, "kind"), "crl");
		const json_t *data = json_object_get(e, "data");

		/* a delta list in between is a list of its own */
		if (json_object_get(data, "list") == NULL)
			assert_true(number >= json_integer_value(json_object_get(data, "number")));
		assert_int_equal(access(path, R_OK), 0);
	}
}

/* ---- delta lists (R21.9), holds and their release (R21.7) ---- */

static X509_CRL *judge_list(const char *id, struct buf *der)
{
	const unsigned char *p;
	char path[2048];
	int64_t number;
	X509_CRL *x;

	buf_clear(der);
	assert_ok(crl_maker_file(ca_of()->lists, id, path, sizeof(path), &number));
	assert_ok(file_read(path, CRL_FILE_MAX, der));
	p = der->p;
	x = d2i_X509_CRL(NULL, &p, (long)der->len);
	assert_non_null(x);
	return x;
}

static int64_t judge_number(X509_CRL *x, int nid, int critical)
{
	int was = -1;
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(x, nid, &was, NULL);
	int64_t v = n != NULL ? ASN1_INTEGER_get(n) : -1;

	assert_int_equal(was, critical);
	ASN1_INTEGER_free(n);
	return v;
}

/* -1: not in the list */
static long judge_reason(X509_CRL *x, const char *serial)
{
	AUTO(bignum_st, n, NULL);
	X509_REVOKED *entry = NULL;
	ASN1_INTEGER *i;
	long reason = -1;

	assert_true(BN_hex2bn(&n, serial) > 0);
	i = BN_to_ASN1_INTEGER(n, NULL);
	if (X509_CRL_get0_by_serial(x, &entry, i) != 0) {
		ASN1_ENUMERATED *e = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);

		reason = e != NULL ? ASN1_ENUMERATED_get(e) : 0;
		ASN1_ENUMERATED_free(e);
	}
	ASN1_INTEGER_free(i);
	return reason;
}

/* Full list of number `full`: does the delta list say the same as that full list and what came since? */
static void same_as_delta(const char *serial, long in_full, long in_delta)
{
	AUTO_BUF(a, CRL_FILE_MAX);
	AUTO_BUF(b, CRL_FILE_MAX);
	X509_CRL *full = judge_list("sm2", &a), *delta = judge_list("sm2-delta", &b);
	AUTO(evp_pkey_st, ca, judge_sm2(&world.key[W_CA]));
	struct crl c;

	assert_ok(crl_parse(buf_slice(&b), &c));
	assert_true(judge_verify(ca, c.tbs, c.signature));
	assert_int_equal(judge_reason(full, serial), in_full);
	assert_int_equal(judge_reason(delta, serial), in_delta);
	assert_true(judge_number(delta, NID_delta_crl, 1) < judge_number(delta, NID_crl_number, 0));
	assert_true(X509_CRL_get_ext_by_NID(full, NID_freshest_crl, -1) >= 0);
	assert_true(X509_CRL_get_ext_by_NID(full, NID_delta_crl, -1) < 0);
	assert_int_equal(judge_number(full, NID_crl_number, 0), judge_number(delta, NID_crl_number, 0));
	X509_CRL_free(full);
	X509_CRL_free(delta);
}

static int64_t number_now(void)
{
	char path[2048];
	int64_t number;

	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	return number;
}

/* From now on lists are made when they are asked for. */
static void lists_rest(void)
{
	int64_t before;

	world_end(ca_in);
	world.crl_rests = true;
	start_ca();
	world.crl_rests = false;
	before = number_now();
	crl_maker_revoked(ca_of()->lists, "sm2");
	world_until(number_now() > before);
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &(struct crl_made){0}));
}

static void delta_lists_tell_what_came_since(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(held, NULL);
	AUTO_JSON(freed, NULL);
	const char *serial = text_at(o, "serial");
	struct crl_made made = {0}, anew = {0};

	(void)state;
	lists_rest();
	assert_ok(revoke_as(W_REVIEW, "review", serial, "certificateHold", &held));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &made));
	same_as_delta(serial, REASON_HOLD, REASON_HOLD);
	assert_ok(revoke_as(W_REVIEW, "review", serial, "removeFromCRL", &freed));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &made));
	/* it has left the full list; who has the one before is told */
	same_as_delta(serial, -1, REASON_REMOVE);
	/* the rows alone give the same entries */
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", true, &anew));
	assert_int_equal(anew.entries, made.entries);
	assert_true(anew.number > made.number);
}

/* R21.6: a list never grows out of one that is not what was published. */
static void a_damaged_list_is_made_from_rows(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);
	AUTO_BUF(der, CRL_FILE_MAX);
	struct crl_made made = {0}, again = {0};
	char path[2048];
	int64_t number;
	struct crl c;

	(void)state;
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o, "serial"), "superseded", &done));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", true, &made));
	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	assert_ok(file_read(path, CRL_FILE_MAX, &der));
	assert_ok(crl_parse(buf_slice(&der), &c));
	/* another serial number where the first one stands */
	der.p[(size_t)(c.entries.p - der.p) + 12] ^= 1;
	assert_ok(file_write(path, buf_slice(&der), 0640));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &again));
	assert_int_equal(again.entries, made.entries);
	assert_true(again.number > made.number);
	assert_true(listed(text_at(o, "serial")));
}

/* What followers of the log get: the certificate with its entry. */
static void the_feed_carries_certificates(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);
	size_t with = 0;

	(void)state;
	assert_ok(db_pool_lease(ca_in->readers, &lease));
	assert_ok(log_read(lease->db, 0, 100, &list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *e = json_array_get(list, i);

		assert_ok(ca_log_entry(ca_in, lease->db, NULL, e));
		if (json_object_get(e, "certificate") == NULL)
			continue;
		with++;
		assert_true(json_equal(json_object_get(e, "certificate"),
		                       json_array_get(json_object_get(o, "certificates"), with - 1)));
	}
	assert_int_equal(with, 2);
}

/* ---- who may come in (law 6) ---- */

static const struct {
	enum method method;
	const char *path;
	uint32_t may;
} matrix[] = {
        {POST, "/v1/requests", WHO_OWN_RA},
        {GET, "/v1/requests/ab", WHO_OWN_RA},
        {POST, "/v1/revocations", WHO_OWN_RA | OFFICER(CA_OPERATOR)},
        {POST, "/v1/revocations/bulk", WHO_OWN_RA},
        {POST, "/v1/responders", WHO_OWN_STATUS},
        {POST, "/v1/recoveries", WHO_OWN_RA},
        {POST, "/v1/certificates/states", WHO_OWN_RA},
        {GET, "/v1/crl/sm2", WHO_OWN},
        {POST, "/v1/restoration", OFFICER(INSTITUTION)},
        {GET, "/v1/restoration",
         WHO_OWN | OFFICER(CA_OPERATOR) | OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) |
                 OFFICER(INSTITUTION)},
        {POST, "/v1/crl/sm2", WHO_OWN_RA | OFFICER(CA_OPERATOR)},
        {GET, "/v1/certificates/sm2/1a",
         WHO_OWN | OFFICER(CA_OPERATOR) | OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN)},
};

static void the_route_table_holds(void **state)
{
	struct rc rc = route_check(role_ca.routes, role_ca.route_count);

	(void)state;
	if (!rc_ok(rc))
		fail_msg("%s", rc_last()->text);
	assert_int_equal(role_ca.route_count, sizeof(matrix) / sizeof(matrix[0]));
	for (size_t i = 0; i < role_ca.route_count; i++) {
		struct route_match m;

		assert_ok(route_find(role_ca.routes, role_ca.route_count, matrix[i].method,
		                     slice_text(matrix[i].path), &m));
		for (unsigned bit = 0; bit < 28; bit++) {
			struct peer p = {.kind = bit < OFFICER_ROLE_COUNT ? PEER_OFFICER : PEER_INSTANCE,
			                 .roles = 1u << bit};

			if (route_may(m.route, &p) != ((matrix[i].may >> bit & 1) != 0))
				fail_msg("%s: role bit %u", matrix[i].path, bit);
		}
	}
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
	        FRESH(a_pair_is_issued),
	        FRESH(what_was_disposed_of_is_erased),
	        FRESH(the_same_request_gets_the_same_answer),
	        FRESH(other_bytes_under_the_same_key_conflict),
	        FRESH(a_batch_has_an_outcome_each),
	        FRESH(a_key_is_certified_once),
	        FRESH(a_closed_gate_refuses_and_logs),
	        FRESH(strangers_are_not_believed),
	        FRESH(half_a_pair_waits_for_the_kmc),
	        FRESH(a_resumed_half_is_whole),
	        FRESH(a_lost_answer_is_asked_for_again),
	        FRESH(forged_and_replayed_answers_are_refused),
	        FRESH(another_kmc_is_named),
	        FRESH(the_answer_is_old),
	        FRESH(the_answer_is_early),
	        FRESH(another_task_is_named),
	        FRESH(another_certificate_is_named),
	        FRESH(two_answers_to_one_request),
	        FRESH(an_answer_of_another_kind),
	        FRESH(a_delivered_key_serves_nobody_else),
	        FRESH(what_the_signer_refuses_leaves_no_trace),
	        FRESH(prepared_work_waits_for_its_signer),
	        FRESH(a_stopped_ca_goes_on),
	        FRESH(a_failing_database_issues_once),
	        FRESH(revocation_reaches_the_list),
	        FRESH(a_revoked_key_stays_out),
	        FRESH(a_hold_comes_and_goes),
	        FRESH(an_old_hold_does_not_come_back),
	        FRESH(a_hold_ends_by_rule),
	        FRESH(revocation_waits_for_nobody),
	        FRESH(an_ended_key_moves_to_history),
	        FRESH(numbers_go_on_after_a_restart),
	        FRESH(a_follower_finds_the_list_it_heard_of),
	        FRESH(the_feed_carries_certificates),
	        FRESH(delta_lists_tell_what_came_since),
	        FRESH(a_damaged_list_is_made_from_rows),
	        cmocka_unit_test(the_route_table_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
