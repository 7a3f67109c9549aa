/* issue.ca_door: approvals straight to the CA, as the RA sends them, in batches of 256. */
#include "bench/approved.h"
#include "bench/crew.h"
#include "bench/peer.h"

#include <stdatomic.h>

#define SENDERS 4
#define BATCHES 64
#define WINDOW 15.0

struct desk {
	struct approved_list list;
	struct wire_identity *identity;
	const char *url;
	atomic_size_t next;
};

struct lane {
	struct desk *desk;
	struct wire *wire;
};

static struct rc lane_open(void *arg, void **ret)
{
	struct lane *l = mem_new(1, sizeof(*l));
	struct rc rc;

	NEED(l != NULL, RC_NOMEM, "bench: no memory");
	l->desk = arg;
	rc = wire_open(l->desk->url, l->desk->identity, &l->wire);
	if (!rc_ok(rc))
		mem_free(l);
	else
		*ret = l;
	return rc;
}

static void lane_close(void *arg)
{
	struct lane *l = arg;

	wire_close(l->wire);
	mem_free(l);
}

static struct rc send_batch(void *arg, size_t *units)
{
	struct lane *l = arg;
	const struct approved_list *list = &l->desk->list;
	size_t at = atomic_fetch_add(&l->desk->next, APPROVED_BATCH), n;

	NEED(at < list->count, RC_NOTFOUND, "bench: no approvals left");
	n = list->count - at < APPROVED_BATCH ? list->count - at : APPROVED_BATCH;
	return approved_send(l->wire, &list->at[at], n, units, NULL, NULL);
}

static RC add_rows(struct bench *b, const struct crew_result *r)
{
	struct bench_row row = {.name = "issue.ca_door", .value = r->rate, .unit = "pairs/s"};

	TRY(peer_issue(&row.peer_value));
	row.peer = rows_openssl();
	TRY(rows_add(&b->rows, &row));
	row = (struct bench_row){
	        .name = "issue.ca_door.errors", .value = (double)r->errors, .unit = "batches"};
	if (r->errors > 0)
		fprintf(stderr, "bench: issue.ca_door: %s\n", r->why.text);
	return rows_add(&b->rows, &row);
}

static RC run(struct bench *b, struct desk *d)
{
	struct crew c = {.threads = SENDERS,
	                 .warm = 1,
	                 .window = WINDOW,
	                 .arg = d,
	                 .open = lane_open,
	                 .close = lane_close,
	                 .step = send_batch};
	struct platform *p;
	struct crew_result r;

	TRY(platform_get(b, &p));
	TRY(approved_new(p, (size_t)APPROVED_BATCH * BATCHES, &d->list));
	TRY(ra_identity(p, &d->identity, &d->url));
	TRY(crew_run(&c, &r));
	return add_rows(b, &r);
}

RC bench_door(struct bench *b)
{
	struct desk d = {.url = NULL};
	struct rc rc = run(b, &d);

	approved_free(&d.list);
	wire_identity_free(d.identity);
	return rc;
}
