/* The routes every instance has: each refuses who may not, and does what it says (law 6, design 9.13). */
#include "../../tests/lib/small_world.h"

#include "base/rand.h"
#include "evidence/alarm.h"
#include "http/route.h"
#include "http/route_check.h"

static void the_route_table_holds(void **state)
{
	struct rc rc = route_check(frame_routes, frame_route_count);

	(void)state;
	if (!rc_ok(rc))
		fail_msg("%s", rc_last()->text);
}

#define INSTANCES (((1u << 28) - 1) & ~OFFICER_ANY)
/* Written down apart from the table: who may come in where. */
static const struct {
	enum method method;
	const char *path;
	uint32_t may;
} matrix[] = {
        {GET, "/v1/alarms",
         WHO_OWN | OFFICER(CA_OPERATOR) | OFFICER(KMC_OPERATOR) | OFFICER(SUPER_ADMIN) |
                 OFFICER(AUDIT_ADMIN) | OFFICER(SECURITY_ADMIN) | OFFICER(SOURCE) | OFFICER(AUDITOR) |
                 OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
        {POST, "/v1/alarms/7/acknowledgement",
         OFFICER(CA_OPERATOR) | OFFICER(KMC_OPERATOR) | OFFICER(SUPER_ADMIN) | OFFICER(AUDIT_ADMIN) |
                 OFFICER(SECURITY_ADMIN) | OFFICER(SOURCE)},
        {GET, "/v1/log/head",
         WHO_OWN | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
        {GET, "/v1/log/heads",
         WHO_OWN | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
        {GET, "/v1/log/entries",
         WHO_OWN | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
        {GET, "/v1/log/proof/inclusion",
         WHO_OWN | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
        {GET, "/v1/log/proof/consistency",
         WHO_OWN | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
        /* any instance, whatever its bits */
        {GET, "/v1/witness/heads",
         INSTANCES | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
        {POST, "/v1/witness/heads", INSTANCES},
        {POST, "/v1/timestamp",
         WHO_OWN | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR)},
};

static void each_role_has_its_doors_and_no_others(void **state)
{
	(void)state;
	assert_int_equal(sizeof(matrix) / sizeof(matrix[0]), frame_route_count);
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
		struct route_match m;

		assert_ok(route_find(frame_routes, frame_route_count, matrix[i].method,
		                     slice_text(matrix[i].path), &m));
		for (unsigned bit = 0; bit < 28; bit++) {
			struct peer p = {.kind = bit < OFFICER_ROLE_COUNT ? PEER_OFFICER : PEER_INSTANCE,
			                 .roles = 1u << bit};

			if (route_may(m.route, &p) != ((matrix[i].may >> bit & 1) != 0))
				fail_msg("%s: role bit %u", matrix[i].path, bit);
		}
	}
}

/* ---- refusals and alarms of an instance ---- */

static struct instance *in;

static int open_instance(void **state)
{
	static const struct role role = {.name = "ca"};

	(void)state;
	world_open();
	in = world_instance("shifan/ca", &role, NULL);
	return 0;
}

static int close_instance(void **state)
{
	(void)state;
	world_end(in);
	world_close();
	return 0;
}

static json_t *last_entry(uint64_t size)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);

	world_until(log_size(in->log) == size);
	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(log_read(lease->db, size - 1, 1, &list));
	return json_incref(json_object_get(json_array_get(list, 0), "entry"));
}

static RC refuse(const char *text)
{
	REFUSE(G09, "%s", text);
}

/* A refusal comes back unchanged and leaves its entry behind. */
static void a_refusal_is_an_entry(void **state)
{
	struct peer by = {.kind = PEER_OFFICER, .person = UUID_OF("1")};
	struct rc rc =
	        instance_refused(in, refuse("outside the region"), "request", SLICE_LIT("subject"), &by);
	AUTO_JSON(e, last_entry(1));
	const json_t *data = json_object_get(e, "data");

	(void)state;
	assert_int_equal(rc.code, RC_DENIED);
	assert_int_equal(rc_last()->err, ERR_G09);
	assert_string_equal(rc_last()->text, "outside the region");
	assert_string_equal(json_string_value(json_object_get(e, "kind")), "refused");
	assert_string_equal(json_string_value(json_object_get(data, "code")), "g09-ra");
	assert_string_equal(json_string_value(json_object_get(data, "clause")), "G09 art.8");
	assert_string_equal(json_string_value(json_object_get(data, "text")), "outside the region");
	assert_string_equal(json_string_value(json_object_get(data, "by")), by.person);
	assert_string_equal(json_string_value(json_object_get(data, "what")), "request");
	assert_string_equal(json_string_value(json_object_get(data, "subject")), "subject");
}

/* Bytes of an attacker do not keep the entry out. */
static void a_dirty_text_is_left_out(void **state)
{
	struct peer by = {.kind = PEER_INSTANCE, .instance = "shifan/ra"};

	(void)state;
	(void)rc_ok(
	        instance_refused(in, refuse("bad \xff\xfe bytes"), "request", SLICE_LIT("\xc0\x80"), &by));
	AUTO_JSON(e, last_entry(1));
	const json_t *data = json_object_get(e, "data");

	assert_string_equal(json_string_value(json_object_get(data, "text")), "");
	assert_string_equal(json_string_value(json_object_get(data, "subject")), "");
	assert_string_equal(json_string_value(json_object_get(data, "by")), "shifan/ra");
	assert_ok(json_put_result());
}

static void success_is_no_refusal(void **state)
{
	struct peer by = {.kind = PEER_NONE};

	(void)state;
	assert_ok(instance_refused(in, OK, "request", SLICE_NONE, &by));
	assert_int_equal(atomic_load(&in->notes), 0);
	assert_int_equal(log_size(in->log), 0);
}

static int64_t open_alarms(void)
{
	AUTO(db_lease, lease, NULL);
	int64_t n;

	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(alarm_count(lease->db, &n));
	return n;
}

static void the_same_alarm_is_one_alarm(void **state)
{
	(void)state;
	(void)rc_ok(rc_fail(RC_BUSY, "kept"));
	for (int i = 0; i < 5; i++)
		instance_alarm(in, "kmc-failed", SLICE_LIT("kmc"), "it does not answer");
	instance_alarm(in, "kmc-failed", SLICE_LIT("other"), "it does not answer");
	assert_string_equal(rc_last()->text, "kept");
	world_until(atomic_load(&in->notes) == 0);
	assert_int_equal(open_alarms(), 2);
	assert_int_equal(log_size(in->log), 2);
}

/* When the writer cannot keep up, what is lost is counted and told of (design 4). */
static struct rc hold(struct db_tx *tx, void *arg)
{
	(void)tx;
	while (!atomic_load((atomic_bool *)arg))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return OK;
}

static void lost_notes_raise_an_alarm(void **state)
{
	struct peer by = {.kind = PEER_NONE};
	atomic_bool go = false;

	(void)state;
	assert_ok(writer_submit(in->writer, hold, NULL, &go));
	for (int i = 0; i < FRAME_NOTES + 10; i++)
		(void)rc_ok(instance_refused(in, refuse("again"), "request", SLICE_NONE, &by));
	assert_true(atomic_load(&in->notes_lost) >= 10);
	atomic_store(&go, true);
	world_until(atomic_load(&in->notes) == 0);
	(void)rc_ok(instance_refused(in, refuse("and again"), "request", SLICE_NONE, &by));
	world_until(atomic_load(&in->notes) == 0);
	assert_int_equal(open_alarms(), 1);
	assert_int_equal(atomic_load(&in->notes_lost), 0);
}

static struct rc stuck(void *p, size_t len)
{
	memset(p, 0x5a, len);
	return OK;
}

/* R06.11: whoever meets a source that failed, a request or the watch for readiness. */
static void a_stuck_random_source_raises_an_alarm(void **state)
{
	struct peer by = {.kind = PEER_NONE};
	const char *name;
	uint8_t byte;
	struct rc rc;

	(void)state;
	rand_test_source(stuck);
	rc = rand_bytes(&byte, 1);
	assert_refused(instance_refused(in, rc, "issue", SLICE_NONE, &by), RANDOM_UNHEALTHY);
	assert_refused(frame_ready(in, 2, &name), RANDOM_UNHEALTHY);
	assert_string_equal(name, "random");
	rand_test_source(NULL);
	world_until(atomic_load(&in->notes) == 0);
	assert_int_equal(open_alarms(), 1);
	assert_ok(frame_ready(in, 2, &name));
}

/* ---- whom an instance calls ---- */

static void only_the_named_instance_is_meant(void **state)
{
	struct frame_client f = {.in = in, .peer = "shifan/kmc"};
	struct world_cert w = {W_STRANGER, W_OPERATOR, "peer", false, USAGE_SIGN, "yuandian://shifan/kmc"};

	(void)state;
	buf_free(&world.cert[W_STRANGER]);
	world_certificate(&w);
	assert_ok(frame_check_peer(&f, buf_slice(&world.cert[W_STRANGER])));
	memcpy(f.peer, "shifan/kmc-2", 13);
	assert_refused(frame_check_peer(&f, buf_slice(&world.cert[W_STRANGER])), PEER_IDENTITY);
	assert_false(rc_ok(frame_check_peer(&f, buf_slice(&world.cert[W_ENTRY]))));
	assert_false(rc_ok(frame_check_peer(&f, SLICE_LIT("no certificate"))));
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, open_instance, close_instance)
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_route_table_holds),
	        cmocka_unit_test(each_role_has_its_doors_and_no_others),
	        FRESH(a_refusal_is_an_entry),
	        FRESH(a_dirty_text_is_left_out),
	        FRESH(success_is_no_refusal),
	        FRESH(the_same_alarm_is_one_alarm),
	        FRESH(lost_notes_raise_an_alarm),
	        FRESH(a_stuck_random_source_raises_an_alarm),
	        FRESH(only_the_named_instance_is_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
