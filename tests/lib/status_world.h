#ifndef YD_TESTS_STATUS_WORLD_H
#define YD_TESTS_STATUS_WORLD_H
/* The status role behind a real listener, fed by a log of the test; libcrypto asks and reads. */
#include "small_world.h"

#include "http_testing.h"
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
static void (*configure)(struct instance_config *); /* NULL: as it is */

/* ---- the CA of the test ---- */

static inline json_t *entry_of(const char *kind, json_t *data, uint64_t index)
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

static inline void append(const char *kind, json_t *data)
{
	pthread_mutex_lock(&ca.lock);
	json_array_append_new(ca.entries, entry_of(kind, data, json_array_size(ca.entries)));
	pthread_mutex_unlock(&ca.lock);
}

static inline void issue(unsigned serial)
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

static inline void revoke_serial(unsigned serial, const char *reason)
{
	json_t *o = world_json("{\"ca\":\"sm2\"}");
	char text[16];

	(void)snprintf(text, sizeof(text), "%x", serial);
	json_put_cstr(o, "serial", text);
	json_put_time(o, "at", clock_now() - 5);
	json_put_cstr(o, "reason", reason);
	append("revoked", o);
}

static inline struct rc feed(const char *path, struct buf *answer)
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

static inline struct rc ca_door(const struct http_call *call, struct http_answer *answer)
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

static inline void set_down(bool down)
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

static inline struct status *status_of(void)
{
	return instance_state(status_in);
}

static inline void start_status(void)
{
	static char ca_url[] = "https://ca", ca_name[] = "shifan/ca";

	status_in = world_instance("shifan/status", &role_status, NULL);
	status_in->config.value.ca_url = ca_url;
	status_in->config.value.ca_name = ca_name;
	if (configure != NULL)
		configure(&status_in->config.value);
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

static inline void stop_status(void)
{
	http_server_free(server);
	server = NULL;
	atomic_store(&status_in->ending, true);
	world_end(status_in);
}

static inline int open_all(void **state)
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

static inline int close_all(void **state)
{
	(void)state;
	stop_status();
	json_decref(ca.entries);
	buf_free(&ca.list);
	world_close();
	return 0;
}

/* ---- libcrypto asks and reads ---- */

static inline X509 *x509(enum world_key k)
{
	const unsigned char *p = world.cert[k].p;
	X509 *x = d2i_X509(NULL, &p, (long)world.cert[k].len);

	assert_non_null(x);
	return x;
}

static inline OCSP_CERTID *id_of(enum world_key issuer, const EVP_MD *md, unsigned serial)
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

static inline OCSP_REQUEST *question(enum world_key issuer, const EVP_MD *md, const unsigned *serials)
{
	OCSP_REQUEST *q = OCSP_REQUEST_new();

	for (; *serials != 0; serials++)
		assert_non_null(OCSP_request_add0_id(q, id_of(issuer, md, *serials)));
	assert_int_equal(OCSP_request_add1_nonce(q, NULL, 24), 1);
	return q;
}

/* One exchange; the answer's body is added to ret. */
static inline unsigned ask_bytes(const char *method, const char *target, struct slice body, struct buf *ret)
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

static inline OCSP_RESPONSE *read_answer(struct slice body)
{
	const unsigned char *p = body.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)body.len);

	assert_non_null(r);
	assert_ptr_equal(p, body.p + body.len);
	return r;
}

static inline OCSP_RESPONSE *ask_post(OCSP_REQUEST *q)
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
static inline void check_signature(OCSP_BASICRESP *b)
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

static inline void expect_status(OCSP_BASICRESP *b, const EVP_MD *md, unsigned serial, int want,
                                 int want_reason)
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

static inline int status_for(OCSP_REQUEST *q)
{
	OCSP_RESPONSE *r = ask_post(q);
	int s = OCSP_response_status(r);

	OCSP_RESPONSE_free(r);
	return s;
}

static inline int status_of_good(void)
{
	OCSP_REQUEST *q = question(W_CA, EVP_sha1(), (const unsigned[]){GOOD, 0});
	int s = status_for(q);

	OCSP_REQUEST_free(q);
	return s;
}

#endif
