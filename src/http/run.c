#include "http/exchange.h"
#include "base/clock.h"
#include "base/text.h"

/* Where handlers run: on the loop (HTTP_INLINE), on a worker, in batches. */

static struct pool *pool_of(const struct exchange *x)
{
	struct http_server *s = x->loop->server;

	return (x->route->flags & HTTP_BLOCKS) != 0 ? s->blocking : s->pool;
}

/* ---- one handler ---- */

static void set_wait(struct exchange *x)
{
	struct slice s = SLICE_NONE;
	uint64_t seconds = 0;

	if (x->wait_until != 0)
		return;
	if (!request_query(&x->request, "wait", &s) || !rc_ok(text_u64(s, HTTP_WAIT_MAX, &seconds)))
		seconds = 0;
	x->wait_until = clock_mono_ms() + 1000 * seconds;
}

static RC check_outcome(struct exchange *x, struct rc rc)
{
	const struct response *r = &x->response;

	TRY(rc);
	NEED(r->done || r->wait || r->offload, RC_BUG, "route %s: no answer", x->route->path);
	NEED(!r->wait || !x->request.waited, RC_BUG, "route %s: waits when its time is over", x->route->path);
	NEED(!r->offload || (!x->request.offloaded && (x->route->flags & HTTP_INLINE) != 0), RC_BUG,
	     "route %s: is on a worker already", x->route->path);
	return buf_done(&r->body);
}

/* What a handler left behind becomes an answer, unless it waits or moves. */
static enum ran settle(struct exchange *x, struct rc rc)
{
	struct response *r = &x->response;

	if (!r->done || r->status == 0) /* not failed already (batch_failed) */
		rc = check_outcome(x, rc);
	if (!rc_ok(rc))
		exchange_refuse(x);
	if (r->wait || r->offload)
		return RAN_LATER;
	exchange_render(x);
	return RAN_DONE;
}

static void prepare(struct exchange *x)
{
	response_reset(&x->response);
	(void)rc_ok(json_put_result()); /* forgets what an earlier request of this thread lost */
	x->seq = waits_seq(x->loop->server->waits);
}

static enum ran run_one(struct exchange *x)
{
	prepare(x);
	if ((x->route->flags & HTTP_BATCH) != 0) {
		const struct request *q = &x->request;
		struct response *r = &x->response;

		x->route->batch(x->port->spec.ctx, &q, &r, 1);
		return settle(x, OK);
	}
	return settle(x, x->route->handler(x->port->spec.ctx, &x->request, &x->response));
}

static void finish_one(struct net_loop *l, struct net_task *t)
{
	struct exchange *x = (struct exchange *)t;

	_Static_assert(offsetof(struct exchange, posted) == 0, "a task is the head of its exchange");
	(void)l;
	conn_answer(x);
}

static void post_done(struct exchange *x)
{
	x->posted.run = finish_one;
	net_loop_post(x->loop->net, &x->posted);
}

/* On a worker: until the handler has answered or x is parked; then x is no longer ours. */
static void run_until_settled(struct exchange *x)
{
	for (;;) {
		if (run_one(x) == RAN_DONE) {
			post_done(x);
			return;
		}
		set_wait(x);
		x->request.attempt++;
		if (waits_park(x->loop->server->waits, x, x->response.wait_key))
			return;
	}
}

void run_again(struct exchange *x)
{
	x->request.offloaded = true;
	x->mate = NULL;
	(void)pool_submit(pool_of(x), x, true);
}

/* ---- batches on workers ---- */

static struct batch_queue *batch_of(const struct exchange *x);
static void submit_moved(struct batch_queue *q);

static void batch_returned(struct net_loop *l, struct net_task *t)
{
	struct exchange *x = (struct exchange *)t, *mate;
	struct http_loop *h = net_loop_ctx(l);
	struct batch_queue *q = batch_of(x);

	q->running--;
	submit_moved(q);
	for (; x != NULL; x = mate) {
		mate = x->mate;
		conn_answer(x);
	}
	run_batches(h);
}

static void run_mates(struct exchange *first)
{
	const struct request *q[HTTP_BATCH_MAX];
	struct response *r[HTTP_BATCH_MAX];
	struct exchange *x;
	size_t n = 0;

	for (x = first; x != NULL && n < HTTP_BATCH_MAX; x = x->mate, n++) {
		prepare(x);
		q[n] = &x->request;
		r[n] = &x->response;
	}
	first->route->batch(first->port->spec.ctx, q, r, n);
}

static void run_batch(struct exchange *first)
{
	struct exchange *x;

	run_mates(first);
	for (x = first; x != NULL; x = x->mate)
		if (settle(x, OK) == RAN_LATER) {
			(void)rc_ok(rc_fail(RC_BUG, "route %s: a batch neither waits nor moves twice",
			                    x->route->path));
			exchange_refuse(x);
			exchange_render(x);
		}
	first->posted.run = batch_returned;
	net_loop_post(first->loop->net, &first->posted);
}

void run_job(struct exchange *first)
{
	if ((first->route->flags & HTTP_BATCH) != 0)
		run_batch(first);
	else
		run_until_settled(first);
}

/* ---- on the loop ---- */

static void refuse_overload(struct exchange *x)
{
	response_reset(&x->response);
	(void)rc_ok(rc_refuse(ERR_OVERLOADED, "the queue is full"));
	exchange_refuse(x);
	exchange_render(x);
}

static struct exchange *take_batch(struct mates *m)
{
	struct exchange *first = m->first, *x = first;
	size_t n = 1;

	while (n < HTTP_BATCH_MAX && x->mate != NULL) {
		x = x->mate;
		n++;
	}
	m->first = x->mate;
	x->mate = NULL;
	return first;
}

static void add_mate(struct mates *m, struct exchange *x)
{
	x->mate = NULL;
	if (m->first == NULL)
		m->last = &m->first;
	*m->last = x;
	m->last = &x->mate;
}

static struct batch_queue *batch_of(const struct exchange *x)
{
	return &x->loop->batches[x->port->index][x->route - x->port->spec.routes];
}

static void submit_batch(struct batch_queue *q, struct exchange *first)
{
	struct exchange *x, *mate;

	if (pool_submit(pool_of(first), first, false)) {
		q->running++;
		return;
	}
	for (x = first; x != NULL; x = mate) {
		mate = x->mate;
		refuse_overload(x);
		conn_answer(x);
	}
}

/* While one batch is at a worker, the next gathers: the larger, the less each costs. */
static void submit_moved(struct batch_queue *q)
{
	while (q->moved.first != NULL && q->running < HTTP_MOVED_JOBS)
		submit_batch(q, take_batch(&q->moved));
}

/* Those that the loop cannot answer itself go on to a worker together. */
static void run_inline_batch(struct batch_queue *q, struct exchange *first)
{
	struct exchange *x, *mate;

	run_mates(first);
	for (x = first; x != NULL; x = mate) {
		mate = x->mate;
		x->mate = NULL;
		if (settle(x, OK) == RAN_DONE) {
			conn_answer(x);
			continue;
		}
		x->request.offloaded = true;
		add_mate(&q->moved, x);
	}
	submit_moved(q);
}

static bool run_batch_queue(struct batch_queue *q)
{
	bool on_loop = (q->asked.first->route->flags & HTTP_INLINE) != 0;

	if (!on_loop && q->running >= HTTP_BATCH_JOBS)
		return false;
	if (on_loop)
		run_inline_batch(q, take_batch(&q->asked));
	else
		submit_batch(q, take_batch(&q->asked));
	return q->asked.first != NULL;
}

/* Answers may bring pipelined requests into the same queues: those get their turn in the next pass. */
void run_batches(struct http_loop *l)
{
	struct http_server *s = l->server;
	bool more = false;
	size_t p, i;

	if (!l->batch_pending)
		return;
	l->batch_pending = false;
	for (p = 0; p < s->port_count; p++)
		for (i = 0; i < s->ports[p]->spec.route_count; i++)
			if (l->batches[p][i].asked.first != NULL)
				more = run_batch_queue(&l->batches[p][i]) || more;
	l->batch_pending = l->batch_pending || more;
	if (l->batch_pending)
		net_loop_again(l->net);
	/* Queues that wait for a running job are looked at when it returns. */
	for (p = 0; p < s->port_count && !l->batch_pending; p++)
		for (i = 0; i < s->ports[p]->spec.route_count && !l->batch_pending; i++)
			l->batch_pending = l->batches[p][i].asked.first != NULL;
}

static void drop_mates(struct exchange *x)
{
	struct exchange *mate;

	for (; x != NULL; x = mate) {
		mate = x->mate;
		exchange_free(x);
	}
}

void batches_drop(struct http_loop *l)
{
	struct http_server *s = l->server;
	size_t p, i;

	for (p = 0; p < s->port_count; p++)
		for (i = 0; i < s->ports[p]->spec.route_count; i++) {
			drop_mates(l->batches[p][i].asked.first);
			drop_mates(l->batches[p][i].moved.first);
		}
}

enum ran exchange_start(struct exchange *x)
{
	if ((x->route->flags & HTTP_BATCH) != 0) {
		add_mate(&batch_of(x)->asked, x);
		x->loop->batch_pending = true;
		return RAN_LATER;
	}
	if ((x->route->flags & HTTP_INLINE) != 0 && run_one(x) == RAN_DONE)
		return RAN_DONE;
	if ((x->route->flags & HTTP_INLINE) != 0 && x->response.wait) {
		set_wait(x);
		x->request.attempt++;
		if (waits_park(x->loop->server->waits, x, x->response.wait_key))
			return RAN_LATER;
	}
	x->request.offloaded = (x->route->flags & HTTP_INLINE) != 0;
	x->mate = NULL;
	if (pool_submit(pool_of(x), x, false))
		return RAN_LATER;
	refuse_overload(x);
	return RAN_DONE;
}
