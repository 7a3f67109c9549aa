#include "ca/restoration.h"
#include "base/clock.h"
#include "base/text.h"
#include "evidence/alarm.h"
#include "http/server.h"
#include "instance/trust.h"

#define PERSON_MAX 36
#define PERSONS 2

/* ---- is it what it says ---- */

/* Of this institution, about this restoration, signed by one who may; by `person` when that is given. */
static RC judge(struct ca *c, struct slice der, const char *person, struct statement **ret)
{
	AUTO(trust, t, instance_trust(c->in));
	AUTO(statement, s, NULL);
	int64_t restored;

	TRY(statement_open(der, &s));
	NEED(s->kind == STATEMENT_RESTORATION, RC_INPUT, "a statement of kind %s has no place here",
	     statement_kind_name(s->kind));
	REQUIRE(slice_is(s->organisation, instance_org(c->in)), STATEMENT_CERTIFICATE,
	        "only officers of %s decide here", instance_org(c->in));
	REQUIRE(person == NULL || slice_is(s->person, person), OTHER_SIGNER, "signed by another person");
	TRY(json_get_time(s->body, "restored", &restored));
	NEED(restored == instance_restored(c->in), RC_INPUT, "the statement is about another restoration");
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	*ret = MOVE(s);
	return OK;
}

struct counting {
	struct ca *c;
	char persons[PERSONS][PERSON_MAX + 1];
	size_t count;
};

/* Rows are no acceptance: each statement is judged again. */
static struct rc count_one(void *arg, struct slice der)
{
	struct counting *n = arg;
	AUTO(statement, s, NULL);

	if (n->count == PERSONS || !rc_ok(judge(n->c, der, NULL, &s)) || s->person.len > PERSON_MAX)
		return OK;
	for (size_t i = 0; i < n->count; i++)
		if (slice_is(s->person, n->persons[i]))
			return OK;
	memcpy(n->persons[n->count++], s->person.p, s->person.len);
	return OK;
}

static RC count(struct ca *c, size_t *ret)
{
	AUTO(db_lease, lease, NULL);
	struct counting n = {.c = c};

	TRY(db_pool_lease(instance_readers(c->in), &lease));
	TRY(ca_store_restoration_each(lease->db, instance_restored(c->in), count_one, &n));
	*ret = n.count;
	return OK;
}

RC ca_restoration_settled(struct ca *c)
{
	size_t persons;

	if (instance_restored(c->in) == 0 || atomic_load(&c->restoration_settled))
		return OK;
	TRY(count(c, &persons));
	REQUIRE(persons == PERSONS, RESTORED, "%zu of %d persons have accepted the restoration", persons,
	        PERSONS);
	atomic_store(&c->restoration_settled, true);
	return OK;
}

/* ---- doors ---- */

RC ca_restoration_show(struct ca *c, json_t **ret)
{
	AUTO_JSON(o, json_object());
	size_t persons;

	NEED(instance_restored(c->in) != 0, RC_NOTFOUND, "this data folder was not restored from a backup");
	TRY(count(c, &persons));
	json_put_time(o, "restored", instance_restored(c->in));
	json_put_int(o, "persons", (int64_t)persons);
	json_put_bool(o, "accepted", persons == PERSONS);
	TRY(json_put_result());
	*ret = MOVE(o);
	return OK;
}

struct accepting {
	struct ca *c;
	const struct statement *s;
};

static struct rc accept_write(struct db_tx *tx, void *arg)
{
	struct accepting *a = arg;
	AUTO_JSON(o, json_object());

	TRY(ca_store_restoration_put(tx->db, instance_restored(a->c->in), a->s->person, buf_slice(&a->s->der),
	                             clock_now()));
	json_put_time(o, "restored", instance_restored(a->c->in));
	json_put_text(o, "by", a->s->person);
	TRY(json_put_result());
	return log_append(instance_log(a->c->in), tx, "restoration-accepted", o, a->s->sm3, NULL);
}

static struct rc clear_alarm(struct db_tx *tx, void *arg)
{
	struct ca *c = arg;

	return alarm_clear(instance_log(c->in), tx, "restored", instance_name(c->in));
}

RC ca_restoration_accept(struct ca *c, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	struct accepting a = {.c = c};

	NEED(instance_restored(c->in) != 0, RC_CONFLICT, "this data folder was not restored from a backup");
	TRY(judge(c, q->body, q->peer->person, &s));
	a.s = s;
	TRY(writer_run(instance_writer(c->in), accept_write, &a));
	if (rc_ok(ca_restoration_settled(c)))
		TRY(writer_run(instance_writer(c->in), clear_alarm, c));
	return ca_restoration_show(c, ret);
}
