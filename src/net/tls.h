#ifndef YD_NET_TLS_H
#define YD_NET_TLS_H
/* TLS 1.3 and 1.2 by OpenSSL over memory: bytes in, bytes out, no socket.  A struct tls_server holds
 * certificate, key and trusted authorities and may be renewed while connections run; a struct tls
 * is one connection and belongs to one thread.  Validity is judged by real time (design.md 5). */
#include "base/auto.h"
#include "base/buf.h"
#include "base/rc.h"

#define TLS_DEPTH 4 /* certificates in a peer's chain */
#define TLS_PEM_MAX (1u << 20)

enum tls_clients {
	TLS_CLIENT_NONE,    /* no certificate is asked for */
	TLS_CLIENT_REQUEST, /* asked for; a missing or unknown one leaves the peer anonymous */
	TLS_CLIENT_REQUIRE, /* the handshake fails without a good one */
};

struct tls_config {
	struct slice certificate; /* PEM: own certificate, then its chain if any */
	struct slice key;         /* PEM, PKCS#8, not encrypted */
	struct slice authorities; /* PEM: whose certificates clients may show (trust_tls_pem()) */
	enum tls_clients clients;
};

struct tls_server;
RC tls_server_new(const struct tls_config *c, struct tls_server **ret);
/* New certificate, key and authorities for connections to come; thread-safe.  Nothing changes when it
 * fails. */
RC tls_server_reload(struct tls_server *s, const struct tls_config *c);
/* End of validity of the present certificate, for yuandian_tls_not_after_timestamp_seconds. */
int64_t tls_server_not_after(struct tls_server *s);
void tls_server_free(struct tls_server *s);
DROP(tls_server, tls_server_free);

struct tls;
RC tls_new(struct tls_server *s, struct tls **ret);
void tls_free(struct tls *t);
DROP(tls, tls_free);

/* Bytes from the network. */
RC tls_feed(struct tls *t, struct slice cipher);
/* Goes on with the handshake and appends what can be read to plain, at most max bytes.  RC_INPUT:
 * the peer breaks the protocol or shows a certificate that is not accepted; what tls_output then
 * still holds is the alert. */
RC tls_read(struct tls *t, struct buf *plain, size_t max);
/* Encrypts; not before tls_ready(). */
RC tls_write(struct tls *t, struct slice plain);
/* Sends close_notify. */
void tls_end(struct tls *t);
/* Bytes for the network, borrowed until the next call; tls_sent() says how many went. */
struct slice tls_output(struct tls *t);
void tls_sent(struct tls *t, size_t n);

bool tls_ready(const struct tls *t); /* handshake done */
bool tls_ended(const struct tls *t); /* the peer sent close_notify */
/* DER of the verified peer certificate; empty when it showed none or an unacceptable one.  Borrowed. */
struct slice tls_peer(const struct tls *t);
/* Why a shown certificate was not accepted (TLS_CLIENT_REQUEST); NULL when there is nothing to say. */
const char *tls_peer_problem(const struct tls *t);

#endif
