#include "http/exchange.h"
#include "base/mem.h"

struct pool {
	struct pool_config config;
	pthread_mutex_t lock; /* over all below */
	pthread_cond_t ready;
	struct exchange *first, **last;
	size_t waiting; /* jobs */
	bool ending;
	unsigned count;
	pthread_t threads[HTTP_POOL_THREADS_MAX];
};

/* NULL when the pool ends and nothing is queued. */
static struct exchange *take_job(struct pool *p)
{
	struct exchange *x;

	(void)pthread_mutex_lock(&p->lock);
	while (p->first == NULL && !p->ending)
		(void)pthread_cond_wait(&p->ready, &p->lock);
	x = p->first;
	if (x != NULL) {
		p->first = x->next;
		if (p->first == NULL)
			p->last = &p->first;
		p->waiting--;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return x;
}

static void *work(void *arg)
{
	struct pool *p = arg;
	struct exchange *x;

	while ((x = take_job(p)) != NULL)
		p->config.run(x);
	return NULL;
}

RC pool_new(const struct pool_config *c, struct pool **ret)
{
	AUTO(pool, p, mem_new(1, sizeof(*p)));

	NEED(p != NULL, RC_NOMEM, "pool: no memory");
	NEED(c->threads > 0 && c->threads <= HTTP_POOL_THREADS_MAX, RC_INPUT, "pool: %u threads, 1 to %d",
	     c->threads, HTTP_POOL_THREADS_MAX);
	p->config = *c;
	p->last = &p->first;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->ready, NULL);
	for (; p->count < c->threads; p->count++)
		TRY(net_thread_start(&p->threads[p->count], work, p));
	*ret = MOVE(p);
	return OK;
}

bool pool_submit(struct pool *p, struct exchange *first, bool force)
{
	bool room;

	first->next = NULL;
	(void)pthread_mutex_lock(&p->lock);
	room = !p->ending && (force || p->waiting < p->config.queue);
	if (room) {
		*p->last = first;
		p->last = &first->next;
		p->waiting++;
	}
	(void)pthread_mutex_unlock(&p->lock);
	/* after the lock: who is woken needs it at once */
	if (room)
		(void)pthread_cond_signal(&p->ready);
	return room;
}

size_t pool_waiting(struct pool *p)
{
	size_t n;

	(void)pthread_mutex_lock(&p->lock);
	n = p->waiting;
	(void)pthread_mutex_unlock(&p->lock);
	return n;
}

void pool_stop(struct pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->ending = true;
	(void)pthread_cond_broadcast(&p->ready);
	(void)pthread_mutex_unlock(&p->lock);
	while (p->count > 0)
		(void)pthread_join(p->threads[--p->count], NULL);
}

void pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pool_stop(p);
	(void)pthread_cond_destroy(&p->ready);
	(void)pthread_mutex_destroy(&p->lock);
	mem_free(p);
}
