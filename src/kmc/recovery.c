#include "kmc/recovery.h"

#include "base/clock.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "sm/sm3.h"

/* ---- opening what came ---- */

static RC open_verified(struct kmc *k, struct slice der, enum statement_kind kind, struct statement **ret)
{
	AUTO(trust, t, instance_trust(k->in));
	AUTO(statement, s, NULL);

	TRY(statement_open(der, &s));
	NEED(s->kind == kind, RC_INPUT, "a statement of kind %s has no place here",
	     statement_kind_name(s->kind));
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	*ret = MOVE(s);
	return OK;
}

/* SM3 of the name of the CA that calls, as the stores know it. */
static RC caller(struct kmc *k, const struct peer *p, uint8_t ca[32])
{
	AUTO(trust, t, instance_trust(k->in));
	struct slice comm = trust_ca_comm_of(t, p->org);
	struct cert c;

	REQUIRE(comm.len > 0, KM_CA, "%s is not registered here", p->instance);
	TRY(cert_parse(comm, &c));
	sm3_hash(c.subject, ca);
	return OK;
}

/* ---- a case ---- */

struct taking {
	struct kmc *k;
	struct kmc_case c;
	struct statement *s, *review;
};

static RC log_case(struct kmc *k, struct db_tx *tx, const char *kind, const char *id,
                   const struct statement *s)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", id);
	json_put_text(o, "by", s->person);
	json_put_text(o, "organisation", s->organisation);
	json_put_hex(o, "statement", SLICE_ARR(s->sm3));
	if (s->kind == STATEMENT_RECOVERY) {
		json_put_take(o, "case", json_incref(json_object_get(s->body, "case")));
		json_put_take(o, "reason", json_incref(json_object_get(s->body, "reason")));
		json_put_take(o, "keys", json_incref(json_object_get(s->body, "keys")));
	} else {
		json_put_take(o, "approve", json_incref(json_object_get(s->body, "approve")));
	}
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(k->in), tx, kind, o, NULL, NULL);
}

static struct rc take_write(struct db_tx *tx, void *arg)
{
	struct taking *t = arg;
	struct kmc_case known;

	if (rc_ok(kmc_store_case(tx->db, t->c.id, &known, NULL, NULL)))
		return OK;
	TRY(kmc_store_case_put(tx->db, &t->c));
	TRY(log_case(t->k, tx, "recovery-case", t->c.id, t->s));
	return log_case(t->k, tx, "recovery-reviewed", t->c.id, t->review);
}

static RC take(struct taking *t, const struct peer *by)
{
	AUTO_MEM(struct recovery, r, mem_new(1, sizeof(*r)));

	NEED(r != NULL, RC_NOMEM, "no memory");
	TRY(recovery_read(t->s, r));
	TRY(recovery_reviewed(r, t->s, t->review));
	REQUIRE(slice_is(t->s->organisation, by->org), RECOVERY, "the case is not of the CA that brings it");
	TRY(caller(t->k, by, t->c.ca));
	memcpy(t->c.id, r->id, sizeof(t->c.id));
	memcpy(t->c.spki, r->spki, sizeof(t->c.spki));
	(void)snprintf(t->c.organisation, sizeof(t->c.organisation), "%s", by->org);
	t->c.statement = buf_slice(&t->s->der);
	t->c.review = buf_slice(&t->review->der);
	t->c.at = clock_now();
	return writer_run(instance_writer(t->k->in), take_write, t);
}

static RC read_two(const struct request *q, struct buf *statement, struct buf *review)
{
	AUTO_JSON(body, NULL);

	TRY(request_json(q, &body));
	TRY(json_only(body, "recovery", "decision", NULL));
	TRY(json_get_base64(body, "recovery", KMC_STATEMENT_MAX, statement));
	return json_get_base64(body, "decision", KMC_STATEMENT_MAX, review);
}

RC kmc_case_take(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct taking, t, mem_new(1, sizeof(*t)));
	AUTO_BUF(statement, KMC_STATEMENT_MAX);
	AUTO_BUF(review, KMC_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	AUTO(statement, r, NULL);

	NEED(t != NULL, RC_NOMEM, "no memory");
	TRY(read_two(q, &statement, &review));
	TRY(open_verified(k, buf_slice(&statement), STATEMENT_RECOVERY, &s));
	TRY(open_verified(k, buf_slice(&review), STATEMENT_RECOVERY_DECISION, &r));
	*t = (struct taking){.k = k, .s = s, .review = r};
	TRY(take(t, q->peer));
	*ret = json_object();
	json_put_cstr(*ret, "id", t->c.id);
	return json_put_result();
}

/* ---- an agent's decision ---- */

struct deciding {
	struct kmc *k;
	const struct statement *s;
	char id[RECOVERY_ID + 1];
	struct kmc_decision d;
};

static struct rc decide_write(struct db_tx *tx, void *arg)
{
	struct deciding *d = arg;

	TRY(kmc_store_decision_put(tx->db, d->id, &d->d));
	return log_case(d->k, tx, "recovery-decided", d->id, d->s);
}

/* A natural person once, and nobody on a case that is his own. */
static RC check_agent(const struct deciding *d, const struct statement *s, const struct statement *review,
                      const struct recovery *r)
{
	REQUIRE(!slice_equal(d->s->person, s->person) && !slice_equal(d->s->person, review->person) &&
	                !slice_is(d->s->person, r->entity),
	        RECOVERY_PERSONS, "the agent has asked for it or is its holder");
	return OK;
}

static RC decide(struct deciding *d)
{
	AUTO_MEM(struct recovery, r, mem_new(1, sizeof(*r)));
	AUTO_MEM(struct kmc_case, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(statement, KMC_STATEMENT_MAX);
	AUTO_BUF(review, KMC_STATEMENT_MAX);
	AUTO(statement, first, NULL);
	AUTO(statement, second, NULL);
	AUTO(db_lease, lease, NULL);

	NEED(r != NULL && c != NULL, RC_NOMEM, "no memory");
	TRY(db_pool_lease(instance_readers(d->k->in), &lease));
	TRY(kmc_store_case(lease->db, d->id, c, &statement, &review));
	TRY(statement_open(buf_slice(&statement), &first));
	TRY(statement_open(buf_slice(&review), &second));
	TRY(recovery_read(first, r));
	TRY(recovery_decision(r, d->s, &d->d.approve));
	TRY(check_agent(d, first, second, r));
	d->d.statement = buf_slice(&d->s->der);
	d->d.at = clock_now();
	return writer_run(instance_writer(d->k->in), decide_write, d);
}

static RC id_of(const struct request *q, char ret[RECOVERY_ID + 1])
{
	struct slice id = request_param(q, "id");

	NEED(id.len == RECOVERY_ID, RC_NOTFOUND, "there is no such recovery case");
	memcpy(ret, id.p, RECOVERY_ID);
	ret[RECOVERY_ID] = '\0';
	return OK;
}

RC kmc_case_decide(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	struct deciding d = {.k = k};

	TRY(id_of(q, d.id));
	TRY(open_verified(k, q->body, STATEMENT_RECOVERY_DECISION, &s));
	REQUIRE(slice_is(s->organisation, instance_org(k->in)) && slice_is(s->role, "recovery"),
	        STATEMENT_ROLE, "recovery agents of %s decide here", instance_org(k->in));
	REQUIRE(slice_is(s->person, q->peer->person), OTHER_SIGNER, "signed by %.*s", (int)s->person.len,
	        (const char *)s->person.p);
	(void)snprintf(d.d.person, sizeof(d.d.person), "%s", q->peer->person);
	d.s = s;
	TRY(decide(&d));
	return kmc_case_show(k, q, ret);
}

/* ---- showing ---- */

static struct rc count_one(void *arg, const struct kmc_decision *d)
{
	int64_t *n = arg;

	n[d->approve ? 0 : 1]++;
	return OK;
}

static RC put_case(struct db *db, const struct kmc_case *c, json_t *o)
{
	int64_t n[2] = {0};

	TRY(kmc_store_decision_each(db, c->id, count_one, n));
	json_put_cstr(o, "id", c->id);
	json_put_cstr(o, "organisation", c->organisation);
	json_put_time(o, "at", c->at);
	json_put_int(o, "approvals", n[0]);
	json_put_int(o, "refusals", n[1]);
	return json_put_result();
}

RC kmc_case_show(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct kmc_case, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(statement, KMC_STATEMENT_MAX);
	AUTO_BUF(review, KMC_STATEMENT_MAX);
	AUTO_JSON(o, json_object());
	AUTO(db_lease, lease, NULL);
	char id[RECOVERY_ID + 1];

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(id_of(q, id));
	TRY(db_pool_lease(instance_readers(k->in), &lease));
	TRY(kmc_store_case(lease->db, id, c, &statement, &review));
	TRY(put_case(lease->db, c, o));
	json_put_base64(o, "statement", buf_slice(&statement));
	json_put_base64(o, "review", buf_slice(&review));
	*ret = MOVE(o);
	return json_put_result();
}

struct listing {
	struct db *db;
	json_t *list;
};

static struct rc list_one(void *arg, const struct kmc_case *c)
{
	struct listing *l = arg;
	json_t *o = json_object();

	NEED(o != NULL && json_array_append_new(l->list, o) == 0, RC_NOMEM, "no memory");
	return put_case(l->db, c, o);
}

RC kmc_case_list(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct listing l = {.list = json_array()};

	TRY(request_query_only(q, NULL));
	json_put_take(o, "recoveries", l.list);
	NEED(l.list != NULL, RC_NOMEM, "no memory");
	TRY(db_pool_lease(instance_readers(k->in), &lease));
	l.db = lease->db;
	TRY(kmc_store_case_each(lease->db, KMC_CASES_MAX, list_one, &l));
	*ret = MOVE(o);
	return OK;
}

/* ---- release ---- */

void kmc_release_free(struct kmc_release *r)
{
	for (size_t i = 0; i < SIGNER_ORDERS; i++)
		buf_free(&r->bytes[i]);
}

static struct rc add_approval(void *arg, const struct kmc_decision *d)
{
	struct kmc_release *r = arg;
	struct buf *b = &r->bytes[r->orders.count];

	if (!d->approve || r->orders.count == SIGNER_ORDERS)
		return OK;
	*b = BUF(KMC_STATEMENT_MAX);
	buf_add(b, d->statement);
	TRY(buf_done(b));
	r->orders.at[r->orders.count++] = buf_slice(b);
	return OK;
}

struct finding {
	struct db *db;
	struct slice serial;
	struct kmc_release *ret;
	bool named;
};

static RC fill(struct finding *f, const char *id)
{
	struct kmc_release *r = f->ret;
	struct kmc_case c;

	kmc_release_free(r);
	*r = (struct kmc_release){.bytes = {BUF(KMC_STATEMENT_MAX), BUF(KMC_STATEMENT_MAX)}};
	memcpy(r->id, id, sizeof(r->id));
	TRY(kmc_store_case(f->db, id, &c, &r->bytes[0], &r->bytes[1]));
	r->orders.at[0] = buf_slice(&r->bytes[0]);
	r->orders.at[1] = buf_slice(&r->bytes[1]);
	r->orders.count = 2;
	return kmc_store_decision_each(f->db, id, add_approval, r);
}

static struct rc look(void *arg, const char *id)
{
	struct finding *f = arg;
	AUTO_MEM(struct recovery, r, mem_new(1, sizeof(*r)));
	AUTO(statement, s, NULL);

	if (f->named)
		return OK;
	NEED(r != NULL, RC_NOMEM, "no memory");
	TRY(fill(f, id));
	TRY(statement_open(f->ret->orders.at[0], &s));
	TRY(recovery_read(s, r));
	f->named = recovery_find(r, f->serial) != NULL;
	return OK;
}

RC kmc_release_find(struct kmc *k, struct db *db, const uint8_t ca[32], const uint8_t spki[32],
                    struct slice serial, struct kmc_release *ret)
{
	struct finding f = {.db = db, .serial = serial, .ret = ret};

	(void)k;
	TRY(kmc_store_case_for(db, ca, spki, look, &f));
	REQUIRE(f.named, KM_DUAL, "there is no recovery case for this certificate and this new key");
	REQUIRE(ret->orders.count >= 2 + RECOVERY_AGENTS_LEAST, KM_DUAL, "%zu recovery agents have approved",
	        ret->orders.count - 2);
	return OK;
}
