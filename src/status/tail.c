/* Follows the CA's log (design 4): entries in order, every leaf recomputed, applied to the store and then to
 * the table in memory.  A gap or a wrong leaf is told by alarm, and nothing is answered from this copy any
 * more. */
#include "status/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/writer.h"
#include "status/entry.h"

#include <time.h>

#define RETRY_MS 200
#define LISTS_MS 2000 /* between two looks for lists that could not be fetched */
#define LOOK_MS 20

static RC broken(struct status *s, uint64_t index, const char *why)
{
	atomic_store(&s->broken, true);
	REFUSE(FEED_BROKEN, "entry %llu: %s", (unsigned long long)index, why);
}

/* Index and leaf of one element of the answer. */
static RC check_entry(struct applying *a, const json_t *e)
{
	struct rc rc = log_entry_check(e, a->next, a->leaf);

	if (rc_last()->err == ERR_FEED_BROKEN && !rc_ok(rc))
		atomic_store(&a->s->broken, true);
	return rc;
}

/* All of the page, before anything of it is believed. */
static RC check_all(struct applying *a)
{
	for (size_t i = 0; i < json_array_size(a->entries); i++, a->next++) {
		TRY(check_entry(a, json_array_get(a->entries, i)));
		if (a->edge.size == a->next)
			tree_add(&a->edge, a->leaf);
	}
	return OK;
}

static struct rc apply(struct db_tx *tx, void *arg)
{
	struct applying *a = arg;

	for (size_t i = 0; i < json_array_size(a->entries); i++)
		TRY(entry_take(a, tx->db, json_array_get(a->entries, i)));
	if (a->edge.size == a->next)
		TRY(fork_store(tx->db, a->s, &a->edge));
	return status_store_feed_set(tx->db, instance_config(a->s->in)->ca_name, a->next, a->leaf);
}

/* In the table first: what the CA's log says is durable there, and a slow disk here shall hide no revocation.
 * What the commit then loses is read again. */
static RC take_page(struct applying *a)
{
	size_t n = json_array_size(a->entries);
	AUTO_MEM(struct table_entry, shown, mem_new(n, sizeof(*shown)));

	NEED(shown != NULL, RC_NOMEM, "no memory for changes of status");
	TRY(check_all(a));
	a->shown = shown;
	for (size_t i = 0; i < n; i++)
		TRY(entry_take(a, NULL, json_array_get(a->entries, i)));
	TRY(writer_run(instance_writer(a->s->in), apply, a));
	a->s->edge = a->edge;
	copy_took(a->s, atomic_load(&a->s->next), a->next, shown, a->count);
	atomic_store(&a->s->next, a->next);
	return OK;
}

RC tail_apply(struct status *s, const json_t *answer, size_t *n)
{
	struct applying a = {.s = s, .into = &s->table, .edge = s->edge, .next = atomic_load(&s->next)};
	int64_t size;

	TRY(json_get_array(answer, "entries", LOG_READ_MAX, &a.entries));
	TRY(json_get_int(answer, "size", 0, INT64_MAX, &size));
	*n = json_array_size(a.entries);
	if ((uint64_t)size < a.next)
		return broken(s, a.next, "the log is shorter than what we have seen of it");
	if (*n > 0)
		TRY(take_page(&a));
	if (a.next >= (uint64_t)size)
		atomic_store(&s->heard, clock_mono_ms());
	return OK;
}

/* One long poll. */
static RC poll_once(struct status *s, int wait)
{
	char path[128];
	AUTO_JSON(answer, NULL);
	size_t n = 0;
	int len = snprintf(path, sizeof(path), "/v1/log/entries?from=%llu&limit=%d&wait=%d",
	                   (unsigned long long)atomic_load(&s->next), STATUS_FEED_PAGE, wait);

	NEED(len > 0 && (size_t)len < sizeof(path), RC_BUG, "path");
	TRY(http_call_json(s->ca, &(struct http_call){.path = path, .deadline_ms = 15000}, NULL, &answer));
	return tail_apply(s, answer, &n);
}

static void nap(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

/* A CA that does not answer is asked again; one whose log is another than its head says is not believed. */
static void look_for_fork(struct status *s)
{
	struct rc rc = fork_check(s);

	if (rc.code != RC_CRYPTO)
		return;
	atomic_store(&s->broken, true);
	log_failure("fork", NULL);
	instance_alarm(s->in, "log-fork", slice_text(instance_config(s->in)->ca_name), rc_last()->text);
}

/* True: go on at once. */
static bool rebuild_some(struct status *s)
{
	bool busy = false;

	if (rc_ok(rebuild_step(s, &busy)))
		return busy;
	log_failure("status-rebuild", NULL);
	instance_alarm(s->in, "status-rebuild", slice_text(instance_config(s->in)->ca_name), rc_last()->text);
	return false;
}

static void *tail(void *arg)
{
	struct status *s = arg;
	bool down = false;

	while (!instance_ending(s->in)) {
		struct rc rc = head_follow(s);
		bool busy = rebuild_some(s);

		if (!rc_ok(rc) && !down)
			log_failure("head", NULL);
		if (atomic_load(&s->broken)) {
			if (!busy)
				nap(RETRY_MS);
			continue;
		}
		rc = poll_once(s, busy ? 0 : STATUS_FEED_WAIT);
		if (rc_ok(rc)) {
			down = false;
			copy_tend(s);
			look_for_fork(s);
			if (!atomic_load(&s->listing))
				list_refresh(s);
			continue;
		}
		if (!down && !instance_ending(s->in)) {
			log_failure("feed", NULL);
			/* a CA that is down is its own alarm; an entry that cannot be read is ours */
			if (rc.code != RC_BUSY)
				instance_alarm(s->in, "feed-broken",
				               slice_text(instance_config(s->in)->ca_name), rc_last()->text);
		}
		down = true;
		nap(RETRY_MS);
	}
	return NULL;
}

/* Lists can be large and come slowly: they hold up no revocation on its way to OCSP. */
static void *fetch_lists(void *arg)
{
	struct status *s = arg;
	uint64_t again = 0;

	while (!instance_ending(s->in)) {
		if (atomic_exchange(&s->announced, false) || clock_mono_ms() >= again) {
			list_refresh(s);
			again = clock_mono_ms() + LISTS_MS;
		}
		nap(LOOK_MS);
	}
	return NULL;
}

RC tail_start(struct status *s)
{
	AUTO(db_lease, lease, NULL);
	uint64_t next;

	TRY(db_pool_lease(instance_readers(s->in), &lease));
	TRY(status_store_feed(lease->db, instance_config(s->in)->ca_name, &next));
	TRY(copy_start(s, lease->db, next));
	TRY(fork_load(lease->db, s, next));
	TRY(head_start(s));
	atomic_store(&s->next, next);
	NEED(pthread_create(&s->tail, NULL, tail, s) == 0, RC_NOMEM, "no thread for the feed");
	s->tailing = true;
	/* without it the tail fetches them itself */
	atomic_store(&s->listing, pthread_create(&s->lister, NULL, fetch_lists, s) == 0);
	return OK;
}

void tail_stop(struct status *s)
{
	if (s->tailing)
		pthread_join(s->tail, NULL);
	s->tailing = false;
	if (atomic_exchange(&s->listing, false))
		pthread_join(s->lister, NULL);
	rebuild_stop(s);
}
