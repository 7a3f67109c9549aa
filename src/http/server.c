#include "http/exchange.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

#include <unistd.h>

#define LOOPS_DEFAULT_MAX 8

static void set_default(unsigned *v, unsigned otherwise)
{
	if (*v == 0)
		*v = otherwise;
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > LOOPS_DEFAULT_MAX ? LOOPS_DEFAULT_MAX : (unsigned)n;
}

static void set_defaults(struct http_config *c)
{
	set_default(&c->loops, processors());
	set_default(&c->workers, 32);
	set_default(&c->blocking_workers, 64);
	set_default(&c->queue, 8192);
	set_default(&c->connections, 20000);
	set_default(&c->handshake_ms, 10000);
	set_default(&c->header_ms, 10000);
	set_default(&c->body_ms, 30000);
	set_default(&c->idle_ms, 60000);
	set_default(&c->write_ms, 30000);
	set_default(&c->write_rate, 64u << 10);
	set_default(&c->linger_ms, 2000);
	set_default(&c->drain_ms, 5000);
	if (c->memory == 0)
		c->memory = 512u << 20;
}

static RC add_loop(struct http_server *s)
{
	struct http_loop *l = mem_new(1, sizeof(*l));

	NEED(l != NULL, RC_NOMEM, "http: no memory");
	l->server = s;
	s->loops[s->loop_count++] = l; /* freed with the server, whatever comes */
	TRY(net_loop_new(l, &l->net));
	net_loop_each_pass(l->net, NULL);
	return rand_bytes(&l->next_id, sizeof(l->next_id));
}

RC http_server_new(const struct http_config *c, struct http_server **ret)
{
	AUTO(http_server, s, mem_new(1, sizeof(*s)));
	pthread_condattr_t a;
	unsigned i;

	NEED(s != NULL, RC_NOMEM, "http: no memory");
	s->config = *c;
	set_defaults(&s->config);
	(void)pthread_condattr_init(&a);
	(void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->drained, &a);
	(void)pthread_condattr_destroy(&a);
	(void)pthread_mutex_init(&s->lock, NULL);
	NEED(s->config.loops <= NET_LOOPS_MAX, RC_INPUT, "http: %u loops", s->config.loops);
	for (i = 0; i < s->config.loops; i++)
		TRY(add_loop(s));
	*ret = MOVE(s);
	return OK;
}

RC http_server_listen(struct http_server *s, const struct http_listener *l)
{
	struct http_port *p;
	unsigned i;

	NEED(!s->started && s->port_count < HTTP_LISTENERS_MAX, RC_BUG,
	     "http: too late or too many listeners");
	TRY(routes_check(l->routes, l->route_count));
	p = mem_new(1, sizeof(*p));
	NEED(p != NULL, RC_NOMEM, "http: no memory");
	p->server = s;
	p->spec = *l;
	p->index = s->port_count;
	s->ports[s->port_count++] = p;
	TRY(net_port_new(&(struct net_port_config){.address = l->address,
	                                           .port = l->port,
	                                           .tls = l->tls,
	                                           .events = &http_events,
	                                           .ctx = p,
	                                           .connections = s->config.connections,
	                                           .handshake_ms = s->config.handshake_ms},
	                 s->loop_count, &p->net));
	for (i = 0; i < s->loop_count; i++)
		TRY(net_port_attach(p->net, i, s->loops[i]->net));
	return OK;
}

uint16_t http_server_port(const struct http_server *s, const char *listener)
{
	unsigned i;

	for (i = 0; i < s->port_count; i++)
		if (strcmp(s->ports[i]->spec.name, listener) == 0)
			return net_port_number(s->ports[i]->net);
	return 0;
}

static bool any_blocks(const struct http_server *s)
{
	unsigned i;
	size_t k;

	for (i = 0; i < s->port_count; i++)
		for (k = 0; k < s->ports[i]->spec.route_count; k++)
			if ((s->ports[i]->spec.routes[k].flags & HTTP_BLOCKS) != 0)
				return true;
	return false;
}

static void each_pass(struct net_loop *l)
{
	run_batches(net_loop_ctx(l));
}

RC http_server_start(struct http_server *s)
{
	struct pool_config c = {.threads = s->config.workers, .queue = s->config.queue, .run = run_job};
	unsigned i;

	NEED(!s->started, RC_BUG, "http: started twice");
	TRY(numbers_add(s));
	TRY(waits_new(run_again, &s->waits));
	TRY(pool_new(&c, &s->pool));
	c.threads = s->config.blocking_workers;
	if (any_blocks(s))
		TRY(pool_new(&c, &s->blocking));
	s->started = true;
	for (i = 0; i < s->loop_count; i++) {
		net_loop_each_pass(s->loops[i]->net, each_pass);
		TRY(net_loop_start(s->loops[i]->net));
	}
	return OK;
}

bool count_memory(struct http_server *s, size_t *have, size_t now)
{
	size_t sum = __atomic_add_fetch(&s->memory, now - *have, __ATOMIC_RELAXED);

	*have = now;
	return sum <= s->config.memory;
}

void http_server_wake(struct http_server *s, uint64_t key)
{
	if (s->waits != NULL)
		waits_wake(s->waits, key);
}

/* ---- the end ---- */

static void drain_loop(struct net_loop *l, struct net_task *t)
{
	(void)t;
	net_loop_deafen(l);
	net_loop_each(l, conn_drain);
}

static size_t open_connections(const struct http_server *s)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < s->loop_count; i++)
		n += net_loop_connections(s->loops[i]->net);
	return n;
}

/* Every closed connection signals; the count itself falls a moment later, so look again soon. */
static void wait_drained(struct http_server *s)
{
	uint64_t end = clock_mono_ms() + s->config.drain_ms, now;
	struct timespec t;

	(void)pthread_mutex_lock(&s->lock);
	while (open_connections(s) > 0 && (now = clock_mono_ms()) < end) {
		now += 20;
		t = (struct timespec){.tv_sec = (time_t)(now / 1000),
		                      .tv_nsec = (long)(now % 1000) * 1000000};
		(void)pthread_cond_timedwait(&s->drained, &s->lock, &t);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void http_server_stop(struct http_server *s)
{
	struct net_task drain[NET_LOOPS_MAX] = {{0}};
	unsigned i;

	if (s->stopped)
		return;
	s->stopped = true;
	__atomic_store_n(&s->draining, true, __ATOMIC_RELAXED);
	for (i = 0; i < s->loop_count && s->started; i++) {
		drain[i].run = drain_loop;
		net_loop_post(s->loops[i]->net, &drain[i]);
	}
	if (s->waits != NULL)
		waits_end(s->waits);
	if (s->started)
		wait_drained(s);
	if (s->pool != NULL)
		pool_stop(s->pool);
	if (s->blocking != NULL)
		pool_stop(s->blocking);
	for (i = 0; i < s->loop_count; i++)
		if (s->loops[i]->net != NULL)
			net_loop_stop(s->loops[i]->net);
}

static void loop_free(struct http_loop *l)
{
	struct exchange *x, *next;

	batches_drop(l);
	for (x = l->spare; x != NULL; x = next) {
		next = x->next;
		exchange_destroy(x);
	}
	net_loop_free(l->net);
	mem_free(l);
}

void http_server_free(struct http_server *s)
{
	unsigned i;

	if (s == NULL)
		return;
	http_server_stop(s);
	for (i = 0; i < s->loop_count; i++)
		loop_free(s->loops[i]);
	waits_free(s->waits);
	pool_free(s->pool);
	pool_free(s->blocking);
	for (i = 0; i < s->port_count; i++) {
		net_port_free(s->ports[i]->net);
		mem_free(s->ports[i]);
	}
	(void)pthread_cond_destroy(&s->drained);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
