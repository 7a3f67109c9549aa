/* The status role behind a real listener, fed by a log of the test (R21.6, R21.9): libcrypto makes the OCSP
 * requests and reads the answers, their signatures are checked over the raw bytes with the standard id (g.6).
 */
#include "../../tests/lib/status_world.h"

/* Good, revoked and never issued, by three hashes; nonce echoed, several at once, signed over the raw bytes.
 */
static void answers_are_right(void **state)
{
	const EVP_MD *hashes[] = {EVP_sha1(), EVP_sha256(), EVP_sm3()};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		OCSP_REQUEST *q = question(W_CA, hashes[i], (const unsigned[]){GOOD, REVOKED, NEVER, 0});
		OCSP_RESPONSE *r = ask_post(q);
		OCSP_BASICRESP *b = OCSP_response_get1_basic(r);

		assert_int_equal(OCSP_response_status(r), OCSP_RESPONSE_STATUS_SUCCESSFUL);
		assert_non_null(b);
		assert_int_equal(OCSP_resp_count(b), 3);
		assert_int_equal(OCSP_check_nonce(q, b), 1);
		check_signature(b);
		expect_status(b, hashes[i], GOOD, V_OCSP_CERTSTATUS_GOOD, -1);
		expect_status(b, hashes[i], REVOKED, V_OCSP_CERTSTATUS_REVOKED,
		              OCSP_REVOKED_STATUS_KEYCOMPROMISE);
		/* R21.9: a forged certificate with an unused serial is unknown, not good */
		expect_status(b, hashes[i], NEVER, V_OCSP_CERTSTATUS_UNKNOWN, -1);
		OCSP_BASICRESP_free(b);
		OCSP_RESPONSE_free(r);
		OCSP_REQUEST_free(q);
	}
}

static void bad_questions_get_ocsp_errors(void **state)
{
	OCSP_REQUEST *foreign = question(W_ROOT, EVP_sha1(), (const unsigned[]){GOOD, 0});
	OCSP_REQUEST *mixed = question(W_CA, EVP_sha256(), (const unsigned[]){GOOD, 0});
	OCSP_REQUEST *odd = question(W_CA, EVP_sha512(), (const unsigned[]){GOOD, 0});
	AUTO_BUF(answer, 1 << 16);
	OCSP_RESPONSE *r;

	(void)state;
	assert_int_equal(status_for(foreign), OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	OCSP_request_add0_id(mixed, id_of(W_ROOT, EVP_sha256(), GOOD));
	assert_int_equal(status_for(mixed), OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	assert_int_not_equal(status_for(odd), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	assert_int_equal(ask_bytes("POST", "/ocsp",
	                           SLICE_LIT("\x30\x03"
	                                     "abc"),
	                           &answer),
	                 200);
	r = read_answer(buf_slice(&answer));
	assert_int_equal(OCSP_response_status(r), OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
	OCSP_RESPONSE_free(r);
	OCSP_REQUEST_free(foreign);
	OCSP_REQUEST_free(mixed);
	OCSP_REQUEST_free(odd);
}

/* RFC 6960 A.1: base64 in the path, its slashes escaped or not. */
static void get_takes_the_rest_of_the_path(void **state)
{
	(void)state;
	for (int escaped = 0; escaped < 2; escaped++) {
		OCSP_REQUEST *q = question(W_CA, EVP_sha256(), (const unsigned[]){REVOKED, 0});
		AUTO_BUF(answer, 1 << 16);
		AUTO_BUF(base64, 4096);
		AUTO_BUF(path, 8192);
		unsigned char *der = NULL;
		OCSP_RESPONSE *r;
		OCSP_BASICRESP *b;

		int len = i2d_OCSP_REQUEST(q, &der);
		buf_base64(&base64, slice_of(der, (size_t)len));
		OPENSSL_free(der);
		buf_text(&path, "/ocsp/");
		for (size_t i = 0; i < base64.len; i++) {
			bool special = base64.p[i] == '+' || base64.p[i] == '/' || base64.p[i] == '=';

			buf_printf(&path, special && escaped ? "%%%02X" : "%c", base64.p[i]);
		}
		assert_int_equal(ask_bytes("GET", buf_cstr(&path), SLICE_NONE, &answer), 200);
		r = read_answer(buf_slice(&answer));
		b = OCSP_response_get1_basic(r);
		assert_non_null(b);
		expect_status(b, EVP_sha256(), REVOKED, V_OCSP_CERTSTATUS_REVOKED,
		              OCSP_REVOKED_STATUS_KEYCOMPROMISE);
		OCSP_BASICRESP_free(b);
		OCSP_RESPONSE_free(r);
		OCSP_REQUEST_free(q);
	}
}

/* R21.6: what the log says is what the next answer says. */
static void a_revocation_shows(void **state)
{
	OCSP_REQUEST *q = question(W_CA, EVP_sm3(), (const unsigned[]){GOOD, 0});
	OCSP_RESPONSE *r;
	OCSP_BASICRESP *b;
	AUTO_BUF(answer, 1 << 16);

	(void)state;
	revoke_serial(GOOD, "superseded");
	world_until(atomic_load(&status_of()->next) == 4);
	r = ask_post(q);
	b = OCSP_response_get1_basic(r);
	expect_status(b, EVP_sm3(), GOOD, V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_SUPERSEDED);
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	OCSP_REQUEST_free(q);
	assert_int_equal(ask_bytes("GET", "/v1/certificates/sm2/2101", SLICE_NONE, &answer), 200);
	assert_non_null(strstr(buf_cstr(&answer), "\"revoked\""));
	buf_clear(&answer);
	assert_int_equal(ask_bytes("GET", "/v1/certificates/sm2/2103", SLICE_NONE, &answer), 404);
}

/* Cut off from the CA it tells of what it last knew, with the times of then, and at last says tryLater. */
static void a_cut_off_copy_does_not_claim_to_be_fresh(void **state)
{
	(void)state;
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	set_down(true);
	/* two refused polls: none is on its way any more that could still be answered */
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	atomic_store(&status_of()->heard, clock_mono_ms() - 20000);
	assert_in_range(status_age(status_of()), 20, 25);
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	atomic_store(&status_of()->heard, 0);
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_TRYLATER);
	assert_false(rc_ok(role_status.checks[0].check(status_in)));
	set_down(false);
	world_until(status_of_good() == OCSP_RESPONSE_STATUS_SUCCESSFUL);
}

/* design 4: the head of the CA's log bounds every answer; without one in force there is none. */
static void no_answer_goes_beyond_the_head(void **state)
{
	unsigned serials[] = {GOOD, 0};
	OCSP_REQUEST *q = question(W_CA, EVP_sm3(), serials);
	OCSP_CERTID *id = id_of(W_CA, EVP_sm3(), GOOD);
	ASN1_GENERALIZEDTIME *until = NULL;
	OCSP_BASICRESP *b;
	OCSP_RESPONSE *r;
	int64_t end = clock_now() + 100;
	char path[128];
	struct tm t;
	int status;

	(void)state;
	assert_int_equal(head_relied(status_of()), INT64_MAX); /* nobody signs heads in this world */
	world_write("shifan/status/trust/logs/shifan.ca.cer", buf_slice(&world.cert[W_SERVICE]));
	world_until(status_of_good() == OCSP_RESPONSE_STATUS_TRYLATER); /* somebody does, but gives none */
	atomic_store(&status_of()->relied, end);
	r = ask_post(q);
	b = OCSP_response_get1_basic(r);
	assert_non_null(b);
	assert_int_equal(OCSP_resp_find_status(b, id, &status, NULL, NULL, NULL, &until), 1);
	assert_int_equal(ASN1_TIME_to_tm(until, &t), 1);
	assert_int_equal(timegm(&t), end);
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	atomic_store(&status_of()->relied, clock_now());
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_TRYLATER);
	assert_false(rc_ok(role_status.checks[0].check(status_in)));
	(void)snprintf(path, sizeof(path), "%s/shifan/status/trust/logs/shifan.ca.cer", world.dir);
	assert_int_equal(unlink(path), 0);
	world_until(status_of_good() == OCSP_RESPONSE_STATUS_SUCCESSFUL);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(q);
}

/* design 4: rebuilt from its own copy, and from nothing; a store alone is not known to be fresh. */
static void it_comes_back_with_what_it_knew(void **state)
{
	char path[128];

	(void)state;
	stop_status();
	set_down(true);
	start_status();
	assert_int_equal(table_count(&status_of()->table), 2);
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_TRYLATER);
	set_down(false);
	world_until(status_of_good() == OCSP_RESPONSE_STATUS_SUCCESSFUL);
	stop_status();
	for (size_t i = 0; i < 3; i++) {
		static const char *const tails[] = {"", "-wal", "-shm"};

		(void)snprintf(path, sizeof(path), "%s/shifan/status/data.db%s", world.dir, tails[i]);
		(void)unlink(path);
	}
	start_status();
	world_until(table_count(&status_of()->table) == 2);
	world_until(status_of_good() == OCSP_RESPONSE_STATUS_SUCCESSFUL);
}

/* A gap, a changed entry, a shorter log: found, and nothing is said any more. */
static void broken_feed(void (*damage)(void))
{
	damage();
	world_until(atomic_load(&status_of()->broken));
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_TRYLATER);
	assert_false(rc_ok(role_status.checks[0].check(status_in)));
}

static void skip_one(void)
{
	pthread_mutex_lock(&ca.lock);
	json_array_append_new(ca.entries,
	                      entry_of("refused", json_object(), json_array_size(ca.entries) + 1));
	pthread_mutex_unlock(&ca.lock);
}

static void change_one(void)
{
	json_t *e;

	pthread_mutex_lock(&ca.lock);
	e = entry_of("refused", json_object(), json_array_size(ca.entries));
	json_put_cstr(json_object_get(e, "entry"), "kind", "issued");
	json_array_append_new(ca.entries, e);
	pthread_mutex_unlock(&ca.lock);
}

static void lose_one(void)
{
	pthread_mutex_lock(&ca.lock);
	json_array_remove(ca.entries, json_array_size(ca.entries) - 1);
	pthread_mutex_unlock(&ca.lock);
}

static void a_gap_is_found(void **state)
{
	(void)state;
	broken_feed(skip_one);
}

static void a_changed_entry_is_found(void **state)
{
	(void)state;
	broken_feed(change_one);
}

static void a_shorter_log_is_found(void **state)
{
	(void)state;
	broken_feed(lose_one);
}

/* ---- lists ---- */

static void make_list(enum world_key by, uint64_t number, int64_t until, struct buf *ret)
{
	struct cert c;
	struct crl_head h = {.alg = sigalg_of(PUBKEY_SM2, false),
	                     .this_update = clock_now() - 10,
	                     .next_update = until,
	                     .number = number};
	struct crl_entry e = {.serial = SLICE_LIT("\x21\x02"),
	                      .revoked_at = clock_now() - 20,
	                      .reason = REASON_KEY_COMPROMISE};
	AUTO_BUF(tbs, 4096);
	AUTO_BUF(sig, 128);
	struct sm2_sig s;

	assert_ok(cert_parse(buf_slice(&world.cert[W_CA]), &c));
	h.issuer = c.subject;
	h.aki = c.ski;
	assert_ok(crl_tbs(&h, &e, 1, &tbs));
	assert_ok(sm2_sign(&world.key[by], SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(crl_assemble(buf_slice(&tbs), h.alg, buf_slice(&sig), ret));
}

/* Served when it is the one the log announced, from its issuer, newer than the last and in force. */
static void only_the_announced_list_is_served(void **state)
{
	struct issuer *i = status_issuer(status_of(), "sm2");
	AUTO_BUF(good, 4096);
	AUTO_BUF(forged, 4096);
	AUTO_BUF(old, 4096);
	AUTO_BUF(answer, 1 << 16);
	struct list_row row = {.announced = 7, .number = 6}, again;
	json_t *o;

	(void)state;
	make_list(W_CA, 7, clock_now() + W_DAY, &good);
	make_list(W_ROOT, 7, clock_now() + W_DAY, &forged);
	make_list(W_CA, 7, clock_now() - 1, &old);
	sm3_hash(buf_slice(&good), row.announced_sm3);
	again = row;
	assert_ok(list_check(status_of(), i, LIST_FULL, buf_slice(&good), &again));
	assert_int_equal(again.number, 7);
	/* the same number again does not rise */
	assert_false(rc_ok(list_check(status_of(), i, LIST_FULL, buf_slice(&good), &again)));
	again = row;
	assert_false(rc_ok(list_check(status_of(), i, LIST_FULL, buf_slice(&forged), &again)));
	sm3_hash(buf_slice(&old), again.announced_sm3);
	assert_refused(list_check(status_of(), i, LIST_FULL, buf_slice(&old), &again), CRL_REJECTED);
	again = row;
	again.announced_sm3[0] ^= 1;
	assert_refused(list_check(status_of(), i, LIST_FULL, buf_slice(&good), &again), CRL_REJECTED);
	again = row;
	again.announced = 8;
	assert_refused(list_check(status_of(), i, LIST_FULL, buf_slice(&good), &again), CRL_REJECTED);
	assert_int_equal(ask_bytes("GET", "/crl/sm2.crl", SLICE_NONE, &answer), 404);
	pthread_mutex_lock(&ca.lock);
	buf_add(&ca.list, buf_slice(&good));
	pthread_mutex_unlock(&ca.lock);
	o = world_json("{\"ca\":\"sm2\",\"number\":7}");
	json_put_hex(o, "sm3", SLICE_ARR(row.announced_sm3));
	append("crl", o);
	world_until((buf_clear(&answer), ask_bytes("GET", "/crl/sm2.crl", SLICE_NONE, &answer)) == 200);
	assert_true(slice_equal(buf_slice(&answer), buf_slice(&good)));
	buf_clear(&answer);
	assert_int_equal(ask_bytes("GET", "/ca/sm2.cer", SLICE_NONE, &answer), 200);
	assert_true(slice_equal(buf_slice(&answer), buf_slice(&world.cert[W_CA])));
	assert_int_equal(ask_bytes("GET", "/crl/nobody.crl", SLICE_NONE, &answer), 404);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(answers_are_right),
	        CASE(bad_questions_get_ocsp_errors),
	        CASE(get_takes_the_rest_of_the_path),
	        CASE(a_revocation_shows),
	        CASE(a_cut_off_copy_does_not_claim_to_be_fresh),
	        CASE(no_answer_goes_beyond_the_head),
	        CASE(it_comes_back_with_what_it_knew),
	        CASE(a_gap_is_found),
	        CASE(a_changed_entry_is_found),
	        CASE(a_shorter_log_is_found),
	        CASE(only_the_announced_list_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
