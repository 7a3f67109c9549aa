/* Follows the CA's log (design 4): entries in order, every leaf recomputed, applied to the store and then to
 * the table in memory.  A gap or a wrong leaf is told by alarm, and nothing is answered from this copy any
 * more. */
#include "status/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/writer.h"
#include "evidence/log.h"

#include <time.h>

#define RETRY_MS 200

struct applying {
	struct status *s;
	json_t *entries;
	uint64_t next;
	uint8_t leaf[LOG_LEAF];
	struct table_entry *shown; /* what has changed in the table */
	size_t count;
};

static RC broken(struct status *s, uint64_t index, const char *why)
{
	atomic_store(&s->broken, true);
	REFUSE(FEED_BROKEN, "entry %llu: %s", (unsigned long long)index, why);
}

/* Index and leaf of one element of the answer. */
static RC check_entry(struct applying *a, const json_t *e)
{
	struct rc rc = log_entry_check(e, a->next, a->leaf);

	if (rc_last()->err == ERR_FEED_BROKEN && !rc_ok(rc))
		atomic_store(&a->s->broken, true);
	return rc;
}

static RC read_serial(const json_t *data, uint8_t serial[CERT_SERIAL_MAX], struct slice *ret)
{
	AUTO_BUF(b, CERT_SERIAL_MAX);
	struct slice text;

	TRY(json_get_text(data, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, &b));
	memcpy(serial, b.p, b.len);
	*ret = slice_of(serial, b.len);
	return OK;
}

bool status_entry(struct status *s, const struct status_row *row, struct table_entry *ret)
{
	char id[TRUST_ID_MAX + 1] = "";
	const struct issuer *i;

	if (row->ca.len > TRUST_ID_MAX || row->serial.len == 0 || row->serial.len > TABLE_SERIAL)
		return false;
	memcpy(id, row->ca.p, row->ca.len);
	i = status_issuer(s, id);
	if (i == NULL)
		return false;
	*ret = (struct table_entry){
	        .len = (uint8_t)row->serial.len,
	        .issuer = (uint8_t)(i - s->issuer),
	        .revoked = row->revoked,
	        .reason = (uint8_t)row->reason,
	        .revoked_at = row->revoked_at,
	};
	memcpy(ret->serial, row->serial.p, row->serial.len);
	return true;
}

static RC show(struct applying *a, const struct status_row *row)
{
	struct table_entry e;

	if (!status_entry(a->s, row, &e))
		return OK;
	TRY(table_put(&a->s->table, &e));
	ocsp_changed(a->s, e.issuer, row->serial);
	a->shown[a->count++] = e;
	return OK;
}

static RC take_issued(struct applying *a, struct db *db, const json_t *data)
{
	struct status_row row = {0};
	uint8_t sm3[32], serial[CERT_SERIAL_MAX];

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &row.ca));
	TRY(read_serial(data, serial, &row.serial));
	TRY(json_get_time(data, "not_before", &row.not_before));
	TRY(json_get_time(data, "not_after", &row.not_after));
	TRY(json_get_hex(data, "certificate", sm3, sizeof(sm3)));
	row.sm3 = sm3;
	if (db != NULL)
		return status_store_issued(db, &row);
	return show(a, &row);
}

static RC take_revoked(struct applying *a, struct db *db, const json_t *data)
{
	struct status_row row = {.revoked = true};
	uint8_t serial[CERT_SERIAL_MAX];
	struct slice name;
	enum crl_reason reason;

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &row.ca));
	TRY(read_serial(data, serial, &row.serial));
	/* of a hold that was revoked: since the hold */
	TRY(json_get_time(data, json_object_get(data, "since") != NULL ? "since" : "at", &row.revoked_at));
	TRY(json_get_text(data, "reason", 64, &name));
	TRY(crl_reason_find(name, &reason));
	row.reason = (int)reason;
	if (db != NULL)
		return status_store_revoked(db, row.ca, row.serial, row.revoked_at, row.reason);
	return show(a, &row);
}

static RC take_released(struct applying *a, struct db *db, const json_t *data)
{
	struct status_row row = {.revoked = false};
	uint8_t serial[CERT_SERIAL_MAX];

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &row.ca));
	TRY(read_serial(data, serial, &row.serial));
	if (db != NULL)
		return status_store_released(db, row.ca, row.serial);
	return show(a, &row);
}

static RC take_list(struct applying *a, struct db *db, const json_t *data)
{
	struct slice ca;
	int64_t number;
	uint8_t sm3[32];

	(void)a;
	if (db == NULL)
		return OK;
	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &ca));
	TRY(json_get_int(data, "number", 1, INT64_MAX, &number));
	TRY(json_get_hex(data, "sm3", sm3, sizeof(sm3)));
	return status_store_announce(db, ca, (uint64_t)number, sm3);
}

/* Kinds that concern status; the others are only counted.  Called twice: with db inside the transaction,
 * without it after the commit, for the table. */
static const struct {
	const char *kind;
	struct rc (*take)(struct applying *a, struct db *db, const json_t *data);
} kinds[] = {
        {"issued", take_issued}, {"revoked", take_revoked}, {"released", take_released}, {"crl", take_list}};

static RC take(struct applying *a, struct db *db, const json_t *e)
{
	json_t *entry, *data;
	struct slice kind;

	TRY(json_get(e, "entry", &entry));
	TRY(json_get_text(entry, "kind", LOG_KIND_MAX, &kind));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (slice_is(kind, kinds[i].kind)) {
			TRY(json_get(entry, "data", &data));
			return kinds[i].take(a, db, data);
		}
	}
	return OK;
}

static struct rc apply(struct db_tx *tx, void *arg)
{
	struct applying *a = arg;

	for (size_t i = 0; i < json_array_size(a->entries); i++, a->next++) {
		const json_t *e = json_array_get(a->entries, i);
		TRY(check_entry(a, e));
		TRY(take(a, tx->db, e));
	}
	return status_store_feed_set(tx->db, instance_config(a->s->in)->ca_name, a->next, a->leaf);
}

/* The commit is there; now the table, and its journal. */
static RC show_all(struct applying *a)
{
	size_t n = json_array_size(a->entries);
	AUTO_MEM(struct table_entry, shown, mem_new(n, sizeof(*shown)));

	NEED(shown != NULL, RC_NOMEM, "no memory for changes of status");
	a->shown = shown;
	for (size_t i = 0; i < n; i++)
		TRY(take(a, NULL, json_array_get(a->entries, i)));
	copy_took(a->s, atomic_load(&a->s->next), a->next, shown, a->count);
	atomic_store(&a->s->next, a->next);
	return OK;
}

RC tail_apply(struct status *s, const json_t *answer, size_t *n)
{
	struct applying a = {.s = s, .next = atomic_load(&s->next)};
	int64_t size;

	TRY(json_get_array(answer, "entries", LOG_READ_MAX, &a.entries));
	TRY(json_get_int(answer, "size", 0, INT64_MAX, &size));
	*n = json_array_size(a.entries);
	if ((uint64_t)size < a.next)
		return broken(s, a.next, "the log is shorter than what we have seen of it");
	if (*n > 0) {
		TRY(writer_run(instance_writer(s->in), apply, &a));
		TRY(show_all(&a));
	}
	if (a.next >= (uint64_t)size)
		atomic_store(&s->heard, clock_mono_ms());
	return OK;
}

/* One long poll. */
static RC poll_once(struct status *s)
{
	char path[128];
	AUTO_JSON(answer, NULL);
	size_t n = 0;
	int len = snprintf(path, sizeof(path), "/v1/log/entries?from=%llu&limit=%d&wait=%d",
	                   (unsigned long long)atomic_load(&s->next), STATUS_FEED_PAGE, STATUS_FEED_WAIT);

	NEED(len > 0 && (size_t)len < sizeof(path), RC_BUG, "path");
	TRY(http_call_json(s->ca, &(struct http_call){.path = path, .deadline_ms = 15000}, NULL, &answer));
	return tail_apply(s, answer, &n);
}

static void nap(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static void *tail(void *arg)
{
	struct status *s = arg;
	bool down = false;

	while (!instance_ending(s->in) && !atomic_load(&s->broken)) {
		struct rc rc = head_follow(s);

		if (!rc_ok(rc) && !down)
			log_failure("head", NULL);
		rc = poll_once(s);
		if (rc_ok(rc)) {
			down = false;
			copy_tend(s);
			list_refresh(s);
			continue;
		}
		if (!down && !instance_ending(s->in)) {
			log_failure("feed", NULL);
			/* a CA that is down is its own alarm; an entry that cannot be read is ours */
			if (rc.code != RC_BUSY)
				instance_alarm(s->in, "feed-broken",
				               slice_text(instance_config(s->in)->ca_name), rc_last()->text);
		}
		down = true;
		nap(RETRY_MS);
	}
	return NULL;
}

RC tail_start(struct status *s)
{
	AUTO(db_lease, lease, NULL);
	uint64_t next;

	TRY(db_pool_lease(instance_readers(s->in), &lease));
	TRY(status_store_feed(lease->db, instance_config(s->in)->ca_name, &next));
	TRY(copy_start(s, lease->db, next));
	TRY(head_start(s));
	atomic_store(&s->next, next);
	NEED(pthread_create(&s->tail, NULL, tail, s) == 0, RC_NOMEM, "no thread for the feed");
	s->tailing = true;
	return OK;
}

void tail_stop(struct status *s)
{
	if (s->tailing)
		pthread_join(s->tail, NULL);
	s->tailing = false;
}
