#ifndef YD_HTTP_EXCHANGE_H
#define YD_HTTP_EXCHANGE_H
/* The inside of the server.  An exchange is one request with its answer.  It belongs to one thread at a
 * time: its loop, then a worker or the waiting room, then its loop again.  Only its loop's thread
 * looks at conn. */
#include "http/metrics.h"
#include "http/parse.h"
#include "http/problem.h"
#include "http/route.h"
#include "http/server.h"
#include "net/loop.h"

#include <pthread.h>

#define HTTP_EXTRA_MAX (4u << 10) /* fields added to an answer's head */
#define HTTP_SPARE_EXCHANGES 256  /* per loop */
#define HTTP_PARKED_MAX 16384     /* long polls; more are answered at once */
#define HTTP_WAIT_BUCKETS 1024
#define HTTP_BATCH_JOBS 2 /* of one route and loop at once; later requests gather */
#define HTTP_MOVED_JOBS 1 /* of those that the loop could not answer itself */
#define HTTP_POOL_THREADS_MAX 512
#define HTTP_LINGER_BYTES (1u << 20) /* read away after a refusal */

struct response {
	enum answer answer;
	bool done, wait, offload;
	unsigned status;   /* of a failure; 0: answer decides */
	const char *media; /* static, or media_text */
	char media_text[96];
	struct buf body;
	struct slice shared; /* instead of body */
	void *hold;
	void (*release)(void *hold);
	struct buf extra; /* further field lines */
	bool cached;
	char etag[65];
	json_t *members; /* of a problem */
	uint64_t wait_key;
	const struct request *request;
};
void response_reset(struct response *r);
/* Puts the failure that this thread holds in place as the answer; logs it when it is ours. */
void response_fail(struct response *r);
void response_field(struct response *r, const char *name, const char *value);

/* Who is at the other end of a connection; exchanges keep it alive. */
struct peer_hold {
	unsigned holders; /* atomic */
	struct peer peer;
	uint8_t certificate[];
};
/* NULL: no memory. */
struct peer_hold *peer_hold_new(const struct net_conn *c);
void peer_hold_drop(struct peer_hold *p);

struct http_conn;
struct http_loop;
struct http_port;

struct exchange {
	struct net_task posted;
	struct exchange *next;  /* in a queue or list */
	struct exchange *mate;  /* next of the same batch */
	struct http_conn *conn; /* NULL once the peer is gone */
	struct http_loop *loop;
	struct http_port *port;
	struct peer_hold *peer;
	struct http_parser parser;
	struct buf bytes; /* the head as received */
	struct buf body;
	struct buf text; /* decoded parameters */
	struct buf out;  /* head of the answer */
	struct http_head head;
	struct http_param query[HTTP_QUERY_MAX];
	struct request request;
	struct response response;
	char id[HTTP_ID_MAX];
	const struct route *route; /* NULL: refused before one was found */
	bool close;                /* the connection ends after the answer */
	unsigned allow;            /* methods of the path, for 405 */
	size_t counted;            /* of body, in the server's sum */
	uint64_t started_us;
	uint64_t wait_until; /* clock_mono_ms(); 0: never waited */
	uint64_t seq;        /* of the waiting room when this run began */
};

/* ---- workers: pool.c ---- */
struct pool;
struct pool_config {
	unsigned threads;
	size_t queue;
	void (*run)(struct exchange *first);
};
RC pool_new(const struct pool_config *c, struct pool **ret);
/* first and its mates, together one job.  False when the queue is full (with force: never) or the pool
 * ends. */
bool pool_submit(struct pool *p, struct exchange *first, bool force);
size_t pool_waiting(struct pool *p);
void pool_stop(struct pool *p); /* runs what is queued, joins */
void pool_free(struct pool *p);
DROP(pool, pool_free);

/* ---- long polls: wait.c ---- */
struct waits;
RC waits_new(void (*again)(struct exchange *x), struct waits **ret);
uint64_t waits_seq(struct waits *w);
/* False: run again at once (woken meanwhile, or x->request.waited is set because the time is over). */
bool waits_park(struct waits *w, struct exchange *x, uint64_t key);
void waits_wake(struct waits *w, uint64_t key);
void waits_end(struct waits *w); /* sends all away; nobody waits from now on */
void waits_free(struct waits *w);
DROP(waits, waits_free);

/* ---- server ---- */
struct http_port {
	struct http_server *server;
	struct http_listener spec;
	struct net_port *net;
	unsigned index;                   /* label of metrics */
	unsigned labels[HTTP_ROUTES_MAX]; /* route -> index of its path in the label table */
};

struct mates {
	struct exchange *first, **last;
};
struct batch_queue {
	struct mates asked; /* for their first run */
	struct mates moved; /* that the loop could not answer: for a worker */
	unsigned running;
};

struct http_loop {
	struct http_server *server;
	struct net_loop *net;
	struct exchange *spare;
	size_t spare_count;
	uint64_t next_id;
	struct batch_queue batches[HTTP_LISTENERS_MAX][HTTP_ROUTES_MAX];
	bool batch_pending;
};

struct http_numbers { /* metric families, NULL without metrics */
	struct metric *requests, *seconds, *connections, *accepted, *refused;
};

struct http_server {
	struct http_config config;
	unsigned loop_count, port_count;
	struct http_loop *loops[NET_LOOPS_MAX];
	struct http_port *ports[HTTP_LISTENERS_MAX];
	struct pool *pool, *blocking;
	struct waits *waits;
	struct http_numbers numbers;
	size_t memory; /* received and kept, atomic */
	bool started, stopped;
	bool draining;        /* atomic */
	pthread_mutex_t lock; /* for drained */
	pthread_cond_t drained;
};

/* ---- exchange.c ---- */
struct exchange *exchange_new(struct http_loop *l);
void exchange_free(struct exchange *x);    /* loop's thread; may be kept for reuse */
void exchange_destroy(struct exchange *x); /* one that was kept */
/* Reads the head and admits the request; a failure is the answer (exchange_refuse). */
RC exchange_begin(struct exchange *x, struct slice head);
/* The failure that this thread holds becomes the answer. */
void exchange_refuse(struct exchange *x);
struct slice exchange_body(const struct exchange *x); /* of the answer */
/* Makes the bytes of the answer's head from x->response. */
void exchange_render(struct exchange *x);

/* ---- run.c: where handlers run ---- */
enum ran { RAN_DONE, RAN_LATER };
/* On the loop's thread: starts the handler.  RAN_DONE: the answer is rendered. */
enum ran exchange_start(struct exchange *x);
void run_job(struct exchange *first);  /* worker */
void run_again(struct exchange *x);    /* waiting room */
void run_batches(struct http_loop *l); /* after each pass */
void batches_drop(struct http_loop *l);

/* ---- conn.c ---- */
extern const struct net_events http_events;
/* The answer of x is rendered: send it and go on. Loop's thread. */
void conn_answer(struct exchange *x);
void conn_drain(struct net_conn *c);

/* Brings the server's sum from *have to now; false when it is over config.memory. */
bool count_memory(struct http_server *s, size_t *have, size_t now);

/* ---- numbers.c ---- */
RC numbers_add(struct http_server *s);
void numbers_request(const struct exchange *x);

#endif
