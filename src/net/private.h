#ifndef YD_NET_PRIVATE_H
#define YD_NET_PRIVATE_H
/* What loop.c, port.c and conn.c share. */
#include "base/buf.h"
#include "net/loop.h"
#include "net/tls.h"

#include <pthread.h>
#include <uv.h>

struct net_listener { /* one port on one loop */
	uv_tcp_t tcp;
	struct net_port *port;
	struct net_loop *loop;
	bool open;
};

#define LOOP_PORTS 16

struct net_loop {
	uv_loop_t uv;
	uv_async_t async;
	uv_check_t check;
	void *ctx;
	void (*pass)(struct net_loop *l);
	pthread_t thread;
	bool running, ended;
	pthread_mutex_t lock; /* over the queue */
	struct net_task *first, **last;
	struct net_listener *listeners[LOOP_PORTS];
	size_t listener_count;
	struct net_conn *conns; /* list, loop's thread */
	struct net_conn *spare; /* closed ones kept for reuse */
	size_t spare_count;
	struct net_listener *stalled; /* could not accept for want of memory */
	size_t conn_count;            /* atomic */
	struct buf plain;             /* plaintext of the TLS connection just read */
	uint8_t input[NET_READ];
};

struct net_port {
	struct net_port_config config;
	int fds[NET_LOOPS_MAX]; /* -1 once a loop owns it */
	unsigned count;
	uint16_t number;
	unsigned open; /* connections, atomic */
};

struct net_conn {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct net_loop *loop;
	struct net_port *port;
	struct net_conn *prev, *next;
	struct tls *tls;
	void *user;
	uint64_t deadline, armed;      /* when the time is over; when the timer looks next; 0 = none */
	struct slice todo[NET_SLICES]; /* of the present send */
	size_t todo_count;
	struct buf out;   /* ciphertext that the kernel did not take yet */
	unsigned handles; /* not yet closed */
	bool opened, paused, ended, sending, writing, finishing, finished, closing;
	bool broken; /* TLS failed: only the alert still goes out */
};

#define CONN_OUT_MAX (1u << 20)
#define CONN_SPARE 256
#define CONN_BROKEN_MS 1000 /* for the peer to read the alert */

/* A new connection on the listener's loop. */
void net_conn_accept(struct net_listener *n);
/* Memory for one connection, so that the first can be accepted (and refused) in any case. */
RC net_conn_reserve(struct net_loop *l);
void net_conn_unreserve(struct net_loop *l);

#endif
