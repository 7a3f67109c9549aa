/* The key-management centre behind its one door: GM/T 0014 tasks in, signed answers out (R06.5, R06.9,
 * R06.10, R06.13, design 9.6). */
#include "../../tests/lib/small_world.h"

#include "evidence/alarm.h"
#include "http/route.h"
#include "http/route_check.h"
#include "kmc/kmc.h"
#include "pki/cms.h"

static struct instance *in;
static struct db_faults faults;

static int open_kmc(void **state)
{
	(void)state;
	world_open();
	faults = (struct db_faults){.verb = -1};
	in = world_instance("keycentre/kmc", &role_kmc, &faults);
	assert_ok(role_kmc.start(in));
	world_until(rc_ok(role_kmc.checks[0].check(in)));
	return 0;
}

static int close_kmc(void **state)
{
	(void)state;
	world_end(in);
	world_close();
	return 0;
}

/* ---- a CA ---- */

struct ask {
	enum km_kind kind;
	uint8_t serial, user; /* user: number of the subscriber's signing key */
};

static enum world_key speaks = W_COMM; /* whose request it is */

static void request_of(const struct ask *asks, size_t n, uint8_t task, int64_t late, struct buf *ret)
{
	AUTO(km_request, m, km_request_new(n));
	uint8_t serials[8][2], hash[32], number[] = {task};
	struct buf spki[8] = {0};

	for (size_t i = 0; i < n; i++) {
		struct sm2_key user = judge_scalar((uint8_t)(100 + asks[i].user));

		spki[i] = BUF(256);
		assert_ok(pubkey_put_sm2(&user.pub, &spki[i]));
		serials[i][0] = 0x10;
		serials[i][1] = asks[i].serial;
		m->items[i] = (struct km_request_item){.kind = asks[i].kind,
		                                       .serial = SLICE_ARR(serials[i]),
		                                       .user_key = buf_slice(&spki[i]),
		                                       .not_before = clock_now(),
		                                       .not_after = clock_now() + W_DAY};
	}
	assert_ok(km_name_from_certificate(buf_slice(&world.cert[speaks]), hash, &m->ca));
	m->time = clock_now() - late;
	m->task = SLICE_ARR(number);
	assert_ok(km_request_sign(m, &world.key[speaks], ret));
	for (size_t i = 0; i < n; i++)
		buf_free(&spki[i]);
}

struct answer {
	struct buf der;
	struct km_respond *m;
};

static void answer_free(struct answer *a)
{
	buf_free(&a->der);
	km_respond_free(a->m);
}
#define AUTO_REPLY(name)                                                                                     \
	__attribute__((cleanup(answer_free))) struct answer name = {.der = BUF(KMC_ANSWER_MAX)}

static RC serve(struct slice request, struct answer *a)
{
	buf_free(&a->der);
	km_respond_free(a->m);
	*a = (struct answer){.der = BUF(KMC_ANSWER_MAX)};
	TRY(kmc_serve(in->state, speaks == W_COMM ? "shifan/ca" : "lianhe/ca", request, &a->der));
	assert_ok(km_respond_parse(buf_slice(&a->der), &a->m));
	return km_respond_verify(a->m, &world.key[W_KMC].pub);
}

static RC serve_one(enum km_kind kind, uint8_t serial, uint8_t user, uint8_t task, struct answer *a)
{
	struct ask ask = {kind, serial, user};
	AUTO_BUF(request, KM_REQUEST_MAX);

	request_of(&ask, 1, task, 0, &request);
	return serve(buf_slice(&request), a);
}

static int64_t count(const char *what)
{
	AUTO(db_lease, lease, NULL);
	int64_t n[4];

	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(kmc_store_counts(lease->db, &n[0], &n[1], &n[2], &n[3]));
	return n[strcmp(what, "standby") == 0   ? 0
	         : strcmp(what, "in use") == 0  ? 1
	         : strcmp(what, "history") == 0 ? 2
	                                        : 3];
}

static int64_t alarms(void)
{
	AUTO(db_lease, lease, NULL);
	int64_t n;

	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(alarm_count(lease->db, &n));
	return n;
}

/* The delivered key, opened by libcrypto alone with the subscriber's signing key. */
static void judge_envelope(const struct km_respond_item *item, uint8_t user)
{
	struct sm2_key key = judge_scalar((uint8_t)(100 + user)), delivered;
	AUTO(evp_pkey_st, judge, judge_sm2(&key));
	uint8_t sm4[64], plain[64];
	struct cms_sealed sealed;
	size_t len = sizeof(sm4);

	assert_ok(cms_sealed_parse(item->envelope, &sealed));
	assert_true(judge_decrypt(judge, sealed.recipients[0].encrypted_key, sm4, &len));
	assert_int_equal(len, 16);
	assert_int_equal(sealed.ciphertext.len, 64);
	judge_sm4_ecb(sm4, sealed.ciphertext, plain, false);
	assert_ok(sm2_key_load(plain + 32, &delivered));
	assert_memory_equal(delivered.pub.xy, item->pub.xy, 64);
}

/* ---- tests ---- */

static void a_key_is_born_and_delivered(void **state)
{
	AUTO_REPLY(a);

	(void)state;
	assert_ok(serve_one(KM_APPLY, 1, 1, 1, &a));
	assert_int_equal(a.m->count, 1);
	assert_int_equal(a.m->items[0].kind, KM_APPLY);
	judge_envelope(&a.m->items[0], 1);
	assert_int_equal(count("in use"), 1);
	assert_int_equal(count("tasks"), 1);
}

static void a_batch_is_answered_in_order(void **state)
{
	struct ask asks[] = {{KM_APPLY, 1, 1}, {KM_APPLY, 2, 2}, {KM_REVOKE, 9, 1}, {KM_APPLY, 3, 3}};
	AUTO_BUF(request, KM_REQUEST_MAX);
	AUTO_REPLY(a);

	(void)state;
	request_of(asks, 4, 1, 0, &request);
	assert_ok(serve(buf_slice(&request), &a));
	judge_envelope(&a.m->items[0], 1);
	judge_envelope(&a.m->items[1], 2);
	assert_int_equal(a.m->items[2].kind, KM_ERROR);
	assert_int_equal(a.m->items[2].error, KM_ERR_UNKNOWN);
	judge_envelope(&a.m->items[3], 3);
	assert_memory_not_equal(a.m->items[0].pub.xy, a.m->items[1].pub.xy, 64);
}

/* Idempotent by (CA, userCertNo): a new task for the same user returns the same key. */
static void the_same_user_gets_the_same_key(void **state)
{
	AUTO_REPLY(a);
	AUTO_REPLY(b);

	(void)state;
	assert_ok(serve_one(KM_APPLY, 1, 1, 1, &a));
	assert_ok(serve_one(KM_APPLY, 1, 1, 2, &b));
	assert_memory_equal(a.m->items[0].pub.xy, b.m->items[0].pub.xy, 64);
	assert_int_equal(count("in use"), 1);
	assert_ok(serve_one(KM_APPLY, 1, 2, 3, &b));
	assert_int_equal(b.m->items[0].error, KM_ERR_CONFLICT);
}

/* Same taskNO and bytes: the stored answer, byte for byte, whatever the time; other bytes: refused, with a
 * signed error, an entry and an alarm. */
static void a_task_is_answered_once(void **state)
{
	struct ask ask = {KM_APPLY, 1, 1}, other = {KM_APPLY, 2, 2};
	AUTO_BUF(request, KM_REQUEST_MAX);
	AUTO_BUF(again, KM_REQUEST_MAX);
	AUTO_REPLY(a);
	AUTO_REPLY(b);
	int64_t before;

	(void)state;
	request_of(&ask, 1, 7, KMC_SKEW - 20, &request);
	assert_ok(serve(buf_slice(&request), &a));
	assert_ok(serve(buf_slice(&request), &b));
	assert_true(slice_equal(buf_slice(&a.der), buf_slice(&b.der)));
	before = alarms();
	request_of(&other, 1, 7, 0, &again);
	assert_ok(serve(buf_slice(&again), &b));
	assert_int_equal(b.m->items[0].kind, KM_ERROR);
	assert_int_equal(b.m->items[0].error, KM_ERR_CONFLICT);
	assert_int_equal(count("in use"), 1);
	world_until(alarms() == before + 1);
}

static void time_has_to_be_near(void **state)
{
	static const int64_t off[] = {KMC_SKEW + 30, -KMC_SKEW - 30};
	AUTO_REPLY(a);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ask ask = {KM_APPLY, 1, 1};
		AUTO_BUF(request, KM_REQUEST_MAX);

		request_of(&ask, 1, (uint8_t)(10 + i), off[i], &request);
		assert_ok(serve(buf_slice(&request), &a));
		assert_int_equal(a.m->items[0].kind, KM_ERROR);
		assert_int_equal(a.m->items[0].error, KM_ERR_REQUEST);
	}
	assert_int_equal(count("in use"), 0);
	assert_int_equal(count("tasks"), 0);
	world_until(alarms() == 2);
}

/* R06.5: forged and foreign requests get no answer at all. */
static void only_the_registered_ca_is_served(void **state)
{
	struct ask ask = {KM_APPLY, 1, 1};
	AUTO_BUF(request, KM_REQUEST_MAX);
	AUTO_BUF(forged, KM_REQUEST_MAX);
	AUTO_BUF(out, KMC_ANSWER_MAX);
	AUTO(km_request, m, NULL);
	char other[] = "shifan/ca-2";

	(void)state;
	request_of(&ask, 1, 1, 0, &request);
	assert_ok(km_request_parse(buf_slice(&request), &m));
	assert_ok(km_request_sign(m, &world.key[W_STRANGER], &forged));
	assert_refused(kmc_serve(in->state, "shifan/ca", buf_slice(&forged), &out), KM_SIGNATURE);
	in->config.value.ca_name = other;
	assert_refused(kmc_serve(in->state, "shifan/ca", buf_slice(&request), &out), KM_CA);
	in->config.value.ca_name = NULL;
	buf_free(&forged);
	forged = BUF(KM_REQUEST_MAX);
	m->ca.serial = SLICE_LIT("\x77");
	assert_ok(km_request_sign(m, &world.key[W_COMM], &forged));
	assert_refused(kmc_serve(in->state, "shifan/ca", buf_slice(&forged), &out), KM_CA);
	assert_refused(kmc_serve(in->state, "shifan/ca", SLICE_LIT("\x30\x03\x02\x01"), &out), KM_FORM);
	assert_int_equal(out.len, 0);
	assert_int_equal(count("in use"), 0);
}

/* Every bit of a good request changed: never an answer with a key. */
/* R06.5: several CAs on one KMC: each has serial numbers of its own, and none speaks for another. */
static void two_cas_never_answer_for_each_other(void **state)
{
	AUTO_BUF(request, KM_REQUEST_MAX);
	AUTO_BUF(other, KM_REQUEST_MAX);
	AUTO_BUF(out, KMC_ANSWER_MAX);
	AUTO_REPLY(ours);
	AUTO_REPLY(theirs);
	AUTO_REPLY(again);
	struct ask ask = {KM_APPLY, 70, 1};
	char path[512];

	(void)state;
	world_write("keycentre/kmc/trust/ca-comm/lianhe.cer", buf_slice(&world.cert[W_STRANGER]));
	trust_drop(in->trust);
	snprintf(path, sizeof(path), "%s/keycentre/kmc/trust", world.dir);
	assert_ok(trust_load(path, "keycentre", &in->trust));
	assert_ok(serve_one(KM_APPLY, 70, 1, 201, &ours));
	speaks = W_STRANGER;
	/* the same serial number and task number, another user: another CA's, so another key */
	assert_ok(serve_one(KM_APPLY, 70, 2, 201, &theirs));
	assert_int_equal(theirs.m->items[0].kind, KM_APPLY);
	assert_memory_not_equal(ours.m->items[0].pub.xy, theirs.m->items[0].pub.xy, SM2_POINT);
	/* it ends its own key only */
	assert_ok(serve_one(KM_REVOKE, 70, 2, 202, &again));
	assert_int_equal(again.m->items[0].kind, KM_REVOKE);
	/* and it has none of ours */
	speaks = W_COMM;
	assert_ok(serve_one(KM_APPLY, 71, 1, 202, &again));
	speaks = W_STRANGER;
	assert_ok(serve_one(KM_REVOKE, 71, 1, 203, &again));
	assert_int_equal(again.m->items[0].error, KM_ERR_UNKNOWN);
	assert_ok(serve_one(KM_RESTORE, 71, 1, 204, &again));
	assert_int_equal(again.m->items[0].kind, KM_ERROR);
	/* a message in the other's name over the own connection, both ways; and a CA that nobody registered
	 */
	request_of(&ask, 1, 205, 0, &request);
	assert_refused(kmc_serve(in->state, "shifan/ca", buf_slice(&request), &out), KM_CA);
	assert_refused(kmc_serve(in->state, "fremd/ca", buf_slice(&request), &out), KM_CA);
	speaks = W_COMM;
	request_of(&ask, 1, 206, 0, &other);
	assert_refused(kmc_serve(in->state, "lianhe/ca", buf_slice(&other), &out), KM_CA);
	assert_ok(serve_one(KM_APPLY, 70, 1, 207, &again));
	assert_memory_equal(ours.m->items[0].pub.xy, again.m->items[0].pub.xy, SM2_POINT);
}

static void no_changed_request_is_served(void **state)
{
	struct ask ask = {KM_APPLY, 1, 1};
	AUTO_BUF(request, KM_REQUEST_MAX);

	(void)state;
	request_of(&ask, 1, 1, 0, &request);
	for (size_t i = 0; i < request.len; i += 3) {
		AUTO_BUF(out, KMC_ANSWER_MAX);

		request.p[i] ^= (uint8_t)(1u << (i % 8));
		assert_false(rc_ok(kmc_serve(in->state, "shifan/ca", buf_slice(&request), &out)));
		request.p[i] ^= (uint8_t)(1u << (i % 8));
	}
	assert_int_equal(count("in use"), 0);
}

static void revoked_keys_go_to_history(void **state)
{
	AUTO_REPLY(a);

	(void)state;
	assert_ok(serve_one(KM_APPLY, 1, 1, 1, &a));
	assert_ok(serve_one(KM_REVOKE, 1, 1, 2, &a));
	assert_int_equal(a.m->items[0].kind, KM_REVOKE);
	assert_int_equal(count("history"), 1);
	assert_int_equal(count("in use"), 0);
	assert_ok(serve_one(KM_REVOKE, 1, 1, 3, &a));
	assert_int_equal(a.m->items[0].kind, KM_REVOKE);
	/* an ended key is not handed out again */
	assert_ok(serve_one(KM_APPLY, 1, 1, 4, &a));
	assert_int_equal(a.m->items[0].error, KM_ERR_CONFLICT);
}

/* R21.5: nobody restores a key alone; until recovery orders exist, nobody does. */
static void restore_needs_two_persons(void **state)
{
	AUTO_REPLY(a);

	(void)state;
	assert_ok(serve_one(KM_APPLY, 1, 1, 1, &a));
	assert_ok(serve_one(KM_RESTORE, 1, 1, 2, &a));
	assert_int_equal(a.m->items[0].kind, KM_ERROR);
	assert_int_equal(a.m->items[0].error, KM_ERR_REQUEST);
}

/* R06.13: a standby key with one bit changed is set aside with an alarm, the next one serves. */
static void a_damaged_standby_key_is_set_aside(void **state)
{
	struct db *db = NULL;
	AUTO_REPLY(a);
	char path[2048];
	int64_t left;

	(void)state;
	world_until(count("standby") == 8);
	snprintf(path, sizeof(path), "%s/data.db", in->dir);
	assert_ok(db_open(path, false, &db));
	assert_ok(db_script(db, "UPDATE standby SET wrapped = CAST(X'ffff' || substr(wrapped, 3) AS BLOB) "
	                        "WHERE id = (SELECT min(id) FROM standby)"));
	db_close(db);
	assert_ok(serve_one(KM_APPLY, 1, 1, 1, &a));
	judge_envelope(&a.m->items[0], 1);
	left = count("standby");
	assert_true(left == 6 || left == 8);
	assert_int_equal(alarms(), 1);
}

/* An empty stock is said in the answer, and the stock is filled again. */
static void an_empty_stock_is_filled(void **state)
{
	AUTO_REPLY(a);

	(void)state;
	for (uint8_t n = 1; n <= 30; n++) {
		assert_ok(serve_one(KM_APPLY, n, 1, n, &a));
		if (a.m->items[0].kind == KM_APPLY)
			continue;
		assert_int_equal(a.m->items[0].error, KM_ERR_NO_KEY);
		world_until(count("standby") > 0);
	}
	world_until(count("standby") >= 4);
}

/* Whichever database call of the task fails, the caller can repeat it and gets its key, once. */
static void a_failing_database_loses_nothing(void **state)
{
	struct ask ask = {KM_APPLY, 1, 1};
	AUTO_REPLY(a);
	unsigned long failed = 0;

	(void)state;
	world_until(count("standby") == 8);
	for (unsigned long n = 1; n <= 60; n++) {
		AUTO_BUF(request, KM_REQUEST_MAX);

		ask.serial = (uint8_t)n;
		request_of(&ask, 1, (uint8_t)n, 0, &request);
		faults.calls = 0;
		faults.kinds = DB_CALL_ALL;
		faults.uncertain = n % 2 == 0;
		faults.at = n;
		if (!rc_ok(serve(buf_slice(&request), &a)))
			failed++;
		faults.kinds = 0;
		faults.at = 0;
		assert_ok(serve(buf_slice(&request), &a));
		if (a.m->items[0].kind == KM_APPLY)
			judge_envelope(&a.m->items[0], 1);
		world_until(count("standby") >= 4);
	}
	assert_true(failed > 10);
}

static void a_locked_signer_answers_nothing(void **state)
{
	struct ask ask = {KM_APPLY, 1, 1};
	AUTO_BUF(request, KM_REQUEST_MAX);
	AUTO_REPLY(a);

	(void)state;
	request_of(&ask, 1, 1, 0, &request);
	world.signer_fails = RC_BUSY;
	assert_int_equal(serve(buf_slice(&request), &a).code, RC_BUSY);
	world.signer_fails = RC_OK;
	assert_ok(serve(buf_slice(&request), &a));
	judge_envelope(&a.m->items[0], 1);
	assert_int_equal(count("in use"), 1);
}

/* R06.16: only a CA comes in with tasks; RA and officers do not. */
static void the_route_table_holds(void **state)
{
	struct rc rc = route_check(role_kmc.routes, role_kmc.route_count);
	struct route_match m;

	(void)state;
	if (!rc_ok(rc))
		fail_msg("%s", rc_last()->text);
	assert_ok(route_find(role_kmc.routes, role_kmc.route_count, POST, SLICE_LIT("/gmt0014"), &m));
	for (unsigned bit = 0; bit < 28; bit++) {
		struct peer p = {.kind = bit < OFFICER_ROLE_COUNT ? PEER_OFFICER : PEER_INSTANCE,
		                 .roles = 1u << bit};

		assert_int_equal(route_may(m.route, &p), (1u << bit) == WHO_CA);
	}
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, open_kmc, close_kmc)
	const struct CMUnitTest tests[] = {
	        FRESH(a_key_is_born_and_delivered),
	        FRESH(a_batch_is_answered_in_order),
	        FRESH(the_same_user_gets_the_same_key),
	        FRESH(a_task_is_answered_once),
	        FRESH(time_has_to_be_near),
	        FRESH(only_the_registered_ca_is_served),
	        FRESH(two_cas_never_answer_for_each_other),
	        FRESH(no_changed_request_is_served),
	        FRESH(revoked_keys_go_to_history),
	        FRESH(restore_needs_two_persons),
	        FRESH(a_damaged_standby_key_is_set_aside),
	        FRESH(an_empty_stock_is_filled),
	        FRESH(a_failing_database_loses_nothing),
	        FRESH(a_locked_signer_answers_nothing),
	        cmocka_unit_test(the_route_table_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
