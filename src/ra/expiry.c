/* Holders are told 90, 30 and 7 days before their certificate ends.  The most urgent one counts: who was down
 * for a month sends no heap of late warnings, and nothing twice (the row is the memory). */
#include "base/clock.h"
#include "base/time.h"
#include "pki/cert.h"
#include "ra/notice.h"
#include "ra/registry.h"
#include "ra/revoke.h"

#define PAGE 500

static const int thresholds[] = {7, 30, 90};

struct expiring {
	int64_t application, not_after;
	char name[RA_NAME + CERT_SERIAL_TEXT + 1], entity[RA_UUID + 1];
	bool active;
};
struct warning {
	struct ra *ra;
	int days;
	int64_t now, after;
	size_t n;
	struct expiring at[PAGE];
};

static RC take(struct db_rows *q, struct expiring *e)
{
	struct slice ca = db_text(q, 2), entity = db_text(q, 4);
	char serial[CERT_SERIAL_TEXT];

	*e = (struct expiring){.application = db_int(q, 0), .not_after = db_int(q, 1)};
	NEED(ca.len <= RA_NAME && entity.len <= RA_UUID && db_blob(q, 3).len <= RA_SERIAL_MAX, RC_BUG,
	     "ra: a stored name is too long");
	cert_serial_text(db_blob(q, 3), serial);
	snprintf(e->name, sizeof(e->name), "%.*s/%s", (int)ca.len, (const char *)ca.p, serial);
	memcpy(e->entity, entity.p, entity.len);
	return OK;
}

static RC load(struct warning *w)
{
	AUTO(db_lease, lease, NULL);
	AUTO(db_rows, q, NULL);
	bool row;

	w->n = 0;
	TRY(db_pool_lease(instance_readers(w->ra->in), &lease));
	TRY(db_query(lease->db, &q,
	             "SELECT r.application, r.not_after, c.ca, c.serial, a.entity FROM registry r "
	             "JOIN certificate c ON c.application = r.application AND c.part = 0 "
	             "JOIN application a ON a.seq = r.application "
	             "WHERE r.application > $4 AND r.not_after > $1 AND r.not_after <= $1 + $2 * 86400 "
	             "AND r.at <= r.not_after - $2 * 86400 AND NOT EXISTS "
	             "(SELECT 1 FROM expiry_notice n WHERE n.application = r.application AND n.days <= $2) "
	             "ORDER BY r.application LIMIT $3",
	             DB_ARGS(DB_INT(w->now), DB_INT(w->days), DB_INT(PAGE), DB_INT(w->after))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(take(q, &w->at[w->n]));
		w->after = w->at[w->n++].application;
	}
}

/* Revoked, suspended and followed ones need no warning; the CA knows. */
static RC ask(struct warning *w)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	json_t *names = json_array(), *list;

	json_put_take(body, "certificates", names);
	for (size_t i = 0; names != NULL && i < w->n; i++)
		(void)json_array_append_new(names, json_string(w->at[i].name));
	TRY(json_put_result());
	TRY(ra_ca_call(w->ra, "/v1/certificates/states", body, &answer));
	TRY(json_get_array(answer, "certificates", PAGE, &list));
	NEED(json_array_size(list) == w->n, RC_INPUT, "the CA answers what was not asked");
	for (size_t i = 0; i < w->n; i++) {
		const char *state = json_string_value(json_object_get(json_array_get(list, i), "state"));

		w->at[i].active = state != NULL && strcmp(state, "active") == 0;
	}
	return OK;
}

static RC tell(struct db_tx *tx, const struct warning *w, const struct expiring *e)
{
	char end[21];
	AUTO_BUF(zh, NOTICE_TEXT_MAX);
	AUTO_BUF(en, NOTICE_TEXT_MAX);
	struct notice n = {.kind = "certificate-expiring",
	                   .to = NOTICE_ENTITY,
	                   .recipient = e->entity,
	                   .subject = e->name};
	int64_t left = (e->not_after - w->now + TIME_DAY - 1) / TIME_DAY;

	time_text(e->not_after, end);
	buf_printf(&zh, "证书 %s 将于 %s 到期（还有 %lld 天）。请在到期前申请更新。", e->name, end,
	           (long long)left);
	buf_printf(&en, "Certificate %s ends at %s, in %lld days. Apply for an update before.", e->name, end,
	           (long long)left);
	TRY(buf_done(&zh));
	TRY(buf_done(&en));
	n.zh = buf_cstr(&zh);
	n.en = buf_cstr(&en);
	return ra_notice(tx, &n);
}

static struct rc warn_write(struct db_tx *tx, void *arg)
{
	struct warning *w = arg;

	for (size_t i = 0; i < w->n; i++) {
		int64_t changed = 0;

		if (!w->at[i].active)
			continue;
		TRY(db_run(tx->db, &changed,
		           "INSERT INTO expiry_notice(application, days, at) VALUES($1, $2, $3) "
		           "ON CONFLICT DO NOTHING",
		           DB_ARGS(DB_INT(w->at[i].application), DB_INT(w->days), DB_INT(w->now))));
		if (changed == 1)
			TRY(tell(tx, w, &w->at[i]));
	}
	return OK;
}

struct rc ra_expiry_run(void *in, int64_t due)
{
	AUTO_MEM(struct warning, w, mem_new(1, sizeof(*w)));

	(void)due;
	NEED(w != NULL, RC_NOMEM, "no memory");
	w->ra = instance_state(in);
	w->now = clock_now();
	for (size_t t = 0; t < sizeof(thresholds) / sizeof(thresholds[0]); t++) {
		w->days = thresholds[t];
		w->after = 0;
		do {
			TRY(load(w));
			if (w->n == 0)
				break;
			TRY(ask(w));
			TRY(writer_run(instance_writer(w->ra->in), warn_write, w));
		} while (w->n == PAGE && !instance_ending(w->ra->in));
	}
	return OK;
}
