#include "net/tls.h"
#include "../tests/lib/tls_pki.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

/* The other end is OpenSSL's own client over memory. */
static struct tls_ca own, foreign;
static struct tls_pair server, renewed, client, stranger, expired;

static int make_all(void **state)
{
	(void)state;
	tls_ca_new(&own, "own");
	tls_ca_new(&foreign, "foreign");
	tls_issue(&own, "URI:yuandian://shifan/ca,DNS:localhost,IP:127.0.0.1", -60, 3600, &server);
	tls_issue(&own, "URI:yuandian://shifan/ca,DNS:localhost,IP:127.0.0.1", -60, 7200, &renewed);
	tls_issue(&own, "URI:yuandian://shifan/ra", -60, 3600, &client);
	tls_issue(&foreign, "URI:yuandian://shifan/ra", -60, 3600, &stranger);
	tls_issue(&own, "URI:yuandian://shifan/ra", -3600, -60, &expired);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	tls_ca_free(&own);
	tls_ca_free(&foreign);
	return 0;
}

static struct tls_config config(const struct tls_pair *p, enum tls_clients clients)
{
	return (struct tls_config){slice_text(p->cert), slice_text(p->key), slice_text(own.pem), clients};
}

struct world {
	struct tls_server *server;
	struct tls *tls;
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
	struct buf plain;
};

static void use_pair(SSL_CTX *ctx, const struct tls_pair *p)
{
	BIO *c = BIO_new_mem_buf(p->cert, -1), *k = BIO_new_mem_buf(p->key, -1);
	X509 *x = PEM_read_bio_X509(c, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(k, NULL, NULL, NULL);

	assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(x);
	EVP_PKEY_free(key);
	BIO_free(c);
	BIO_free(k);
}

static void world_open(struct world *w, enum tls_clients clients, const struct tls_pair *pair, int version)
{
	struct tls_config c = config(&server, clients);

	memset(w, 0, sizeof(*w));
	w->plain = BUF(1u << 20);
	assert_true(rc_ok(tls_server_new(&c, &w->server)));
	assert_true(rc_ok(tls_new(w->server, &w->tls)));
	w->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(w->ctx, version);
	SSL_CTX_set_min_proto_version(w->ctx, version);
	SSL_CTX_set_security_level(w->ctx, 0);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(w->ctx), own.cert);
	SSL_CTX_set_verify(w->ctx, SSL_VERIFY_PEER, NULL);
	if (pair != NULL)
		use_pair(w->ctx, pair);
	w->ssl = SSL_new(w->ctx);
	w->in = BIO_new(BIO_s_mem());
	w->out = BIO_new(BIO_s_mem());
	SSL_set_bio(w->ssl, w->in, w->out);
	SSL_set_connect_state(w->ssl);
}

static void world_close(struct world *w)
{
	buf_free(&w->plain);
	tls_free(w->tls);
	tls_server_free(w->server);
	SSL_free(w->ssl);
	SSL_CTX_free(w->ctx);
	ERR_clear_error();
}

/* Carries bytes both ways until nothing moves; the server's last result. */
static struct rc carry(struct world *w)
{
	struct rc rc = OK;
	bool moved = true;
	char *p;

	while (moved && rc_ok(rc)) {
		struct slice s;
		long n;

		moved = false;
		(void)SSL_do_handshake(w->ssl);
		n = BIO_get_mem_data(w->out, &p);
		if (n > 0) {
			rc = tls_feed(w->tls, slice_of(p, (size_t)n));
			(void)BIO_reset(w->out);
			moved = true;
		}
		if (rc_ok(rc))
			rc = tls_read(w->tls, &w->plain, 1u << 20);
		s = tls_output(w->tls);
		if (s.len > 0) {
			assert_int_equal(BIO_write(w->in, s.p, (int)s.len), (int)s.len);
			tls_sent(w->tls, s.len);
			moved = true;
		}
	}
	return rc;
}

static void talk(int version)
{
	struct world w;
	char got[100] = "";

	world_open(&w, TLS_CLIENT_REQUIRE, &client, version);
	assert_true(rc_ok(carry(&w)));
	assert_true(tls_ready(w.tls));
	assert_true(SSL_is_init_finished(w.ssl));
	assert_true(slice_equal(tls_peer(w.tls), slice_of(client.der, client.der_len)));
	assert_int_equal(SSL_write(w.ssl, "question", 8), 8);
	assert_true(rc_ok(carry(&w)));
	assert_true(slice_is(buf_slice(&w.plain), "question"));
	assert_true(rc_ok(tls_write(w.tls, SLICE_LIT("answer"))));
	assert_true(rc_ok(carry(&w)));
	assert_int_equal(SSL_read(w.ssl, got, sizeof(got)), 6);
	assert_memory_equal(got, "answer", 6);
	assert_false(tls_ended(w.tls));
	SSL_shutdown(w.ssl);
	assert_true(rc_ok(carry(&w)));
	assert_true(tls_ended(w.tls));
	tls_end(w.tls);
	assert_true(tls_output(w.tls).len > 0);
	world_close(&w);
}

static void both_versions_are_spoken(void **state)
{
	(void)state;
	talk(TLS1_3_VERSION);
	talk(TLS1_2_VERSION);
}

static void older_versions_are_refused(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, TLS_CLIENT_NONE, NULL, TLS1_1_VERSION);
	assert_int_equal(carry(&w).code, RC_INPUT);
	assert_false(tls_ready(w.tls));
	world_close(&w);
}

static void expect_refused(const struct tls_pair *pair, int version)
{
	struct world w;

	world_open(&w, TLS_CLIENT_REQUIRE, pair, version);
	assert_int_equal(carry(&w).code, RC_INPUT);
	assert_false(tls_ready(w.tls));
	assert_int_equal(tls_peer(w.tls).len, 0);
	assert_int_equal(tls_read(w.tls, &w.plain, 100).code, RC_INPUT); /* stays broken */
	world_close(&w);
}

/* R08.2: a missing, foreign or expired credential does not get through the handshake. */
static void a_required_certificate_must_be_good(void **state)
{
	(void)state;
	expect_refused(NULL, TLS1_3_VERSION);
	expect_refused(NULL, TLS1_2_VERSION);
	expect_refused(&stranger, TLS1_3_VERSION);
	expect_refused(&stranger, TLS1_2_VERSION);
	expect_refused(&expired, TLS1_3_VERSION);
}

static void expect_anonymous(const struct tls_pair *pair, const char *problem)
{
	struct world w;

	world_open(&w, TLS_CLIENT_REQUEST, pair, TLS1_3_VERSION);
	assert_true(rc_ok(carry(&w)));
	assert_true(tls_ready(w.tls));
	assert_int_equal(tls_peer(w.tls).len, 0);
	if (problem == NULL)
		assert_null(tls_peer_problem(w.tls));
	else
		assert_non_null(strstr(tls_peer_problem(w.tls), problem));
	world_close(&w);
}

static void a_requested_certificate_may_be_missing_but_never_counts_when_bad(void **state)
{
	struct world w;

	(void)state;
	expect_anonymous(NULL, NULL);
	expect_anonymous(&stranger, "unable to ");
	expect_anonymous(&expired, "expired");
	world_open(&w, TLS_CLIENT_REQUEST, &client, TLS1_3_VERSION);
	assert_true(rc_ok(carry(&w)));
	assert_true(slice_equal(tls_peer(w.tls), slice_of(client.der, client.der_len)));
	world_close(&w);
}

static void noise_is_an_error_and_an_alert(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, TLS_CLIENT_NONE, NULL, TLS1_3_VERSION);
	assert_true(rc_ok(tls_feed(w.tls, SLICE_LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))));
	assert_int_equal(tls_read(w.tls, &w.plain, 100).code, RC_INPUT);
	assert_int_equal(ERR_peek_error(), 0);
	world_close(&w);
}

static void a_renewed_certificate_serves_the_next_connection(void **state)
{
	struct world w;
	struct tls_config c = config(&renewed, TLS_CLIENT_NONE);
	struct tls *old;
	int64_t before;
	X509 *x;
	uint8_t der[2048], *p = der;

	(void)state;
	world_open(&w, TLS_CLIENT_NONE, NULL, TLS1_3_VERSION);
	before = tls_server_not_after(w.server);
	assert_true(rc_ok(tls_server_reload(w.server, &c)));
	assert_true(tls_server_not_after(w.server) >= before + 3000);
	old = w.tls; /* made before the reload: still works */
	assert_true(rc_ok(carry(&w)));
	assert_true(tls_ready(old));
	SSL_free(w.ssl);
	tls_free(w.tls);
	assert_true(rc_ok(tls_new(w.server, &w.tls)));
	w.ssl = SSL_new(w.ctx);
	w.in = BIO_new(BIO_s_mem());
	w.out = BIO_new(BIO_s_mem());
	SSL_set_bio(w.ssl, w.in, w.out);
	SSL_set_connect_state(w.ssl);
	assert_true(rc_ok(carry(&w)));
	x = SSL_get1_peer_certificate(w.ssl);
	assert_int_equal(i2d_X509(x, &p), (int)renewed.der_len);
	assert_memory_equal(der, renewed.der, renewed.der_len);
	X509_free(x);
	world_close(&w);
}

static void bad_material_is_refused_and_changes_nothing(void **state)
{
	struct tls_config good = config(&server, TLS_CLIENT_REQUIRE), bad;
	struct tls_server *s = NULL;
	int64_t before;

	(void)state;
	assert_true(rc_ok(tls_server_new(&good, &s)));
	before = tls_server_not_after(s);
	bad = good;
	bad.key = slice_text(client.key); /* another certificate's key */
	assert_int_equal(tls_server_reload(s, &bad).code, RC_INPUT);
	bad = good;
	bad.certificate = SLICE_LIT("no PEM");
	assert_int_equal(tls_server_reload(s, &bad).code, RC_INPUT);
	bad = good;
	bad.authorities = SLICE_NONE;
	assert_int_equal(tls_server_reload(s, &bad).code, RC_INPUT);
	bad = good;
	bad.key = SLICE_NONE;
	assert_int_equal(tls_server_reload(s, &bad).code, RC_INPUT);
	assert_int_equal(tls_server_not_after(s), before);
	tls_server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(both_versions_are_spoken),
	        cmocka_unit_test(older_versions_are_refused),
	        cmocka_unit_test(a_required_certificate_must_be_good),
	        cmocka_unit_test(a_requested_certificate_may_be_missing_but_never_counts_when_bad),
	        cmocka_unit_test(noise_is_an_error_and_an_alert),
	        cmocka_unit_test(a_renewed_certificate_serves_the_next_connection),
	        cmocka_unit_test(bad_material_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
