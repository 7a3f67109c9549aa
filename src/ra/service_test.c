/* The RA in a small world: officers with real statements, a CA that answers as the test wants (R02.4, R21.1,
 * R21.2, R21.6, R30.1, R30.2, R30.4, R30.5, R30.6; design 9.5, 9.7; matrix (a)). */
#include "../../tests/lib/small_ra.h"

#include "http/route_check.h"

/* ---- entering ---- */

/* R21.1: taken on whole; the same statement again is the same application. */
static void an_application_is_entered_once(void **state)
{
	char id[RA_ID + 1], again[RA_ID + 1], other[RA_ID + 1];
	struct ra_application a;
	AUTO_PAPER(p);
	AUTO_PAPER(q);

	(void)state;
	assert_ok(enter_text(PLAIN, NULL, id, &p));
	a = row_of(id);
	assert_int_equal(a.state, APPLICATION_ENTERED);
	assert_string_equal(a.authority, "sm2");
	assert_string_equal(a.class, "GOV");
	assert_string_equal(a.entry, UUID_OF("1"));
	assert_int_equal(a.possession, CSR_PROOF_DEFAULT_ID);
	assert_memory_equal(a.hash, p.sm3, 32);
	assert_ok(enter_paper(&p, again));
	assert_string_equal(again, id);
	/* design 9.4: the same person under another key and purpose is the same entity */
	assert_ok(enter_text(PLAIN, NULL, other, &q));
	assert_string_not_equal(other, id);
	assert_string_equal(row_of(other).entity, a.entity);
}

/* R30.5, standards.md 8: plain `openssl req` proves with the empty id; that is taken and noted. */
static void the_empty_id_is_noted(void **state)
{
	AUTO_JSON(body, body_of(PLAIN, next_key));
	AUTO_BUF(csr, 2048);
	AUTO_PAPER(p);
	char id[RA_ID + 1];

	(void)state;
	csr_of(next_key++, SLICE_NONE, &csr);
	json_put_base64(body, "csr", buf_slice(&csr));
	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	assert_ok(enter_paper(&p, id));
	assert_int_equal(row_of(id).possession, CSR_PROOF_EMPTY_ID);
}

static void no_evidence(json_t *body)
{
	json_put_take(body, "evidence", json_array());
}

static void unknown_evidence(json_t *body)
{
	json_t *one = json_array_get(json_object_get(body, "evidence"), 0);

	json_put_hex(one, "sm3", SLICE_ARR(((const uint8_t[32]){0xab})));
}

static void other_size(json_t *body)
{
	json_put_int(json_array_get(json_object_get(body, "evidence"), 0), "size", 7);
}

static void foreign_proof(json_t *body)
{
	AUTO_BUF(csr, 2048);

	csr_of(next_key, SLICE_LIT("somebody else's id"), &csr);
	json_put_base64(body, "csr", buf_slice(&csr));
}

static void set_terms(json_t *body, const char *key, const char *value)
{
	json_put_cstr(body, key, value);
}

static void blank_purpose(json_t *body)
{
	set_terms(body, "purpose", "  ");
}

static void no_region(json_t *body)
{
	set_terms(body, "region", "000000");
}

static void old_agreement(json_t *body)
{
	set_terms(json_object_get(body, "agreement"), "version", "0");
}

static void secret_profile(json_t *body)
{
	set_terms(body, "profile", "root");
}

/* Each rule refuses with its own name, and nothing is left behind (R02.4, R21.1, R30.1, R30.2, R30.5). */
static void each_rule_refuses(void **state)
{
	static const struct {
		void (*fix)(json_t *body);
		enum err err;
	} cases[] = {
	        {no_evidence, ERR_EVIDENCE},
	        {unknown_evidence, ERR_EVIDENCE_MISSING},
	        {other_size, ERR_EVIDENCE_MISSING},
	        {blank_purpose, ERR_PURPOSE},
	        {no_region, ERR_REGION},
	        {old_agreement, ERR_AGREEMENT},
	        {secret_profile, ERR_PROFILE_UNKNOWN},
	};
	const char *wrong_digit =
	        "{\"profile\":\"person\",\"class\":\"GOV\"," TERMS ",\"identity\":{\"name\":\"张三\","
	        "\"document\":{\"type\":\"citizen\",\"number\":\"110105194912310021\",\"valid_until\":\"long-"
	        "term\"}}}";
	int64_t before[APPLICATION_STATES], after[APPLICATION_STATES];
	AUTO(db_lease, lease, NULL);
	char id[RA_ID + 1];
	AUTO_PAPER(p);

	(void)state;
	assert_ok(db_pool_lease(ra_in->readers, &lease));
	assert_ok(ra_store_counts(lease->db, before));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(rc_ok(enter_text(PLAIN, cases[i].fix, id, &p)));
		if (rc_last()->err != cases[i].err)
			fail_msg("case %zu: %s (%s)", i, rc_last()->text, err_info(rc_last()->err)->name);
	}
	assert_refused(enter_text(wrong_digit, NULL, id, &p), IDENTITY_NUMBER);
	assert_false(rc_ok(enter_text(PLAIN, foreign_proof, id, &p)));
	assert_ok(ra_store_counts(lease->db, after));
	assert_memory_equal(before, after, sizeof(before));
}

/* design 9.8: a key that another application names is taken; after a refusal it is free. */
static void a_key_is_applied_for_once(void **state)
{
	uint8_t key = next_key++;
	AUTO_JSON(one, body_of(PLAIN, key));
	AUTO_JSON(two, body_of(PLAIN, key));
	AUTO_PAPER(p);
	AUTO_PAPER(q);
	char id[RA_ID + 1], other[RA_ID + 1];

	(void)state;
	json_put_cstr(two, "purpose", "another");
	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", one);
	sign(&q, STATEMENT_APPLICATION, W_ENTRY, "entry", two);
	assert_ok(enter_paper(&p, id));
	assert_refused(enter_paper(&q, other), SAME_KEY);
}

/* A statement counts only from the person who signed it, of this organisation, of the right kind. */
static void nobody_hands_in_for_another(void **state)
{
	AUTO_JSON(body, body_of(PLAIN, next_key++));
	AUTO_JSON(answer, NULL);
	AUTO_PAPER(p);
	char id[RA_ID + 1];

	(void)state;
	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	assert_refused(decide(ra_enter, &review, "", &p, &answer), OTHER_SIGNER);
	assert_int_equal(decide(ra_review, &entry, "0123456789abcdef", &p, &answer).code, RC_INPUT);
	sign(&p, STATEMENT_APPLICATION, W_REVIEW, "entry", body);
	assert_refused(decide(ra_enter, &review, "", &p, &answer), STATEMENT_ROLE);
	buf_free(&p.der);
	p.der = BUF(STATEMENT_MAX);
	world_statement(STATEMENT_APPLICATION, W_ENTRY, "elsewhere", "entry", body, &p.der);
	assert_false(rc_ok(enter_paper(&p, id)));
	p.der.p[p.der.len - 1] ^= 1;
	assert_false(rc_ok(enter_paper(&p, id)));
}

/* ---- deciding ---- */

static void grant(enum world_key who, const char *role, const char *file)
{
	json_t *o = json_object();
	char name[96];
	uint8_t sm3[32];

	sm3_hash(buf_slice(&world.cert[who]), sm3);
	json_put_cstr(o, "person", world_person[W_ENTRY]);
	json_put_cstr(o, "name", "某人");
	json_put_cstr(o, "role", role);
	json_put_hex(o, "certificate", SLICE_ARR(sm3));
	world_times(o, "from", "until", 300);
	(void)snprintf(name, sizeof(name), "shifan/ca/trust/grants/%s.p7s", file);
	world_file(name, STATEMENT_ROLE_GRANT, W_CEREMONY, "shifan", "ceremony", o);
}

/* R30.4: the natural person counts, not the account: the clerk with a reviewer's role, and with a second
 * certificate for the same person, decides nothing on the own case. */
static void one_person_does_not_decide_alone(void **state)
{
	struct world_cert second = {W_STRANGER, W_OPERATOR, "second account",
	                            false,      USAGE_SIGN, "urn:uuid:" UUID_OF("1")};
	struct peer both = {.kind = PEER_OFFICER,
	                    .roles = OFFICER(ENTRY) | OFFICER(REVIEW),
	                    .org = "shifan",
	                    .person = UUID_OF("1")};
	struct statement_head h = {.kind = STATEMENT_APPROVAL,
	                           .organisation = "shifan",
	                           .issued = clock_now(),
	                           .person = UUID_OF("1"),
	                           .role = "review"};
	AUTO_JSON(answer, NULL);
	AUTO_JSON(body, NULL);
	struct ra_application a;
	char id[RA_ID + 1];
	AUTO_PAPER(p);

	(void)state;
	buf_free(&world.cert[W_STRANGER]);
	world_certificate(&second);
	grant(W_ENTRY, "review", "both");
	grant(W_STRANGER, "review", "second");
	stop_ra();
	start_ra();
	assert_ok(enter_text(PLAIN, NULL, id, &p));
	a = row_of(id);
	body = approval_of(&a);
	sign(&p, STATEMENT_APPROVAL, W_ENTRY, "review", body);
	assert_refused(decide(ra_review, &both, id, &p, &answer), SAME_PERSON);
	h.certificate = buf_slice(&world.cert[W_STRANGER]);
	buf_free(&p.der);
	p.der = BUF(STATEMENT_MAX);
	assert_ok(statement_sign(&h, body, &world.key[W_STRANGER], &p.der));
	assert_refused(decide(ra_review, &both, id, &p, &answer), SAME_PERSON);
	assert_true(is_in(id, APPLICATION_ENTERED));
}

/* G13: the approval repeats what the RA computes, member by member. */
static void the_approval_must_fit(void **state)
{
	static const struct {
		const char *key, *value;
	} wrong[] = {
	        {"subject", "CN=李四,C=CN"},
	        {"entity", UUID_OF("9")},
	        {"profile", "server"},
	        {"class", "PUBLIC"},
	        {"authority", "ecdsa"},
	        {"id", "0123456789abcdef"},
	        {"spki", "abababababababababababababababababababababababababababababababab"},
	        {"application", "abababababababababababababababababababababababababababababababab"},
	};
	char id[RA_ID + 1];
	struct ra_application a;
	AUTO_PAPER(p);

	(void)state;
	assert_ok(enter_text(PLAIN, NULL, id, &p));
	a = row_of(id);
	for (size_t i = 0; i <= sizeof(wrong) / sizeof(wrong[0]); i++) {
		AUTO_JSON(body, approval_of(&a));
		AUTO_JSON(answer, NULL);

		if (i < sizeof(wrong) / sizeof(wrong[0]))
			json_put_cstr(body, wrong[i].key, wrong[i].value);
		else
			json_put_int(body, "validity_days", a.days_max + 1);
		sign(&p, STATEMENT_APPROVAL, W_REVIEW, "review", body);
		assert_refused(decide(ra_review, &review, id, &p, &answer), APPROVAL_MISMATCH);
	}
	assert_true(is_in(id, APPLICATION_ENTERED));
	assert_ok(approve(id));
}

static void refusals_are_final(void **state)
{
	AUTO_JSON(body, world_json("{\"code\":\"identity\",\"reason\":\"证件照片不清晰\"}"));
	AUTO_JSON(answer, NULL);
	struct ra_application a;
	char id[RA_ID + 1];
	AUTO_PAPER(p);

	(void)state;
	assert_ok(enter_text(PLAIN, NULL, id, &p));
	a = row_of(id);
	json_put_cstr(body, "id", id);
	json_put_hex(body, "application", SLICE_ARR(a.hash));
	sign(&p, STATEMENT_REFUSAL, W_REVIEW, "review", body);
	assert_ok(decide(ra_review, &review, id, &p, &answer));
	assert_true(is_in(id, APPLICATION_REFUSED));
	json_decref(answer);
	answer = NULL;
	/* the same refusal again tells the state; anything else conflicts */
	assert_ok(decide(ra_review, &review, id, &p, &answer));
	assert_refused(approve(id), APPLICATION_REFUSED);
}

/* ---- on to the CA and back ---- */

static struct rc deliver(const char *id, const struct peer *by, const char *form, json_t **ret)
{
	struct http_param query = {SLICE_LIT("envelope"), slice_text(form)};
	struct request q = {.peer = by, .query = &query, .query_count = 1, .param_count = 1};
	bool wait;

	q.params[0] = (struct http_param){SLICE_LIT("id"), slice_text(id)};
	return ra_deliver(ra_of(), &q, ret, &wait);
}

static struct rc accept_it(const char *id, const char *first, const char *second)
{
	AUTO_JSON(body, world_json("{\"notice\":\"1\"}"));
	AUTO_JSON(answer, NULL);
	json_t *list = json_array();
	AUTO_PAPER(p);

	json_put_cstr(body, "id", id);
	json_array_append_new(list, json_string(first));
	if (second != NULL)
		json_array_append_new(list, json_string(second));
	json_put_take(body, "certificates", list);
	sign(&p, STATEMENT_ACCEPTANCE, W_ENTRY, "entry", body);
	return decide(ra_accept, &entry, id, &p, &answer);
}

static void name_of(enum world_key k, char ret[96])
{
	char serial[CERT_SERIAL_TEXT];
	struct cert c;

	assert_ok(cert_parse(buf_slice(&world.cert[k]), &c));
	cert_serial_text(c.serial, serial);
	(void)snprintf(ret, 96, "sm2/%s", serial);
}

/* design 9.5, 9.7: the database is the queue; nothing of it is lost when CA or RA stop, half a pair is
 * fetched but not accepted, the whole is delivered in every form (R21.2). */
static void approved_becomes_accepted(void **state)
{
	static const char *const forms[] = {"sm2", "saed", "skf", "sdf"};
	AUTO_JSON(half, NULL);
	char id[RA_ID + 1], sign_name[96], encrypt_name[96];
	AUTO_PAPER(p);

	(void)state;
	assert_ok(enter_text(PLAIN, NULL, id, &p));
	assert_refused(deliver(id, &entry, "sm2", &half), NOT_COMPLETE);
	assert_ok(approve(id));
	assert_true(is_in(id, APPLICATION_APPROVED));
	stop_ra();
	start_ra();
	assert_true(is_in(id, APPLICATION_APPROVED));
	set_mood(CA_HALF, CA_DOWN);
	world_until(is_in(id, APPLICATION_PARTIAL));
	assert_ok(deliver(id, &entry, "sm2", &half));
	assert_non_null(json_object_get(half, "sign"));
	assert_null(json_object_get(half, "encrypt"));
	assert_null(json_object_get(half, "response"));
	name_of(W_ENTRY, sign_name);
	name_of(W_CHIEF, encrypt_name);
	assert_refused(accept_it(id, sign_name, NULL), APPLICATION_STATE);
	set_mood(CA_WHOLE, CA_DOWN);
	world_until(is_in(id, APPLICATION_ISSUED));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		AUTO_JSON(whole, NULL);

		assert_ok(deliver(id, &entry, forms[i], &whole));
		assert_non_null(json_object_get(whole, "envelope"));
		assert_non_null(json_object_get(whole, "response"));
		assert_int_equal(json_array_size(json_object_get(whole, "chain")), 2);
	}
	assert_refused(deliver(id, &stranger, "sm2", &half), NOT_YOURS);
	assert_refused(accept_it(id, sign_name, NULL), ACCEPTANCE_MISMATCH);
	assert_refused(accept_it(id, sign_name, "sm2/1"), ACCEPTANCE_MISMATCH);
	assert_ok(accept_it(id, sign_name, encrypt_name));
	assert_true(is_in(id, APPLICATION_ACCEPTED));
	assert_refused(accept_it(id, sign_name, encrypt_name), APPLICATION_STATE);
}

static struct rc find_code(void *arg, const struct ra_event *e)
{
	if (e->state == APPLICATION_REFUSED)
		*(bool *)arg = slice_is(e->code, err_info(ERR_G11)->name);
	return OK;
}

/* R30.6: the gate's refusal ends the application and keeps its code; a busy CA ends nothing. */
static void the_gate_refuses_a_busy_ca_does_not(void **state)
{
	AUTO(db_lease, lease, NULL);
	char id[RA_ID + 1];
	bool told = false;
	unsigned calls;
	AUTO_PAPER(p);

	(void)state;
	assert_ok(enter_text(PLAIN, NULL, id, &p));
	set_mood(CA_BUSY, CA_DOWN);
	calls = ca.calls;
	assert_ok(approve(id));
	world_until(ca.calls >= calls + 2);
	assert_true(is_in(id, APPLICATION_APPROVED));
	set_mood(CA_REFUSES, CA_DOWN);
	world_until(is_in(id, APPLICATION_REFUSED));
	assert_ok(db_pool_lease(ra_in->readers, &lease));
	assert_ok(ra_store_history(lease->db, row_of(id).seq, find_code, &told));
	assert_true(told);
}

/* ---- revoking ---- */

static struct rc end_certificate(enum world_key by, const char *role, const struct peer *peer,
                                 const char *serial, bool *queued)
{
	AUTO_JSON(body, world_json("{\"ca\":\"sm2\",\"reason\":\"keyCompromise\"}"));
	AUTO_JSON(answer, NULL);
	struct request q = {.peer = peer, .param_count = 2};
	AUTO_PAPER(p);

	json_put_cstr(body, "serial", serial);
	sign(&p, STATEMENT_REVOCATION, by, role, body);
	q.body = buf_slice(&p.der);
	q.params[0] = (struct http_param){SLICE_LIT("ca"), SLICE_LIT("sm2")};
	q.params[1] = (struct http_param){SLICE_LIT("serial"), slice_text(serial)};
	return ra_revoke(ra_of(), &q, &answer, queued);
}

/* R21.6: at once when the CA is there; durable and first when it is not; the CA's refusal comes through. */
static void a_revocation_is_never_lost(void **state)
{
	unsigned before = ca.revoked;
	bool queued = true;

	(void)state;
	set_mood(CA_DOWN, CA_WHOLE);
	assert_ok(end_certificate(W_REVIEW, "review", &review, "9", &queued));
	assert_false(queued);
	assert_int_equal(ca.revoked, before + 1);
	set_mood(CA_DOWN, CA_REFUSES);
	assert_refused(end_certificate(W_REVIEW, "review", &review, "a", &queued), ALREADY_REVOKED);
	set_mood(CA_DOWN, CA_DOWN);
	assert_ok(end_certificate(W_REVIEW, "review", &review, "b", &queued));
	assert_true(queued);
	stop_ra();
	start_ra();
	assert_int_equal(ca.revoked, before + 1);
	set_mood(CA_DOWN, CA_WHOLE);
	world_until(ca.revoked == before + 2);
	world_until(atomic_load(&ra_of()->revocations_queued) == 0);
	/* whoever holds no role for it ends only the own certificates */
	assert_false(rc_ok(end_certificate(W_ENTRY, "review", &entry, "c", &queued)));
	assert_int_equal(ca.revoked, before + 2);
}

/* ---- doors ---- */

/* design 8.6: each row without certificate, role, with other methods, sizes and media. */
static void the_route_table_holds(void **state)
{
	(void)state;
	assert_ok(route_check(role_ra.routes, role_ra.route_count));
}

/* Matrix (a), written down again: which officer roles reach which door by role alone. */
static void doors_follow_the_matrix(void **state)
{
	static const struct {
		enum method method;
		const char *path;
		uint32_t officers;
	} matrix[] = {
	        {POST, "/v1/evidence", OFFICER(ENTRY)},
	        {POST, "/v1/applications", OFFICER(ENTRY)},
	        /* entry, review, issue and query are separable duties (issue 4) */
	        {GET, "/v1/applications",
	         OFFICER(ENTRY) | OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(ISSUE) | OFFICER(QUERY)},
	        {GET, "/v1/applications/{id}/evidence/{sm3}",
	         OFFICER(ENTRY) | OFFICER(REVIEW) | OFFICER(AUDITOR)},
	        {POST, "/v1/applications/{id}/review", OFFICER(REVIEW)},
	};
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < role_ra.route_count; i++) {
		const struct route *r = &role_ra.routes[i];

		/* holders may come with nothing but their key or code (R21.3, R31.1) */
		assert_int_equal((r->who & WHO_ANYONE) != 0, strncmp(r->path, "/v1/holder/", 11) == 0);
		assert_int_equal(r->who & WHO_INSTANCE, 0);
		for (size_t m = 0; m < sizeof(matrix) / sizeof(matrix[0]); m++) {
			if (r->method != matrix[m].method || strcmp(r->path, matrix[m].path) != 0)
				continue;
			assert_int_equal(r->who, matrix[m].officers);
			found++;
		}
	}
	assert_int_equal(found, sizeof(matrix) / sizeof(matrix[0]));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(an_application_is_entered_once),
	        CASE(the_empty_id_is_noted),
	        CASE(each_rule_refuses),
	        CASE(a_key_is_applied_for_once),
	        CASE(nobody_hands_in_for_another),
	        CASE(one_person_does_not_decide_alone),
	        CASE(the_approval_must_fit),
	        CASE(refusals_are_final),
	        CASE(approved_becomes_accepted),
	        CASE(the_gate_refuses_a_busy_ca_does_not),
	        CASE(a_revocation_is_never_lost),
	        cmocka_unit_test(the_route_table_holds),
	        cmocka_unit_test(doors_follow_the_matrix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
