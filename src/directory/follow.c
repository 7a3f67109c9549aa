/* The CA's log again, never further than status has checked it; certificates come with their entries. */
#include "directory/inner.h"

#include "base/clock.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "http/client.h"
#include "sm/sm3.h"

#include <stdio.h>

#define PAGE 256

struct page {
	struct directory *d;
	struct trust *trust;
	json_t *entries;
	uint64_t next;
};

static RC read_serial(const json_t *data, struct buf *serial)
{
	struct slice text;

	TRY(json_get_text(data, "serial", 2 * CERT_SERIAL_MAX, &text));
	return cert_serial_from_text(text, serial);
}

static RC take_issued(struct page *p, struct db *db, const json_t *data, const json_t *e)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	char name[DIRECTORY_NAME_MAX + 1];
	struct directory_row row = {.entry = name};
	struct slice profile;
	uint8_t sm3[32];

	/* what the ceremony made comes without certificate and profile, and is not for a directory */
	if (json_object_get(e, "certificate") == NULL || json_object_get(data, "profile") == NULL)
		return OK;
	TRY(json_get_base64(e, "certificate", CERT_DER_MAX, &der));
	TRY(json_get_text(data, "profile", TRUST_ID_MAX, &profile));
	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &row.ca));
	TRY(json_get_time(data, "not_after", &row.not_after));
	TRY(read_serial(data, &serial));
	row.serial = buf_slice(&serial);
	row.der = buf_slice(&der);
	sm3_hash(row.der, sm3);
	TRY(directory_store_known(db, row.ca, row.serial, sm3));
	TRY(entry_name(p->trust, profile, row.der, name));
	if (name[0] == '\0')
		return OK;
	TRY(directory_store_put(db, &row));
	return directory_store_wait(db, name, clock_now());
}

static RC take_change(struct db *db, const json_t *data)
{
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	char name[DIRECTORY_NAME_MAX + 1];
	struct slice ca;
	struct rc rc;

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &ca));
	TRY(read_serial(data, &serial));
	rc = directory_store_entry(db, ca, buf_slice(&serial), name);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	return directory_store_wait(db, name, clock_now());
}

static RC take_list(struct page *p, struct db *db, const json_t *data)
{
	char name[DIRECTORY_NAME_MAX + 1], id[TRUST_ID_MAX + 1];
	struct slice ca;

	TRY(json_get_text(data, "ca", TRUST_ID_MAX, &ca));
	(void)snprintf(id, sizeof(id), "%.*s", (int)ca.len, (const char *)ca.p);
	if (trust_authority(p->trust, id) == NULL)
		return OK;
	(void)snprintf(name, sizeof(name), "ca/%s", id);
	return directory_store_wait(db, name, clock_now());
}

static RC take(struct page *p, struct db *db, const json_t *e)
{
	const json_t *entry = json_object_get(e, "entry"), *data = json_object_get(entry, "data");
	uint8_t leaf[LOG_LEAF];
	struct slice kind;

	TRY(log_entry_check(e, p->next, leaf));
	TRY(json_get_text(entry, "kind", LOG_KIND_MAX, &kind));
	if (slice_is(kind, "issued"))
		return take_issued(p, db, data, e);
	if (slice_is(kind, "revoked") || slice_is(kind, "released"))
		return take_change(db, data);
	return slice_is(kind, "crl") ? take_list(p, db, data) : OK;
}

static struct rc apply(struct db_tx *tx, void *arg)
{
	struct page *p = arg;

	for (size_t i = 0; i < json_array_size(p->entries); i++, p->next++)
		TRY(take(p, tx->db, json_array_get(p->entries, i)));
	return directory_store_feed_set(tx->db, p->next);
}

RC follow_log(struct directory *d)
{
	while (d->next < atomic_load(d->taken) && !publish_ending(d)) {
		uint64_t there = atomic_load(d->taken) - d->next;
		AUTO(trust, t, instance_trust(d->in));
		AUTO_JSON(answer, NULL);
		struct page p = {.d = d, .trust = t, .next = d->next};
		char path[96];

		(void)snprintf(path, sizeof(path), "/v1/log/entries?from=%llu&limit=%u",
		               (unsigned long long)d->next, there < PAGE ? (unsigned)there : PAGE);
		TRY(http_call_json(d->ca, &(struct http_call){.path = path, .deadline_ms = 15000}, NULL,
		                   &answer));
		TRY(json_get_array(answer, "entries", PAGE, &p.entries));
		if (json_array_size(p.entries) == 0)
			return OK;
		TRY(writer_run(instance_writer(d->in), apply, &p));
		d->next = p.next;
	}
	return OK;
}
