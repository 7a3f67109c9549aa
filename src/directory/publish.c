/* The publisher's thread: reads the log, writes what waits, waits longer when the server is away. */
#include "directory/inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/writer.h"

#include <stdio.h>
#include <time.h>

#define BATCH 64
#define TICK_MS 200u
#define WAIT_MAX_MS 30000
#define FAILURES 3         /* in a row: told by alarm */
#define REFUSED_SECONDS 60 /* before an entry that the server refused is tried again, longer each time */
#define SWEEP_SECONDS 60

struct batch {
	struct directory *d;
	struct directory_waiting at[BATCH];
	struct rc outcome[BATCH];
	bool current[BATCH];
	size_t n;
};

struct waiting {
	const char *entry;
};

bool publish_ending(const struct directory *d)
{
	return atomic_load(&d->ended) || instance_ending(d->in);
}

static struct rc put_waiting(struct db_tx *tx, void *arg)
{
	const struct waiting *w = arg;

	return directory_store_wait(tx->db, w->entry, clock_now());
}

RC publish_wait(struct directory *d, const char *entry)
{
	struct waiting w = {entry};

	return writer_run(instance_writer(d->in), put_waiting, &w);
}

static struct rc settle(struct db_tx *tx, void *arg)
{
	struct batch *b = arg;
	int64_t now = clock_now();

	for (size_t i = 0; i < b->n; i++) {
		const struct directory_waiting *w = &b->at[i];

		if (rc_ok(b->outcome[i]) && b->current[i])
			TRY(directory_store_done(tx->db, w, now));
		else if (rc_ok(b->outcome[i]))
			TRY(directory_store_again(tx->db, w, now + 1));
		else
			TRY(directory_store_again(
			        tx->db, w, now + REFUSED_SECONDS * (w->tries < 60 ? w->tries + 1 : 60)));
	}
	return OK;
}

/* Those before the one that found the server away are written. */
static RC write_batch(struct directory *d, struct db *db, struct batch *b)
{
	struct rc rc = OK;
	struct rc_text why = {0};
	size_t i;

	for (i = 0; i < b->n; i++) {
		rc = b->outcome[i] = entry_write(d, db, b->at[i].entry, &b->current[i]);
		if (rc.code == RC_BUSY || rc.code == RC_NOMEM)
			break;
		if (!rc_ok(rc))
			instance_alarm(d->in, "directory-refused", slice_text(b->at[i].entry),
			               rc_last()->text);
		else
			atomic_fetch_add(&d->written, 1);
	}
	if (i < b->n)
		why = *rc_last();
	b->n = i;
	if (i > 0)
		TRY(writer_run(instance_writer(d->in), settle, b));
	return why.code == RC_OK ? OK : rc_restore(&why);
}

static RC connected(struct directory *d)
{
	return d->link != NULL ? OK : link_open(&d->setup, &d->link);
}

static RC write_waiting(struct directory *d, size_t *n)
{
	AUTO(db_lease, lease, NULL);
	AUTO_MEM(struct batch, b, mem_new(1, sizeof(*b)));

	NEED(b != NULL, RC_NOMEM, "no memory");
	b->d = d;
	b->n = *n = BATCH;
	TRY(db_pool_lease(instance_readers(d->in), &lease));
	TRY(directory_store_due(lease->db, clock_now(), b->at, &b->n));
	*n = b->n;
	if (b->n == 0)
		return OK;
	TRY(connected(d));
	return write_batch(d, lease->db, b);
}

static RC repair(struct directory *d)
{
	unsigned long long asked = atomic_load(&d->asked);

	if (asked == atomic_load(&d->repaired))
		return OK;
	TRY(connected(d));
	TRY(repair_run(d));
	atomic_store(&d->repaired, asked);
	return OK;
}

static struct rc sweep(struct db_tx *tx, void *arg)
{
	(void)arg;
	return directory_store_expired(tx->db, clock_now());
}

static void nap(const struct directory *d, unsigned ms)
{
	static const struct timespec tick = {.tv_nsec = (long)TICK_MS * 1000000};

	for (unsigned done = 0; done < ms && !publish_ending(d); done += TICK_MS)
		nanosleep(&tick, NULL);
}

/* Told once for each outage, by log and by alarm. */
static void failed(struct directory *d, struct rc rc)
{
	unsigned ms = TICK_MS << (d->failures < 8 ? d->failures : 8);

	link_close(d->link);
	d->link = NULL;
	if (publish_ending(d))
		return;
	if (d->failures++ == 0)
		log_failure("directory", NULL);
	if (d->failures == FAILURES)
		instance_alarm(d->in, rc.code == RC_BUSY ? "directory-behind" : "directory-refused",
		               slice_text(d->setup.url), rc_last()->text);
	nap(d, ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS);
}

static RC round_of(struct directory *d, size_t *n)
{
	TRY(follow_log(d));
	TRY(repair(d));
	return write_waiting(d, n);
}

static void *publisher(void *arg)
{
	struct directory *d = arg;
	int64_t swept = 0;

	while (!publish_ending(d)) {
		size_t n = 0;
		struct rc rc = OK;

		if (clock_now() - swept >= SWEEP_SECONDS || clock_now() < swept) {
			swept = clock_now();
			rc = writer_run(instance_writer(d->in), sweep, NULL);
		}
		if (rc_ok(rc))
			rc = round_of(d, &n);
		if (!rc_ok(rc)) {
			failed(d, rc);
			continue;
		}
		d->failures = 0;
		if (n == 0)
			nap(d, TICK_MS);
	}
	return NULL;
}

/* ---- the door ---- */

void directory_repair(struct directory *d)
{
	atomic_fetch_add(&d->asked, 1);
}

RC directory_show(struct directory *d, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	json_t *r = json_object();
	int64_t waiting, since;

	json_put_take(o, "repair", r);
	TRY(db_pool_lease(instance_readers(d->in), &lease));
	TRY(directory_store_count(lease->db, &waiting, &since));
	json_put_cstr(o, "url", d->setup.url);
	json_put_cstr(o, "base", d->setup.base);
	json_put_int(o, "behind", (int64_t)(atomic_load(d->taken) - d->next));
	json_put_int(o, "waiting", waiting);
	if (waiting > 0)
		json_put_time(o, "since", since);
	json_put_int(o, "written", (int64_t)atomic_load(&d->written));
	json_put_int(r, "asked", (int64_t)atomic_load(&d->asked));
	json_put_int(r, "done", (int64_t)atomic_load(&d->repaired));
	json_put_int(r, "compared", (int64_t)atomic_load(&d->compared));
	json_put_int(r, "mended", (int64_t)atomic_load(&d->mended));
	json_put_int(r, "strangers", (int64_t)atomic_load(&d->strangers));
	TRY(json_put_result());
	*ret = MOVE(o);
	return OK;
}

/* ---- start and end ---- */

static void directory_free(struct directory *d)
{
	if (d == NULL)
		return;
	link_close(d->link);
	mem_free(d);
}
DROP(directory, directory_free);

static void set_up(struct directory *d, const struct instance_config *c)
{
	const char *dir = instance_dir(d->in);

	(void)snprintf(d->ca_file, sizeof(d->ca_file), "%s/trust/directory.pem", dir);
	(void)snprintf(d->secret, sizeof(d->secret), "%s/directory.secret", dir);
	(void)snprintf(d->certificate, sizeof(d->certificate), "%s/tls/cert.pem", dir);
	(void)snprintf(d->key, sizeof(d->key), "%s/tls/key.pem", dir);
	d->setup = (struct link_setup){.url = c->directory_url,
	                               .base = c->directory_base,
	                               .ca = d->ca_file,
	                               .bind = c->directory_bind,
	                               .secret = d->secret,
	                               .certificate = d->certificate,
	                               .key = d->key};
}

RC directory_start(struct instance *in, struct http_client *ca, const atomic_ullong *taken,
                   struct directory **ret)
{
	const struct instance_config *c = instance_config(in);
	AUTO(directory, d, mem_new(1, sizeof(*d)));
	AUTO(db_lease, lease, NULL);

	if (c->directory_url == NULL)
		return OK;
	REQUIRE(c->directory_base != NULL && strchr(c->directory_base, '=') != NULL, CONFIG,
	        "directory_url needs directory_base");
	/* the sandbox opens the port that is written there */
	REQUIRE(strrchr(c->directory_url, ':') > strchr(c->directory_url, ':'), CONFIG,
	        "directory_url needs a port");
	NEED(d != NULL, RC_NOMEM, "no memory");
	d->in = in;
	d->ca = ca;
	d->taken = taken;
	set_up(d, c);
	/* certificates of authorities are not told of by the log */
	atomic_store(&d->asked, 1);
	TRY(db_pool_lease(instance_readers(in), &lease));
	TRY(directory_store_feed(lease->db, &d->next));
	NEED(pthread_create(&d->thread, NULL, publisher, d) == 0, RC_NOMEM, "no thread for the directory");
	d->running = true;
	*ret = MOVE(d);
	return OK;
}

void directory_stop(struct directory *d)
{
	if (d == NULL)
		return;
	atomic_store(&d->ended, true);
	if (d->running)
		pthread_join(d->thread, NULL);
	directory_free(d);
}
