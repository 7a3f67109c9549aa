#include "net/private.h"
#include "base/mem.h"

#include <signal.h>

/* Runs what other threads have posted; what those tasks post runs in the next round. */
static void run_posted(uv_async_t *a)
{
	struct net_loop *l = a->data;
	struct net_task *t, *next;

	(void)pthread_mutex_lock(&l->lock);
	t = l->first;
	l->first = NULL;
	l->last = &l->first;
	(void)pthread_mutex_unlock(&l->lock);
	for (; t != NULL; t = next) {
		next = t->next;
		t->run(l, t);
	}
}

static void run_pass(uv_check_t *c)
{
	struct net_loop *l = c->data;

	if (l->pass != NULL)
		l->pass(l);
}

static RC open_handles(struct net_loop *l)
{
	NEED(uv_loop_init(&l->uv) == 0, RC_NOMEM, "loop: cannot be made");
	if (uv_async_init(&l->uv, &l->async, run_posted) != 0) {
		(void)uv_loop_close(&l->uv);
		FAIL(RC_NOMEM, "loop: cannot be woken");
	}
	(void)uv_check_init(&l->uv, &l->check);
	(void)uv_check_start(&l->check, run_pass);
	l->async.data = l;
	l->check.data = l;
	return OK;
}

RC net_loop_new(void *ctx, struct net_loop **ret)
{
	struct net_loop *l = mem_new(1, sizeof(*l));
	struct rc rc;

	NEED(l != NULL, RC_NOMEM, "loop: no memory");
	l->ctx = ctx;
	l->last = &l->first;
	l->plain = BUF(4 * NET_READ);
	rc = net_conn_reserve(l);
	if (rc_ok(rc))
		rc = open_handles(l);
	if (!rc_ok(rc)) {
		net_conn_unreserve(l);
		mem_free(l);
		return rc;
	}
	(void)pthread_mutex_init(&l->lock, NULL);
	*ret = l;
	return OK;
}

void *net_loop_ctx(struct net_loop *l)
{
	return l->ctx;
}

void net_loop_each_pass(struct net_loop *l, void (*pass)(struct net_loop *l))
{
	l->pass = pass;
}

static void *loop_main(void *arg)
{
	struct net_loop *l = arg;

	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
	return NULL;
}

RC net_thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
	sigset_t all, old;
	size_t i;
	int e;

	(void)sigfillset(&all);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		(void)sigdelset(&all, own[i]);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(ret, NULL, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	NEED(e == 0, RC_NOMEM, "no thread: errno %d", e);
	return OK;
}

RC net_loop_start(struct net_loop *l)
{
	TRY(net_thread_start(&l->thread, loop_main, l));
	l->running = true;
	return OK;
}

void net_loop_post(struct net_loop *l, struct net_task *t)
{
	t->next = NULL;
	(void)pthread_mutex_lock(&l->lock);
	*l->last = t;
	l->last = &t->next;
	(void)pthread_mutex_unlock(&l->lock);
	(void)uv_async_send(&l->async);
}

void net_loop_again(struct net_loop *l)
{
	(void)uv_async_send(&l->async);
}

uint64_t net_loop_now(const struct net_loop *l)
{
	return uv_now(&l->uv);
}

size_t net_loop_connections(const struct net_loop *l)
{
	return __atomic_load_n(&l->conn_count, __ATOMIC_RELAXED);
}

static void listener_closed(uv_handle_t *h)
{
	mem_free(h->data);
}

void net_loop_deafen(struct net_loop *l)
{
	size_t i;

	for (i = 0; i < l->listener_count; i++)
		uv_close((uv_handle_t *)&l->listeners[i]->tcp, listener_closed);
	l->listener_count = 0;
}

void net_loop_each(struct net_loop *l, void (*f)(struct net_conn *c))
{
	struct net_conn *c, *next;

	for (c = l->conns; c != NULL; c = next) {
		next = c->next;
		f(c);
	}
}

static void end_loop(struct net_loop *l, struct net_task *t)
{
	(void)t;
	if (l->ended)
		return;
	l->ended = true;
	net_loop_deafen(l);
	net_loop_each(l, net_conn_close);
	(void)uv_check_stop(&l->check);
	uv_close((uv_handle_t *)&l->check, NULL);
	uv_close((uv_handle_t *)&l->async, NULL);
}

void net_loop_stop(struct net_loop *l)
{
	struct net_task end = {.run = end_loop};

	if (!l->running) { /* never started: its handles still have to be closed */
		end_loop(l, &end);
		(void)uv_run(&l->uv, UV_RUN_DEFAULT);
		return;
	}
	net_loop_post(l, &end);
	(void)pthread_join(l->thread, NULL);
	l->running = false;
}

void net_loop_free(struct net_loop *l)
{
	if (l == NULL)
		return;
	if (!l->ended)
		net_loop_stop(l);
	(void)uv_loop_close(&l->uv);
	(void)pthread_mutex_destroy(&l->lock);
	net_conn_unreserve(l);
	buf_free(&l->plain);
	mem_free(l);
}
