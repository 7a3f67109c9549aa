#include "http/exchange.h"
#include "base/mem.h"

#define IN_MAX (HTTP_HEAD_MAX + 6 * NET_READ)
#define IN_KEEP 4096 /* an idle connection keeps no larger buffer */
#define MIB (1u << 20)
#define PIPELINE_MAX NET_READ

/* One connection.  Requests are answered one after the other; while one is being worked on, no more than
 * PIPELINE_MAX of what follows is kept (reading on, so that a peer that goes away is noticed). */
enum state {
	READY, /* for a request */
	IN_HEAD,
	IN_BODY, /* some of it is here */
	BUSY,    /* the exchange is at a handler */
	SENDING,
	LINGERING, /* all said; reading away what the peer still sends */
	DEAD,
};
struct http_conn {
	struct net_conn *net;
	struct http_port *port;
	struct http_loop *loop;
	struct peer_hold *peer;
	struct exchange *x;
	struct buf in; /* received, from at on not yet used */
	size_t at, scanned, lingered;
	size_t counted; /* of in, in the server's sum */
	enum state state;
	bool ended;            /* the peer sends no more */
	bool away;             /* x is at a handler: it comes back to be freed */
	bool continuing, held; /* "100 Continue" is still being sent; the answer waits for it */
};

static const struct http_config *config(const struct http_conn *c)
{
	return &c->loop->server->config;
}

/* ---- the end of a connection ---- */

static void close_now(struct http_conn *c)
{
	c->state = DEAD;
	net_conn_finish(c->net);
	net_conn_close(c->net);
}

/* Closing with unread bytes would reset the connection and could take the answer from the peer. */
static void linger(struct http_conn *c)
{
	if (c->ended) {
		close_now(c);
		return;
	}
	c->state = LINGERING;
	net_conn_finish(c->net);
	net_conn_resume(c->net);
	net_conn_deadline(c->net, config(c)->linger_ms);
}

/* ---- answers ---- */

static void answered(struct http_conn *c)
{
	bool close = c->x->close || __atomic_load_n(&c->loop->server->draining, __ATOMIC_RELAXED);

	exchange_free(c->x);
	c->x = NULL;
	if (close) {
		linger(c);
		return;
	}
	c->state = READY;
	net_conn_deadline(c->net, config(c)->idle_ms);
}

static void send_answer(struct http_conn *c)
{
	struct exchange *x = c->x;
	struct slice s[2] = {buf_slice(&x->out), exchange_body(x)};

	c->state = SENDING;
	if (c->continuing) {
		c->held = true;
		return;
	}
	numbers_request(x);
	switch (x->out.failed ? NET_BROKEN : net_conn_send(c->net, s, 2)) {
	case NET_SENT:
		answered(c);
		break;
	case NET_PENDING:
		net_conn_deadline(c->net, config(c)->write_ms + 1000 * (s[1].len / config(c)->write_rate));
		break;
	case NET_BROKEN:
		c->x = NULL;
		exchange_free(x);
		close_now(c);
		break;
	}
}

/* The failure that this thread holds, as the last answer of the connection. */
static void refuse_and_end(struct http_conn *c)
{
	c->x->close = true;
	exchange_refuse(c->x);
	exchange_render(c->x);
	send_answer(c);
}

/* ---- requests ---- */

static bool new_exchange(struct http_conn *c)
{
	if (c->peer == NULL)
		c->peer = peer_hold_new(c->net);
	c->x = c->peer != NULL ? exchange_new(c->loop) : NULL;
	if (c->x == NULL) {
		close_now(c);
		return false;
	}
	(void)__atomic_add_fetch(&c->peer->holders, 1, __ATOMIC_RELAXED);
	c->x->peer = c->peer;
	c->x->request.peer = &c->peer->peer;
	c->x->conn = c;
	c->x->port = c->port;
	return true;
}

static void start(struct http_conn *c)
{
	struct exchange *x = c->x;

	x->request.body = buf_slice(&x->body);
	c->state = BUSY;
	net_conn_patient(c->net);
	c->away = true;
	if (exchange_start(x) == RAN_DONE) {
		c->away = false;
		send_answer(c);
	}
}

static void say_continue(struct http_conn *c)
{
	struct slice s = SLICE_LIT("HTTP/1.1 100 Continue\r\n\r\n");

	c->continuing = net_conn_send(c->net, &s, 1) == NET_PENDING;
}

static void expect_body(struct http_conn *c, bool some_here)
{
	struct exchange *x = c->x;

	c->state = IN_BODY;
	net_conn_deadline(c->net, config(c)->body_ms + 1000 * (x->head.length / MIB));
	if (x->head.expects_continue && !some_here)
		say_continue(c);
}

static void take_head(struct http_conn *c, struct slice head, bool more)
{
	struct exchange *x;

	if (!new_exchange(c))
		return;
	x = c->x;
	if (!rc_ok(exchange_begin(x, head))) {
		exchange_refuse(x);
		exchange_render(x);
		send_answer(c);
	} else if (x->head.chunked || x->head.length > 0) {
		expect_body(c, more);
	} else {
		start(c);
	}
}

/* False: more bytes are needed. */
static bool step_head(struct http_conn *c, struct slice *w)
{
	struct slice head;
	size_t len = 0;

	if (w->len == 0)
		return false;
	if (!rc_ok(http_head_find(*w, &c->scanned, &len))) {
		if (new_exchange(c))
			refuse_and_end(c);
		return false;
	}
	if (len == 0) {
		if (c->state == READY)
			net_conn_deadline(c->net, config(c)->header_ms);
		c->state = IN_HEAD;
		return false;
	}
	c->scanned = 0;
	head = slice_of(w->p, len);
	*w = slice_of(w->p + len, w->len - len);
	take_head(c, head, w->len > 0);
	return true;
}

static bool step_body(struct http_conn *c, struct slice *w)
{
	struct exchange *x = c->x;
	size_t used = 0;
	bool done = false;

	struct rc rc = http_parse_body(&x->parser, &x->head, *w, x->route->max_body, &x->body, &used, &done);

	if (!count_memory(c->loop->server, &x->counted, x->body.cap) && rc_ok(rc))
		rc = rc_refuse(ERR_OVERLOADED, "too much is being received at once");
	if (!rc_ok(rc)) {
		refuse_and_end(c);
		return false;
	}
	*w = slice_of(w->p + used, w->len - used);
	if (done)
		start(c);
	return done;
}

/* The peer has ended: what is incomplete stays so. */
static void settle_end(struct http_conn *c)
{
	if (c->state == READY) {
		close_now(c);
	} else if (c->state == IN_HEAD || c->state == IN_BODY) {
		(void)rc_ok(rc_refuse(ERR_HTTP_SYNTAX, "http: the request ends before it is complete"));
		if (c->x != NULL || new_exchange(c))
			refuse_and_end(c);
	}
}

static void advance(struct http_conn *c, struct slice *w)
{
	bool go = true;

	while (go && !net_conn_closing(c->net)) {
		if (c->state == READY || c->state == IN_HEAD)
			go = step_head(c, w);
		else if (c->state == IN_BODY)
			go = step_body(c, w);
		else
			go = false;
	}
	if (c->ended && !net_conn_closing(c->net))
		settle_end(c);
}

/* ---- buffered input ---- */

static bool keep(struct http_conn *c, struct slice s)
{
	if (c->at > 0) {
		memmove(c->in.p, c->in.p + c->at, c->in.len - c->at);
		c->in.len -= c->at;
		c->at = 0;
	}
	c->in.max = IN_MAX;
	buf_add(&c->in, s);
	if (c->in.failed || !count_memory(c->loop->server, &c->counted, c->in.cap)) {
		close_now(c);
		return false;
	}
	if (c->in.len >= PIPELINE_MAX && (c->state == BUSY || c->state == SENDING))
		net_conn_pause(c->net);
	return true;
}

static void advance_kept(struct http_conn *c)
{
	struct slice w = c->in.len > c->at ? slice_of(c->in.p + c->at, c->in.len - c->at) : SLICE_NONE;

	advance(c, &w);
	c->at = c->in.len - w.len;
	if (w.len > 0)
		return;
	c->at = 0;
	buf_clear(&c->in);
	if (c->in.cap > IN_KEEP)
		buf_free(&c->in);
	(void)count_memory(c->loop->server, &c->counted, c->in.cap);
}

/* Goes on after an answer: first with what is here already. */
static void go_on(struct http_conn *c)
{
	if (c->state == READY)
		advance_kept(c);
	if (c->state == READY || c->state == IN_HEAD || c->state == IN_BODY)
		net_conn_resume(c->net);
}

void conn_answer(struct exchange *x)
{
	struct http_conn *c = x->conn;

	if (c == NULL) {
		exchange_free(x);
		return;
	}
	c->away = false;
	send_answer(c);
	go_on(c);
}

/* ---- events ---- */

static void on_opened(struct net_conn *n)
{
	struct http_port *p = net_conn_ctx(n);
	struct http_conn *c = mem_new(1, sizeof(*c));

	if (c == NULL) {
		net_conn_close(n);
		return;
	}
	c->net = n;
	c->port = p;
	c->loop = net_loop_ctx(net_conn_loop(n));
	net_conn_set_user(n, c);
	metric_count(p->server->numbers.accepted, 1, &p->index);
	metric_move(p->server->numbers.connections, 1, &p->index);
	net_conn_deadline(n, config(c)->idle_ms);
}

static void on_received(struct net_conn *n, struct slice s)
{
	struct http_conn *c = net_conn_user(n);
	struct slice w = s;

	if (c->state == DEAD)
		return;
	if (c->state == LINGERING) {
		c->lingered += s.len;
		if (c->lingered > HTTP_LINGER_BYTES)
			close_now(c);
		return;
	}
	if (c->in.len > c->at || c->state == BUSY || c->state == SENDING) {
		if (keep(c, s) && c->state != BUSY && c->state != SENDING)
			advance_kept(c);
		return;
	}
	advance(c, &w);
	if (w.len > 0 && c->state != DEAD && c->state != LINGERING)
		(void)keep(c, w);
}

static void on_ended(struct net_conn *n)
{
	struct http_conn *c = net_conn_user(n);

	c->ended = true;
	if (c->state == LINGERING)
		close_now(c);
	else
		settle_end(c);
}

static void on_sent(struct net_conn *n)
{
	struct http_conn *c = net_conn_user(n);

	if (c->continuing) {
		c->continuing = false;
		if (!c->held)
			return;
		c->held = false;
		send_answer(c);
	} else if (c->state == SENDING) {
		answered(c);
	}
	go_on(c);
}

static void on_late(struct net_conn *n)
{
	struct http_conn *c = net_conn_user(n);

	if (c->state == IN_HEAD || c->state == IN_BODY) {
		(void)rc_ok(rc_refuse(ERR_HTTP_TIMEOUT, "the request did not arrive in time"));
		if (c->x != NULL || new_exchange(c))
			refuse_and_end(c);
	} else if (c->state == SENDING) {
		c->state = DEAD;
		net_conn_reset(c->net);
	} else if (c->state != BUSY) {
		close_now(c);
	}
}

static void on_closed(struct net_conn *n)
{
	struct http_conn *c = net_conn_user(n);
	struct http_server *s = ((struct http_port *)net_conn_ctx(n))->server;

	if (c == NULL)
		return;
	metric_move(s->numbers.connections, -1, &c->port->index);
	if (c->x != NULL && c->away)
		c->x->conn = NULL;
	else if (c->x != NULL)
		exchange_free(c->x);
	peer_hold_drop(c->peer);
	buf_free(&c->in);
	(void)count_memory(s, &c->counted, 0);
	mem_free(c);
	if (__atomic_load_n(&s->draining, __ATOMIC_RELAXED)) {
		(void)pthread_mutex_lock(&s->lock);
		(void)pthread_cond_signal(&s->drained);
		(void)pthread_mutex_unlock(&s->lock);
	}
}

static void on_refused(void *ctx, const char *reason)
{
	struct http_port *p = ctx;
	unsigned at[2] = {p->index, strcmp(reason, "handshake") == 0};

	metric_count(p->server->numbers.refused, 1, at);
}

const struct net_events http_events = {
        .opened = on_opened,
        .received = on_received,
        .ended = on_ended,
        .sent = on_sent,
        .late = on_late,
        .closed = on_closed,
        .refused = on_refused,
};

void conn_drain(struct net_conn *n)
{
	struct http_conn *c = net_conn_user(n);

	if (c == NULL || c->state == READY)
		net_conn_close(n);
}
