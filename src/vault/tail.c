/* Follows the logs of CA and RA (design 4): what happens to a certificate after it was asked for goes into
 * its record, with the entry that tells of it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "sm/sm3.h"
#include "vault/vault.h"

#include <time.h>

#define RETRY_MS 500
#define REST_MS 250 /* nothing waits for what is followed: fewer and larger pages cost both sides less */
#define FOLLOWED 3  /* pieces of one entry: itself, certificate, statement */

/* What one entry says of a record. */
struct followed {
	const json_t *entry, *data;
	const char *kind;
	uint8_t key[32];
	struct buf canonical, certificate, statement;
};
/* All that one page says of one record. */
struct gathered {
	const uint8_t *key;
	struct buf bundle;
	char kinds[VAULT_KINDS_MAX];
};
struct page {
	struct feed *f;
	struct followed *at;
	struct gathered *records;
	size_t count, record_count;
	struct vault_item *items;
	uint64_t next;
	uint8_t leaf[LOG_LEAF];
};

static void page_free(struct page *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; p->at != NULL && i < p->count; i++) {
		buf_free(&p->at[i].canonical);
		buf_free(&p->at[i].certificate);
		buf_free(&p->at[i].statement);
	}
	for (size_t i = 0; p->records != NULL && i < p->record_count; i++)
		buf_free(&p->records[i].bundle);
	mem_free(p->at);
	mem_free(p->records);
	mem_free(p->items);
	mem_free(p);
}
DROP(page, page_free);

/* ---- reading ---- */

/* Entries that concern a record, and where they say which. */
static const struct {
	const char *kind, *key; /* in data; NULL: "record" beside the entry */
} kinds[] = {
        {"issued", "request"},
        {"revoked", "request"},
        {"released", "request"},
        {"application-accepted", NULL},
};

static RC read_bytes(const json_t *e, const char *name, size_t max, struct buf *ret)
{
	*ret = BUF(max);
	return json_object_get(e, name) != NULL ? json_get_base64(e, name, max, ret) : OK;
}

static RC read_followed(const json_t *e, const char *in_data, struct followed *f)
{
	json_t *entry, *data;

	TRY(json_get(e, "entry", &entry));
	TRY(json_get(entry, "data", &data));
	f->entry = entry;
	f->data = data;
	f->kind = json_string_value(json_object_get(entry, "kind"));
	f->canonical = BUF(LOG_ENTRY_MAX);
	TRY(json_get_hex(in_data != NULL ? data : e, in_data != NULL ? in_data : "record", f->key,
	                 sizeof(f->key)));
	TRY(json_canonical(entry, &f->canonical));
	TRY(read_bytes(e, "certificate", CERT_DER_MAX, &f->certificate));
	return read_bytes(e, "statement", STATEMENT_MAX, &f->statement);
}

/* Entries without a key tell of what no application stands behind: the ceremony's own. */
static RC read_entry(struct page *p, const json_t *e)
{
	const char *kind = json_string_value(json_object_get(json_object_get(e, "entry"), "kind"));

	for (size_t i = 0; kind != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const json_t *data = json_object_get(json_object_get(e, "entry"), "data");

		if (strcmp(kind, kinds[i].kind) != 0)
			continue;
		if (json_object_get(kinds[i].key != NULL ? data : e,
		                    kinds[i].key != NULL ? kinds[i].key : "record") == NULL)
			return OK;
		return read_followed(e, kinds[i].key, &p->at[p->count++]);
	}
	return OK;
}

static void add_piece(struct bundle_piece *to, size_t *n, const char *kind, const struct buf *content)
{
	if (content->len > 0)
		to[(*n)++] = (struct bundle_piece){.kind = slice_text(kind), .content = buf_slice(content)};
}

/* One bundle for each record that the page speaks of. */
static RC gather(struct page *p, const uint8_t *key)
{
	AUTO_MEM(struct bundle_piece, pieces, mem_new(FOLLOWED * p->count, sizeof(*pieces)));
	struct gathered *g = &p->records[p->record_count++];
	size_t n = 0, used = 0;

	NEED(pieces != NULL, RC_NOMEM, "no memory");
	g->key = key;
	g->bundle = BUF(BUNDLE_MAX);
	for (size_t i = 0; i < p->count; i++) {
		const struct followed *f = &p->at[i];

		if (memcmp(f->key, key, 32) != 0)
			continue;
		add_piece(pieces, &n, "entry", &f->canonical);
		add_piece(pieces, &n, "certificate", &f->certificate);
		add_piece(pieces, &n, strcmp(f->kind, "application-accepted") == 0 ? "acceptance" : "order",
		          &f->statement);
		used += (size_t)snprintf(g->kinds + used, sizeof(g->kinds) - used, "%s%s",
		                         used > 0 ? " " : "", f->kind);
		NEED(used < sizeof(g->kinds), RC_INPUT, "too many entries about one record");
	}
	return vault_bundle(key, pieces, n, &g->bundle);
}

static RC gather_all(struct page *p)
{
	for (size_t i = 0; i < p->count; i++) {
		bool known = false;

		for (size_t n = 0; n < p->record_count && !known; n++)
			known = memcmp(p->records[n].key, p->at[i].key, 32) == 0;
		if (!known)
			TRY(gather(p, p->at[i].key));
	}
	return OK;
}

/* ---- writing ---- */

static RC heard_of(struct db_tx *tx, struct page *p, const struct followed *f, struct vault_record *r)
{
	struct rc rc = vault_store_record(tx->db, f->key, r);
	struct slice class;

	if (rc.code != RC_NOTFOUND)
		return rc;
	/* issued before there was a vault, or past it: an exception that people must look at (R24.2) */
	*r = (struct vault_record){.at = clock_now()};
	memcpy(r->key, f->key, 32);
	snprintf(r->log, sizeof(r->log), "%s", p->f->name);
	TRY(json_get_text(f->data, "class", sizeof(r->class) - 1, &class));
	memcpy(r->class, class.p, class.len);
	return vault_store_record_put(tx->db, r);
}

static RC write_issued(struct db_tx *tx, struct page *p, const struct followed *f)
{
	struct vault_certificate c = {0};
	struct vault_record r;
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	struct slice ca, text, part;

	TRY(heard_of(tx, p, f, &r));
	TRY(json_get_text(f->data, "ca", VAULT_CA_MAX, &ca));
	TRY(json_get_text(f->data, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(json_get_text(f->data, "part", sizeof(c.part) - 1, &part));
	TRY(cert_serial_from_text(text, &serial));
	TRY(json_get_time(f->data, "not_after", &c.not_after));
	TRY(json_get_hex(f->data, "certificate", c.sm3, sizeof(c.sm3)));
	memcpy(c.ca, ca.p, ca.len);
	memcpy(c.part, part.p, part.len);
	c.serial = buf_slice(&serial);
	c.record = r.id;
	return vault_store_certificate_put(tx->db, &c);
}

static RC write_ended(struct db_tx *tx, const struct followed *f, bool ended)
{
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	struct slice ca, text;
	int64_t at = 0;

	TRY(json_get_text(f->data, "ca", VAULT_CA_MAX, &ca));
	TRY(json_get_text(f->data, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, &serial));
	if (ended)
		TRY(json_get_time(f->data, "at", &at));
	return vault_store_ended(tx->db, ca, buf_slice(&serial), at);
}

static RC write_followed(struct db_tx *tx, struct page *p, const struct followed *f)
{
	if (strcmp(f->kind, "issued") == 0)
		return write_issued(tx, p, f);
	if (strcmp(f->kind, "revoked") == 0 || strcmp(f->kind, "released") == 0)
		return write_ended(tx, f, strcmp(f->kind, "revoked") == 0);
	return OK;
}

static struct rc page_write(struct db_tx *tx, void *arg)
{
	struct page *p = arg;

	for (size_t i = 0; i < p->count; i++)
		TRY(write_followed(tx, p, &p->at[i]));
	for (size_t i = 0; i < p->record_count; i++) {
		struct vault_record r;
		struct rc rc = vault_store_record(tx->db, p->records[i].key, &r);

		if (rc.code == RC_NOTFOUND) /* the RA's news of what has no record: told by the CA's log */
			continue;
		TRY(rc);
		TRY(vault_store_item_put(tx->db, &p->items[i]));
		TRY(vault_store_keep(tx->db, r.id, p->items[i].id, p->records[i].kinds, clock_now()));
	}
	return vault_store_feed_set(tx->db, p->f->name, p->next, p->leaf);
}

/* ---- one answer ---- */

static RC put_bundles(struct page *p)
{
	struct vault *v = p->f->v;
	AUTO(db_lease, lease, NULL);
	AUTO_MEM(struct slice, contents, mem_new(p->record_count + 1, sizeof(*contents)));
	AUTO_MEM(uint8_t, ids, mem_new(p->record_count + 1, 32));

	NEED(contents != NULL && ids != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < p->record_count; i++) {
		contents[i] = buf_slice(&p->records[i].bundle);
		sm3_hash(contents[i], ids + 32 * i);
	}
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	return vault_put_items(v, lease->db, contents, (const uint8_t(*)[32])ids, p->record_count, p->items);
}

RC vault_tail_apply(struct feed *f, const json_t *answer, size_t *n)
{
	AUTO(page, p, mem_new(1, sizeof(*p)));
	json_t *list;
	int64_t size;

	NEED(p != NULL, RC_NOMEM, "no memory");
	p->f = f;
	p->next = f->next;
	TRY(json_get_array(answer, "entries", LOG_READ_MAX, &list));
	TRY(json_get_int(answer, "size", 0, INT64_MAX, &size));
	*n = json_array_size(list);
	REQUIRE((uint64_t)size >= p->next, FEED_BROKEN, "the log is shorter than what was seen of it");
	p->at = mem_new(*n + 1, sizeof(*p->at));
	p->records = mem_new(*n + 1, sizeof(*p->records));
	p->items = mem_new(*n + 1, sizeof(*p->items));
	NEED(p->at != NULL && p->records != NULL && p->items != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < *n; i++, p->next++) {
		TRY(log_entry_check(json_array_get(list, i), p->next, p->leaf));
		TRY(read_entry(p, json_array_get(list, i)));
	}
	if (*n > 0) {
		TRY(gather_all(p));
		TRY(put_bundles(p));
		TRY(writer_run(instance_writer(f->v->in), page_write, p));
		f->next = p->next;
	}
	if (p->next >= (uint64_t)size)
		atomic_store(&f->heard, clock_mono_ms());
	return OK;
}

/* ---- the thread ---- */

static RC poll_once(struct feed *f, size_t *n)
{
	char path[128];
	AUTO_JSON(answer, NULL);
	int len = snprintf(path, sizeof(path), "/v1/log/entries?from=%llu&limit=%d&wait=%d",
	                   (unsigned long long)f->next, VAULT_FEED_PAGE, VAULT_FEED_WAIT);

	NEED(len > 0 && (size_t)len < sizeof(path), RC_BUG, "path");
	TRY(http_call_json(f->client, &(struct http_call){.path = path, .deadline_ms = 15000}, NULL,
	                   &answer));
	return vault_tail_apply(f, answer, n);
}

static void nap(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

/* What cannot be read ends the following of that log; what cannot be reached or written is tried again. */
static void *follow(void *arg)
{
	struct feed *f = arg;
	bool down = false;

	while (!instance_ending(f->v->in) && !atomic_load(&f->broken)) {
		size_t n = 0;
		struct rc rc = poll_once(f, &n);

		if (rc_ok(rc)) {
			down = false;
			if (n > 0 && n < VAULT_FEED_PAGE)
				nap(REST_MS);
			continue;
		}
		if (rc_last()->err == ERR_FEED_BROKEN)
			atomic_store(&f->broken, true);
		if (!down && !instance_ending(f->v->in)) {
			log_failure("feed", NULL);
			if (rc.code != RC_BUSY)
				instance_alarm(f->v->in, "feed-broken", slice_text(f->name), rc_last()->text);
		}
		down = true;
		nap(RETRY_MS);
	}
	return NULL;
}

RC vault_tail_start(struct vault *v)
{
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(instance_readers(v->in), &lease));
	for (size_t i = 0; i < v->feeds; i++) {
		struct feed *f = &v->feed[i];

		TRY(vault_store_feed(lease->db, f->name, &f->next));
		NEED(pthread_create(&f->thread, NULL, follow, f) == 0, RC_NOMEM, "no thread for a feed");
		f->running = true;
	}
	return OK;
}

void vault_tail_stop(struct vault *v)
{
	for (size_t i = 0; i < v->feeds; i++) {
		if (v->feed[i].running)
			pthread_join(v->feed[i].thread, NULL);
		v->feed[i].running = false;
	}
}
