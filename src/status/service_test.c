/* The status role behind a real listener, fed by a log of the test (R21.6, R21.9): libcrypto makes the OCSP
 * requests and reads the answers, their signatures are checked over the raw bytes with the standard id (g.6).
 */
#include "../../tests/lib/small_world.h"

#include "../../tests/lib/http_testing.h"
#include "evidence/alarm.h"
#include "evidence/log.h"
#include "pki/crl.h"
#include "status/status.h"

#include <openssl/ocsp.h>

#define GOOD 0x2101
#define REVOKED 0x2102
#define NEVER 0x2103

static struct instance *status_in;
static struct http_server *server;
static struct {
	pthread_mutex_t lock;
	json_t *entries; /* what the CA's log holds */
	bool down;
	struct buf list; /* revocation list that is served */
} ca = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the CA of the test ---- */

static json_t *entry_of(const char *kind, json_t *data, uint64_t index)
{
	json_t *o = json_object(), *entry = json_object();
	uint8_t leaf[LOG_LEAF];
	AUTO_BUF(bytes, LOG_ENTRY_MAX);

	json_put_time(entry, "at", clock_now());
	json_put_cstr(entry, "kind", kind);
	json_put_take(entry, "data", data);
	json_object_set_new(entry, "sealed", json_null());
	assert_ok(json_canonical(entry, &bytes));
	/* RFC 9162 2.1.1 with SM3 */
	uint8_t *framed = mem_new(bytes.len + 1, 1);
	memcpy(framed + 1, bytes.p, bytes.len);
	sm3_hash(slice_of(framed, bytes.len + 1), leaf);
	mem_free(framed);
	json_put_int(o, "index", (int64_t)index);
	json_put_take(o, "entry", entry);
	json_object_set_new(o, "sealed", json_null());
	json_put_hex(o, "leaf", SLICE_ARR(leaf));
	return o;
}

static void append(const char *kind, json_t *data)
{
	pthread_mutex_lock(&ca.lock);
	json_array_append_new(ca.entries, entry_of(kind, data, json_array_size(ca.entries)));
	pthread_mutex_unlock(&ca.lock);
}

static void issue(unsigned serial)
{
	json_t *o = world_json("{\"ca\":\"sm2\",\"certificate\":"
	                       "\"abababababababababababababababababababababababababababababababab\"}");
	char text[16];

	(void)snprintf(text, sizeof(text), "%x", serial);
	json_put_cstr(o, "serial", text);
	json_put_time(o, "not_before", clock_now());
	json_put_time(o, "not_after", clock_now() + W_DAY);
	append("issued", o);
}

static void revoke_serial(unsigned serial, const char *reason)
{
	json_t *o = world_json("{\"ca\":\"sm2\"}");
	char text[16];

	(void)snprintf(text, sizeof(text), "%x", serial);
	json_put_cstr(o, "serial", text);
	json_put_time(o, "at", clock_now() - 5);
	json_put_cstr(o, "reason", reason);
	append("revoked", o);
}

static struct rc feed(const char *path, struct buf *answer)
{
	size_t from = strtoul(strstr(path, "from=") + 5, NULL, 10), size = json_array_size(ca.entries);
	AUTO_JSON(o, json_object());
	json_t *list = json_array();

	json_put_take(o, "entries", list);
	json_put_int(o, "size", (int64_t)size);
	for (; from < size; from++)
		json_array_append(list, json_array_get(ca.entries, from));
	return json_canonical(o, answer);
}

static struct rc ca_door(const struct http_call *call, struct http_answer *answer)
{
	struct rc rc = OK;

	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	pthread_mutex_lock(&ca.lock);
	if (ca.down)
		rc = rc_refuse(ERR_UNREACHABLE, "the test wants no CA");
	else if (strncmp(call->path, "/v1/log/entries", 15) == 0)
		rc = feed(call->path, &answer->body);
	else
		buf_add(&answer->body, buf_slice(&ca.list));
	pthread_mutex_unlock(&ca.lock);
	return rc;
}

static void set_down(bool down)
{
	pthread_mutex_lock(&ca.lock);
	ca.down = down;
	pthread_mutex_unlock(&ca.lock);
}

/* The responder's key is the stranger's. */
RC signer_ocsp(struct signer_client *c, struct slice key, const struct slice *tbs, struct signer_result *ret,
               size_t n)
{
	(void)c;
	assert_true(slice_is(key, "ocsp-sm2"));
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF(der, 128);
		struct sm2_sig s;

		TRY(sm2_sign(&world.key[W_STRANGER], SM2_ID, tbs[i], &s));
		sm2_sig_to_der(&s, &der);
		ret[i].ok = true;
		memcpy(ret[i].sig, der.p, der.len);
		ret[i].len = der.len;
	}
	return OK;
}

/* ---- the role ---- */

static struct status *status_of(void)
{
	return instance_state(status_in);
}

static void start_status(void)
{
	static char ca_url[] = "https://ca", ca_name[] = "shifan/ca";

	status_in = world_instance("shifan/status", &role_status, NULL);
	status_in->config.value.ca_url = ca_url;
	status_in->config.value.ca_name = ca_name;
	assert_ok(role_status.start(status_in));
	assert_ok(http_server_new(&(struct http_config){.loops = 1, .workers = 2}, &server));
	assert_ok(http_server_listen(server,
	                             &(struct http_listener){.name = "public",
	                                                     .address = "127.0.0.1",
	                                                     .routes = role_status.public_routes,
	                                                     .route_count = role_status.public_route_count,
	                                                     .ctx = status_in}));
	assert_ok(http_server_start(server));
}

static void stop_status(void)
{
	http_server_free(server);
	server = NULL;
	atomic_store(&status_in->ending, true);
	world_end(status_in);
}

static int open_all(void **state)
{
	char path[128];

	(void)state;
	world_open();
	world.door = ca_door;
	ca.entries = json_array();
	ca.down = false;
	ca.list = BUF(1 << 20);
	buf_free(&world.cert[W_STRANGER]);
	world_certificate(&(struct world_cert){W_STRANGER, W_CA, "responder", false, USAGE_SIGN, NULL});
	world_write("shifan/ca/trust/responders/ocsp-sm2.cer", buf_slice(&world.cert[W_STRANGER]));
	(void)snprintf(path, sizeof(path), "%s/shifan/status", world.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/shifan/status/trust", world.dir);
	assert_int_equal(symlink("../ca/trust", path), 0);
	issue(GOOD);
	issue(REVOKED);
	revoke_serial(REVOKED, "keyCompromise");
	start_status();
	world_until(table_count(&status_of()->table) == 2);
	world_until(status_age(status_of()) < 5);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	stop_status();
	json_decref(ca.entries);
	buf_free(&ca.list);
	world_close();
	return 0;
}

/* ---- libcrypto asks and reads ---- */

static X509 *x509(enum world_key k)
{
	const unsigned char *p = world.cert[k].p;
	X509 *x = d2i_X509(NULL, &p, (long)world.cert[k].len);

	assert_non_null(x);
	return x;
}

static OCSP_CERTID *id_of(enum world_key issuer, const EVP_MD *md, unsigned serial)
{
	X509 *x = x509(issuer);
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	OCSP_CERTID *id;

	ASN1_INTEGER_set(n, serial);
	id = OCSP_cert_id_new(md, X509_get_subject_name(x), X509_get0_pubkey_bitstr(x), n);
	assert_non_null(id);
	ASN1_INTEGER_free(n);
	X509_free(x);
	return id;
}

static OCSP_REQUEST *question(enum world_key issuer, const EVP_MD *md, const unsigned *serials)
{
	OCSP_REQUEST *q = OCSP_REQUEST_new();

	for (; *serials != 0; serials++)
		assert_non_null(OCSP_request_add0_id(q, id_of(issuer, md, *serials)));
	assert_int_equal(OCSP_request_add1_nonce(q, NULL, 24), 1);
	return q;
}

/* One exchange; the answer's body is added to ret. */
static unsigned ask_bytes(const char *method, const char *target, struct slice body, struct buf *ret)
{
	int fd = dial(http_server_port(server, "public"));
	AUTO_HEARD(h);
	AUTO_BUF(head, 16384);

	buf_printf(&head, "%s %s HTTP/1.1\r\nHost: x\r\n", method, target);
	if (body.len > 0)
		buf_printf(&head, "Content-Type: application/ocsp-request\r\nContent-Length: %zu\r\n",
		           body.len);
	buf_text(&head, "\r\n");
	buf_add(&head, body);
	assert_true(say_bytes(fd, buf_slice(&head)));
	assert_true(hear(fd, &h, false));
	buf_add(ret, heard_body(&h));
	(void)close(fd);
	return h.status;
}

static OCSP_RESPONSE *read_answer(struct slice body)
{
	const unsigned char *p = body.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)body.len);

	assert_non_null(r);
	assert_ptr_equal(p, body.p + body.len);
	return r;
}

static OCSP_RESPONSE *ask_post(OCSP_REQUEST *q)
{
	AUTO_BUF(answer, 1 << 16);
	unsigned char *der = NULL;
	int len = i2d_OCSP_REQUEST(q, &der);

	assert_true(len > 0);
	assert_int_equal(ask_bytes("POST", "/ocsp", slice_of(der, (size_t)len), &answer), 200);
	OPENSSL_free(der);
	return read_answer(buf_slice(&answer));
}

/* The signature covers the raw ResponseData, by the certificate in the answer, which the CA signed. */
static void check_signature(OCSP_BASICRESP *b)
{
	const ASN1_OCTET_STRING *sig = OCSP_resp_get0_signature(b);
	X509 *by = sk_X509_value(OCSP_resp_get0_certs(b), 0);
	EVP_PKEY *key = judge_sm2(&world.key[W_STRANGER]);
	unsigned char *tbs = NULL;
	int len;

	/* the type is not public; its encoding is: the first element of BasicOCSPResponse */
	unsigned char *all = NULL;
	int n = i2d_OCSP_BASICRESP(b, &all);
	const unsigned char *p = all;
	long body;
	int tag, class;

	assert_true(n > 0);
	ASN1_get_object(&p, &body, &tag, &class, n);
	const unsigned char *start = p;
	ASN1_get_object(&p, &body, &tag, &class, n);
	len = (int)(p - start + body);
	tbs = OPENSSL_memdup(start, (size_t)len);
	assert_non_null(by);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(by), key), 1);
	assert_true(judge_verify(key, slice_of(tbs, (size_t)len), slice_of(sig->data, (size_t)sig->length)));
	OPENSSL_free(tbs);
	OPENSSL_free(all);
	EVP_PKEY_free(key);
}

static void expect_status(OCSP_BASICRESP *b, const EVP_MD *md, unsigned serial, int want, int want_reason)
{
	OCSP_CERTID *id = id_of(W_CA, md, serial);
	ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *until = NULL;
	int got = -1, reason = -1, days = 0, seconds = 0;

	assert_int_equal(OCSP_resp_find_status(b, id, &got, &reason, &revoked, &from, &until), 1);
	assert_int_equal(got, want);
	assert_int_equal(reason, want_reason);
	assert_int_equal(OCSP_check_validity(from, until, 60, -1), 1);
	/* bounded: never longer than the role says */
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, from, until), 1);
	assert_int_equal(days * 86400 + seconds, STATUS_ANSWER_SECONDS);
	OCSP_CERTID_free(id);
}

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

static int status_for(OCSP_REQUEST *q)
{
	OCSP_RESPONSE *r = ask_post(q);
	int s = OCSP_response_status(r);

	OCSP_RESPONSE_free(r);
	return s;
}

static int status_of_good(void)
{
	OCSP_REQUEST *q = question(W_CA, EVP_sha1(), (const unsigned[]){GOOD, 0});
	int s = status_for(q);

	OCSP_REQUEST_free(q);
	return s;
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
	assert_ok(list_check(status_of(), i, buf_slice(&good), &again));
	assert_int_equal(again.number, 7);
	/* the same number again does not rise */
	assert_false(rc_ok(list_check(status_of(), i, buf_slice(&good), &again)));
	again = row;
	assert_false(rc_ok(list_check(status_of(), i, buf_slice(&forged), &again)));
	sm3_hash(buf_slice(&old), again.announced_sm3);
	assert_refused(list_check(status_of(), i, buf_slice(&old), &again), CRL_REJECTED);
	again = row;
	again.announced_sm3[0] ^= 1;
	assert_refused(list_check(status_of(), i, buf_slice(&good), &again), CRL_REJECTED);
	again = row;
	again.announced = 8;
	assert_refused(list_check(status_of(), i, buf_slice(&good), &again), CRL_REJECTED);
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
