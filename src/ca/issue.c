/* The issuer: two stages, each a thread that takes what has gathered (at most CA_BATCH) and works on it as a
 * whole, so that the cost of a commit, a signer frame and a message to the KMC is shared.
 *   prepare   KMC's keys, then statements and TBS durable (transaction A)
 *   sign      signer, then signatures and log entries durable (transaction B), then answers
 * Nothing is signed that is not durable, nothing is answered that is not durable (design 3.4). */
#include "base/clock.h"
#include "base/log.h"
#include "ca/basis.h"
#include "ca/ca.h"
#include "ca/sign.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "http/server.h"

#define SIGN_QUEUE (2 * CA_BATCH) /* prepared and waiting: more and the first stage rests */
#define IDLE_MS 250
#define PARTIAL_REST_MS 2000 /* before a half pair whose key did not come is tried again */

/* ---- first stage ---- */

struct preparing {
	struct ca *c;
	struct issue **items;
	size_t n;
	enum request_state next[CA_BATCH];
	bool refused[CA_BATCH];
	struct rc_text why[CA_BATCH];
};

static enum request_event event_of(const struct issue *i)
{
	if (i->row.state == REQUEST_PARTIAL)
		return REQUEST_KEY_CAME;
	return i->row.pair && i->km == NULL && i->basis.kind != BASIS_EXTEND ? REQUEST_PREPARE_HALF
	                                                                     : REQUEST_PREPARE;
}

/* One KMRespond is shared by many: stored with the first of them. */
static RC put_km(struct db_tx *tx, struct issue *i)
{
	if (i->km == NULL || i->km->id != 0)
		return OK;
	return ca_store_km_put(tx->db, buf_slice(&i->km->request), buf_slice(&i->km->der), clock_now(),
	                       &i->km->id);
}

static RC put_new(struct db_tx *tx, struct issue *i, enum request_state next)
{
	struct ca_bytes b = {
	        .application = buf_slice(&i->application->der),
	        .approval = buf_slice(&i->approval->der),
	        .tbs = {buf_slice(&i->tbs[CA_SIGN]), buf_slice(&i->tbs[CA_ENCRYPT])},
	        .km = i->km != NULL ? i->km->id : 0,
	};
	struct ca_request row = i->row;

	if (b.tbs[CA_ENCRYPT].len == 0)
		b.tbs[CA_ENCRYPT] = SLICE_NONE;
	row.state = next;
	TRY(ca_basis_key(tx->db, i));
	TRY(ca_store_put(tx->db, &row, &b));
	TRY(ca_basis_put(tx->db, i, row.id));
	i->row.id = row.id;
	return i->km != NULL ? ca_store_encrypt_key_put(tx->db, i->encrypt_spki, row.id) : OK;
}

static RC put_key(struct db_tx *tx, struct issue *i, enum request_state next)
{
	TRY(ca_store_encrypt_key_put(tx->db, i->encrypt_spki, i->row.id));
	TRY(ca_store_encrypt(tx->db, i->row.id, buf_slice(&i->tbs[CA_ENCRYPT]), i->km->id));
	return ca_store_move(tx->db, i->row.id, i->row.state, next);
}

static RC prepare_one(struct db_tx *tx, struct preparing *p, size_t n)
{
	struct issue *i = p->items[n];

	TRY(request_next(i->row.state, event_of(i), &p->next[n]));
	TRY(put_km(tx, i));
	return i->row.state == REQUEST_PARTIAL ? put_key(tx, i, p->next[n]) : put_new(tx, i, p->next[n]);
}

/* A key that is taken concerns its own request alone and writes nothing; any other failure ends the batch. */
static struct rc prepare_write(struct db_tx *tx, void *arg)
{
	struct preparing *p = arg;

	for (size_t n = 0; n < p->n; n++) {
		struct rc rc = prepare_one(tx, p, n);

		p->refused[n] = !rc_ok(rc) &&
		                (rc_last()->err == ERR_SAME_KEY || rc_last()->err == ERR_CERTIFICATE_STATE);
		if (p->refused[n])
			p->why[n] = *rc_last();
		else if (!rc_ok(rc))
			return rc;
	}
	return OK;
}

/* The rows of a failed transaction are not there. */
static void forget_ids(struct preparing *p)
{
	for (size_t n = 0; n < p->n; n++) {
		if (p->items[n]->km != NULL)
			p->items[n]->km->id = 0;
		if (p->items[n]->row.state == REQUEST_NONE)
			p->items[n]->row.id = 0;
	}
}

static void all_failed(struct ca *c, struct issue **items, size_t n)
{
	for (size_t j = 0; j < n; j++)
		items[j]->why = *rc_last();
	flight_finish(&c->flights, items, n, true);
}

/* Splits what may go on from what has ended. */
static void hand_over(struct preparing *p)
{
	struct issue *go[CA_BATCH], *end[CA_BATCH];
	size_t going = 0, ended = 0;

	for (size_t n = 0; n < p->n; n++) {
		struct issue *i = p->items[n];

		if (p->refused[n]) {
			i->why = p->why[n];
			atomic_fetch_add(&p->c->refused, 1);
			(void)rc_ok(ca_note_refused(p->c, i, NULL));
			end[ended++] = i;
			continue;
		}
		i->row.state = p->next[n];
		go[going++] = i;
	}
	flight_finish(&p->c->flights, end, ended, true);
	flight_queue(&p->c->flights, &p->c->flights.sign, go, going);
}

/* Half pairs whose key did not come stay what they are. */
static size_t drop_keyless(struct ca *c, struct issue **items, size_t n)
{
	size_t kept = 0;

	for (size_t j = 0; j < n; j++) {
		if (items[j]->row.state == REQUEST_PARTIAL && items[j]->km == NULL)
			flight_finish(&c->flights, &items[j], 1, true);
		else
			items[kept++] = items[j];
	}
	if (kept < n)
		c->partial_after = clock_mono_ms() + PARTIAL_REST_MS;
	return kept;
}

static void prepare(struct ca *c, struct issue **items, size_t n)
{
	AUTO_MEM(struct preparing, p, mem_new(1, sizeof(*p)));
	struct rc rc;

	ca_km_apply(c, items, n);
	n = drop_keyless(c, items, n);
	if (n == 0)
		return;
	if (p == NULL) {
		(void)rc_ok(rc_fail(RC_NOMEM, "no memory"));
		all_failed(c, items, n);
		return;
	}
	*p = (struct preparing){.c = c, .items = items, .n = n};
	rc = writer_run(instance_writer(c->in), prepare_write, p);
	if (rc_ok(rc)) {
		atomic_store(&c->latest, clock_now());
		hand_over(p);
		return;
	}
	log_failure("prepare", NULL);
	atomic_store(&c->records_failed, clock_mono_ms());
	forget_ids(p);
	all_failed(c, items, n);
}

/* The KMC owes keys to half pairs and ears to notices; only when nothing new waits. */
static void catch_up(struct ca *c)
{
	struct issue *items[CA_BATCH];
	size_t n;

	if (!ca_km_answers(c) || c->kmc == NULL)
		return;
	if (atomic_load(&c->partial_waiting) && clock_mono_ms() >= c->partial_after) {
		n = ca_partials(c, items);
		if (n > 0)
			prepare(c, items, n);
	}
	if (atomic_load(&c->notices_waiting))
		ca_km_notices(c);
}

static void *prepare_loop(void *arg)
{
	struct ca *c = arg;
	struct issue *items[CA_BATCH];

	while (!flight_ending(&c->flights)) {
		size_t n = flight_take(&c->flights, &c->flights.prepare, items, IDLE_MS);

		if (n > 0)
			prepare(c, items, n);
		else
			catch_up(c);
		flight_room(&c->flights, &c->flights.sign, SIGN_QUEUE);
	}
	return NULL;
}

/* ---- second stage ---- */

static void *sign_loop(void *arg)
{
	struct ca *c = arg;
	struct issue *items[CA_BATCH];
	struct signing *room = ca_signing_new();

	while (room != NULL && !flight_ending(&c->flights)) {
		size_t n = flight_take(&c->flights, &c->flights.sign, items, IDLE_MS);

		if (n > 0)
			ca_sign(c, room, items, n);
	}
	if (room == NULL)
		instance_alarm(c->in, "no-memory", slice_text(instance_name(c->in)), "nothing can be signed");
	ca_signing_free(room);
	return NULL;
}

/* ---- both ---- */

struct issue_queue *ca_queue_for(struct ca *c, const struct issue *i)
{
	return i->row.state == REQUEST_NONE || i->row.state == REQUEST_PARTIAL ? &c->flights.prepare
	                                                                       : &c->flights.sign;
}

RC ca_issuer_start(struct ca *c)
{
	NEED(pthread_create(&c->signer, NULL, sign_loop, c) == 0, RC_NOMEM, "no thread for signing");
	c->signing = true;
	NEED(pthread_create(&c->preparer, NULL, prepare_loop, c) == 0, RC_NOMEM, "no thread for preparing");
	c->preparing = true;
	return OK;
}

void ca_issuer_stop(struct ca *c)
{
	flight_end(&c->flights);
	if (c->signing)
		pthread_join(c->signer, NULL);
	if (c->preparing)
		pthread_join(c->preparer, NULL);
	c->signing = c->preparing = false;
}
