#include "net/tls_private.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <time.h>

#define CHAIN_MAX 8 /* certificates sent to a peer */
#define AUTHORITIES_MAX 64

struct tls_server {
	pthread_mutex_t lock; /* over the two below */
	SSL_CTX *ctx;
	int64_t not_after;
};

static void infos_free(struct stack_st_X509_INFO *infos)
{
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
}
DROP(stack_st_X509_INFO, infos_free);

struct rc tls_failure(enum rc_code code, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return rc_fail(code, "tls: %s: %s", what, reason != NULL ? reason : "no reason given");
}

static RC open_text(struct slice pem, const char *what, BIO **ret)
{
	NEED(pem.len > 0 && pem.len <= TLS_PEM_MAX, RC_INPUT, "tls: %s: %zu bytes", what, pem.len);
	*ret = BIO_new_mem_buf(pem.p, (int)pem.len);
	NEED(*ret != NULL, RC_NOMEM, "tls: no memory");
	return OK;
}

static RC read_certificates(struct slice pem, const char *what, int max, STACK_OF(X509_INFO) * *ret)
{
	AUTO(bio_st, b, NULL);
	AUTO(stack_st_X509_INFO, infos, NULL);
	int i;

	TRY(open_text(pem, what, &b));
	infos = PEM_X509_INFO_read_bio(b, NULL, NULL, NULL);
	if (infos == NULL)
		return tls_failure(RC_INPUT, what);
	NEED(sk_X509_INFO_num(infos) > 0 && sk_X509_INFO_num(infos) <= max, RC_INPUT,
	     "tls: %s: %d objects, 1 to %d expected", what, sk_X509_INFO_num(infos), max);
	for (i = 0; i < sk_X509_INFO_num(infos); i++)
		NEED(sk_X509_INFO_value(infos, i)->x509 != NULL, RC_INPUT, "tls: %s: not a certificate",
		     what);
	*ret = MOVE(infos);
	return OK;
}

static RC read_not_after(const X509 *x, int64_t *ret)
{
	struct tm tm;

	NEED(ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1, RC_INPUT, "tls: the certificate has no end");
	*ret = timegm(&tm);
	return OK;
}

static RC use_certificate(SSL_CTX *ctx, struct slice pem, int64_t *not_after)
{
	AUTO(stack_st_X509_INFO, infos, NULL);
	int i;

	TRY(read_certificates(pem, "certificate", CHAIN_MAX, &infos));
	if (SSL_CTX_use_certificate(ctx, sk_X509_INFO_value(infos, 0)->x509) != 1)
		return tls_failure(RC_INPUT, "certificate");
	for (i = 1; i < sk_X509_INFO_num(infos); i++)
		if (SSL_CTX_add1_chain_cert(ctx, sk_X509_INFO_value(infos, i)->x509) != 1)
			return tls_failure(RC_INPUT, "chain");
	return read_not_after(sk_X509_INFO_value(infos, 0)->x509, not_after);
}

/* An encrypted key must not make a daemon ask a terminal. */
static int no_password(char *p, int size, int writing, void *ctx)
{
	(void)p;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static RC use_key(SSL_CTX *ctx, struct slice pem)
{
	AUTO(bio_st, b, NULL);
	AUTO(evp_pkey_st, key, NULL);

	TRY(open_text(pem, "key", &b));
	key = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
	if (key == NULL)
		return tls_failure(RC_INPUT, "key");
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return tls_failure(RC_INPUT, "the key does not fit the certificate");
	return OK;
}

/* TLS_CLIENT_REQUEST: an unacceptable certificate does not break the handshake; tls_peer() stays
 * empty and the application can say why (a browser's error page could not). */
static int note_only(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static RC use_authorities(SSL_CTX *ctx, const struct tls_config *c)
{
	AUTO(stack_st_X509_INFO, infos, NULL);
	AUTO(x509_store_st, store, X509_STORE_new());
	int i;

	if (c->clients == TLS_CLIENT_NONE)
		return OK;
	NEED(store != NULL, RC_NOMEM, "tls: no memory");
	TRY(read_certificates(c->authorities, "authorities", AUTHORITIES_MAX, &infos));
	for (i = 0; i < sk_X509_INFO_num(infos); i++) {
		X509 *x = sk_X509_INFO_value(infos, i)->x509;

		if (X509_STORE_add_cert(store, x) != 1 || SSL_CTX_add_client_CA(ctx, x) != 1)
			return tls_failure(RC_NOMEM, "authorities");
	}
	SSL_CTX_set1_cert_store(ctx, store);
	SSL_CTX_set_verify_depth(ctx, TLS_DEPTH);
	if (c->clients == TLS_CLIENT_REQUIRE)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	else
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, note_only);
	return OK;
}

/* No tickets and no session cache: a resumed session would skip the look at the client's certificate,
 * and connections are kept alive anyway. */
static RC set_protocol(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	if (SSL_CTX_set_num_tickets(ctx, 0) != 1 || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1)
		return tls_failure(RC_CRYPTO, "protocol settings");
	return OK;
}

static RC context_new(const struct tls_config *c, SSL_CTX **ret, int64_t *not_after)
{
	AUTO(ssl_ctx_st, ctx, SSL_CTX_new(TLS_server_method()));

	ERR_clear_error();
	NEED(ctx != NULL, RC_NOMEM, "tls: no memory");
	TRY(set_protocol(ctx));
	TRY(use_certificate(ctx, c->certificate, not_after));
	TRY(use_key(ctx, c->key));
	TRY(use_authorities(ctx, c));
	*ret = MOVE(ctx);
	return OK;
}

RC tls_server_new(const struct tls_config *c, struct tls_server **ret)
{
	AUTO(tls_server, s, mem_new(1, sizeof(*s)));

	NEED(s != NULL, RC_NOMEM, "tls: no memory");
	(void)pthread_mutex_init(&s->lock, NULL);
	TRY(context_new(c, &s->ctx, &s->not_after));
	*ret = MOVE(s);
	return OK;
}

RC tls_server_reload(struct tls_server *s, const struct tls_config *c)
{
	SSL_CTX *ctx = NULL, *old;
	int64_t not_after = 0;

	TRY(context_new(c, &ctx, &not_after));
	(void)pthread_mutex_lock(&s->lock);
	old = s->ctx;
	s->ctx = ctx;
	s->not_after = not_after;
	(void)pthread_mutex_unlock(&s->lock);
	SSL_CTX_free(old);
	return OK;
}

int64_t tls_server_not_after(struct tls_server *s)
{
	int64_t r;

	(void)pthread_mutex_lock(&s->lock);
	r = s->not_after;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

RC tls_server_session(struct tls_server *s, SSL **ret)
{
	SSL *ssl;

	(void)pthread_mutex_lock(&s->lock);
	ssl = SSL_new(s->ctx);
	(void)pthread_mutex_unlock(&s->lock);
	if (ssl == NULL)
		return tls_failure(RC_NOMEM, "session");
	*ret = ssl;
	return OK;
}

void tls_server_free(struct tls_server *s)
{
	if (s == NULL)
		return;
	SSL_CTX_free(s->ctx);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
