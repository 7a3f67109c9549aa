/* Revocation lists: made and signed by the CA, fetched when its log announces one, checked, served from
 * memory. */
#include "status/status.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/writer.h"
#include "pki/crl.h"
#include "sm/sm3.h"

#include <stdio.h>

#define STALE_PART 4 /* a list with less than this part of its time left */

void list_drop(void *arg)
{
	struct list *l = arg;

	if (l == NULL || atomic_fetch_sub(&l->holds, 1) > 1)
		return;
	buf_free(&l->der);
	mem_free(l);
}

struct list *list_hold(struct status *s, struct issuer *i, enum list_kind kind)
{
	struct list *l;

	pthread_mutex_lock(&s->lists);
	l = i->list[kind];
	if (l != NULL)
		atomic_fetch_add(&l->holds, 1);
	pthread_mutex_unlock(&s->lists);
	return l;
}

static RC serve(struct status *s, struct issuer *i, enum list_kind kind, const struct list_row *row,
                struct slice der)
{
	struct list *l = mem_new(1, sizeof(*l)), *old;

	NEED(l != NULL, RC_NOMEM, "no memory for a revocation list");
	l->der = BUF(STATUS_CRL_MAX);
	buf_add(&l->der, der);
	atomic_init(&l->holds, 1);
	if (l->der.failed) {
		list_drop(l);
		FAIL(RC_NOMEM, "no memory for a revocation list");
	}
	l->number = row->number;
	l->this_update = row->this_update;
	l->next_update = row->next_update;
	pthread_mutex_lock(&s->lists);
	old = i->list[kind];
	i->list[kind] = l;
	pthread_mutex_unlock(&s->lists);
	list_drop(old);
	return OK;
}

RC list_check(struct status *s, struct issuer *i, enum list_kind kind, struct slice der, struct list_row *row)
{
	const struct trust_authority *a = trust_authority(s->trust, i->id);
	struct crl crl;
	uint8_t sm3[32];
	uint64_t number;

	NEED(a != NULL, RC_BUG, "authority %s went away", i->id);
	TRY(crl_parse(der, &crl));
	TRY(crl_verify(&crl, &a->cert.key));
	number = crl_number(&crl);
	sm3_hash(der, sm3);
	REQUIRE(slice_equal(crl.issuer, a->cert.subject), CRL_REJECTED, "the list of %s names another issuer",
	        i->id);
	REQUIRE(number != UINT64_MAX && number > row->number && number >= row->announced, CRL_REJECTED,
	        "the number of the list of %s does not rise", i->id);
	REQUIRE(crl.delta == (kind == LIST_DELTA), CRL_REJECTED, "the list of %s is of another kind", i->id);
	REQUIRE(number > row->announced || memcmp(sm3, row->announced_sm3, 32) == 0, CRL_REJECTED,
	        "the list of %s is not the one that the log announced", i->id);
	REQUIRE(crl.next_update > clock_now() && crl.this_update <= clock_now() + STATUS_ANSWER_SECONDS,
	        CRL_REJECTED, "the list of %s is out of date", i->id);
	row->number = number;
	row->this_update = crl.this_update;
	row->next_update = crl.next_update;
	return OK;
}

struct putting {
	const char *ca;
	const struct list_row *row;
	struct slice der;
};

static struct rc put(struct db_tx *tx, void *arg)
{
	struct putting *p = arg;

	return status_store_list_put(tx->db, p->ca, p->row, p->der);
}

static RC fetch(struct status *s, struct issuer *i, enum list_kind kind, const char *id, struct list_row *row)
{
	AUTO_ANSWER(answer, STATUS_CRL_MAX);
	AUTO_BUF(path, 256);
	struct putting p = {.ca = id, .row = row};

	buf_text(&path, "/v1/crl/");
	http_escape(&path, slice_text(id));
	TRY(http_call(s->ca, &(struct http_call){.path = buf_cstr(&path)}, &answer));
	p.der = buf_slice(&answer.body);
	TRY(list_check(s, i, kind, p.der, row));
	TRY(writer_run(instance_writer(s->in), put, &p));
	return serve(s, i, kind, row, p.der);
}

static void list_id(const struct issuer *i, enum list_kind kind, char ret[TRUST_ID_MAX + 16])
{
	(void)snprintf(ret, TRUST_ID_MAX + 16, "%s%s", i->id, kind == LIST_DELTA ? LIST_DELTA_SUFFIX : "");
}

static RC refresh(struct status *s, struct issuer *i, enum list_kind kind)
{
	char id[TRUST_ID_MAX + 16];

	AUTO(db_lease, lease, NULL);
	struct list_row row;
	struct rc rc;

	TRY(db_pool_lease(instance_readers(s->in), &lease));
	list_id(i, kind, id);
	rc = status_store_list(lease->db, id, &row, NULL);
	if (rc.code == RC_NOTFOUND || (rc_ok(rc) && row.number >= row.announced))
		return OK;
	TRY(rc);
	return fetch(s, i, kind, id, &row);
}

/* The CA makes the next when half of its time is over: near the end something is wrong there, or between us
 * (peers that nobody told served lists out of date). */
static void tell_stale(struct status *s, struct issuer *i)
{
	struct list *l = list_hold(s, i, LIST_FULL);

	if (l == NULL)
		return;
	if ((l->next_update - clock_now()) * STALE_PART < l->next_update - l->this_update)
		instance_alarm(s->in, "crl-stale", slice_text(i->id), "the revocation list is near its end");
	list_drop(l);
}

int64_t list_left(struct status *s)
{
	int64_t left = INT64_MAX, now = clock_now();

	for (size_t i = 0; i < s->issuers; i++) {
		struct list *l = list_hold(s, &s->issuer[i], LIST_FULL);
		int64_t one = l != NULL ? l->next_update - now : 0;

		list_drop(l);
		if (one < left)
			left = one;
	}
	return left;
}

void list_refresh(struct status *s)
{
	for (size_t k = 0; k < s->issuers * LIST_KINDS; k++) {
		struct issuer *i = &s->issuer[k / LIST_KINDS];
		struct rc rc = refresh(s, i, (enum list_kind)(k % LIST_KINDS));

		if (!rc_ok(rc) && rc.code != RC_BUSY && !instance_ending(s->in))
			instance_alarm(s->in, "crl-rejected", slice_text(i->id), rc_last()->text);
		if (k % LIST_KINDS == LIST_FULL)
			tell_stale(s, i);
	}
}

RC list_load(struct status *s)
{
	AUTO(db_lease, lease, NULL);
	char id[TRUST_ID_MAX + 16];

	TRY(db_pool_lease(instance_readers(s->in), &lease));
	for (size_t k = 0; k < s->issuers * LIST_KINDS; k++) {
		AUTO_BUF(der, STATUS_CRL_MAX);
		struct issuer *i = &s->issuer[k / LIST_KINDS];
		struct list_row row;

		list_id(i, (enum list_kind)(k % LIST_KINDS), id);
		struct rc rc = status_store_list(lease->db, id, &row, &der);
		if (rc.code == RC_NOTFOUND || (rc_ok(rc) && der.len == 0))
			continue;
		TRY(rc);
		TRY(serve(s, i, (enum list_kind)(k % LIST_KINDS), &row, buf_slice(&der)));
	}
	return OK;
}
