/* One GM/T 0014 task: check the caller, enter the task, move keys, let the signer answer. */
#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/alarm.h"
#include "kmc/recovery.h"
#include "pki/cert.h"
#include "signer/client.h"
#include "sm/sm3.h"

#include <stdlib.h>

#define DAMAGED_MAX 8 /* damaged standby rows set aside in one task */

struct task {
	struct kmc *k;
	const struct km_request *m;
	uint8_t ca[32], hash[32]; /* SM3 of the CA's name, of the message */
	enum km_error all;        /* answers every item; 0: look at each */
	bool answered;
	struct buf *answer;
	size_t applied;
	bool empty; /* the standby store had nothing left (R06.13) */
	uint32_t errors[KM_BATCH];
	struct kmc_key keys[KM_BATCH];
	struct kmc_release release; /* behind restored keys */
};

/* ---- the caller ---- */

/* Registered CA, its signature; the refusal of these cannot be a KMRespond, for there is nobody to
 * answer to. */
static RC check_caller(struct kmc *k, const char *peer, const struct km_request *m, uint8_t ca[32])
{
	const struct instance_config *c = instance_config(k->in);
	AUTO(trust, t, instance_trust(k->in));
	char organisation[TRUST_ID_MAX + 1];
	struct slice comm;
	struct cert cert;
	struct sm2_pub pub;

	REQUIRE(c->ca_name == NULL || strcmp(c->ca_name, peer) == 0, KM_CA, "%s is not registered here",
	        peer);
	(void)snprintf(organisation, sizeof(organisation), "%.*s", (int)strcspn(peer, "/"), peer);
	comm = trust_ca_comm_of(t, organisation);
	REQUIRE(comm.len > 0, KM_CA, "no CA of %s is registered", organisation);
	/* a CA speaks for itself, not for another that is registered too */
	REQUIRE(km_name_matches(&m->ca, comm), KM_CA, "the name in the request is not that of %s",
	        organisation);
	TRY(cert_parse(comm, &cert));
	REQUIRE(clock_now() >= cert.not_before && clock_now() <= cert.not_after, KM_CA,
	        "the communication certificate of the CA is not valid now");
	TRY(cert_sm2_key(&cert, &pub));
	TRY(km_request_verify(m, &pub));
	sm3_hash(cert.subject, ca);
	return OK;
}

/* ---- inside the transaction ---- */

static void user_of(const struct km_request_item *i, struct kmc_user *u)
{
	*u = (struct kmc_user){
	        .serial = i->serial,
	        .not_before = i->not_before,
	        .not_after = i->not_after,
	        .name = i->user_name,
	        .region = i->region,
	        .extend = i->extend,
	};
	sm3_hash(i->user_key, u->sign_key);
}

static RC damaged(struct task *t, struct db_tx *tx, const char *where)
{
	struct alarm a = {.kind = "km-tampered",
	                  .subject = where,
	                  .level = ALARM_CRITICAL,
	                  .text = "a row of the key store fails its integrity check (R06.13)"};

	return alarm_raise(instance_log(t->k->in), tx, &a, NULL);
}

/* A damaged standby row is set aside (its deletion stands), told of, and the next one is taken. */
static RC assign(struct task *t, struct db_tx *tx, const struct kmc_user *u, struct kmc_key *ret)
{
	struct rc rc = OK;

	for (int tries = 0; tries < DAMAGED_MAX; tries++) {
		rc = kmc_store_assign(tx->db, &t->k->mac, t->ca, u, clock_now(), ret);
		if (rc_ok(rc) || rc_last()->err != ERR_KM_TAMPERED)
			return rc;
		TRY(damaged(t, tx, "standby"));
	}
	return rc_refuse(ERR_KM_TAMPERED, "the standby store is damaged");
}

/* The same user gets the same key again: apply is idempotent by (CA, userCertNo). */
static RC apply(struct task *t, struct db_tx *tx, const struct km_request_item *i, struct kmc_key *ret)
{
	enum kmc_shelf shelf;
	uint8_t sign_key[32];
	struct kmc_user u;

	user_of(i, &u);
	NEED(i->not_before < i->not_after, RC_INPUT, "the validity of the key is empty");
	TRY(kmc_store_find(tx->db, &t->k->mac, t->ca, u.serial, &shelf, sign_key, ret));
	if (shelf == KMC_NOWHERE) {
		t->applied++;
		return assign(t, tx, &u, ret);
	}
	REQUIRE(ct_equal(sign_key, u.sign_key, sizeof(sign_key)), KM_USER,
	        "userCertNo has another signing key");
	REQUIRE(shelf == KMC_IN_USE, KM_USER, "the key of this certificate is in history");
	return OK;
}

/* R21.5: what agents have agreed to, from either shelf; all of one message belongs to one case. */
static RC restore(struct task *t, struct db_tx *tx, const struct km_request_item *i, struct kmc_key *ret)
{
	enum kmc_shelf shelf;
	uint8_t sign_key[32], spki[32];
	char id[RECOVERY_ID + 1];

	sm3_hash(i->user_key, spki);
	memcpy(id, t->release.id, sizeof(id));
	TRY(kmc_release_find(t->k, tx->db, t->ca, spki, i->serial, &t->release));
	REQUIRE(id[0] == '\0' || strcmp(id, t->release.id) == 0, KM_DUAL, "keys of two cases in one message");
	TRY(kmc_store_find(tx->db, &t->k->mac, t->ca, i->serial, &shelf, sign_key, ret));
	REQUIRE(shelf != KMC_NOWHERE, KM_UNKNOWN, "there is no key for that certificate");
	return kmc_store_recovered(tx->db, t->ca, i->serial, t->release.id, clock_now());
}

static RC one_item(struct task *t, struct db_tx *tx, size_t n)
{
	const struct km_request_item *i = &t->m->items[n];
	bool moved;

	switch (i->kind) {
	case KM_APPLY:
		return apply(t, tx, i, &t->keys[n]);
	case KM_REVOKE:
		return kmc_store_retire(tx->db, &t->k->mac, t->ca, i->serial, clock_now(), &moved);
	case KM_RESTORE:
		return restore(t, tx, i, &t->keys[n]);
	case KM_ERROR:
		break;
	}
	FAIL(RC_BUG, "a request of kind %d", (int)i->kind);
}

/* errNo of a refusal that concerns one item alone; 0: the whole task fails and may be repeated. */
static uint32_t item_error(const struct rc_text *why)
{
	static const struct {
		enum err err;
		enum km_error error;
	} table[] = {
	        {ERR_KM_STOCK, KM_ERR_NO_KEY},    {ERR_KM_USER, KM_ERR_CONFLICT},
	        {ERR_KM_UNKNOWN, KM_ERR_UNKNOWN}, {ERR_KM_TAMPERED, KM_ERR_OTHER},
	        {ERR_KM_DUAL, KM_ERR_REQUEST},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].err == why->err)
			return table[i].error;
	}
	return why->code == RC_INPUT ? KM_ERR_REQUEST : 0;
}

static RC items(struct task *t, struct db_tx *tx)
{
	for (size_t n = 0; n < t->m->count; n++) {
		struct rc rc;

		t->errors[n] = t->all;
		if (t->all != 0)
			continue;
		rc = one_item(t, tx, n);
		if (rc_ok(rc))
			continue;
		t->errors[n] = item_error(rc_last());
		if (t->errors[n] == 0)
			return rc;
		t->empty = t->empty || t->errors[n] == KM_ERR_NO_KEY;
		if (rc_last()->err == ERR_KM_TAMPERED)
			TRY(damaged(t, tx, "in use"));
	}
	return OK;
}

/* One entry tells of the whole task. */
static RC log_task(struct task *t, struct db_tx *tx)
{
	static const char *const kinds[] = {"apply", "restore", "revoke", "error"};
	AUTO_JSON(o, json_object());
	json_t *list = json_array();

	for (size_t n = 0; list != NULL && n < t->m->count; n++) {
		json_t *i = json_object();

		json_put_cstr(i, "do", kinds[t->m->items[n].kind]);
		json_put_hex(i, "serial", t->m->items[n].serial);
		if (t->errors[n] != 0)
			json_put_int(i, "error", t->errors[n]);
		json_array_append_new(list, i);
	}
	json_put_hex(o, "ca", SLICE_ARR(t->ca));
	json_put_hex(o, "task", t->m->task);
	json_put_hex(o, "request", SLICE_ARR(t->hash));
	json_put_take(o, "items", list);
	NEED(o != NULL && list != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(t->k->in), tx, "km-task", o, NULL, NULL);
}

static struct rc task_enter(struct db_tx *tx, void *arg)
{
	struct task *t = arg;

	t->applied = 0;
	t->release.orders.count = 0;
	if (t->all == 0) {
		TRY(kmc_store_task(tx->db, t->ca, t->m->task, t->hash, clock_now(), &t->answered, t->answer));
		if (t->answered)
			return OK;
		/* after the look-up: a late repetition of an answered task gets its answer again */
		REQUIRE(llabs(t->m->time - clock_now()) <= KMC_SKEW, KM_TIME, "requestTime is %lld s off",
		        (long long)(t->m->time - clock_now()));
	}
	TRY(items(t, tx));
	return log_task(t, tx);
}

static struct rc task_answered(struct db_tx *tx, void *arg)
{
	struct task *t = arg;
	AUTO_BUF(kept, KMC_ANSWER_MAX);

	TRY(kmc_store_answer(tx->db, t->ca, t->m->task, buf_slice(t->answer), &kept));
	buf_clear(t->answer);
	buf_add(t->answer, buf_slice(&kept));
	return buf_done(t->answer);
}

/* ---- outside ---- */

static RC answer(struct task *t, struct slice message)
{
	AUTO_MEM(struct signer_km_answer, answers, mem_new(t->m->count, sizeof(*answers)));

	NEED(answers != NULL, RC_NOMEM, "no memory");
	for (size_t n = 0; n < t->m->count; n++) {
		answers[n].error = t->errors[n];
		if (t->errors[n] == 0 && t->m->items[n].kind != KM_REVOKE)
			answers[n].blob = slice_of(t->keys[n].wrapped, t->keys[n].wrapped_len);
	}
	if (t->release.orders.count > 0)
		return signer_km_release(instance_signer(t->k->in), message, answers, t->m->count,
		                         &t->release.orders, t->answer);
	return signer_km_respond(instance_signer(t->k->in), SLICE_LIT(KMC_KEY), message, answers, t->m->count,
	                         t->answer);
}

static void tell(struct task *t, const char *kind)
{
	AUTO_BUF(subject, 128);

	buf_hex(&subject, t->m->task);
	instance_alarm(t->k->in, kind, buf_slice(&subject), rc_last()->text);
}

/* A task that is refused as a whole still gets a signed answer, which is not stored. */
static RC refuse_task(struct task *t, struct slice message, enum km_error error)
{
	tell(t, "km-refused");
	t->all = error;
	TRY(writer_run(instance_writer(t->k->in), task_enter, t));
	return answer(t, message);
}

static RC run_task(struct task *t, struct slice message)
{
	struct rc rc;

	rc = writer_run(instance_writer(t->k->in), task_enter, t);
	if (!rc_ok(rc) && rc_last()->err == ERR_KM_TASK)
		return refuse_task(t, message, KM_ERR_CONFLICT);
	if (!rc_ok(rc) && rc_last()->err == ERR_KM_TIME)
		return refuse_task(t, message, KM_ERR_REQUEST);
	TRY(rc);
	if (t->answered)
		return OK;
	if (t->applied > 0 || t->empty)
		kmc_fill_wake(t->k);
	/* cleared by the refill that follows */
	if (t->empty)
		instance_alarm(t->k->in, "km-stock", slice_text(instance_name(t->k->in)),
		               "the standby store is empty; keys are refused until it is filled");
	TRY(answer(t, message));
	return writer_run(instance_writer(t->k->in), task_answered, t);
}

RC kmc_serve(struct kmc *k, const char *peer, struct slice message, struct buf *ret)
{
	AUTO_MEM(struct task, t, mem_new(1, sizeof(*t)));
	AUTO(km_request, m, NULL);

	NEED(t != NULL, RC_NOMEM, "no memory");
	TRY(km_request_parse(message, &m));
	*t = (struct task){.k = k, .m = m, .answer = ret};
	TRY(check_caller(k, peer, m, t->ca));
	sm3_hash(message, t->hash);
	struct rc rc = run_task(t, message);

	kmc_release_free(&t->release);
	return rc;
}
