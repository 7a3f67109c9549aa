/* OCSP answers that are kept, made ahead, or bound to rules of the configuration (R05.4, R21.6, R21.9):
 * libcrypto asks and reads. */
#include "../../tests/lib/status_world.h"

#include "asn1/der.h"
#include "http/server.h"

/* ---- asking without a nonce ---- */

static void plain_request(const EVP_MD *md, unsigned serial, struct buf *ret)
{
	OCSP_REQUEST *q = OCSP_REQUEST_new();
	unsigned char *der = NULL;
	int len;

	assert_non_null(OCSP_request_add0_id(q, id_of(W_CA, md, serial)));
	len = i2d_OCSP_REQUEST(q, &der);
	assert_true(len > 0);
	buf_add(ret, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	OCSP_REQUEST_free(q);
}

static void ask_plain(const EVP_MD *md, unsigned serial, struct buf *ret)
{
	AUTO_BUF(q, 512);

	plain_request(md, serial, &q);
	assert_int_equal(ask_bytes("POST", "/ocsp", buf_slice(&q), ret), 200);
}

static OCSP_BASICRESP *basic_of(struct slice answer)
{
	OCSP_RESPONSE *r = read_answer(answer);
	OCSP_BASICRESP *b = OCSP_response_get1_basic(r);

	assert_non_null(b);
	OCSP_RESPONSE_free(r);
	return b;
}

static void expect_plain(const EVP_MD *md, unsigned serial, int want, int reason, struct buf *ret)
{
	OCSP_BASICRESP *b;

	ask_plain(md, serial, ret);
	b = basic_of(buf_slice(ret));
	check_signature(b);
	expect_status(b, md, serial, want, reason);
	OCSP_BASICRESP_free(b);
}

/* R21.6: the kept answer is given again, and gone when the log tells of a revocation, hold or release. */
static void kept_answers_follow_the_log(void **state)
{
	const EVP_MD *hashes[] = {EVP_sha1(), EVP_sha256(), EVP_sm3()};
	uint64_t next = atomic_load(&status_of()->next);
	json_t *o;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		AUTO_BUF(first, 1 << 16);
		AUTO_BUF(second, 1 << 16);

		expect_plain(hashes[i], GOOD, V_OCSP_CERTSTATUS_GOOD, -1, &first);
		expect_plain(hashes[i], GOOD, V_OCSP_CERTSTATUS_GOOD, -1, &second);
		/* the signature has a random part: the same bytes were signed once */
		assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
	}
	revoke_serial(GOOD, "certificateHold");
	world_until(atomic_load(&status_of()->next) == next + 1);
	for (size_t i = 0; i < 3; i++) {
		AUTO_BUF(held, 1 << 16);
		expect_plain(hashes[i], GOOD, V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_CERTIFICATEHOLD,
		             &held);
	}
	o = world_json("{\"ca\":\"sm2\",\"serial\":\"2101\"}");
	append("released", o);
	world_until(atomic_load(&status_of()->next) == next + 2);
	for (size_t i = 0; i < 3; i++) {
		AUTO_BUF(released, 1 << 16);
		expect_plain(hashes[i], GOOD, V_OCSP_CERTSTATUS_GOOD, -1, &released);
	}
}

/* Never issued now, issued a moment later: nothing of before is kept. */
static void never_issued_is_not_kept(void **state)
{
	uint64_t next = atomic_load(&status_of()->next);
	AUTO_BUF(before, 1 << 16);
	AUTO_BUF(after, 1 << 16);

	(void)state;
	expect_plain(EVP_sm3(), NEVER, V_OCSP_CERTSTATUS_UNKNOWN, -1, &before);
	issue(NEVER);
	world_until(atomic_load(&status_of()->next) == next + 1);
	expect_plain(EVP_sm3(), NEVER, V_OCSP_CERTSTATUS_GOOD, -1, &after);
}

/* What was kept is no longer said than anything else: the head and the feed bound it too. */
static void kept_answers_end_with_the_feed(void **state)
{
	AUTO_BUF(good, 1 << 16);
	AUTO_BUF(later, 1 << 16);
	OCSP_RESPONSE *r;

	(void)state;
	expect_plain(EVP_sm3(), GOOD, V_OCSP_CERTSTATUS_GOOD, -1, &good);
	set_down(true);
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	atomic_store(&status_of()->heard, 0);
	ask_plain(EVP_sm3(), GOOD, &later);
	r = read_answer(buf_slice(&later));
	assert_int_equal(OCSP_response_status(r), OCSP_RESPONSE_STATUS_TRYLATER);
	OCSP_RESPONSE_free(r);
	set_down(false);
}

/* design 4: with heads, an absent CA silences nobody until its last head has ended; what is said then carries
 * the time for which it was known (R35.5). */
static void the_head_carries_answers_without_the_ca(void **state)
{
	AUTO_BUF(answer, 1 << 16);
	OCSP_CERTID *id = id_of(W_CA, EVP_sm3(), GOOD);
	ASN1_GENERALIZEDTIME *from = NULL;
	int64_t relied = clock_now() + 86400;
	OCSP_BASICRESP *b;
	struct tm t;
	int status;

	(void)state;
	world_write("shifan/status/trust/logs/shifan.ca.cer", buf_slice(&world.cert[W_SERVICE]));
	world_until(head_relied(status_of()) != INT64_MAX);
	set_down(true);
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	atomic_store(&status_of()->relied, relied);
	atomic_store(&status_of()->heard, 0);
	ask_plain(EVP_sm3(), GOOD, &answer);
	b = basic_of(buf_slice(&answer));
	assert_int_equal(OCSP_resp_find_status(b, id, &status, NULL, NULL, &from, NULL), 1);
	assert_int_equal(status, V_OCSP_CERTSTATUS_GOOD);
	assert_int_equal(ASN1_TIME_to_tm(from, &t), 1);
	assert_int_equal(timegm(&t), relied - 2 * 86400);
	/* a copy that does not reach the head does not know what it covers */
	atomic_store(&status_of()->head_size, atomic_load(&status_of()->next) + 1);
	assert_int_equal(status_known(status_of()), 0);
	OCSP_BASICRESP_free(b);
	OCSP_CERTID_free(id);
	set_down(false);
}

/* ---- GET (RFC 5019 6.2) ---- */

static void get_plain(unsigned serial, const char *field, struct heard *h)
{
	int fd = dial(http_server_port(server, "public"));
	AUTO_BUF(q, 512);
	AUTO_BUF(head, 4096);

	plain_request(EVP_sha1(), serial, &q);
	buf_text(&head, "GET /ocsp/");
	buf_base64(&head, buf_slice(&q));
	buf_printf(&head, " HTTP/1.1\r\nHost: x\r\n%s\r\n", field);
	assert_true(say_bytes(fd, buf_slice(&head)));
	assert_true(hear(fd, h, false));
	(void)close(fd);
}

static void take_field(const struct heard *h, const char *name, char ret[80])
{
	const char *at = (const char *)memmem(h->bytes.p, h->head, name, strlen(name));
	size_t n = 0;

	assert_non_null(at);
	at += strlen(name);
	while (at[n] != '\r' && n < 79)
		n++;
	memcpy(ret, at, n);
	ret[n] = '\0';
}

static void get_may_be_cached_for_a_second(void **state)
{
	char tag[80], text[120];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO_HEARD(h);
		AUTO_HEARD(again);

		get_plain(GOOD, "", &h);
		assert_int_equal(h.status, 200);
		assert_true(heard_has(&h, "Cache-Control: public, max-age=1, no-transform, must-revalidate"));
		assert_true(heard_has(&h, "Last-Modified: "));
		assert_true(heard_has(&h, "Expires: "));
		take_field(&h, "ETag: ", tag);
		(void)snprintf(text, sizeof(text), "If-None-Match: %.79s\r\n", tag);
		get_plain(GOOD, text, &again);
		assert_int_equal(again.status, 304);
	}
	revoke_serial(GOOD, "superseded");
	world_until(atomic_load(&status_of()->next) == 4);
	AUTO_HEARD(changed);
	get_plain(GOOD, text, &changed);
	assert_int_equal(changed.status, 200);
}

static void longer(struct instance_config *c)
{
	c->ocsp_preproduced_seconds = 7200;
}

/* Made ahead: the answer holds longer, and may be kept by others as long as it holds. */
static void answers_made_ahead_hold_longer(void **state)
{
	OCSP_CERTID *id = id_of(W_CA, EVP_sha1(), GOOD);
	ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
	int status, days = 0, seconds = 0;
	char control[80];
	OCSP_BASICRESP *b;
	AUTO_HEARD(h);

	(void)state;
	get_plain(GOOD, "", &h);
	take_field(&h, "Cache-Control: public, max-age=", control);
	assert_in_range(strtoul(control, NULL, 10), 7000, 7200);
	b = basic_of(heard_body(&h));
	assert_int_equal(OCSP_resp_find_status(b, id, &status, NULL, NULL, &from, &until), 1);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, from, until), 1);
	assert_int_equal(days, 0);
	assert_in_range(seconds, 7200, 7260);
	OCSP_BASICRESP_free(b);
	OCSP_CERTID_free(id);
}

/* ---- rules ---- */

static void archive(struct instance_config *c)
{
	static char sm2[] = "sm2";

	c->ocsp_archive_days = 3650;
	c->ocsp_extended_revoked = sm2;
}

/* RFC 6960 4.4.4: how far back this responder keeps what it knows. */
static void the_archive_cutoff_is_told(void **state)
{
	AUTO_BUF(answer, 1 << 16);
	OCSP_BASICRESP *b;
	ASN1_GENERALIZEDTIME *cutoff;
	int days = 0, seconds = 0;

	(void)state;
	ask_plain(EVP_sm3(), GOOD, &answer);
	b = basic_of(buf_slice(&answer));
	cutoff = OCSP_SINGLERESP_get1_ext_d2i(OCSP_resp_get0(b, 0), NID_id_pkix_OCSP_archiveCutoff, NULL,
	                                      NULL);
	assert_non_null(cutoff);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, cutoff, OCSP_resp_get0_produced_at(b)), 1);
	assert_int_equal(days, 3650);
	ASN1_GENERALIZEDTIME_free(cutoff);
	OCSP_BASICRESP_free(b);
}

/* RFC 6960 2.2 and 4.4.8, where an authority's rules say so. */
static void never_issued_may_be_said_as_revoked(void **state)
{
	AUTO_BUF(answer, 1 << 16);
	OCSP_CERTID *id = id_of(W_CA, EVP_sm3(), NEVER);
	ASN1_OBJECT *o = OBJ_txt2obj("1.3.6.1.5.5.7.48.1.9", 1);
	ASN1_GENERALIZEDTIME *at = NULL;
	int status, reason;
	OCSP_BASICRESP *b;
	struct tm t;

	(void)state;
	ask_plain(EVP_sm3(), NEVER, &answer);
	b = basic_of(buf_slice(&answer));
	assert_int_equal(OCSP_resp_find_status(b, id, &status, &reason, &at, NULL, NULL), 1);
	assert_int_equal(status, V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(reason, OCSP_REVOKED_STATUS_CERTIFICATEHOLD);
	assert_int_equal(ASN1_TIME_to_tm(at, &t), 1);
	assert_int_equal(timegm(&t), 0);
	assert_true(OCSP_BASICRESP_get_ext_by_OBJ(b, o, -1) >= 0);
	ASN1_OBJECT_free(o);
	OCSP_BASICRESP_free(b);
	OCSP_CERTID_free(id);
}

/* ---- signed requests (RFC 6960 4.1.1) ---- */

static void required(struct instance_config *c)
{
	static char word[] = "required";

	c->ocsp_signed_requests = word;
}

/* By the holder of `by`, with the key of another when forged. */
static void sign_request(struct slice plain, enum world_key by, enum world_key key, struct buf *ret)
{
	struct der_reader r = der_read(plain);
	AUTO_BUF(sig, 128);
	AUTO_DER(w, 4096);
	struct sm2_sig s;
	struct slice tbs;

	der_enter(&r, DER_SEQUENCE);
	tbs = der_element_of(&r, DER_SEQUENCE);
	assert_ok(sm2_sign(&world.key[key], SM2_ID, tbs, &s));
	sm2_sig_to_der(&s, &sig);
	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, tbs);
	der_begin(&w, DER_CTXC(0));
	der_begin(&w, DER_SEQUENCE);
	sigalg_put(&w, sigalg_of(PUBKEY_SM2, false));
	der_put_bits(&w, buf_slice(&sig));
	der_begin(&w, DER_CTXC(0));
	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, buf_slice(&world.cert[by]));
	for (int i = 0; i < 5; i++)
		der_end(&w);
	buf_add(ret, buf_slice(&w.out));
	assert_ok(buf_done(ret));
}

static int signed_status(enum world_key by, enum world_key key)
{
	AUTO_BUF(plain, 512);
	AUTO_BUF(full, 4096);
	AUTO_BUF(answer, 1 << 16);
	OCSP_RESPONSE *r;
	int s;

	plain_request(EVP_sm3(), GOOD, &plain);
	sign_request(buf_slice(&plain), by, key, &full);
	assert_int_equal(ask_bytes("POST", "/ocsp", buf_slice(&full), &answer), 200);
	r = read_answer(buf_slice(&answer));
	s = OCSP_response_status(r);
	OCSP_RESPONSE_free(r);
	return s;
}

static void only_known_signers_are_answered(void **state)
{
	struct cert by;
	char serial[CERT_SERIAL_TEXT];
	AUTO_BUF(answer, 1 << 16);
	OCSP_RESPONSE *r;
	json_t *o;

	(void)state;
	ask_plain(EVP_sm3(), GOOD, &answer);
	r = read_answer(buf_slice(&answer));
	assert_int_equal(OCSP_response_status(r), OCSP_RESPONSE_STATUS_SIGREQUIRED);
	OCSP_RESPONSE_free(r);
	/* certified, but never issued by the log's account */
	assert_int_equal(signed_status(W_STRANGER, W_STRANGER), OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	assert_ok(cert_parse(buf_slice(&world.cert[W_STRANGER]), &by));
	cert_serial_text(by.serial, serial);
	o = world_json("{\"ca\":\"sm2\",\"certificate\":"
	               "\"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\"}");
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "not_before", clock_now());
	json_put_time(o, "not_after", clock_now() + W_DAY);
	append("issued", o);
	world_until(signed_status(W_STRANGER, W_STRANGER) == OCSP_RESPONSE_STATUS_SUCCESSFUL);
	assert_int_equal(signed_status(W_STRANGER, W_CHIEF), OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	assert_int_equal(signed_status(W_ROOT, W_ROOT), OCSP_RESPONSE_STATUS_UNAUTHORIZED);
}

/* ---- set-ups ---- */

static int open_longer(void **state)
{
	configure = longer;
	return open_all(state);
}

static int open_archive(void **state)
{
	configure = archive;
	return open_all(state);
}

static int open_required(void **state)
{
	configure = required;
	return open_all(state);
}

static int close_configured(void **state)
{
	configure = NULL;
	return close_all(state);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
#define WITH(f, open) cmocka_unit_test_setup_teardown(f, open, close_configured)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(kept_answers_follow_the_log),
	        CASE(never_issued_is_not_kept),
	        CASE(kept_answers_end_with_the_feed),
	        CASE(the_head_carries_answers_without_the_ca),
	        CASE(get_may_be_cached_for_a_second),
	        WITH(answers_made_ahead_hold_longer, open_longer),
	        WITH(the_archive_cutoff_is_told, open_archive),
	        WITH(never_issued_may_be_said_as_revoked, open_archive),
	        WITH(only_known_signers_are_answered, open_required),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
