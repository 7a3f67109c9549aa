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

static struct rc take(void *arg, const struct registry_row *r)
{
	struct warning *w = arg;
	struct expiring *e = &w->at[w->n++];
	char serial[CERT_SERIAL_TEXT];

	*e = (struct expiring){.application = r->application, .not_after = r->not_after};
	NEED(r->ca.len <= RA_NAME && r->entity.len <= RA_UUID && r->serial.len <= RA_SERIAL_MAX, RC_BUG,
	     "ra: a stored name is too long");
	cert_serial_text(r->serial, serial);
	snprintf(e->name, sizeof(e->name), "%.*s/%s", (int)r->ca.len, (const char *)r->ca.p, serial);
	memcpy(e->entity, r->entity.p, r->entity.len);
	w->after = e->application;
	return OK;
}

static RC load(struct warning *w)
{
	AUTO(db_lease, lease, NULL);

	w->n = 0;
	TRY(db_pool_lease(instance_readers(w->ra->in), &lease));
	return ra_registry_ending(
	        lease->db,
	        &(struct registry_end){.days = w->days, .now = w->now, .after = w->after, .limit = PAGE},
	        take, w);
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
		bool first = false;

		if (!w->at[i].active)
			continue;
		TRY(ra_registry_warned(tx->db, w->at[i].application, w->days, w->now, &first));
		if (first)
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
