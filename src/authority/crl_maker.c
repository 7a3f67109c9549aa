#include "authority/crl_maker.h"

#include "authority/list.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/server.h"
#include "signer/client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define CRL_MEDIA "application/pkix-crl"
#define REST_FACTOR 10 /* a list that took t to make is followed by 10 t of rest */
#define RETRY_MS 500
#define CRL_SECONDS_USUAL 86400

struct authority_list {
	char id[AUTHORITY_ID_MAX + 1];
	bool revoked;     /* under lock: an emergency list is wanted */
	bool changed;     /* and a delta list */
	uint64_t rest[2]; /* clock_mono_ms() until which no full, no delta list is made */
	bool present;     /* under lock, as all below */
	int64_t this_update, next_update;
};

struct crl_maker {
	struct instance *in;
	int64_t validity;
	bool deltas;
	size_t count;
	struct authority_list list[CRL_AUTHORITIES];
	pthread_mutex_t lock, making; /* making: one list at a time */
	pthread_cond_t wake;
	pthread_t thread;
	bool running, ending;
};

static struct authority_list *find(struct crl_maker *m, const char *ca)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->list[i].id, ca) == 0)
			return &m->list[i];
	}
	return NULL;
}

/* How long a list is in force: the CPS decides; without one, lists go on all the same (requirements d.1:
 * always on). */
static int64_t validity(struct crl_maker *m)
{
	AUTO(trust, t, instance_trust(m->in));
	const struct trust_cps *cps = trust_cps(t);

	if (m->validity != 0)
		return m->validity;
	return cps->present ? cps->crl_period_seconds : CRL_SECONDS_USUAL;
}

static void published(struct crl_maker *m, struct authority_list *l, const struct crl_row *row)
{
	pthread_mutex_lock(&m->lock);
	l->present = true;
	l->this_update = row->this_update;
	l->next_update = row->next_update;
	pthread_mutex_unlock(&m->lock);
}

/* A delta list that fails is told of and tried again; the full list says it all. */
static void make_delta(struct crl_maker *m, struct authority_list *l, struct list_order *o)
{
	struct crl_row row;
	struct rc rc;

	if (!m->deltas)
		return;
	o->delta = true;
	rc = list_make(m->in, o, &row);
	if (rc_ok(rc) || rc.code == RC_NOTFOUND)
		return;
	log_failure("crl", NULL);
	instance_alarm(m->in, "crl-failed", slice_text(l->id), rc_last()->text);
	crl_maker_revoked(m, l->id);
}

enum making_kind { MAKE_DELTA, MAKE_GROW, MAKE_ANEW };

static RC make(struct crl_maker *m, struct authority_list *l, enum making_kind kind)
{
	AUTO(trust, t, instance_trust(m->in));
	struct list_order o = {.a = trust_authority(t, l->id),
	                       .validity = validity(m),
	                       .freshest = m->deltas,
	                       .grows = kind == MAKE_GROW};
	struct crl_row row;
	struct rc rc = OK;

	REQUIRE(o.a != NULL, TRUST, "there is no certificate of the authority %s", l->id);
	pthread_mutex_lock(&m->making);
	if (kind != MAKE_DELTA)
		rc = list_make(m->in, &o, &row);
	if (rc_ok(rc) && kind != MAKE_DELTA)
		published(m, l, &row);
	if (rc_ok(rc))
		make_delta(m, l, &o);
	pthread_mutex_unlock(&m->making);
	return rc;
}

/* ---- by period ---- */

/* A new list when half the time of the old one is over: it never runs out while we live. */
static int64_t due_of(const struct authority_list *l)
{
	return l->present ? l->this_update + (l->next_update - l->this_update) / 2 : 0;
}

int64_t crl_maker_due(struct crl_maker *m)
{
	int64_t due = INT64_MAX;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->count; i++) {
		if (due_of(&m->list[i]) < due)
			due = due_of(&m->list[i]);
	}
	pthread_mutex_unlock(&m->lock);
	return due;
}

static bool is_due(struct crl_maker *m, const struct authority_list *l)
{
	bool due;

	pthread_mutex_lock(&m->lock);
	due = due_of(l) <= clock_now();
	pthread_mutex_unlock(&m->lock);
	return due;
}

/* One that fails does not keep the others from their lists. */
RC crl_maker_run(struct crl_maker *m)
{
	struct rc_text why = {.code = RC_OK};

	for (size_t i = 0; i < m->count; i++) {
		if (is_due(m, &m->list[i]) && !rc_ok(make(m, &m->list[i], MAKE_ANEW)))
			why = *rc_last();
	}
	return why.code == RC_OK ? OK : rc_restore(&why);
}

/* ---- soon after a revocation ---- */

void crl_maker_revoked(struct crl_maker *m, const char *ca)
{
	struct authority_list *l = find(m, ca);

	if (l == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	l->revoked = l->changed = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
}

/* Under lock; until somebody wakes us or that time has come. */
static void wait_until(struct crl_maker *m, uint64_t ms)
{
	uint64_t now = clock_mono_ms(), left = ms > now ? ms - now : 0;
	struct timespec until;

	if (ms == UINT64_MAX) {
		pthread_cond_wait(&m->wake, &m->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(left / 1000);
	until.tv_nsec += (long)(left % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(&m->wake, &m->lock, &until);
}

/* A full list when it may be, else a delta list, which is soon made; *next is when to look again. */
static bool wanted(struct authority_list *l, uint64_t now, uint64_t *next, enum making_kind *kind)
{
	const bool wants[2] = {l->revoked, l->changed && l->present};

	for (unsigned i = 0; i < 2; i++) {
		if (!wants[i])
			continue;
		if (now >= l->rest[i]) {
			*kind = i == 0 ? MAKE_GROW : MAKE_DELTA;
			l->revoked &= i != 0;
			l->changed = false;
			return true;
		}
		if (l->rest[i] < *next)
			*next = l->rest[i];
	}
	return false;
}

/* The next list somebody waits for; NULL when the maker ends. */
static struct authority_list *next_wanted(struct crl_maker *m, enum making_kind *kind)
{
	struct authority_list *l = NULL;

	pthread_mutex_lock(&m->lock);
	while (!m->ending && l == NULL) {
		uint64_t next = UINT64_MAX;

		for (size_t i = 0; i < m->count && l == NULL; i++) {
			if (wanted(&m->list[i], clock_mono_ms(), &next, kind))
				l = &m->list[i];
		}
		if (l == NULL)
			wait_until(m, next);
	}
	if (m->ending)
		l = NULL;
	pthread_mutex_unlock(&m->lock);
	return l;
}

static void rest(struct crl_maker *m, struct authority_list *l, enum making_kind kind, uint64_t ms)
{
	uint64_t least = instance_config(m->in)->crl_delay_ms,
	         until = clock_mono_ms() + (ms > least ? ms : least);

	pthread_mutex_lock(&m->lock);
	if (kind != MAKE_DELTA)
		l->rest[0] = until;
	l->rest[1] = kind == MAKE_DELTA ? until : clock_mono_ms() + least;
	pthread_mutex_unlock(&m->lock);
}

static void *emergency(void *arg)
{
	struct crl_maker *m = arg;
	enum making_kind kind = MAKE_GROW;

	for (;;) {
		struct authority_list *l = next_wanted(m, &kind);
		uint64_t started = clock_mono_ms();

		if (l == NULL)
			return NULL;
		if (rc_ok(make(m, l, kind))) {
			rest(m, l, kind, (clock_mono_ms() - started) * REST_FACTOR);
			continue;
		}
		log_failure("crl", NULL);
		instance_alarm(m->in, "crl-failed", slice_text(l->id), rc_last()->text);
		crl_maker_revoked(m, l->id);
		rest(m, l, kind, RETRY_MS);
	}
}

/* ---- start, end, questions ---- */

static RC take_key(struct crl_maker *m, const struct trust *t, const struct key_info *k)
{
	struct authority_list *l = &m->list[m->count];
	AUTO(db_lease, lease, NULL);
	struct crl_row row;
	int64_t last;
	struct rc rc;

	REQUIRE(m->count < CRL_AUTHORITIES && strlen(k->name) <= AUTHORITY_ID_MAX, TRUST,
	        "too many authorities");
	REQUIRE(trust_authority(t, k->name) != NULL, TRUST, "there is no certificate for the key %s",
	        k->name);
	memcpy(l->id, k->name, strlen(k->name) + 1);
	m->count++;
	TRY(db_pool_lease(instance_readers(m->in), &lease));
	rc = authority_store_crl_last(lease->db, l->id, &row);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	if (list_present(m->in, l->id, &row))
		published(m, l, &row);
	/* a revocation was durable when a crash came, its list was not */
	TRY(authority_store_last_seq(lease->db, l->id, &last));
	l->revoked = l->changed = last > row.last_seq;
	return OK;
}

static RC take_keys(struct crl_maker *m, enum key_purpose purpose)
{
	AUTO_MEM(struct signer_info, info, mem_new(1, sizeof(*info)));
	AUTO(trust, t, instance_trust(m->in));

	NEED(info != NULL, RC_NOMEM, "no memory");
	TRY(signer_info(instance_signer(m->in), info));
	for (size_t i = 0; i < info->n; i++) {
		if (info->keys[i].purpose == purpose)
			TRY(take_key(m, t, &info->keys[i]));
	}
	return OK;
}

static void maker_free(struct crl_maker *m)
{
	if (m == NULL)
		return;
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->making);
	pthread_cond_destroy(&m->wake);
	mem_free(m);
}
DROP(crl_maker, maker_free);

RC crl_maker_start(struct instance *in, enum key_purpose purpose, int64_t seconds, struct crl_maker **ret)
{
	AUTO(crl_maker, m, mem_new(1, sizeof(*m)));
	pthread_condattr_t attr;

	NEED(m != NULL, RC_NOMEM, "no memory");
	m->in = in;
	m->validity = seconds;
	m->deltas = purpose == KEY_CA;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->making, NULL);
	pthread_cond_init(&m->wake, &attr);
	pthread_condattr_destroy(&attr);
	TRY(take_keys(m, purpose));
	for (size_t i = 0; i < m->count; i++) {
		if (is_due(m, &m->list[i]))
			m->list[i].revoked = true; /* the thread makes it at once */
	}
	NEED(pthread_create(&m->thread, NULL, emergency, m) == 0, RC_NOMEM, "no thread for revocation lists");
	m->running = true;
	*ret = MOVE(m);
	return OK;
}

void crl_maker_stop(struct crl_maker *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->ending = true;
	pthread_cond_broadcast(&m->wake);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->thread, NULL);
	maker_free(m);
}

bool crl_maker_has(const struct crl_maker *m, const char *ca)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->list[i].id, ca) == 0)
			return true;
	}
	return false;
}

const char *crl_maker_id(const struct crl_maker *m, size_t i)
{
	return i < m->count ? m->list[i].id : NULL;
}

RC crl_maker_ready(struct crl_maker *m)
{
	struct rc rc = OK;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->count && rc_ok(rc); i++) {
		if (!m->list[i].present || m->list[i].next_update <= clock_now())
			rc = rc_refuse(ERR_NOT_READY, "no revocation list of %s is in force", m->list[i].id);
	}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

/* An authority, or its delta list. */
static bool is_ours(struct crl_maker *m, const char *id)
{
	char delta[LIST_ID_MAX + 1];

	for (size_t i = 0; i < m->count; i++) {
		list_delta_id(m->list[i].id, delta);
		if (strcmp(m->list[i].id, id) == 0 || (m->deltas && strcmp(delta, id) == 0))
			return true;
	}
	return false;
}

/* Asked of the database: who follows the log knows of a list as soon as its row is there. */
RC crl_maker_file(struct crl_maker *m, const char *ca, char *path, size_t size, int64_t *number)
{
	AUTO(db_lease, lease, NULL);
	struct crl_row row;
	struct rc rc;

	NEED(is_ours(m, ca), RC_NOTFOUND, "no list %s here", ca);
	TRY(db_pool_lease(instance_readers(m->in), &lease));
	rc = authority_store_crl_last(lease->db, ca, &row);
	REQUIRE(rc.code != RC_NOTFOUND, NOT_READY, "the first revocation list of %s is not made yet", ca);
	TRY(rc);
	*number = row.number;
	return list_path(m->in, ca, row.number, path, size);
}

RC crl_maker_build(struct crl_maker *m, const char *ca, bool anew, struct crl_made *ret)
{
	struct authority_list *l = find(m, ca);
	uint64_t started = clock_mono_ms();
	AUTO(db_lease, lease, NULL);
	char path[LIST_PATH_MAX];
	struct crl_row row;
	struct stat st = {0};

	NEED(l != NULL, RC_NOTFOUND, "no authority %s here", ca);
	TRY(make(m, l, anew ? MAKE_ANEW : MAKE_GROW));
	ret->ms = clock_mono_ms() - started;
	TRY(db_pool_lease(instance_readers(m->in), &lease));
	TRY(authority_store_crl_last(lease->db, ca, &row));
	TRY(list_path(m->in, ca, row.number, path, sizeof(path)));
	if (stat(path, &st) == 0)
		ret->bytes = (uint64_t)st.st_size;
	ret->number = row.number;
	ret->entries = row.entries;
	ret->next_update = row.next_update;
	return OK;
}

int64_t crl_maker_left(struct crl_maker *m)
{
	int64_t left = INT64_MAX, now = clock_now();

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->count; i++) {
		int64_t one = m->list[i].present ? m->list[i].next_update - now : INT64_MIN;

		if (one < left)
			left = one;
	}
	pthread_mutex_unlock(&m->lock);
	return left;
}

RC crl_maker_answer(struct crl_maker *m, struct slice ca, struct response *r)
{
	char id[LIST_ID_MAX + 1] = "", path[LIST_PATH_MAX], tag[32];
	int64_t number;

	NEED(ca.len < sizeof(id), RC_NOTFOUND, "no such authority");
	memcpy(id, ca.p, ca.len);
	TRY(crl_maker_file(m, id, path, sizeof(path), &number));
	snprintf(tag, sizeof(tag), "%lld", (long long)number);
	response_cache(r, &(struct cache_rule){.etag = slice_text(tag)});
	return response_mapped(r, CRL_MEDIA, path, CRL_FILE_MAX);
}
