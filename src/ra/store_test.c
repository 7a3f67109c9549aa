/* The RA's tables: what is kept comes back, states move by the table only, and no failing database call goes
 * unnoticed (R21.1, R21.2, R21.6, R30.4). */
#include "../../tests/lib/fault_walk.h"

#include "ra/store.h"

static const uint8_t mark_a[32] = {1}, mark_b[32] = {2}, decision[32] = {7}, revocation[32] = {8};
static const char *const uuid_a = "00000000-0000-0000-0000-00000000000a";
static const char *const uuid_b = "00000000-0000-0000-0000-00000000000b";
static const char *const clerk = "11111111-0000-0000-0000-000000000001";
static const char *const reviewer = "22222222-0000-0000-0000-000000000002";

static struct ra_application application(uint8_t n)
{
	struct ra_application a = {.at = 1000 + n,
	                           .hash = {n},
	                           .spki = {n, n},
	                           .profile = "person",
	                           .class = "GOV",
	                           .authority = "sm2",
	                           .subject = "CN=张三,C=CN",
	                           .possession = 1,
	                           .days = 730,
	                           .days_max = 1095};

	snprintf(a.id, sizeof(a.id), "application%05u", n);
	memcpy(a.entity, uuid_a, RA_UUID);
	memcpy(a.entry, clerk, RA_UUID);
	return a;
}

static RC enter(struct db *db, uint8_t n)
{
	struct ra_application a = application(n);
	char id[RA_UUID + 1];

	TRY(ra_store_entity(db, mark_a, "document", 1, uuid_a, id));
	return ra_store_enter(db, &a, SLICE_LIT("statement"));
}

static struct ra_step step(int64_t seq, enum application_state from, enum application_event event)
{
	return (struct ra_step){
	        .seq = seq, .at = 2000, .from = from, .event = event, .by = reviewer, .code = "", .text = ""};
}

/* One holder, one id, however often proofed (design 9.4). */
static void entities_keep_their_id(void **state)
{
	struct db *db = walk_database("ra");
	char id[RA_UUID + 1];

	(void)state;
	walk_ok(ra_store_entity(db, mark_a, "document", 1, uuid_a, id));
	assert_string_equal(id, uuid_a);
	walk_ok(ra_store_entity(db, mark_a, "document", 2, uuid_b, id));
	assert_string_equal(id, uuid_a);
	walk_ok(ra_store_entity(db, mark_b, "code", 3, uuid_b, id));
	assert_string_equal(id, uuid_b);
	db_close(db);
}

static void evidence_counts_by_hash_type_and_size(void **state)
{
	struct db *db = walk_database("ra");
	struct ra_evidence e = {.sm3 = {9}, .type = "licence", .size = 10}, other = e;
	bool there;

	(void)state;
	walk_ok(ra_store_evidence_put(db, &e, clerk, 1));
	walk_ok(ra_store_evidence_put(db, &e, clerk, 2));
	walk_ok(ra_store_evidence_has(db, &e, &there));
	assert_true(there);
	other.size = 11;
	walk_ok(ra_store_evidence_has(db, &other, &there));
	assert_false(there);
	other = e;
	memcpy(other.type, "letters", 7);
	walk_ok(ra_store_evidence_has(db, &other, &there));
	assert_false(there);
	db_close(db);
}

static void applications_come_back(void **state)
{
	struct db *db = walk_database("ra");
	struct ra_application want = application(1), got;
	bool used;

	(void)state;
	walk_ok(enter(db, 1));
	walk_ok(ra_store_find(db, want.id, &got));
	assert_int_equal(got.state, APPLICATION_ENTERED);
	assert_memory_equal(got.hash, want.hash, 32);
	assert_string_equal(got.subject, want.subject);
	assert_string_equal(got.entity, uuid_a);
	assert_string_equal(got.entry, clerk);
	assert_string_equal(got.review, "");
	assert_false(got.decided);
	assert_int_equal(got.days_max, 1095);
	walk_ok(ra_store_find_hash(db, want.hash, &got));
	assert_string_equal(got.id, want.id);
	assert_int_equal(ra_store_find(db, "nobody", &got).code, RC_NOTFOUND);
	walk_ok(ra_store_key_used(db, want.spki, &used));
	assert_true(used);
	/* the same statement or id twice is a conflict here; the handler looks first */
	assert_int_equal(enter(db, 1).code, RC_CONFLICT);
	db_close(db);
}

struct seen {
	size_t n;
	char ids[8][RA_ID + 1];
};

static struct rc see(void *arg, const struct ra_application *a)
{
	struct seen *s = arg;

	memcpy(s->ids[s->n++], a->id, sizeof(a->id));
	return OK;
}

static void lists_go_by_state_cursor_and_clerk(void **state)
{
	struct db *db = walk_database("ra");
	struct ra_filter all = {.limit = 8}, two = {.limit = 2},
	                 entered = {.state = APPLICATION_ENTERED, .limit = 8};
	struct ra_filter mine = {.limit = 8, .entry = clerk}, his = {.limit = 8, .entry = reviewer};
	struct seen s = {0};
	struct ra_application a;
	struct ra_step refuse;

	(void)state;
	for (uint8_t n = 1; n <= 3; n++)
		walk_ok(enter(db, n));
	walk_ok(ra_store_find(db, "application00002", &a));
	refuse = step(a.seq, APPLICATION_ENTERED, APPLICATION_REFUSE);
	walk_ok(ra_store_step(db, &refuse));
	walk_ok(ra_store_each(db, &all, see, &s));
	assert_int_equal(s.n, 3);
	s.n = 0;
	walk_ok(ra_store_each(db, &two, see, &s));
	assert_int_equal(s.n, 2);
	two.after = a.seq;
	s.n = 0;
	walk_ok(ra_store_each(db, &two, see, &s));
	assert_int_equal(s.n, 1);
	assert_string_equal(s.ids[0], "application00003");
	s.n = 0;
	walk_ok(ra_store_each(db, &entered, see, &s));
	assert_int_equal(s.n, 2);
	assert_string_equal(s.ids[1], "application00003");
	s.n = 0;
	walk_ok(ra_store_each(db, &mine, see, &s));
	assert_int_equal(s.n, 3);
	s.n = 0;
	walk_ok(ra_store_each(db, &his, see, &s));
	assert_int_equal(s.n, 0);
	db_close(db);
}

struct told {
	size_t n;
	enum application_state last;
	bool refused;
};

static struct rc tell(void *arg, const struct ra_event *e)
{
	struct told *t = arg;

	t->n++;
	t->last = e->state;
	t->refused = slice_is(e->code, "identity") && slice_is(e->text, "证件不清");
	return OK;
}

/* No pair of states that the table does not have ever reaches the row; each one that it has is told. */
static void steps_follow_the_table(void **state)
{
	struct db *db = walk_database("ra");
	struct told t = {0};
	struct ra_application a;
	struct ra_step s;

	(void)state;
	walk_ok(enter(db, 1));
	walk_ok(ra_store_find(db, "application00001", &a));
	s = step(a.seq, APPLICATION_ENTERED, APPLICATION_ACCEPT);
	walk_refused(ra_store_step(db, &s), APPLICATION_STATE);
	/* right in the table, but the row is elsewhere */
	s = step(a.seq, APPLICATION_APPROVED, APPLICATION_WHOLE);
	walk_refused(ra_store_step(db, &s), APPLICATION_STATE);
	s = step(a.seq, APPLICATION_ENTERED, APPLICATION_APPROVE);
	walk_ok(ra_store_step(db, &s));
	walk_ok(ra_store_decision(db, a.seq, reviewer, decision, SLICE_LIT("approval")));
	walk_refused(ra_store_step(db, &s), APPLICATION_STATE);
	walk_ok(ra_store_find(db, "application00001", &a));
	assert_true(a.decided);
	assert_memory_equal(a.decision, decision, 32);
	assert_string_equal(a.review, reviewer);
	walk_ok(ra_store_history(db, a.seq, tell, &t));
	assert_int_equal(t.n, 2);
	assert_int_equal(t.last, APPLICATION_APPROVED);
	db_close(db);
}

/* R30.6: a refusal keeps its reason; its key is free again. */
static void refusals_keep_their_reason(void **state)
{
	struct db *db = walk_database("ra");
	struct told t = {0};
	struct ra_application a;
	struct ra_step s;
	bool used;

	(void)state;
	walk_ok(enter(db, 1));
	walk_ok(ra_store_find(db, "application00001", &a));
	s = step(a.seq, APPLICATION_ENTERED, APPLICATION_REFUSE);
	s.code = "identity";
	s.text = "证件不清";
	walk_ok(ra_store_step(db, &s));
	walk_ok(ra_store_history(db, a.seq, tell, &t));
	assert_true(t.refused);
	walk_ok(ra_store_key_used(db, a.spki, &used));
	assert_false(used);
	s = step(a.seq, APPLICATION_REFUSED, APPLICATION_APPROVE);
	walk_refused(ra_store_step(db, &s), APPLICATION_REFUSED);
	db_close(db);
}

static const struct ra_certificate sign = {.ca = "sm2",
                                           .serial = {(const uint8_t *)"\x11", 1},
                                           .der = {(const uint8_t *)"sign", 4},
                                           .part = RA_SIGN};
static const struct ra_certificate encrypt = {.ca = "sm2",
                                              .serial = {(const uint8_t *)"\x12", 1},
                                              .der = {(const uint8_t *)"encrypt", 7},
                                              .part = RA_ENCRYPT};

static void certificates_and_bodies(void **state)
{
	struct db *db = walk_database("ra");
	AUTO_BUF(serial, 64);
	AUTO_BUF(der, 64);
	AUTO_BUF(statement, 64);
	AUTO_BUF(envelope, 64);
	AUTO_BUF(acceptance, 64);
	char entity[RA_UUID + 1];

	(void)state;
	walk_ok(enter(db, 1));
	assert_int_equal(ra_store_certificate(db, 1, RA_SIGN, &serial, &der).code, RC_NOTFOUND);
	walk_ok(ra_store_certificate_put(db, 1, &sign));
	walk_ok(ra_store_certificate_put(db, 1, &sign));
	walk_ok(ra_store_certificate_put(db, 1, &encrypt));
	walk_ok(ra_store_certificate(db, 1, RA_ENCRYPT, &serial, &der));
	assert_true(slice_is(buf_slice(&der), "encrypt"));
	walk_ok(ra_store_owner(db, "sm2", SLICE_LIT("\x12"), entity));
	assert_string_equal(entity, uuid_a);
	assert_int_equal(ra_store_owner(db, "ecdsa", SLICE_LIT("\x12"), entity).code, RC_NOTFOUND);
	walk_ok(ra_store_envelope(db, 1, SLICE_LIT("envelope")));
	walk_ok(ra_store_acceptance(db, 1, SLICE_LIT("acceptance")));
	walk_ok(ra_store_bodies(db, 1,
	                        &(struct ra_bodies){.statement = &statement,
	                                            .envelope = &envelope,
	                                            .acceptance = &acceptance}));
	assert_true(slice_is(buf_slice(&statement), "statement"));
	assert_true(slice_is(buf_slice(&envelope), "envelope"));
	assert_true(slice_is(buf_slice(&acceptance), "acceptance"));
	db_close(db);
}

static RC queue(struct db *db, uint8_t n)
{
	struct ra_revocation r = {.at = n,
	                          .hash = {n},
	                          .ca = "sm2",
	                          .serial = SLICE_LIT("\x11"),
	                          .statement = SLICE_LIT("revocation")};

	memcpy(r.by, reviewer, RA_UUID);
	return ra_store_revocation_put(db, &r);
}

/* R21.6: taken in order, none twice, none lost. */
static void revocations_wait_in_order(void **state)
{
	struct db *db = walk_database("ra");
	AUTO_BUF(statement, 64);
	struct ra_revocation r;
	int64_t n;

	(void)state;
	assert_int_equal(ra_store_revocation_next(db, &r, &statement).code, RC_NOTFOUND);
	walk_ok(queue(db, revocation[0]));
	walk_ok(queue(db, revocation[0]));
	walk_ok(queue(db, 9));
	walk_ok(ra_store_revocations_queued(db, &n));
	assert_int_equal(n, 2);
	walk_ok(ra_store_revocation_next(db, &r, &statement));
	assert_memory_equal(r.hash, revocation, 32);
	assert_true(slice_is(buf_slice(&statement), "revocation"));
	walk_ok(ra_store_revocation_end(db, r.hash, RA_REVOCATION_DONE, 77, "", ""));
	buf_clear(&statement);
	walk_ok(ra_store_revocation_next(db, &r, &statement));
	assert_int_equal(r.hash[0], 9);
	walk_ok(ra_store_revocation_end(db, r.hash, RA_REVOCATION_REFUSED, 0, "not-found",
	                                "no such certificate"));
	assert_int_equal(ra_store_revocation_next(db, &r, &statement).code, RC_NOTFOUND);
	assert_int_equal(ra_store_revocation_end(db, mark_a, RA_REVOCATION_DONE, 1, "", "").code,
	                 RC_NOTFOUND);
	db_close(db);
}

static void counts_go_by_state(void **state)
{
	struct db *db = walk_database("ra");
	int64_t counts[APPLICATION_STATES];

	(void)state;
	walk_ok(enter(db, 1));
	walk_ok(enter(db, 2));
	walk_ok(ra_store_counts(db, counts));
	assert_int_equal(counts[APPLICATION_ENTERED], 2);
	assert_int_equal(counts[APPLICATION_ISSUED], 0);
	db_close(db);
}

/* ---- every call fails once ---- */

static struct rc prepare(struct db *db)
{
	TRY(enter(db, 1));
	TRY(ra_store_certificate_put(db, 1, &sign));
	TRY(ra_store_evidence_put(db, &(struct ra_evidence){.sm3 = {9}, .type = "licence", .size = 1}, clerk,
	                          1));
	return queue(db, 8);
}

static struct rc walk_entity(struct db *db)
{
	char id[RA_UUID + 1];

	return ra_store_entity(db, mark_b, "code", 1, uuid_b, id);
}

static struct rc walk_evidence(struct db *db)
{
	struct ra_evidence e = {.sm3 = {3}, .type = "letter", .size = 1};
	bool there;

	TRY(ra_store_evidence_put(db, &e, clerk, 1));
	TRY(ra_store_evidence_has(db, &e, &there));
	NEED(there, RC_BUG, "lost");
	return OK;
}

static struct rc walk_enter(struct db *db)
{
	return enter(db, 2);
}

static struct rc walk_decide(struct db *db)
{
	struct ra_step s = step(1, APPLICATION_ENTERED, APPLICATION_APPROVE);

	TRY(ra_store_step(db, &s));
	return ra_store_decision(db, 1, reviewer, decision, SLICE_LIT("approval"));
}

static struct rc walk_issue(struct db *db)
{
	TRY(ra_store_certificate_put(db, 1, &encrypt));
	return ra_store_envelope(db, 1, SLICE_LIT("envelope"));
}

static struct rc walk_read(struct db *db)
{
	struct ra_application a;
	struct told t = {0};
	struct seen s = {0};
	AUTO_BUF(b, 64);
	int64_t counts[APPLICATION_STATES];

	TRY(ra_store_find(db, "application00001", &a));
	TRY(ra_store_history(db, a.seq, tell, &t));
	TRY(ra_store_each(db, &(struct ra_filter){.limit = 4}, see, &s));
	TRY(ra_store_counts(db, counts));
	NEED(t.n == 1 && s.n == 1 && counts[APPLICATION_ENTERED] == 1, RC_BUG, "lost");
	return ra_store_bodies(db, a.seq, &(struct ra_bodies){.statement = &b});
}

static struct rc walk_revocation(struct db *db)
{
	struct ra_revocation r;
	AUTO_BUF(b, 64);

	TRY(queue(db, 5));
	TRY(ra_store_revocation_next(db, &r, &b));
	return ra_store_revocation_end(db, r.hash, RA_REVOCATION_DONE, 1, "", "");
}

static void every_call_may_fail(void **state)
{
	static const struct walk_case cases[] = {
	        {"entity", walk_entity},         {"evidence", walk_evidence}, {"enter", walk_enter},
	        {"decide", walk_decide},         {"issue", walk_issue},       {"read", walk_read},
	        {"revocation", walk_revocation},
	};

	(void)state;
	walk_faults(&(struct walk){"ra", prepare, cases, sizeof(cases) / sizeof(cases[0])});
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, walk_open_folder, walk_remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(entities_keep_their_id),  CASE(evidence_counts_by_hash_type_and_size),
	        CASE(applications_come_back),  CASE(lists_go_by_state_cursor_and_clerk),
	        CASE(steps_follow_the_table),  CASE(refusals_keep_their_reason),
	        CASE(certificates_and_bodies), CASE(revocations_wait_in_order),
	        CASE(counts_go_by_state),      CASE(every_call_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
