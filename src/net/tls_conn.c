#include "net/tls_private.h"
#include "base/mem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#define READ_STEP (16u << 10) /* one TLS record of plaintext */

struct tls {
	SSL *ssl;
	BIO *in, *out; /* belong to ssl */
	bool ready, ended, broken;
	uint8_t *peer; /* DER */
	size_t peer_len;
	const char *problem; /* static text of libcrypto */
};

RC tls_new(struct tls_server *s, struct tls **ret)
{
	AUTO(tls, t, mem_new(1, sizeof(*t)));

	NEED(t != NULL, RC_NOMEM, "tls: no memory");
	TRY(tls_server_session(s, &t->ssl));
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->in == NULL || t->out == NULL) {
		BIO_free_all(t->in);
		BIO_free_all(t->out);
		FAIL(RC_NOMEM, "tls: no memory");
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	*ret = MOVE(t);
	return OK;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	mem_free(t->peer);
	mem_free(t);
}

RC tls_feed(struct tls *t, struct slice cipher)
{
	int n;

	if (cipher.len == 0)
		return OK;
	NEED(cipher.len <= INT_MAX, RC_INPUT, "tls: too much at once");
	n = BIO_write(t->in, cipher.p, (int)cipher.len);
	NEED(n == (int)cipher.len, RC_NOMEM, "tls: no memory");
	return OK;
}

/* OK when the library only wants more bytes. */
static RC judge(struct tls *t, int n, const char *what)
{
	int e = SSL_get_error(t->ssl, n);

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return OK;
	if (e == SSL_ERROR_ZERO_RETURN) {
		t->ended = true;
		return OK;
	}
	t->broken = true;
	return tls_failure(RC_INPUT, what);
}

static RC keep_peer(struct tls *t)
{
	const X509 *x = SSL_get0_peer_certificate(t->ssl);
	long verdict = SSL_get_verify_result(t->ssl);
	uint8_t *p;
	int n;

	if (x == NULL)
		return OK;
	if (verdict != X509_V_OK) {
		t->problem = X509_verify_cert_error_string(verdict);
		return OK;
	}
	n = i2d_X509(x, NULL);
	NEED(n > 0, RC_CRYPTO, "tls: peer certificate");
	p = t->peer = mem_new((size_t)n, 1);
	NEED(p != NULL, RC_NOMEM, "tls: no memory");
	t->peer_len = (size_t)i2d_X509(x, &p);
	return OK;
}

static RC shake_hands(struct tls *t)
{
	int n = SSL_do_handshake(t->ssl);

	if (n != 1)
		return judge(t, n, "handshake");
	t->ready = true;
	return keep_peer(t);
}

RC tls_read(struct tls *t, struct buf *plain, size_t max)
{
	size_t total = 0;

	ERR_clear_error();
	NEED(!t->broken, RC_INPUT, "tls: broken");
	if (!t->ready)
		TRY(shake_hands(t));
	while (t->ready && !t->ended && total < max) {
		size_t want = max - total < READ_STEP ? max - total : READ_STEP, got = 0;
		uint8_t *p = buf_room(plain, want);
		int n;

		NEED(p != NULL, RC_NOMEM, "tls: no room for plaintext");
		n = SSL_read_ex(t->ssl, p, want, &got);
		if (n != 1)
			return judge(t, n, "read");
		plain->len += got;
		total += got;
	}
	return OK;
}

RC tls_write(struct tls *t, struct slice plain)
{
	ERR_clear_error();
	NEED(t->ready && !t->broken, RC_BUG, "tls: not ready for data");
	while (plain.len > 0) {
		size_t n = 0;

		if (SSL_write_ex(t->ssl, plain.p, plain.len, &n) != 1) {
			t->broken = true;
			return tls_failure(RC_NOMEM, "write");
		}
		plain = slice_of(plain.p + n, plain.len - n);
	}
	return OK;
}

void tls_end(struct tls *t)
{
	ERR_clear_error();
	if (t->ready && !t->broken)
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

struct slice tls_output(struct tls *t)
{
	char *p = NULL;
	long n = BIO_get_mem_data(t->out, &p);

	return slice_of(p, n > 0 ? (size_t)n : 0);
}

void tls_sent(struct tls *t, size_t n)
{
	uint8_t sink[4096];

	/* A memory BIO reads by moving an offset; emptied, it starts over. */
	while (n > 0) {
		int got = BIO_read(t->out, sink, n < sizeof(sink) ? (int)n : (int)sizeof(sink));

		if (got <= 0)
			return;
		n -= (size_t)got;
	}
}

bool tls_ready(const struct tls *t)
{
	return t->ready;
}

bool tls_ended(const struct tls *t)
{
	return t->ended;
}

struct slice tls_peer(const struct tls *t)
{
	return slice_of(t->peer, t->peer_len);
}

const char *tls_peer_problem(const struct tls *t)
{
	return t->problem;
}
