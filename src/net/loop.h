#ifndef YD_NET_LOOP_H
#define YD_NET_LOOP_H
/* Event loops over libuv: one thread each, every one with its own listening socket of each port
 * (SO_REUSEPORT), so that no connection ever changes its thread.  TLS is hidden: events tell of
 * plaintext.  Everything named net_conn_* runs on the thread of its loop only. */
#include "base/auto.h"
#include "base/rc.h"
#include "base/slice.h"

#include <pthread.h>

#define NET_LOOPS_MAX 64
#define NET_SLICES 4         /* pieces of one net_conn_send() */
#define NET_READ (64u << 10) /* at most so much is handed over at once */

struct net_loop;
struct net_port;
struct net_conn;
struct tls_server;

/* A thread that takes no signals: those are for main(), and SIGPIPE for nobody. */
RC net_thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg);

/* ---- loops ---- */
struct net_task { /* embedded in what is posted */
	struct net_task *next;
	void (*run)(struct net_loop *l, struct net_task *t);
};
RC net_loop_new(void *ctx, struct net_loop **ret);
void *net_loop_ctx(struct net_loop *l);
/* Runs once after each pass over the ready sockets. */
void net_loop_each_pass(struct net_loop *l, void (*pass)(struct net_loop *l));
RC net_loop_start(struct net_loop *l);
/* From any thread; tasks run in order on the loop's thread. */
void net_loop_post(struct net_loop *l, struct net_task *t);
/* On the loop's thread: another pass, even if no socket is ready. */
void net_loop_again(struct net_loop *l);
uint64_t net_loop_now(const struct net_loop *l);       /* milliseconds, monotonic */
size_t net_loop_connections(const struct net_loop *l); /* from any thread */
/* On the loop's thread: closes the listening sockets / calls f for each connection. */
void net_loop_deafen(struct net_loop *l);
void net_loop_each(struct net_loop *l, void (*f)(struct net_conn *c));
/* Ends the thread: connections still open are cut. */
void net_loop_stop(struct net_loop *l);
void net_loop_free(struct net_loop *l); /* after net_loop_stop() */
DROP(net_loop, net_loop_free);

/* ---- ports ---- */
struct net_events {
	void (*opened)(struct net_conn *c); /* TLS handshake done */
	void (*received)(struct net_conn *c, struct slice plain);
	void (*ended)(struct net_conn *c);              /* the peer sends no more */
	void (*sent)(struct net_conn *c);               /* after NET_PENDING: all is gone */
	void (*late)(struct net_conn *c);               /* the deadline is over */
	void (*closed)(struct net_conn *c);             /* last call, also if never opened */
	void (*refused)(void *ctx, const char *reason); /* "connections" or "handshake"; loop's thread */
};
struct net_port_config {
	const char *address;    /* numeric */
	uint16_t port;          /* 0: any */
	struct tls_server *tls; /* NULL: plain */
	const struct net_events *events;
	void *ctx;
	unsigned connections; /* more are closed at once */
	unsigned handshake_ms;
};
/* Binds and listens once for each loop.  RC_CONFLICT "port-taken". */
RC net_port_new(const struct net_port_config *c, unsigned loops, struct net_port **ret);
RC net_port_attach(struct net_port *p, unsigned index, struct net_loop *l);
uint16_t net_port_number(const struct net_port *p);
void *net_port_ctx(const struct net_port *p);
void net_port_free(struct net_port *p); /* after its loops */
DROP(net_port, net_port_free);

/* ---- connections ---- */
enum net_sent { NET_SENT, NET_PENDING, NET_BROKEN };
/* The bytes must stay until sent() after NET_PENDING; one send at a time.  NET_BROKEN: the connection
 * is being closed. */
enum net_sent net_conn_send(struct net_conn *c, const struct slice *s, size_t n);
void net_conn_pause(struct net_conn *c); /* no received() until resumed */
void net_conn_resume(struct net_conn *c);
void net_conn_deadline(struct net_conn *c, uint64_t ms); /* from now; replaces the last one */
void net_conn_patient(struct net_conn *c);               /* no deadline */
/* Sends what is pending, then says that no more comes; reading goes on. */
void net_conn_finish(struct net_conn *c);
void net_conn_close(struct net_conn *c);
void net_conn_reset(struct net_conn *c); /* what the peer did not take is thrown away */
bool net_conn_closing(const struct net_conn *c);
void net_conn_set_user(struct net_conn *c, void *user);
void *net_conn_user(const struct net_conn *c);
struct net_loop *net_conn_loop(const struct net_conn *c);
void *net_conn_ctx(const struct net_conn *c);         /* of the port */
struct slice net_conn_peer(const struct net_conn *c); /* DER of the verified certificate, or empty */
const char *net_conn_peer_problem(const struct net_conn *c);

#endif
