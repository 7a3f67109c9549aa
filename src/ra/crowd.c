/* Many closures that share commits, and one caller who waits for all of them. */
#include "ra/batch.h"

struct crowd {
	pthread_mutex_t lock;
	pthread_cond_t over;
	size_t left; /* under lock */
};

/* On the writer thread. */
static void item_done(struct rc rc, void *arg)
{
	struct crowd_item *i = arg;

	i->rc = rc;
	if (!rc_ok(rc))
		i->why = *rc_last();
	pthread_mutex_lock(&i->crowd->lock);
	if (--i->crowd->left == 0)
		pthread_cond_signal(&i->crowd->over);
	pthread_mutex_unlock(&i->crowd->lock);
}

static struct rc item_run(struct db_tx *tx, void *arg)
{
	struct crowd_item *i = arg;

	return i->fn(tx, i->arg);
}

static void leave_one(struct crowd_item *i)
{
	i->rc = (struct rc){rc_last()->code};
	i->why = *rc_last();
	pthread_mutex_lock(&i->crowd->lock);
	i->crowd->left--;
	pthread_mutex_unlock(&i->crowd->lock);
}

RC crowd_run(struct writer *w, struct crowd_item *items, size_t n)
{
	struct crowd c = {.left = n};

	NEED(pthread_mutex_init(&c.lock, NULL) == 0, RC_NOMEM, "no memory");
	(void)pthread_cond_init(&c.over, NULL);
	for (size_t i = 0; i < n; i++) {
		items[i].crowd = &c;
		if (!rc_ok(writer_submit(w, item_run, item_done, &items[i])))
			leave_one(&items[i]);
	}
	pthread_mutex_lock(&c.lock);
	while (c.left > 0)
		(void)pthread_cond_wait(&c.over, &c.lock);
	pthread_mutex_unlock(&c.lock);
	(void)pthread_cond_destroy(&c.over);
	(void)pthread_mutex_destroy(&c.lock);
	return OK;
}
