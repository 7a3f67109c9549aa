#ifndef YD_HTTP_CLIENT_H
#define YD_HTTP_CLIENT_H
/* HTTP client over libcurl: mutual TLS, keep-alive, total deadlines, no proxy, no redirects.  One
 * struct http_client per base URL, used by many threads at once.
 *
 *	struct http_answer a = HTTP_ANSWER(4u << 20);
 *	RC rc = http_call(c, &(struct http_call){ .method = "POST", .path = "/v1/requests",
 *		.media = "application/json", .body = body, .deadline_ms = 30000 }, &a);
 *	...
 *	http_answer_free(&a);
 */
#include "base/auto.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"

#define HTTP_CLIENT_HANDLES 64 /* kept for reuse */
#define HTTP_CLIENT_URL_MAX 8192
#define HTTP_CLIENT_DEADLINE_MS 30000

struct http_client_config {
	const char *base_url;         /* "https://127.0.0.1:7443"; no trailing slash needed */
	const char *certificate_path; /* PEM with chain; NULL: none */
	const char *key_path;         /* PEM PKCS#8 */
	const char *key_password;     /* of an encrypted key; copied, wiped on free */
	struct slice authorities;     /* PEM; copied.  Or: */
	const char *authorities_path;
	/* After the chain is verified: RC_OK when this certificate (DER) is who we mean; then the host
	 * name is not compared.  NULL: host name or address must match. */
	struct rc (*check_peer)(void *ctx, struct slice certificate);
	void *check_ctx;
	unsigned connect_ms; /* 5000 */
};
struct http_client;
RC http_client_new(const struct http_client_config *c, struct http_client **ret);
/* Certificate or key files were renewed: connections made from now on use them. */
void http_client_reload(struct http_client *c);
void http_client_free(struct http_client *c);
DROP(http_client, http_client_free);

struct http_call {
	const char *method; /* "GET", "POST", …; NULL: GET */
	const char *path;   /* "/v1/x?y=z", escaped already; appended to base_url */
	const char *media;  /* of the body */
	struct slice body;
	const char *accept;   /* NULL: any */
	const char *language; /* Accept-Language; NULL: none */
	unsigned deadline_ms; /* whole call; 0: HTTP_CLIENT_DEADLINE_MS */
};
struct http_answer {
	unsigned status; /* 0: no answer came */
	char media[96];  /* lower case, without parameters */
	char request_id[40];
	struct buf body; /* filled for failures too (the problem body) */
};
#define HTTP_ANSWER(limit) ((struct http_answer){.body = BUF(limit)})
void http_answer_free(struct http_answer *a);
#define AUTO_ANSWER(name, limit)                                                                             \
	__attribute__((cleanup(http_answer_free))) struct http_answer name = HTTP_ANSWER(limit)

/* RC_OK for 2xx (and 304).  Otherwise the failure that the peer's problem body names (problem.h);
 * nobody listens or no route: RC_BUSY "unreachable"; not who we mean: RC_BUSY "peer-identity"; it does not
 * take our certificate: RC_DENIED "no-certificate"; a GET without answer in time: RC_BUSY "deadline"; any
 * other answer lost after the request may have been acted on: RC_UNCERTAIN; over the limit or unreadable:
 * RC_BUSY "peer-answer".  libcurl repeats a request once when a kept connection turns out to be closed. */
RC http_call(struct http_client *c, const struct http_call *call, struct http_answer *ret);
/* JSON out (may be NULL: GET) and in. */
RC http_call_json(struct http_client *c, const struct http_call *call, const json_t *body, json_t **ret);
/* Appends the escaped text (everything but RFC 3986 unreserved) to a path or query under construction. */
void http_escape(struct buf *b, struct slice s);

#endif
