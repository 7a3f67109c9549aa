#include "base/mem.h"
#include "db/db.h"

#include <pthread.h>
#include <time.h>

struct db_pool {
	char *url;
	const struct db_seal *seal;
	unsigned max, made;    /* under lock */
	struct db_lease *idle; /* under lock */
	pthread_mutex_t lock;
	pthread_cond_t back;
};

RC db_pool_open(const char *url, unsigned max, struct db_pool **ret)
{
	struct db_pool *p = mem_new(1, sizeof(*p));
	pthread_condattr_t attr;

	NEED(p != NULL, RC_NOMEM, "database: out of memory");
	p->url = mem_text(url);
	p->max = max == 0 || max > DB_POOL_MAX ? DB_POOL_MAX : max;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&p->back, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (p->url == NULL) {
		db_pool_close(p);
		FAIL(RC_NOMEM, "database: out of memory");
	}
	*ret = p;
	return OK;
}

void db_pool_seal_with(struct db_pool *p, const struct db_seal *seal)
{
	p->seal = seal;
}

void db_pool_close(struct db_pool *p)
{
	struct db_lease *l, *next;

	if (p == NULL)
		return;
	for (l = p->idle; l != NULL; l = next) {
		next = l->next;
		db_close(l->db);
		mem_free(l);
	}
	(void)pthread_cond_destroy(&p->back);
	(void)pthread_mutex_destroy(&p->lock);
	mem_free(p->url);
	mem_free(p);
}

/* An idle lease, or leave (*make) to open one, or neither when the time is over. */
static struct db_lease *wait_for_one(struct db_pool *p, bool *make)
{
	struct timespec end;
	struct db_lease *l;
	int result = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += DB_POOL_WAIT_MS / 1000;
	(void)pthread_mutex_lock(&p->lock);
	while (p->idle == NULL && p->made >= p->max && result == 0)
		result = pthread_cond_timedwait(&p->back, &p->lock, &end);
	l = p->idle;
	if (l != NULL)
		p->idle = l->next;
	*make = l == NULL && p->made < p->max;
	if (*make)
		p->made++;
	(void)pthread_mutex_unlock(&p->lock);
	return l;
}

static RC make_lease(struct db_pool *p, struct db_lease **ret)
{
	struct db_lease *l = mem_new(1, sizeof(*l));
	struct rc rc;

	NEED(l != NULL, RC_NOMEM, "database: out of memory");
	l->pool = p;
	rc = db_open(p->url, true, &l->db);
	if (!rc_ok(rc)) {
		mem_free(l);
		return rc;
	}
	db_seal_with(l->db, p->seal);
	*ret = l;
	return OK;
}

RC db_pool_lease(struct db_pool *p, struct db_lease **ret)
{
	bool make;
	struct db_lease *l = wait_for_one(p, &make);
	struct rc rc = OK;

	NEED(l != NULL || make, RC_BUSY, "database: all %u readers are busy", p->max);
	if (make)
		rc = make_lease(p, &l);
	if (!rc_ok(rc)) {
		(void)pthread_mutex_lock(&p->lock);
		p->made--;
		(void)pthread_cond_signal(&p->back);
		(void)pthread_mutex_unlock(&p->lock);
		return rc;
	}
	*ret = l;
	return OK;
}

void db_lease_free(struct db_lease *l)
{
	struct db_pool *p;

	if (l == NULL)
		return;
	p = l->pool;
	(void)pthread_mutex_lock(&p->lock);
	l->next = p->idle;
	p->idle = l;
	(void)pthread_cond_signal(&p->back);
	(void)pthread_mutex_unlock(&p->lock);
}
