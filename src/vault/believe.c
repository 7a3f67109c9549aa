/* Is the clock what it says (C13, E-17)?  It may run, and it may stand still; when it goes back, or ahead by
 * more than passed by the monotonic clock and a bound, nothing is disposed of until two persons have attested
 * the time. */
#include "base/clock.h"
#include "base/time.h"
#include "db/writer.h"
#include "evidence/alarm.h"
#include "evidence/log.h"
#include "vault/vault.h"

#define BACK 300               /* seconds a clock may be set back */
#define AHEAD TIME_DAY         /* … and ahead of what passed here */
#define STOPPED (7 * TIME_DAY) /* … since the last run, whose length nobody here has measured */
#define ATTEST_NEAR 3600       /* the attested time and the clock's may differ by so much */

struct looking {
	struct vault *v;
	int64_t now, allowed;
	const struct statement *s; /* an attestation; NULL: only a look */
	bool believed;
	bool first; /* of two persons */
};

static RC doubt(struct looking *l, struct db_tx *tx, struct believed *b)
{
	char then[21], now[21], text[128];
	const struct alarm a = {.kind = "clock-doubted",
	                        .subject = instance_name(l->v->in),
	                        .level = ALARM_CRITICAL,
	                        .text = text};

	time_text(b->at, then);
	time_text(l->now, now);
	snprintf(text, sizeof(text), "the clock went from %s to %s", then, now);
	b->doubted_at = l->now;
	b->attested_by[0] = '\0';
	TRY(vault_store_believed_set(tx->db, b, SLICE_NONE));
	return alarm_raise(instance_log(l->v->in), tx, &a, NULL);
}

static struct rc look(struct db_tx *tx, void *arg)
{
	struct looking *l = arg;
	struct believed b;

	TRY(vault_store_believed(tx->db, &b));
	l->believed = b.doubted_at == 0;
	if (b.doubted_at != 0)
		return OK;
	if (b.at != 0 && (l->now < b.at - BACK || l->now > b.at + l->allowed)) {
		l->believed = false;
		return doubt(l, tx, &b);
	}
	if (l->now > b.at) {
		b.at = l->now;
		return vault_store_believed_set(tx->db, &b, SLICE_NONE);
	}
	return OK;
}

/* Under the lock: what passed by the monotonic clock since the last look. */
static int64_t allowed(struct vault *v, uint64_t mono)
{
	if (v->believed_mono == 0)
		return STOPPED;
	return (int64_t)((mono - v->believed_mono) / 1000) + AHEAD;
}

RC vault_clock(struct vault *v)
{
	struct looking l = {.v = v};
	uint64_t mono = clock_mono_ms();
	struct rc rc;

	pthread_mutex_lock(&v->clock);
	l.now = clock_now();
	l.allowed = allowed(v, mono);
	rc = writer_run(instance_writer(v->in), look, &l);
	if (rc_ok(rc) && l.believed)
		v->believed_mono = mono;
	pthread_mutex_unlock(&v->clock);
	TRY(rc);
	REQUIRE(l.believed, CLOCK_DOUBTED, "two persons must attest the time");
	return OK;
}

struct rc vault_clock_run(void *in, int64_t due)
{
	struct rc rc = vault_clock(instance_state(in));

	(void)due;
	return !rc_ok(rc) && rc_last()->err == ERR_CLOCK_DOUBTED ? OK : rc;
}

/* ---- two persons ---- */

static RC believe(struct looking *l, struct db_tx *tx)
{
	struct believed b = {.at = l->now};

	TRY(vault_store_believed_set(tx->db, &b, SLICE_NONE));
	return alarm_clear(instance_log(l->v->in), tx, "clock-doubted", instance_name(l->v->in));
}

static struct rc attest(struct db_tx *tx, void *arg)
{
	struct looking *l = arg;
	AUTO_JSON(o, json_object());
	struct believed b;

	TRY(vault_store_believed(tx->db, &b));
	NEED(b.doubted_at != 0, RC_CONFLICT, "the clock is believed; nothing is to be attested");
	l->first = b.attested_by[0] == '\0';
	REQUIRE(l->first || !slice_is(l->s->person, b.attested_by), SECOND_PERSON,
	        "the same person attested already");
	json_put_text(o, "by", l->s->person);
	json_put_take(o, "time", json_incref(json_object_get(l->s->body, "time")));
	json_put_bool(o, "believed", !l->first);
	NEED(o != NULL, RC_NOMEM, "no memory");
	TRY(log_append(instance_log(l->v->in), tx, "time-attested", o, l->s->sm3, NULL));
	if (!l->first)
		return believe(l, tx);
	snprintf(b.attested_by, sizeof(b.attested_by), "%.*s", (int)l->s->person.len,
	         (const char *)l->s->person.p);
	return vault_store_believed_set(tx->db, &b, buf_slice(&l->s->der));
}

/* POST /v1/time-attestations */
RC vault_attest(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	struct looking l = {.v = v};
	struct rc rc;
	int64_t time;
	json_t *o;

	TRY(vault_statement(v, q, STATEMENT_TIME_ATTESTATION, &s));
	TRY(json_get_time(s->body, "time", &time));
	l.s = s;
	pthread_mutex_lock(&v->clock);
	l.now = clock_now();
	if (time > l.now + ATTEST_NEAR || time < l.now - ATTEST_NEAR)
		rc = rc_refuse(ERR_CLOCK_DOUBTED, "the attested time is not what the clock says");
	else
		rc = writer_run(instance_writer(v->in), attest, &l);
	if (rc_ok(rc) && !l.first)
		v->believed_mono = clock_mono_ms();
	pthread_mutex_unlock(&v->clock);
	TRY(rc);
	o = json_object();
	json_put_cstr(o, "state", l.first ? "awaits-second" : "believed");
	*ret = o;
	return json_put_result();
}
