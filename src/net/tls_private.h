#ifndef YD_NET_TLS_PRIVATE_H
#define YD_NET_TLS_PRIVATE_H
/* What tls.c (contexts) and tls_conn.c (connections) share. */
#include "net/tls.h"

#include <openssl/ssl.h>

DROP(bio_st, BIO_free_all);
DROP(ssl_ctx_st, SSL_CTX_free);
DROP(ssl_st, SSL_free);
DROP(evp_pkey_st, EVP_PKEY_free);
DROP(x509_store_st, X509_STORE_free);

/* Empties libcrypto's queue into the text of a failure. */
struct rc tls_failure(enum rc_code code, const char *what);
/* A connection object on the present context. */
RC tls_server_session(struct tls_server *s, SSL **ret);

#endif
