#include "net/private.h"
#include "base/mem.h"

#define ENCRYPT_STEP (64u << 10) /* plaintext turned into ciphertext at once */

/* ---- memory ---- */

RC net_conn_reserve(struct net_loop *l)
{
	struct net_conn *c = mem_new(1, sizeof(*c));

	NEED(c != NULL, RC_NOMEM, "connection: no memory");
	c->next = l->spare;
	l->spare = c;
	l->spare_count++;
	return OK;
}

void net_conn_unreserve(struct net_loop *l)
{
	struct net_conn *c, *next;

	for (c = l->spare; c != NULL; c = next) {
		next = c->next;
		mem_free(c);
	}
	l->spare = NULL;
}

static struct net_conn *conn_new(struct net_loop *l)
{
	struct net_conn *c = l->spare;

	if (c == NULL)
		return mem_new(1, sizeof(*c));
	l->spare = c->next;
	l->spare_count--;
	memset(c, 0, sizeof(*c));
	return c;
}

static void conn_free(struct net_conn *c)
{
	struct net_loop *l = c->loop;

	tls_free(c->tls);
	buf_free(&c->out);
	if (l->spare_count >= CONN_SPARE) {
		mem_free(c);
		return;
	}
	c->next = l->spare;
	l->spare = c;
	l->spare_count++;
}

/* ---- the end ---- */

static void unlink_conn(struct net_conn *c)
{
	struct net_loop *l = c->loop;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		l->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	(void)__atomic_sub_fetch(&l->conn_count, 1, __ATOMIC_RELAXED);
	(void)__atomic_sub_fetch(&c->port->open, 1, __ATOMIC_RELAXED);
}

static void on_closed(uv_handle_t *h)
{
	struct net_conn *c = h->data;
	struct net_listener *stalled = c->loop->stalled;
	struct net_loop *l = c->loop;

	if (--c->handles > 0)
		return;
	c->port->config.events->closed(c);
	unlink_conn(c);
	conn_free(c);
	if (stalled == NULL)
		return;
	l->stalled = NULL;
	if (l->listener_count > 0)
		net_conn_accept(stalled);
}

void net_conn_close(struct net_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

void net_conn_reset(struct net_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (uv_tcp_close_reset(&c->tcp, on_closed) != 0)
		uv_close((uv_handle_t *)&c->tcp, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_shutdown(uv_shutdown_t *r, int status)
{
	(void)r;
	(void)status;
}

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *t)
{
	struct net_conn *c = t->data;
	uint64_t now = uv_now(&c->loop->uv);

	c->armed = 0;
	if (c->deadline == 0 || c->closing)
		return;
	if (now < c->deadline) {
		c->armed = c->deadline;
		(void)uv_timer_start(t, on_timer, c->deadline - now, 0);
		return;
	}
	c->deadline = 0;
	if (c->opened && !c->broken) {
		c->port->config.events->late(c);
		return;
	}
	if (!c->broken)
		c->port->config.events->refused(c->port->config.ctx, "handshake");
	net_conn_close(c);
}

/* The timer is left alone while it fires early enough: most deadlines are moved, few expire. */
void net_conn_deadline(struct net_conn *c, uint64_t ms)
{
	uint64_t now = uv_now(&c->loop->uv);

	if (c->closing)
		return;
	c->deadline = now + ms;
	if (c->armed != 0 && c->armed <= c->deadline)
		return;
	c->armed = c->deadline;
	(void)uv_timer_start(&c->timer, on_timer, ms, 0);
}

void net_conn_patient(struct net_conn *c)
{
	c->deadline = 0;
}

/* ---- writing ---- */

static void progress(struct net_conn *c);

static void on_written(uv_write_t *w, int status)
{
	struct net_conn *c = w->data;
	bool was_sending = c->sending;

	c->writing = false;
	if (c->closing)
		return;
	if (status < 0) {
		net_conn_close(c);
		return;
	}
	if (c->tls == NULL)
		c->todo_count = 0;
	buf_free(&c->out);
	progress(c);
	if (was_sending && !c->sending && !c->closing)
		c->port->config.events->sent(c);
}

static void write_later(struct net_conn *c, uv_buf_t *bufs, unsigned n)
{
	c->write.data = c;
	c->writing = true;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, bufs, n, on_written) != 0) {
		c->writing = false;
		net_conn_close(c);
	}
}

/* What the kernel does not take at once is copied out: OpenSSL may move its buffer meanwhile. */
static void flush_tls(struct net_conn *c)
{
	struct slice s;
	uv_buf_t b;
	int n;

	while (!c->writing && !c->closing && (s = tls_output(c->tls)).len > 0) {
		b = uv_buf_init((char *)(uintptr_t)s.p, (unsigned)s.len);
		n = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
		if (n < 0 && n != UV_EAGAIN) {
			net_conn_close(c);
			return;
		}
		n = n < 0 ? 0 : n;
		c->out.max = CONN_OUT_MAX;
		if ((size_t)n < s.len)
			buf_add(&c->out, slice_of(s.p + n, s.len - (size_t)n));
		tls_sent(c->tls, s.len);
		if (c->out.failed) {
			net_conn_close(c);
			return;
		}
		if (c->out.len > 0) {
			b = uv_buf_init((char *)c->out.p, (unsigned)c->out.len);
			write_later(c, &b, 1);
		}
	}
}

static void send_tls(struct net_conn *c)
{
	flush_tls(c);
	while (c->todo_count > 0 && !c->writing && !c->closing) {
		struct slice *s = &c->todo[0];
		size_t n = s->len < ENCRYPT_STEP ? s->len : ENCRYPT_STEP;

		if (!rc_ok(tls_write(c->tls, slice_of(s->p, n)))) {
			net_conn_close(c);
			return;
		}
		*s = slice_of(s->p + n, s->len - n);
		if (s->len == 0)
			memmove(c->todo, c->todo + 1, --c->todo_count * sizeof(*s));
		/* Small pieces (head and body) share a record's journey. */
		if (c->todo_count == 0 || tls_output(c->tls).len >= ENCRYPT_STEP)
			flush_tls(c);
	}
}

static void send_plain(struct net_conn *c)
{
	uv_buf_t b[NET_SLICES];
	size_t i, k = 0, done;
	int n;

	if (c->todo_count == 0 || c->writing)
		return;
	for (i = 0; i < c->todo_count; i++)
		b[i] = uv_buf_init((char *)(uintptr_t)c->todo[i].p, (unsigned)c->todo[i].len);
	n = uv_try_write((uv_stream_t *)&c->tcp, b, (unsigned)c->todo_count);
	if (n < 0 && n != UV_EAGAIN) {
		net_conn_close(c);
		return;
	}
	for (done = n < 0 ? 0 : (size_t)n; k < c->todo_count && done >= b[k].len; k++)
		done -= b[k].len;
	if (k == c->todo_count) {
		c->todo_count = 0;
		return;
	}
	b[k] = uv_buf_init(b[k].base + done, (unsigned)(b[k].len - done));
	write_later(c, b + k, (unsigned)(c->todo_count - k));
}

static void finish_now(struct net_conn *c)
{
	if (c->finished)
		return;
	if (c->tls != NULL) {
		tls_end(c->tls);
		flush_tls(c);
		if (c->writing || c->closing)
			return;
	}
	c->finished = true;
	(void)uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown);
}

/* Sends on as far as possible without waiting. */
static void progress(struct net_conn *c)
{
	if (c->tls != NULL)
		send_tls(c);
	else
		send_plain(c);
	if (c->closing || c->writing)
		return;
	if (c->todo_count == 0)
		c->sending = false;
	if (c->finishing)
		finish_now(c);
}

enum net_sent net_conn_send(struct net_conn *c, const struct slice *s, size_t n)
{
	size_t i;

	if (c->closing || c->broken || c->finishing)
		return NET_BROKEN;
	c->todo_count = 0;
	for (i = 0; i < n && i < NET_SLICES; i++)
		if (s[i].len > 0)
			c->todo[c->todo_count++] = s[i];
	c->sending = true;
	progress(c);
	if (c->closing)
		return NET_BROKEN;
	return c->sending ? NET_PENDING : NET_SENT;
}

void net_conn_finish(struct net_conn *c)
{
	if (c->closing || c->finishing)
		return;
	c->finishing = true;
	if (!c->sending && !c->writing)
		finish_now(c);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct net_conn *c = h->data;

	(void)hint;
	*b = uv_buf_init((char *)c->loop->input, sizeof(c->loop->input));
}

static void give_up(struct net_conn *c)
{
	if (c->closing)
		return;
	if (!c->opened)
		c->port->config.events->refused(c->port->config.ctx, "handshake");
	c->broken = true;
	flush_tls(c); /* the alert */
	net_conn_finish(c);
	net_conn_deadline(c, CONN_BROKEN_MS);
}

static void got_end(struct net_conn *c)
{
	(void)uv_read_stop((uv_stream_t *)&c->tcp);
	if (c->ended)
		return;
	c->ended = true;
	if (c->opened && !c->broken)
		c->port->config.events->ended(c);
	else
		net_conn_close(c);
}

static void open_tls(struct net_conn *c)
{
	if (c->opened || !tls_ready(c->tls) || c->closing)
		return;
	c->opened = true;
	c->deadline = 0;
	c->port->config.events->opened(c);
}

static void received_tls(struct net_conn *c, struct slice cipher)
{
	struct buf *plain = &c->loop->plain;
	struct rc rc = tls_feed(c->tls, cipher);

	do {
		buf_clear(plain);
		if (rc_ok(rc))
			rc = tls_read(c->tls, plain, NET_READ);
		if (!rc_ok(rc)) {
			give_up(c);
			return;
		}
		flush_tls(c);
		open_tls(c);
		if (plain->len > 0 && !c->closing)
			c->port->config.events->received(c, buf_slice(plain));
	} while (plain->len == NET_READ && !c->closing);
	if (tls_ended(c->tls) && !c->closing)
		got_end(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct net_conn *c = stream->data;
	struct slice s = slice_of(b->base, n > 0 ? (size_t)n : 0);

	if (c->closing || n == 0)
		return;
	if (n == UV_EOF)
		got_end(c);
	else if (n < 0)
		net_conn_close(c);
	else if (c->broken)
		return;
	else if (c->tls != NULL)
		received_tls(c, s);
	else
		c->port->config.events->received(c, s);
}

void net_conn_pause(struct net_conn *c)
{
	if (c->paused || c->closing)
		return;
	c->paused = true;
	(void)uv_read_stop((uv_stream_t *)&c->tcp);
}

void net_conn_resume(struct net_conn *c)
{
	if (!c->paused || c->closing || c->ended)
		return;
	c->paused = false;
	if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
		net_conn_close(c);
}

/* ---- the beginning ---- */

static void open_conn(struct net_conn *c)
{
	const struct net_port_config *p = &c->port->config;

	if (uv_tcp_nodelay(&c->tcp, 1) != 0 || (p->tls != NULL && !rc_ok(tls_new(p->tls, &c->tls))) ||
	    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
		net_conn_close(c);
		return;
	}
	if (p->tls != NULL) {
		net_conn_deadline(c, p->handshake_ms);
		return;
	}
	c->opened = true;
	p->events->opened(c);
}

static void link_conn(struct net_conn *c, struct net_listener *n)
{
	c->loop = n->loop;
	c->port = n->port;
	c->next = n->loop->conns;
	if (c->next != NULL)
		c->next->prev = c;
	n->loop->conns = c;
	(void)__atomic_add_fetch(&n->loop->conn_count, 1, __ATOMIC_RELAXED);
	(void)uv_tcp_init(&n->loop->uv, &c->tcp);
	(void)uv_timer_init(&n->loop->uv, &c->timer);
	c->tcp.data = c;
	c->timer.data = c;
	c->handles = 2;
}

void net_conn_accept(struct net_listener *n)
{
	struct net_conn *c = conn_new(n->loop);
	unsigned open;

	if (c == NULL) {
		n->loop->stalled = n;
		return;
	}
	link_conn(c, n);
	open = __atomic_add_fetch(&n->port->open, 1, __ATOMIC_RELAXED);
	if (uv_accept((uv_stream_t *)&n->tcp, (uv_stream_t *)&c->tcp) != 0) {
		net_conn_close(c);
		return;
	}
	if (open > n->port->config.connections) {
		n->port->config.events->refused(n->port->config.ctx, "connections");
		net_conn_close(c);
		return;
	}
	open_conn(c);
}

/* ---- what the layer above asks ---- */

bool net_conn_closing(const struct net_conn *c)
{
	return c->closing || c->broken;
}

void net_conn_set_user(struct net_conn *c, void *user)
{
	c->user = user;
}

void *net_conn_user(const struct net_conn *c)
{
	return c->user;
}

struct net_loop *net_conn_loop(const struct net_conn *c)
{
	return c->loop;
}

void *net_conn_ctx(const struct net_conn *c)
{
	return c->port->config.ctx;
}

struct slice net_conn_peer(const struct net_conn *c)
{
	return c->tls != NULL ? tls_peer(c->tls) : SLICE_NONE;
}

const char *net_conn_peer_problem(const struct net_conn *c)
{
	return c->tls != NULL ? tls_peer_problem(c->tls) : NULL;
}
