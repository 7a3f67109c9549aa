#ifndef YD_HTTP_SERVER_H
#define YD_HTTP_SERVER_H
/* HTTP/1.1 server: route tables decide method, path, who may, media type and size before a handler
 * runs; a handler reads a struct request, fills a struct response and returns RC, never a status.
 *
 *	static RC show(void *ctx, const struct request *q, struct response *r)
 *	{
 *		struct ca *ca = instance_state(ctx);
 *		json_t *o = NULL;
 *
 *		TRY(find(ca, request_param(q, "key"), &o));
 *		if (!finished(o) && request_may_wait(q)) {     (long poll: ?wait=S)
 *			json_decref(o);
 *			return response_wait(r, http_key(request_param(q, "key")));
 *		}
 *		return response_json(r, o);             (takes o)
 *	}
 *	static const struct route routes[] = {
 *		{ GET,  "/v1/requests/{key}", OFFICER_ANY | WHO_INSTANCE, NULL, 0, 0, show, NULL },
 *		{ POST, "/v1/requests", WHO_INSTANCE, "application/json", 4u << 20, 0, request, NULL },
 *		{ POST, "/ocsp", WHO_ANYONE, "application/ocsp-request", 64u << 10, HTTP_BATCH, NULL, ocsp },
 *	};
 *	struct http_listener api = { .address = "127.0.0.1", .port = 7443, .name = "api", .tls = tls,
 *		.routes = routes, .route_count = 3, .ctx = in, .identify = identify, .identify_ctx = in };
 *	TRY(http_server_new(&(struct http_config){ .metrics = m }, &s));
 *	TRY(http_server_listen(s, &api));       (binds: a taken port fails here)
 *	sandbox_enter(...);                     (no thread runs yet)
 *	TRY(http_server_start(s));
 *	...  http_server_wake(s, http_key(key));  ...  http_server_stop(s);  http_server_free(s);
 */
#include "base/auto.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"

#define HTTP_HEAD_MAX (16u << 10) /* request line and header section */
#define HTTP_URL_MAX (8u << 10)
#define HTTP_HEADERS_MAX 100
#define HTTP_PARAMS_MAX 8          /* {names} of a path */
#define HTTP_QUERY_MAX 32          /* parameters of a query */
#define HTTP_BODY_MAX (256u << 20) /* upper end of any route's limit */
#define HTTP_BATCH_MAX 256
#define HTTP_LISTENERS_MAX 8
#define HTTP_ROUTES_MAX 128 /* per listener */
#define HTTP_WAIT_MAX 30    /* seconds of ?wait= */
#define HTTP_ID_MAX 17      /* request id with its NUL */

/* ---- who calls ---- */
enum peer_kind { PEER_NONE, PEER_OFFICER, PEER_INSTANCE };
struct peer {
	enum peer_kind kind;
	uint32_t roles; /* OFFICER() bits 0..15; 16..28 free for the identify callback */
	char org[49];
	char instance[65];        /* "shifan/ra-2"; "" for officers */
	char role[17];            /* of the instance: "ra" */
	char person[37];          /* UUID of the officer or subscriber; "" for instances */
	struct slice certificate; /* DER; lives as long as the connection */
	char reason[96];          /* PEER_NONE: why, when a certificate was shown */
};
/* Upper bits of a who mask; the lower ones are matched against peer.roles. */
#define WHO_ANYONE (1u << 31)   /* even without a certificate */
#define WHO_PERSON (1u << 30)   /* any PEER_OFFICER, with or without a role (subscribers) */
#define WHO_INSTANCE (1u << 29) /* any PEER_INSTANCE */

/* Runs on a loop thread before each request that came with a verified certificate: must not block.
 * *p is as the last request of the same connection left it (first time: PEER_NONE, certificate
 * set), so that parsing can be done once and roles looked up each time.  A failure refuses the request. */
typedef struct rc http_identify(void *ctx, struct peer *p);

/* ---- requests ---- */
enum method { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, METHOD_OTHER };

struct http_param {
	struct slice name, value;
}; /* decoded */
struct request {
	enum method method; /* GET also when the peer sent HEAD */
	const char *id;     /* as in X-Request-Id and the log */
	const struct route *route;
	const struct peer *peer; /* never NULL */
	struct slice target;     /* as sent */
	struct slice path;       /* of the target, not decoded */
	struct slice body;
	struct http_param params[HTTP_PARAMS_MAX];
	size_t param_count;
	struct http_param *query;
	size_t query_count;
	const struct http_param *headers; /* names as sent */
	size_t header_count;
	bool english;     /* Accept-Language prefers English */
	bool offloaded;   /* second run, after response_offload() */
	bool waited;      /* the time of ?wait= is over, or the server ends */
	unsigned attempt; /* 0 first, rises with each run after response_wait() */
};

struct slice request_param(const struct request *q, const char *name); /* empty when absent */
/* False when absent. */
bool request_query(const struct request *q, const char *name, struct slice *ret);
/* Absent: *ret keeps its value. */
RC request_query_int(const struct request *q, const char *name, int64_t min, int64_t max, int64_t *ret);
/* RC_INPUT when a parameter is not in the NULL-closed list. */
RC request_query_only(const struct request *q, ...) __attribute__((sentinel));
struct slice request_header(const struct request *q, const char *name); /* any case; empty when absent */
RC request_json(const struct request *q, json_t **ret);
/* There is a ?wait=S with S > 0 and its time is not over. */
bool request_may_wait(const struct request *q);

/* ---- responses: one of these, then return what it returns ---- */
struct response;
RC response_json(struct response *r, json_t *take); /* NULL: RC_NOMEM */
RC response_bytes(struct response *r, const char *media, struct slice copy);
/* One after the other. */
RC response_parts(struct response *r, const char *media, const struct slice *copy, size_t n);
RC response_take(struct response *r, const char *media, struct buf *take);
/* Bytes that stay alive until release(hold), which may run on any thread. */
RC response_shared(struct response *r, const char *media, struct slice bytes, void *hold,
                   void (*release)(void *));
RC response_file(struct response *r, const char *media, const char *path, size_t max);
/* The same, mapped: not a copy for each who asks.  The file must not be changed in place. */
RC response_mapped(struct response *r, const char *media, const char *path, size_t max);
RC response_none(struct response *r); /* 204 */
/* Changes of the above; call before or after. */
void response_created(struct response *r, const char *location); /* 201; location may be NULL */
void response_accepted(struct response *r);                      /* 202 */
void response_unready(struct response *r);                       /* 503 with the body as given: /readyz */
/* Cache-Control: max-age (0: no-cache; without this call: no-store), ETag when the slice is not empty (1 to
 * 64 visible characters, without quotes), Last-Modified and Expires when not 0.  A matching If-None-Match
 * is answered with 304. */
struct cache_rule {
	unsigned max_age;
	bool revalidate; /* nobody may use it longer than max_age, or change it (RFC 5019 6.2) */
	struct slice etag;
	int64_t modified, expires;
};
void response_cache(struct response *r, const struct cache_rule *c);
/* A member for the problem body if this handler fails (for example "state"). */
void response_problem(struct response *r, const char *key, json_t *take);

/* Long poll: run this handler again when somebody calls http_server_wake() with the key (also if that
 * happened since this run began), or when the time of ?wait= is over (then q->waited).  What the
 * response holds is dropped.  No thread waits meanwhile. */
RC response_wait(struct response *r, uint64_t key);
uint64_t http_key(struct slice s);
/* From a HTTP_INLINE handler: run it again on a worker (q->offloaded). */
RC response_offload(struct response *r);

/* ---- routes ---- */
typedef struct rc http_handler(void *ctx, const struct request *q, struct response *r);
/* n requests of the same route; results[i] belongs to r[i].  For failures whose text matters call
 * batch_failed(r[i], rc) at once: it keeps rc_last() with that response. */
typedef void http_batch_handler(void *ctx, const struct request *const *q, struct response *const *r,
                                size_t n);
void batch_failed(struct response *r, struct rc rc);

enum route_flag {
	HTTP_BATCH = 1,  /* uses .batch: all requests of one pass, at most HTTP_BATCH_MAX */
	HTTP_INLINE = 2, /* runs on the loop thread: must not block */
	HTTP_BLOCKS = 4, /* may block for seconds: runs in the second, larger pool */
};
struct route {
	enum method method; /* GET serves HEAD too */
	/* Segments are literal, "{name}", or "{name}.suffix"; "{name*}" at the end takes the rest. */
	const char *path;
	uint32_t who;
	const char *media; /* of the request body; NULL: any or none */
	size_t max_body;   /* 0: no body */
	unsigned flags;
	http_handler *handler;
	http_batch_handler *batch;
};

/* ---- server ---- */
struct metrics;
struct tls_server;
/* Zero fields take the default. */
struct http_config {
	unsigned loops;            /* processors, at most 8 */
	unsigned workers;          /* 32 */
	unsigned blocking_workers; /* 64; started only when a route says HTTP_BLOCKS */
	unsigned queue;            /* requests waiting for a worker: 8192, then 503 */
	unsigned connections;      /* per listener: 20000, then closed at once */
	/* Total times in milliseconds, not silences. */
	unsigned handshake_ms;   /* 10000 */
	unsigned header_ms;      /* 10000 from the first byte of a request */
	unsigned body_ms;        /* 30000 from the end of the header, plus 1 s for each MiB announced */
	unsigned idle_ms;        /* 60000 without a request */
	unsigned write_ms;       /* 30000 for an answer, plus what it takes at write_rate */
	unsigned write_rate;     /* 65536 bytes a second: slower readers are cut off */
	unsigned linger_ms;      /* 2000: reading away what a refused peer still sends */
	unsigned drain_ms;       /* 5000: http_server_stop() waits for running requests */
	size_t memory;           /* 512 MiB of requests being received, all connections together; then 503 */
	struct metrics *metrics; /* may be NULL; borrowed */
};
struct http_listener {
	const char *name;           /* "api", "public", "management"; label of metrics, static */
	const char *address;        /* numeric, v4 or v6 */
	uint16_t port;              /* 0: any free one, see http_server_port() */
	struct tls_server *tls;     /* NULL: plain; borrowed */
	const struct route *routes; /* static */
	size_t route_count;
	void *ctx; /* first argument of handlers */
	http_identify *identify;
	void *identify_ctx;
};
struct http_server;
RC http_server_new(const struct http_config *c, struct http_server **ret);
/* Checks the table, binds and listens; before http_server_start().  A taken port: RC_CONFLICT, "port-taken".
 */
RC http_server_listen(struct http_server *s, const struct http_listener *l);
uint16_t http_server_port(const struct http_server *s, const char *listener);
RC http_server_start(struct http_server *s);
/* From any thread, also from a writer's callback; cheap when nobody waits. */
void http_server_wake(struct http_server *s, uint64_t key);
/* No new connections; long polls are answered (q->waited); running requests end; then all threads. */
void http_server_stop(struct http_server *s);
void http_server_free(struct http_server *s); /* stops first */
DROP(http_server, http_server_free);

#endif
