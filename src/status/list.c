/* Revocation lists: made and signed by the CA, fetched when its log announces one, checked, served from
 * memory. */
#include "status/status.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/writer.h"
#include "pki/crl.h"
#include "sm/sm3.h"

void list_drop(void *arg)
{
	struct list *l = arg;

	if (l == NULL || atomic_fetch_sub(&l->holds, 1) > 1)
		return;
	buf_free(&l->der);
	mem_free(l);
}

struct list *list_hold(struct status *s, struct issuer *i)
{
	struct list *l;

	pthread_mutex_lock(&s->lists);
	l = i->list;
	if (l != NULL)
		atomic_fetch_add(&l->holds, 1);
	pthread_mutex_unlock(&s->lists);
	return l;
}

static RC serve(struct status *s, struct issuer *i, const struct list_row *row, struct slice der)
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
	old = i->list;
	i->list = l;
	pthread_mutex_unlock(&s->lists);
	list_drop(old);
	return OK;
}

RC list_check(struct status *s, struct issuer *i, struct slice der, struct list_row *row)
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

static RC fetch(struct status *s, struct issuer *i, struct list_row *row)
{
	AUTO_ANSWER(answer, STATUS_CRL_MAX);
	AUTO_BUF(path, 256);
	struct putting p = {.ca = i->id, .row = row};

	buf_text(&path, "/v1/crl/");
	http_escape(&path, slice_text(i->id));
	TRY(http_call(s->ca, &(struct http_call){.path = buf_cstr(&path)}, &answer));
	p.der = buf_slice(&answer.body);
	TRY(list_check(s, i, p.der, row));
	TRY(writer_run(instance_writer(s->in), put, &p));
	return serve(s, i, row, p.der);
}

static RC refresh(struct status *s, struct issuer *i)
{
	AUTO(db_lease, lease, NULL);
	struct list_row row;
	struct rc rc;

	TRY(db_pool_lease(instance_readers(s->in), &lease));
	rc = status_store_list(lease->db, i->id, &row, NULL);
	if (rc.code == RC_NOTFOUND || (rc_ok(rc) && row.number >= row.announced))
		return OK;
	TRY(rc);
	return fetch(s, i, &row);
}

void list_refresh(struct status *s)
{
	for (size_t i = 0; i < s->issuers; i++) {
		struct rc rc = refresh(s, &s->issuer[i]);
		if (!rc_ok(rc) && rc.code != RC_BUSY && !instance_ending(s->in))
			instance_alarm(s->in, "crl-rejected", slice_text(s->issuer[i].id), rc_last()->text);
	}
}

RC list_load(struct status *s)
{
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(instance_readers(s->in), &lease));
	for (size_t i = 0; i < s->issuers; i++) {
		AUTO_BUF(der, STATUS_CRL_MAX);
		struct list_row row;
		struct rc rc = status_store_list(lease->db, s->issuer[i].id, &row, &der);
		if (rc.code == RC_NOTFOUND || (rc_ok(rc) && der.len == 0))
			continue;
		TRY(rc);
		TRY(serve(s, &s->issuer[i], &row, buf_slice(&der)));
	}
	return OK;
}
