/* Key recovery as both signers judge it, by attack: one good case, then what a role that was taken over, one
 * agent alone, or root at the key-management centre might try instead.  R21.5, R06.14, H03.5 */
#include "ceremony/testing.h"

#include "pki/envelope.h"
#include "pki/km.h"
#include "statement/recovery.h"

static struct test_signer ca, kmc;
static struct test_officer entry, review, agent[2];
static struct sm2_key token, thief;
static struct key_stored stored[2];
static uint8_t serial[16] = {0x5a, 1, 2, 3};

#define HOLDER "0f8fad5b-d9cb-469f-a165-70867728950e"

/* What is said; an attack changes one thing. */
struct scene {
	const struct sm2_key *csr_key, *receiver;
	const struct test_officer *asks, *reviews, *agrees[2];
	size_t agents, named; /* how many decide; which stored key the case names */
	const char *agent_org, *agent_role;
	bool review_no, agent_no, other_case, other_serial, no_orders, apply;
	int64_t issued;
	/* built */
	struct buf request, statement[4];
	struct signer_orders orders;
};

static void say(const struct test_officer *o, const char *org, const char *role, enum statement_kind kind,
                int64_t issued, const json_t *body, struct buf *ret)
{
	struct statement_head h = {kind, org, issued, buf_slice(&o->der), o->person, role};
	buf_free(ret);
	*ret = BUF(STATEMENT_MAX);
	MUST(statement_sign(&h, body, &o->key, ret));
}

static void put_csr(const struct sm2_key *key, json_t *body)
{
	AUTO_BUF(name, 512);
	AUTO_BUF(spki, 256);
	AUTO_BUF(tbs, 2048);
	AUTO_BUF(sig, 128);
	AUTO_BUF(der, 2048);
	struct sm2_sig raw;
	MUST(name_from_text(SLICE_LIT("CN=token"), &name));
	MUST(pubkey_put_sm2(&key->pub, &spki));
	struct csr_template t = {.subject = buf_slice(&name), .spki = buf_slice(&spki)};
	MUST(csr_tbs(&t, &tbs));
	MUST(sm2_sign(key, SM2_ID, buf_slice(&tbs), &raw));
	sm2_sig_to_der(&raw, &sig);
	MUST(csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), &der));
	json_put_base64(body, "csr", buf_slice(&der));
}

static void put_case(struct scene *s)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(spki, 256);
	AUTO_BUF(hex, 64);
	json_t *key = json_object(), *keys = json_array();
	uint8_t sm3[32];
	MUST(pubkey_put_sm2(&stored[s->named].pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	buf_hex(&hex, SLICE_ARR(serial));
	json_put_cstr(key, "serial", s->other_serial ? "77" : buf_cstr(&hex));
	json_put_hex(key, "spki", SLICE_ARR(sm3));
	json_array_append_new(keys, key);
	json_put_cstr(body, "ca", "sm2");
	json_put_cstr(body, "entity", HOLDER);
	json_put_take(body, "keys", keys);
	put_csr(s->csr_key, body);
	json_put_cstr(body, "case", "CASE-1");
	json_put_cstr(body, "reason", "介质损坏");
	say(s->asks, "shifan", "entry", STATEMENT_RECOVERY, s->issued, body, &s->statement[0]);
}

static void put_decision(struct scene *s, size_t n, const struct test_officer *o, bool approve)
{
	AUTO_JSON(body, json_object());
	uint8_t sm3[32];
	sm3_hash(buf_slice(&s->statement[0]), sm3);
	sm3[0] ^= s->other_case && n > 1 ? 1 : 0;
	json_put_hex(body, "recovery", SLICE_ARR(sm3));
	json_put_cstr(body, "id", "0123456789abcdef");
	json_put_bool(body, "approve", approve);
	say(o, n == 1 ? "shifan" : s->agent_org, n == 1 ? "review" : s->agent_role,
	    STATEMENT_RECOVERY_DECISION, clock_now(), body, &s->statement[n]);
}

static void scene_new(struct scene *s)
{
	*s = (struct scene){.csr_key = &token,
	                    .receiver = &token,
	                    .asks = &entry,
	                    .reviews = &review,
	                    .agrees = {&agent[0], &agent[1]},
	                    .agents = 2,
	                    .agent_org = "keycentre",
	                    .agent_role = "recovery",
	                    .issued = clock_now(),
	                    .request = BUF(KM_REQUEST_MAX)};
	for (int i = 0; i < 4; i++)
		s->statement[i] = BUF(STATEMENT_MAX);
}

static void scene_free(struct scene *s)
{
	buf_free(&s->request);
	for (int i = 0; i < 4; i++)
		buf_free(&s->statement[i]);
}

/* The CA's request as its own signer signs it, or the refusal. */
static struct rc ca_asks(struct scene *s)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(spki, 256);
	AUTO_BUF(tbs, KM_REQUEST_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO(km_request, m, km_request_new(1));
	static uint8_t task;
	uint8_t number[2] = {0x31, ++task}, hash[32];
	struct slice orders[2] = {buf_slice(&s->statement[0]), buf_slice(&s->statement[1])};
	test_read(test_path("shifan/ca/signer/keys/ca-comm.cer"), &der);
	MUST(km_name_from_certificate(buf_slice(&der), hash, &m->ca));
	MUST(pubkey_put_sm2(&s->receiver->pub, &spki));
	m->time = clock_now();
	m->task = SLICE_ARR(number);
	m->items[0] = (struct km_request_item){.kind = s->apply ? KM_APPLY : KM_RESTORE,
	                                       .serial = SLICE_ARR(serial),
	                                       .user_key = buf_slice(&spki),
	                                       .not_before = m->time,
	                                       .not_after = m->time + TIME_DAY};
	MUST(km_request_tbs(m, &tbs));
	struct rc rc = s->no_orders ? signer_km_request(ca.role, SLICE_LIT("ca-comm"), buf_slice(&tbs),
	                                                SLICE_ARR(hash), &sig)
	                            : signer_km_restore(ca.role, SLICE_LIT("ca-comm"), buf_slice(&tbs),
	                                                orders, &sig);
	if (!rc_ok(rc))
		return rc;
	buf_free(&s->request);
	s->request = BUF(KM_REQUEST_MAX);
	return km_request_assemble(buf_slice(&tbs), buf_slice(&sig), &s->request);
}

static struct rc build(struct scene *s)
{
	put_case(s);
	put_decision(s, 1, s->reviews, !s->review_no);
	for (size_t i = 0; i < s->agents; i++)
		put_decision(s, 2 + i, s->agrees[i], !s->agent_no);
	s->orders.count = 2 + s->agents;
	for (size_t i = 0; i < s->orders.count; i++)
		s->orders.at[i] = buf_slice(&s->statement[i]);
	return ca_asks(s);
}

static struct rc release(const struct scene *s, size_t which, struct buf *out)
{
	struct signer_km_answer a = {.blob = SLICE_ARR(stored[which].blob)};
	return signer_km_release(kmc.role, buf_slice(&s->request), &a, 1, &s->orders, out);
}

static void refused(struct rc rc, enum err want, const char *what)
{
	if (rc_ok(rc))
		fail_msg("%s: was done", what);
	if (rc_last()->err != want)
		fail_msg("%s: refused as %s (%s), want %s", what, err_info(rc_last()->err)->name,
		         rc_last()->text, err_info(want)->name);
}

static void two_agents_let_a_key_out_for_the_new_token_alone(void **state)
{
	__attribute__((cleanup(scene_free))) struct scene s;
	AUTO_BUF(out, KM_RESPOND_MAX);
	AUTO(km_respond, m, NULL);
	struct sm2_key got;
	(void)state;
	scene_new(&s);
	MUST(build(&s));
	MUST(release(&s, 0, &out));
	MUST(km_respond_parse(buf_slice(&out), &m));
	assert_int_equal(m->items[0].kind, KM_RESTORE);
	MUST(envelope_open(m->items[0].envelope, &token, &stored[0].pub, &got));
	assert_memory_equal(got.pub.xy, stored[0].pub.xy, SM2_POINT);
	sm2_key_wipe(&got);
	assert_false(rc_ok(envelope_open(m->items[0].envelope, &thief, &stored[0].pub, &got)));
}

static void the_signer_of_the_ca_asks_for_its_case_only(void **state)
{
	__attribute__((cleanup(scene_free))) struct scene s;
	(void)state;
	scene_new(&s);
	s.no_orders = true;
	refused(build(&s), ERR_SIGNER_CONTENT, "restore without a case");
	s.no_orders = false;
	s.receiver = &thief;
	refused(build(&s), ERR_RECOVERY, "for a key that the case does not name");
	s.receiver = &token;
	s.other_serial = true;
	refused(build(&s), ERR_RECOVERY, "a serial number that the case does not name");
	s.other_serial = false;
	s.review_no = true;
	refused(build(&s), ERR_RECOVERY, "the reviewer said no");
	s.review_no = false;
	s.apply = true;
	refused(build(&s), ERR_SIGNER_CONTENT, "an apply under the cover of a case");
	s.apply = false;
	s.issued = clock_now() - RECOVERY_AGE - 10;
	struct rc rc = build(&s);
	assert_false(rc_ok(rc));
	s.issued = clock_now();
	s.reviews = &entry;
	assert_false(rc_ok(build(&s)));
}

static void the_centre_lets_nothing_else_out(void **state)
{
	__attribute__((cleanup(scene_free))) struct scene s;
	AUTO_BUF(out, KM_RESPOND_MAX);
	struct signer_km_answer a = {.blob = SLICE_ARR(stored[0].blob)};
	(void)state;
	scene_new(&s);
	MUST(build(&s));
	refused(signer_km_respond(kmc.role, SLICE_LIT("kmc"), buf_slice(&s.request), &a, 1, &out),
	        ERR_KM_DUAL, "root at the centre without any statement");
	refused(release(&s, 1, &out), ERR_RECOVERY, "another stored key in its place");
	s.agents = 1;
	MUST(build(&s));
	refused(release(&s, 0, &out), ERR_KM_DUAL, "one agent alone");
	s.agents = 0;
	MUST(build(&s));
	refused(release(&s, 0, &out), ERR_KM_DUAL, "no agent");
	s.agents = 2;
	s.agrees[1] = &agent[0];
	MUST(build(&s));
	refused(release(&s, 0, &out), ERR_KM_DUAL, "the same agent twice");
	s.agrees[1] = &agent[1];
	s.agent_no = true;
	MUST(build(&s));
	refused(release(&s, 0, &out), ERR_KM_DUAL, "agents who said no");
	s.agent_no = false;
	s.other_case = true;
	MUST(build(&s));
	refused(release(&s, 0, &out), ERR_RECOVERY, "decisions on another case");
	s.other_case = false;
	s.agent_org = "shifan";
	s.agent_role = "review";
	s.agrees[0] = s.agrees[1] = &review;
	MUST(build(&s));
	refused(release(&s, 0, &out), ERR_RECOVERY_PERSONS, "the institution's own officers as agents");
	s.agent_org = "keycentre";
	s.agent_role = "recovery";
	MUST(build(&s));
	assert_false(rc_ok(release(&s, 0, &out)));
}

static int setup(void **state)
{
	(void)state;
	if (test_begin() != 0)
		return -1;
	test_signer_start(&ca, "shifan/ca", true);
	test_signer_start(&kmc, "keycentre/kmc", true);
	MUST(test_unlock(&ca, "shifan"));
	MUST(test_unlock(&kmc, "keycentre"));
	test_officer_read("entry", &entry);
	test_officer_read("review", &review);
	test_officer_read("recovery-1", &agent[0]);
	test_officer_read("recovery-2", &agent[1]);
	MUST(sm2_key_new(&token));
	MUST(sm2_key_new(&thief));
	MUST(signer_km_generate(kmc.role, SLICE_LIT("kmc"), stored, 2));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_signer_stop(&ca);
	test_signer_stop(&kmc);
	buf_free(&entry.der);
	buf_free(&review.der);
	buf_free(&agent[0].der);
	buf_free(&agent[1].der);
	return test_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(two_agents_let_a_key_out_for_the_new_token_alone),
	        cmocka_unit_test(the_signer_of_the_ca_asks_for_its_case_only),
	        cmocka_unit_test(the_centre_lets_nothing_else_out),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
