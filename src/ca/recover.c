/* Work found in the database.  Every state of the table request.c that is not final has its way on: what was
 * made durable before a crash is signed again, half pairs get their key (design 3.4, 9.7). */
#include "base/clock.h"
#include "base/log.h"
#include "ca/basis.h"
#include "ca/ca.h"
#include "ca/match.h"
#include "evidence/log.h"
#include "pki/km.h"

static RC load_km(struct db *db, int64_t id, struct km_answer **ret)
{
	AUTO(km_answer, a, km_answer_new());

	NEED(a != NULL, RC_NOMEM, "no memory");
	TRY(ca_store_km(db, id, &a->request, &a->der));
	a->id = id;
	*ret = MOVE(a);
	return OK;
}

static RC take_km(struct db *db, int64_t id, struct issue *i, struct km_answer **cache)
{
	AUTO(km_respond, m, NULL);
	const struct km_respond_item *item;

	if (cache != NULL && *cache != NULL && (*cache)->id == id)
		i->km = km_answer_hold(*cache);
	else
		TRY(load_km(db, id, &i->km));
	if (cache != NULL && *cache != i->km) {
		km_answer_drop(*cache);
		*cache = km_answer_hold(i->km);
	}
	TRY(km_respond_parse(buf_slice(&i->km->der), &m));
	item = km_respond_find(m, slice_of(i->row.serial[CA_ENCRYPT], CA_SERIAL));
	NEED(item != NULL, RC_BUG, "the stored answer of the KMC lacks the key");
	buf_add(&i->envelope, item->envelope);
	return buf_done(&i->envelope);
}

/* A half that is issued: whoever waits for the pair is given both. */
static RC take_signature(struct db *db, struct issue *i)
{
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);

	NEED(c != NULL, RC_NOMEM, "no memory");
	if (i->row.state != REQUEST_PARTIAL && i->row.state != REQUEST_PARTIAL_PREPARED)
		return OK;
	TRY(ca_store_certificate(db, i->row.ca, slice_of(i->row.serial[CA_SIGN], CA_SERIAL), c, &tbs));
	memcpy(i->signature[CA_SIGN], c->signature, c->signature_len);
	i->signature_len[CA_SIGN] = c->signature_len;
	return OK;
}

RC ca_resume(struct ca *c, struct db *db, const struct ca_request *row, struct issue *i,
             struct km_answer **cache)
{
	AUTO_BUF(application, STATEMENT_MAX);
	AUTO_BUF(approval, STATEMENT_MAX);
	struct ca_load load = {&application, &approval, {&i->tbs[CA_SIGN], &i->tbs[CA_ENCRYPT]}, 0};

	(void)c;
	i->row = *row;
	TRY(ca_store_load(db, row->id, &load));
	TRY(match_open(i, buf_slice(&application), buf_slice(&approval)));
	TRY(match_key(i));
	TRY(take_signature(db, i));
	TRY(ca_basis_load(db, i));
	return load.km != 0 ? take_km(db, load.km, i, cache) : OK;
}

struct found {
	size_t n, most;
	struct ca_request rows[CA_BATCH];
};

static struct rc collect(void *arg, const struct ca_request *r)
{
	struct found *f = arg;

	f->rows[f->n++] = *r;
	return OK;
}

/* Rows of one state after `after` into flight; those in flight already are left alone. */
static RC take_up(struct ca *c, enum request_state state, int64_t *after, struct issue **ret, size_t *n)
{
	AUTO_MEM(struct found, f, mem_new(1, sizeof(*f)));
	AUTO(db_lease, lease, NULL);
	AUTO(km_answer, cache, NULL);

	*n = 0;
	NEED(f != NULL, RC_NOMEM, "no memory");
	TRY(db_pool_lease(instance_readers(c->in), &lease));
	TRY(ca_store_each(lease->db, state, *after, CA_BATCH, collect, f));
	for (size_t j = 0; j < f->n; j++) {
		struct issue *i;
		bool fresh;

		*after = f->rows[j].id;
		/* half pairs from before a restoration may have been completed with another key (R12.5) */
		if (state == REQUEST_PARTIAL && f->rows[j].at < instance_restored(c->in))
			continue;
		TRY(flight_join(&c->flights, f->rows[j].key, &i, &fresh));
		if (!fresh) {
			flight_leave(&c->flights, i);
		} else if (rc_ok(ca_resume(c, lease->db, &f->rows[j], i, &cache))) {
			ret[(*n)++] = i;
		} else {
			log_failure("recover", NULL);
			i->why = *rc_last();
			flight_finish(&c->flights, &i, 1, true);
		}
	}
	return OK;
}

size_t ca_partials(struct ca *c, struct issue **ret)
{
	int64_t after = 0;
	size_t n;

	atomic_store(&c->partial_waiting, false);
	if (!rc_ok(take_up(c, REQUEST_PARTIAL, &after, ret, &n))) {
		log_failure("recover", NULL);
		atomic_store(&c->partial_waiting, true);
	}
	if (after != 0)
		atomic_store(&c->partial_waiting, true);
	return n;
}

static struct rc newest(const struct log_entry *e, void *arg)
{
	int64_t *at = arg;

	*at = e->at;
	return OK;
}

/* G17: business time never goes back behind the log. */
static RC latest(struct ca *c)
{
	AUTO(db_lease, lease, NULL);
	uint64_t size = log_size(instance_log(c->in));
	int64_t at = 0;

	if (size == 0)
		return OK;
	TRY(db_pool_lease(instance_readers(c->in), &lease));
	TRY(log_each(lease->db, size - 1, 1, newest, &at));
	atomic_store(&c->latest, at);
	return OK;
}

RC ca_recover(struct ca *c)
{
	static const enum request_state states[] = {REQUEST_PREPARED, REQUEST_HALF_PREPARED,
	                                            REQUEST_PARTIAL_PREPARED};
	struct issue *items[CA_BATCH];

	TRY(latest(c));
	for (size_t s = 0; s < sizeof(states) / sizeof(states[0]); s++) {
		int64_t after = 0, before = -1;
		size_t n;

		while (after != before) {
			before = after;
			TRY(take_up(c, states[s], &after, items, &n));
			/* the reference of flight_join stays with the queue */
			flight_queue(&c->flights, &c->flights.sign, items, n);
		}
	}
	atomic_store(&c->partial_waiting, true);
	atomic_store(&c->notices_waiting, true);
	return OK;
}
