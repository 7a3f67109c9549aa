/* POST /v1/requests: many requests of one caller, each on its own: known ones are answered from what is
 * there, new ones are verified, matched, led through the gate and handed to the issuer (design 9.5). */
#include "base/clock.h"
#include "ca/basis.h"
#include "ca/ca.h"
#include "ca/gate.h"
#include "ca/match.h"
#include "ca/restoration.h"
#include "ca/sign.h"
#include "http/problem.h"
#include "http/server.h"
#include "signer/client.h"
#include "signer/serial.h"
#include "sm/sm3.h"

#define RECORDS_REST_MS 1000 /* after a failed write nothing new is taken for so long (G14) */

struct entry {
	struct buf application, approval;
	struct issue *i; /* NULL: refused before it was in flight */
	bool fresh;      /* ours to finish or launch */
	bool verify;     /* new: to be checked */
	struct ca_request row;
	struct rc_text why; /* of this caller alone (i may belong to another) */
	const struct trust_authority *authority;
	struct match_request *request;
};

struct door {
	struct ca *c;
	struct trust *t;
	const struct peer *by;
	bool english;
	int64_t now;
	size_t n;
	struct entry e[CA_BATCH];
};

static void door_free(struct door *d)
{
	if (d == NULL)
		return;
	for (size_t n = 0; n < d->n; n++) {
		buf_free(&d->e[n].application);
		buf_free(&d->e[n].approval);
		match_request_free(d->e[n].request);
		if (d->e[n].i != NULL)
			flight_leave(&d->c->flights, d->e[n].i);
	}
	trust_drop(d->t);
	mem_free(d);
}
DROP(door, door_free);

/* ---- reading ---- */

static RC read_entry(const json_t *o, struct entry *e, uint8_t key[32])
{
	uint8_t hash[32];

	e->application = BUF(STATEMENT_MAX);
	e->approval = BUF(STATEMENT_MAX);
	TRY(json_only(o, "key", "application", "approval", NULL));
	TRY(json_get_hex(o, "key", key, 32));
	TRY(json_get_base64(o, "application", STATEMENT_MAX, &e->application));
	TRY(json_get_base64(o, "approval", STATEMENT_MAX, &e->approval));
	/* Before the key is looked at anywhere: nobody gets the answer of a request, or ends one that is on
	 * its way, with bytes of his own. */
	sm3_hash(buf_slice(&e->approval), hash);
	NEED(memcmp(hash, key, 32) == 0, RC_INPUT, "key is not the SM3 of the approval");
	return OK;
}

/* ---- known requests ---- */

/* The same key with other bytes is a conflict (design 9.5). */
static RC same_bytes(const struct entry *e, const struct ca_request *row)
{
	AUTO(statement, s, NULL);

	TRY(statement_open(buf_slice(&e->application), &s));
	REQUIRE(memcmp(s->sm3, row->application, 32) == 0, REQUEST_CONFLICT,
	        "the key was used for another application");
	return OK;
}

/* Finished rows answer; unfinished ones that nobody works on are taken up again. */
static RC known(struct door *d, struct db *db, struct entry *e)
{
	TRY(same_bytes(e, &e->row));
	if (e->row.state == REQUEST_ISSUED || e->row.state == REQUEST_PARTIAL) {
		e->i->row = e->row;
		e->i->stored = true;
		flight_finish(&d->c->flights, &e->i, 1, false);
		e->fresh = false;
		return OK;
	}
	TRY(ca_resume(d->c, db, &e->row, e->i, NULL));
	flight_launch(&d->c->flights, ca_queue_for(d->c, e->i), &e->i, 1);
	e->fresh = false;
	return OK;
}

static RC enter(struct door *d, struct db *db, const json_t *o, struct entry *e)
{
	uint8_t key[32];
	struct rc rc;

	TRY(read_entry(o, e, key));
	TRY(flight_join(&d->c->flights, key, &e->i, &e->fresh));
	if (!e->fresh)
		return OK;
	rc = ca_store_find(db, key, &e->row);
	if (rc_ok(rc))
		return known(d, db, e);
	if (rc.code != RC_NOTFOUND)
		return rc;
	TRY(match_open(e->i, buf_slice(&e->application), buf_slice(&e->approval)));
	e->verify = true;
	return OK;
}

/* ---- failures ---- */

/* The request is over for this caller, and for who waits for the same key. */
static void end_entry(struct door *d, struct entry *e)
{
	e->why = *rc_last();
	e->verify = false;
	if (e->i == NULL || !e->fresh)
		return;
	e->i->why = e->why;
	atomic_fetch_add(&d->c->refused, 1);
	(void)rc_ok(ca_note_refused(d->c, e->i, d->by));
	flight_finish(&d->c->flights, &e->i, 1, false);
	e->fresh = false;
}

/* ---- new requests ---- */

static RC verify_statements(struct door *d)
{
	AUTO_MEM(struct statement_check, checks, mem_new(2 * CA_BATCH, sizeof(*checks)));
	size_t n = 0, at = 0;

	NEED(checks != NULL, RC_NOMEM, "no memory");
	for (size_t j = 0; j < d->n; j++) {
		if (!d->e[j].verify)
			continue;
		checks[n++].s = d->e[j].i->application;
		checks[n++].s = d->e[j].i->approval;
	}
	if (n > 0)
		statement_verify_batch(trust_statements(d->t), d->now, checks, n);
	for (size_t j = 0; j < d->n; j++) {
		if (!d->e[j].verify)
			continue;
		for (size_t k = at; k < at + 2; k++) {
			if (rc_ok(checks[k].rc))
				continue;
			(void)rc_ok(rc_restore(&checks[k].why));
			end_entry(d, &d->e[j]);
			break;
		}
		at += 2;
	}
	return OK;
}

/* All proofs of possession at once. */
static void prove_requests(struct door *d)
{
	struct csr *todo[CA_BATCH];
	size_t n = 0;

	for (size_t j = 0; j < d->n; j++) {
		struct entry *e = &d->e[j];

		if (!e->verify)
			continue;
		if (rc_ok(match_request(e->i, &e->request)))
			todo[n++] = &e->request->csr;
		else
			end_entry(d, e);
	}
	csr_prove_batch(todo, n);
}

static void gate_of(const struct door *d, const struct issue *i, struct gate *g)
{
	uint64_t failed = atomic_load(&d->c->records_failed);
	struct cert kmc;

	*g = (struct gate){
	        .authorisation = trust_authorisation(d->t),
	        .cps = trust_cps(d->t),
	        .ra = trust_ra(d->t),
	        .profile = trust_profile(d->t, i->row.profile),
	        .institution = instance_org(d->c->in),
	        .application = i->application->body,
	        .approval = i->approval->body,
	        .entered_by = i->application->person,
	        .reviewed_by = i->approval->person,
	        .entered = i->application->issued,
	        .reviewed = i->approval->issued,
	        .caller = d->by->instance,
	        .holder = i->basis.holder,
	        .pair = i->row.pair && i->basis.kind != BASIS_EXTEND,
	        .records_failed = failed != 0 && clock_mono_ms() - failed < RECORDS_REST_MS,
	        .restored = instance_restored(d->c->in),
	        .now = d->now,
	        .latest = atomic_load(&d->c->latest),
	};
	g->kmc = d->c->kmc != NULL && rc_ok(cert_parse(trust_kmc(d->t), &kmc)) && d->now >= kmc.not_before &&
	         d->now <= kmc.not_after;
}

static RC admit(struct door *d, struct db *db, struct entry *e)
{
	struct issue *i = e->i;
	const char *org = instance_org(d->c->in);
	struct gate g;

	REQUIRE(slice_is(i->application->organisation, org) && slice_is(i->approval->organisation, org),
	        REQUEST_MISMATCH, "statements of another organisation");
	TRY(ca_basis_load(db, i));
	TRY(match_fill(i, e->request, d->t, d->now, &e->authority));
	TRY(ca_basis_check(db, i, d->now));
	REQUIRE(crl_maker_has(d->c->lists, i->row.ca), AUTHORITY_WRONG, "the key of %s is not here",
	        i->row.ca);
	gate_of(d, i, &g);
	return gate_check(&g);
}

/* Serials are the device's keyed function of the request (design 3.4): the same request gets the same. */
struct serials {
	size_t n;
	struct slice data[2 * CA_BATCH];
	uint8_t input[2 * CA_BATCH][SIGNER_SERIAL_INPUT];
	uint8_t value[2 * CA_BATCH][SIGNER_SERIAL_LEN];
};

static void serial_ask(struct serials *s, const struct issue *i, enum ca_part part)
{
	s->data[s->n] = signer_serial_input(i->row.key, i->row.spki, part == CA_ENCRYPT, s->input[s->n]);
	s->n++;
}

static RC serials(struct door *d)
{
	AUTO_MEM(struct serials, s, mem_new(1, sizeof(*s)));
	size_t at = 0;

	NEED(s != NULL, RC_NOMEM, "no memory");
	for (size_t n = 0; n < d->n; n++) {
		if (!d->e[n].verify)
			continue;
		serial_ask(s, d->e[n].i, CA_SIGN);
		serial_ask(s, d->e[n].i, CA_ENCRYPT);
	}
	for (size_t n = 0; n < s->n; n += SIGNER_BATCH)
		TRY(signer_prf(instance_signer(d->c->in), s->data + n, s->value + n,
		               s->n - n < SIGNER_BATCH ? s->n - n : SIGNER_BATCH));
	for (size_t n = 0; n < d->n; n++) {
		if (!d->e[n].verify)
			continue;
		signer_serial_take(s->value[at++], d->e[n].i->row.serial[CA_SIGN]);
		signer_serial_take(s->value[at++], d->e[n].i->row.serial[CA_ENCRYPT]);
	}
	return OK;
}

static void end_all(struct door *d)
{
	const struct rc_text why = *rc_last();

	for (size_t n = 0; n < d->n; n++) {
		(void)rc_ok(rc_restore(&why));
		if (d->e[n].verify)
			end_entry(d, &d->e[n]);
	}
}

/* What is to be signed; an extension has both keys already. */
static RC make_tbs(struct door *d, struct issue *i)
{
	struct cert old;

	TRY(match_tbs(i, d->t, CA_SIGN, buf_slice(&i->spki)));
	if (i->basis.kind != BASIS_EXTEND || !i->row.pair)
		return OK;
	TRY(cert_parse(buf_slice(&i->old_der[CA_ENCRYPT]), &old));
	return match_tbs(i, d->t, CA_ENCRYPT, old.key.spki);
}

static void process(struct door *d, struct db *db)
{
	struct issue *go[CA_BATCH];
	size_t going = 0;

	if (!rc_ok(verify_statements(d)))
		end_all(d);
	prove_requests(d);
	for (size_t n = 0; n < d->n; n++) {
		if (d->e[n].verify && !rc_ok(admit(d, db, &d->e[n])))
			end_entry(d, &d->e[n]);
	}
	if (!rc_ok(serials(d)))
		end_all(d);
	for (size_t n = 0; n < d->n; n++) {
		struct entry *e = &d->e[n];

		if (e->verify && !rc_ok(make_tbs(d, e->i)))
			end_entry(d, e);
		if (!e->verify)
			continue;
		go[going++] = e->i;
		e->fresh = false;
	}
	flight_launch(&d->c->flights, &d->c->flights.prepare, go, going);
}

/* ---- answers ---- */

static RC answer_one(struct door *d, struct db *db, struct entry *e, const json_t *o, uint64_t until,
                     json_t **ret)
{
	struct issue alone = {.why = e->why};

	if (e->why.code != RC_OK) {
		(void)rc_ok(json_get_hex(o, "key", alone.row.key, sizeof(alone.row.key)));
		return ca_result(&alone, d->english, ret);
	}
	if (flight_wait(&d->c->flights, e->i, until))
		return e->i->stored ? ca_result_row(db, &e->i->row, ret) : ca_result(e->i, d->english, ret);
	memcpy(alone.row.key, e->i->row.key, 32);
	return ca_pending(&alone.row, ret);
}

static RC answers(struct door *d, struct db *db, const json_t *requests, json_t *list)
{
	uint64_t until = clock_mono_ms() + CA_POST_MS;

	for (size_t n = 0; n < d->n; n++) {
		json_t *o = NULL;

		TRY(answer_one(d, db, &d->e[n], json_array_get(requests, n), until, &o));
		NEED(json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	}
	return OK;
}

RC ca_door(struct ca *c, const json_t *requests, const struct peer *by, bool english, json_t **ret)
{
	AUTO(door, d, mem_new(1, sizeof(*d)));
	AUTO_JSON(list, json_array());
	AUTO(db_lease, lease, NULL);

	NEED(d != NULL && list != NULL, RC_NOMEM, "no memory");
	*d = (struct door){
	        .c = c, .t = instance_trust(c->in), .by = by, .english = english, .now = clock_now()};
	NEED(json_array_size(requests) >= 1 && json_array_size(requests) <= CA_BATCH, RC_INPUT,
	     "1 to %d requests at once", CA_BATCH);
	TRY(instance_log_checked(c->in));
	TRY(ca_restoration_settled(c));
	TRY(db_pool_lease(instance_readers(c->in), &lease));
	while (d->n < json_array_size(requests)) {
		struct entry *e = &d->e[d->n];

		d->n++;
		if (!rc_ok(enter(d, lease->db, json_array_get(requests, d->n - 1), e)))
			end_entry(d, e);
	}
	process(d, lease->db);
	TRY(answers(d, lease->db, requests, list));
	*ret = MOVE(list);
	return OK;
}
