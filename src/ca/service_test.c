/* The CA in a small world: RA's requests in, certificates, revocations and lists out; KMC, signer, database
 * and connections fail in turn (R02.1, R06.5, R06.9, R06.10, R21.6; design 3, 9.5 to 9.8). */
#include "../../tests/lib/small_ca.h"

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
	        cmocka_unit_test(the_route_table_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
