/* Revocation, suspension and release: never waits for gate, issuer or KMC (requirements d.1, "always on").
 * Effective when durable; the list and the log's followers learn of it at once. */
#include "ca/revoke.h"

#include "base/clock.h"
#include "ca/store_follow.h"
#include "evidence/log.h"
#include "pki/cert.h"

static const enum life_event life_events[ORDER_EVENTS] = {
        [ORDER_REVOKE] = LIFE_REVOKE,
        [ORDER_HOLD] = LIFE_HOLD,
        [ORDER_RELEASE] = LIFE_RELEASE,
};

/* ---- state ---- */

RC ca_life(struct db *db, const struct ca_certificate *c, int64_t now, enum life_state *ret,
           struct revocation *last)
{
	struct slice serial = slice_of(c->request.serial[c->part], CA_SERIAL);
	/* acceptance is the RA's knowledge: what was issued may be used, and may be ended */
	struct life_facts f = {.accepted = true, .not_after = c->request.not_after};
	struct rc rc = authority_store_last_event(db, c->request.ca, serial, last);

	if (rc.code == RC_NOTFOUND) {
		*last = (struct revocation){.serial = serial, .event = ORDER_RELEASE};
	} else {
		TRY(rc);
		f.held = last->event == ORDER_HOLD;
		f.revoked = last->event == ORDER_REVOKE;
	}
	TRY(ca_store_followed(db, c->request.ca, slice_of(c->request.serial[CA_SIGN], CA_SERIAL),
	                      &f.superseded));
	*ret = life_of(&f, now);
	return OK;
}

/* ---- who ---- */

/* The certificate that a subscriber signed with, if this CA made it and it still counts.  A key that is out
 * of control must end its own certificate, and must not end others. */
static RC signer_counts(struct revoking *v, struct db *db, const struct ca_certificate *c)
{
	AUTO_MEM(struct ca_certificate, own, mem_new(1, sizeof(*own)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	enum life_state state;
	struct revocation last;
	struct cert cert;

	NEED(own != NULL, RC_NOMEM, "no memory");
	TRY(cert_parse(v->s->certificate, &cert));
	if (slice_equal(cert.serial, slice_of(c->request.serial[CA_SIGN], CA_SERIAL)))
		return OK;
	TRY(ca_store_certificate(db, v->order.ca, cert.serial, own, &tbs));
	TRY(ca_life(db, own, v->now, &state, &last));
	REQUIRE(state != LIFE_REVOKED && state != LIFE_ON_HOLD, PEER, "signed with a certificate that is %s",
	        life_state_name(state));
	return OK;
}

/* A holder may only end certificates of his own entity; officers those of their institution. */
static RC entitled(struct revoking *v, struct db *db, const struct ca_certificate *c)
{
	if (!slice_is(v->s->role, "subscriber"))
		return OK;
	REQUIRE(slice_is(v->s->person, c->request.entity), PEER,
	        "a subscriber revokes only own certificates");
	return signer_counts(v, db, c);
}

/* ---- one certificate ---- */

static RC log_event(struct ca *c, struct db_tx *tx, const struct ca_certificate *cert,
                    const struct revocation *r, const uint8_t statement[32])
{
	AUTO_JSON(o, json_object());
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(r->serial, serial);
	json_put_cstr(o, "ca", cert->request.ca);
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "at", r->at);
	if (r->since != r->at)
		json_put_time(o, "since", r->since);
	if (r->event != ORDER_RELEASE)
		json_put_cstr(o, "reason", crl_reason_name((enum crl_reason)r->reason));
	if (r->has_ground)
		json_put_cstr(o, "ground", order_ground_name(r->ground));
	if (r->has_reported)
		json_put_time(o, "reported", r->reported);
	if (r->has_invalidity)
		json_put_time(o, "invalidity", r->invalidity);
	json_put_hex(o, "request", SLICE_ARR(cert->request.key));
	json_put_hex(o, "statement", slice_of(statement, 32));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(c->in), tx, r->event == ORDER_RELEASE ? "released" : "revoked", o,
	                  NULL, NULL);
}

static RC write_event(struct ca *c, struct db_tx *tx, struct ca_certificate *cert, struct revocation *r,
                      const struct statement *s)
{
	r->expires = cert->request.not_after;
	TRY(authority_store_event(tx->db, cert->request.ca, r, buf_slice(&s->der)));
	if (r->event == ORDER_REVOKE) {
		TRY(ca_store_revoke(tx->db, cert->request.ca, r->serial, cert));
		if (cert->part == CA_ENCRYPT)
			TRY(ca_store_notice_put(tx->db, r->serial, r->at));
	}
	return log_event(c, tx, cert, r, s->sm3);
}

static void keep(struct revoking *v, const struct revocation *r)
{
	struct revoked_one *one = &v->done[v->n++];

	one->r = *r;
	memcpy(one->serial, r->serial.p, r->serial.len);
	one->r.serial = slice_of(one->serial, r->serial.len);
}

/* Nothing is written before everything that can be refused was asked. */
static RC apply_named(struct ca *c, struct db_tx *tx, struct revoking *v, struct ca_certificate *cert)
{
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	struct slice serial = slice_of(v->order.serial, v->order.serial_len);
	struct revocation last, r;
	enum life_state state, to;

	TRY(ca_store_certificate(tx->db, v->order.ca, serial, cert, &tbs));
	/* the same statement again gets the same answer (design 9.5), also when it was lifted since */
	v->known = rc_ok(authority_store_made_by(tx->db, v->order.ca, serial, buf_slice(&v->s->der), &r));
	if (v->known) {
		keep(v, &r);
		return OK;
	}
	TRY(entitled(v, tx->db, cert));
	TRY(ca_life(tx->db, cert, v->now, &state, &last));
	TRY(life_next(state, life_events[v->order.event], &to));
	REQUIRE(v->order.event != ORDER_RELEASE || v->s->issued + STATEMENT_SKEW >= last.at,
	        CERTIFICATE_STATE, "the release was signed before the hold that it would lift");
	r = v->r;
	r.serial = serial;
	TRY(write_event(c, tx, cert, &r, v->s));
	keep(v, &r);
	return OK;
}

/* The other of the pair goes the same way, if it is there and can. */
static RC apply_other(struct ca *c, struct db_tx *tx, struct revoking *v, const struct ca_certificate *named)
{
	AUTO_MEM(struct ca_certificate, cert, mem_new(1, sizeof(*cert)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	enum ca_part part = named->part == CA_SIGN ? CA_ENCRYPT : CA_SIGN;
	struct slice serial = slice_of(named->request.serial[part], CA_SERIAL);
	struct revocation last, r = v->r;
	enum life_state state, to;
	struct rc rc;

	NEED(cert != NULL, RC_NOMEM, "no memory");
	rc = ca_store_certificate(tx->db, v->order.ca, serial, cert, &tbs);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	if (v->known) {
		if (rc_ok(authority_store_made_by(tx->db, v->order.ca, serial, buf_slice(&v->s->der), &r)))
			keep(v, &r);
		return OK;
	}
	TRY(ca_life(tx->db, cert, v->now, &state, &last));
	if (!rc_ok(life_next(state, life_events[v->order.event], &to)))
		return OK;
	r.serial = serial;
	TRY(write_event(c, tx, cert, &r, v->s));
	keep(v, &r);
	return OK;
}

static RC apply(struct ca *c, struct db_tx *tx, struct revoking *v, bool by_cps)
{
	AUTO_MEM(struct ca_certificate, cert, mem_new(1, sizeof(*cert)));
	const struct order *o = &v->order;
	bool pair = o->scope == ORDER_BY_CPS ? by_cps : o->scope == ORDER_PAIR;

	NEED(cert != NULL, RC_NOMEM, "no memory");
	v->n = 0;
	v->now = clock_now();
	v->r = (struct revocation){
	        .event = o->event,
	        .at = v->now,
	        .reason = (int)o->reason,
	        .has_invalidity = o->has_invalidity,
	        .invalidity = o->invalidity,
	        .has_reported = o->has_reported,
	        .reported = o->reported,
	        .has_ground = true,
	        .ground = o->ground,
	};
	TRY(apply_named(c, tx, v, cert));
	return pair && cert->request.pair ? apply_other(c, tx, v, cert) : OK;
}

/* ---- a batch in one transaction, each with its own outcome ---- */

struct batch {
	struct ca *c;
	struct revoking *at;
	size_t n;
	bool pair;
};

static bool is_outcome(enum rc_code code)
{
	return code == RC_INPUT || code == RC_DENIED || code == RC_NOTFOUND || code == RC_CONFLICT;
}

static struct rc batch_write(struct db_tx *tx, void *arg)
{
	struct batch *b = arg;

	for (size_t i = 0; i < b->n; i++) {
		struct revoking *v = &b->at[i];
		struct rc rc;

		if (v->why.code != RC_OK && !v->asked)
			continue;
		v->asked = true;
		v->why = (struct rc_text){.code = RC_OK};
		rc = apply(b->c, tx, v, b->pair);
		if (!rc_ok(rc) && !is_outcome(rc.code))
			return rc;
		if (!rc_ok(rc))
			v->why = *rc_last();
	}
	return OK;
}

static RC open_one(struct ca *c, struct slice der, struct revoking *v)
{
	TRY(statement_open(der, &v->s));
	NEED(v->s->kind == STATEMENT_REVOCATION, RC_INPUT, "not a revocation");
	REQUIRE(slice_is(v->s->organisation, instance_org(c->in)), PEER, "only officers of %s revoke here",
	        instance_org(c->in));
	return OK;
}

/* Signatures of all of them at once; then what each says. */
static RC verify(const struct trust *t, struct revoking *at, size_t n)
{
	AUTO_MEM(struct statement_check, checks, mem_new(n, sizeof(*checks)));
	size_t count = 0, next = 0;

	NEED(checks != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		if (at[i].why.code == RC_OK)
			checks[count++].s = at[i].s;
	}
	statement_verify_batch(trust_statements(t), clock_now(), checks, count);
	for (size_t i = 0; i < n; i++) {
		const struct statement_check *k;

		if (at[i].why.code != RC_OK)
			continue;
		k = &checks[next++];
		if (!rc_ok(k->rc))
			at[i].why = k->why;
		else if (!rc_ok(order_read(at[i].s, &at[i].order)))
			at[i].why = *rc_last();
	}
	return OK;
}

static void tell(struct ca *c, const struct revoking *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i].why.code != RC_OK || at[i].known)
			continue;
		if (at[i].order.event == ORDER_REVOKE) {
			atomic_fetch_add(&c->revoked, 1);
			atomic_store(&c->notices_waiting, true);
		}
		crl_maker_revoked(c->lists, at[i].order.ca);
	}
}

RC ca_revoke_batch(struct ca *c, const struct slice *statements, struct revoking *at, size_t n)
{
	AUTO(trust, t, instance_trust(c->in));
	struct batch b = {.c = c, .at = at, .n = n, .pair = trust_cps(t)->revoke_pair};

	for (size_t i = 0; i < n; i++) {
		at[i] = (struct revoking){.why = {.code = RC_OK}};
		if (!rc_ok(open_one(c, statements[i], &at[i])))
			at[i].why = *rc_last();
	}
	TRY(verify(t, at, n));
	TRY(writer_run_first(instance_writer(c->in), batch_write, &b));
	tell(c, at, n);
	return OK;
}

void ca_revoke_free(struct revoking *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		statement_free(at[i].s);
}

/* ---- answers ---- */

static void put_event(json_t *o, const struct revocation *r)
{
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(r->serial, serial);
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "at", r->at);
	if (r->event != ORDER_RELEASE)
		json_put_time(o, "revoked_at", r->since);
	json_put_cstr(o, "state",
	              r->event == ORDER_REVOKE ? "revoked"
	              : r->event == ORDER_HOLD ? "on-hold"
	                                       : "active");
}

RC ca_revoke_answer(const struct revoking *v, json_t **ret)
{
	json_t *o = json_object(), *pair = json_object();

	json_put_cstr(o, "ca", v->order.ca);
	put_event(o, &v->done[0].r);
	json_put_cstr(o, "ground", order_ground_name(v->order.ground));
	if (v->order.has_reported)
		json_put_time(o, "reported", v->order.reported);
	if (v->n > 1) {
		put_event(pair, &v->done[1].r);
		json_put_take(o, "pair", json_incref(pair));
	}
	json_decref(pair);
	*ret = o;
	return json_put_result();
}

RC ca_revoke(struct ca *c, struct slice statement, json_t **ret)
{
	AUTO_MEM(struct revoking, v, mem_new(1, sizeof(*v)));
	struct rc rc;

	NEED(v != NULL, RC_NOMEM, "no memory");
	rc = ca_revoke_batch(c, &statement, v, 1);
	if (rc_ok(rc) && v->why.code != RC_OK)
		rc = rc_restore(&v->why);
	if (rc_ok(rc))
		rc = ca_revoke_answer(v, ret);
	ca_revoke_free(v, 1);
	return rc;
}

/* ---- half pairs ---- */

/* The encryption certificate came after its pair was stopped or ended: it goes the same way, in the
 * transaction that makes it. */
RC ca_revoke_late(struct ca *c, struct db_tx *tx, const struct ca_request *row)
{
	AUTO_MEM(struct ca_certificate, cert, mem_new(1, sizeof(*cert)));
	AUTO_BUF(der, AUTHORITY_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	struct slice sign = slice_of(row->serial[CA_SIGN], CA_SERIAL);
	struct revocation r;
	struct rc rc = authority_store_last_event(tx->db, row->ca, sign, &r);

	if (rc.code == RC_NOTFOUND || (rc_ok(rc) && r.event == ORDER_RELEASE))
		return OK;
	TRY(rc);
	NEED(cert != NULL, RC_NOMEM, "no memory");
	TRY(authority_store_statement(tx->db, row->ca, sign, &der));
	TRY(statement_open(buf_slice(&der), &s));
	*cert = (struct ca_certificate){.request = *row, .part = CA_ENCRYPT};
	r.serial = slice_of(row->serial[CA_ENCRYPT], CA_SERIAL);
	r.at = clock_now();
	TRY(write_event(c, tx, cert, &r, s));
	crl_maker_revoked(c->lists, row->ca);
	return OK;
}
