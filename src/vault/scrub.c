/* Scheduled scrub (R24.1, R24.3): every frame on both places against its hash, repaired from the other; every
 * record's rows against what is kept.  A part at each run, round and round. */
#include "base/clock.h"
#include "db/writer.h"
#include "evidence/alarm.h"
#include "evidence/log.h"
#include "vault/vault.h"

#define SCRUB_FRAMES 4096 /* of one run */
#define SCRUB_RECORDS 256
#define INDEX_GRACE_MS 2000 /* an item gets its rows within it */
#define SCRUB_ROUNDS 100000 /* of a whole pass */

struct checking {
	struct vault *v;
	struct db *db;
	int64_t last;
	size_t looked, altered, unreadable;
};

static struct rc check_record(void *arg, const struct vault_record *r)
{
	struct checking *c = arg;
	AUTO_BUF(key, 65);
	bool altered = false;
	struct rc rc = vault_record_check(c->v, c->db, r, &altered);

	c->last = r->id;
	c->looked++;
	c->altered += altered;
	/* a key that nobody decided to destroy is as good as damaged */
	if (rc.code == RC_CRYPTO || rc.code == RC_NOTFOUND ||
	    (!rc_ok(rc) && rc_last()->err == ERR_RECORD_DISPOSED)) {
		c->unreadable++;
		buf_hex(&key, SLICE_ARR(r->key));
		instance_alarm(c->v->in, "record-damaged", buf_slice(&key), rc_last()->text);
		return OK;
	}
	return rc;
}

/* *done: the end was reached, the next run begins anew. */
static RC check_records(struct checking *c, bool *done)
{
	size_t before = c->looked;

	TRY(vault_store_records_each(c->db, c->last, SCRUB_RECORDS, check_record, c));
	*done = c->looked == before;
	if (*done)
		c->last = 0;
	return OK;
}

static void tell(struct vault *v, const struct media_report *r)
{
	char text[160];

	if (r->damaged + r->missing == 0)
		return;
	snprintf(text, sizeof(text), "%llu damaged, %llu missing, %llu repaired, %llu lost",
	         (unsigned long long)r->damaged, (unsigned long long)r->missing,
	         (unsigned long long)r->repaired, (unsigned long long)r->lost);
	instance_alarm(v->in, r->lost > 0 ? "record-lost" : "record-repaired",
	               slice_text(instance_name(v->in)), text);
	atomic_fetch_add(&v->repaired, r->repaired);
	atomic_fetch_add(&v->lost, r->lost);
}

/* The rows know what two persons decided; a slot that only says so was written by somebody else. */
static struct rc destroyed(void *arg, uint32_t segment, uint32_t slot, bool *ret)
{
	return vault_store_destroyed(arg, segment, slot, ret);
}

static struct rc known(void *arg, const uint8_t id[32], const struct media_at *at, bool *ret)
{
	struct vault_item i;
	struct rc rc = vault_store_item(arg, id, &i);

	*ret = rc_ok(rc) && i.where.segment == at->segment && i.where.slot == at->slot &&
	       i.where.offset == at->offset && i.where.length == at->length;
	return rc.code == RC_NOTFOUND ? OK : rc;
}

/* Rows that are gone altogether. */
static RC index_rows(struct vault *v, size_t *added)
{
	char text[96];

	TRY(vault_index(v, INDEX_GRACE_MS, added));
	if (*added == 0)
		return OK;
	snprintf(text, sizeof(text), "%zu items had lost their rows; they were made again from what is kept",
	         *added);
	instance_alarm(v->in, "record-altered", slice_text(instance_name(v->in)), text);
	return OK;
}

struct rc vault_scrub_run(void *in, int64_t due)
{
	struct vault *v = instance_state(in);
	AUTO(db_lease, lease, NULL);
	struct media_report r = {0};
	struct checking c = {.v = v, .last = v->scrubbed};
	size_t added;
	bool done;

	(void)due;
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	c.db = lease->db;
	TRY(media_scrub(v->media, &(struct media_judge){destroyed, c.db, known}, &v->scrub, SCRUB_FRAMES,
	                &r));
	tell(v, &r);
	if (r.end) {
		TRY(index_rows(v, &added));
		TRY(vault_holds_check(v, c.db, &added));
	}
	TRY(check_records(&c, &done));
	v->scrubbed = c.last;
	return OK;
}

/* POST /v1/scrub: one whole pass, now. */
RC vault_scrub_now(struct vault *v, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	struct media_report sum = {0};
	struct media_scrub at = {0};
	struct checking c = {.v = v};
	size_t added = 0, holds = 0;
	bool done = false;
	json_t *o;

	TRY(db_pool_lease(instance_readers(v->in), &lease));
	c.db = lease->db;
	for (size_t i = 0; i < SCRUB_ROUNDS && !instance_ending(v->in); i++) {
		struct media_report r = {0};

		TRY(media_scrub(v->media, &(struct media_judge){destroyed, c.db, known}, &at, SCRUB_FRAMES,
		                &r));
		sum.checked += r.checked;
		sum.damaged += r.damaged;
		sum.missing += r.missing;
		sum.repaired += r.repaired;
		sum.lost += r.lost;
		if (r.end)
			break;
	}
	tell(v, &sum);
	TRY(index_rows(v, &added));
	TRY(vault_holds_check(v, c.db, &holds));
	while (!done && !instance_ending(v->in))
		TRY(check_records(&c, &done));
	o = json_object();
	json_put_int(o, "checked", (int64_t)sum.checked);
	json_put_int(o, "damaged", (int64_t)sum.damaged);
	json_put_int(o, "missing", (int64_t)sum.missing);
	json_put_int(o, "repaired", (int64_t)sum.repaired);
	json_put_int(o, "lost", (int64_t)sum.lost);
	json_put_int(o, "indexed", (int64_t)added);
	json_put_int(o, "holds_restored", (int64_t)holds);
	json_put_int(o, "records", (int64_t)c.looked);
	json_put_int(o, "records_altered", (int64_t)c.altered);
	json_put_int(o, "records_unreadable", (int64_t)c.unreadable);
	*ret = o;
	return json_put_result();
}
