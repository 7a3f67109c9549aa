/* A hold that nobody confirmed ends at the CA when its time is over; the report of loss follows. */
#include "base/clock.h"
#include "pki/cert.h"
#include "ra/loss.h"

#define PAGE 200

struct held {
	struct ra_revocation r;
	uint8_t serial[RA_SERIAL_MAX];
	bool revoked;
};
struct watch {
	struct ra *ra;
	int64_t after;
	size_t n;
	struct held at[PAGE];
};

static struct rc take(void *arg, int64_t id, const struct ra_revocation *r)
{
	struct watch *w = arg;
	struct held *h = &w->at[w->n++];

	NEED(r->serial.len <= sizeof(h->serial), RC_BUG, "ra: a stored serial is too long");
	*h = (struct held){.r = *r};
	memcpy(h->serial, r->serial.p, r->serial.len);
	h->r.serial = slice_of(h->serial, r->serial.len);
	(void)snprintf(h->r.by, sizeof(h->r.by), "%s", instance_config(w->ra->in)->ca_name);
	w->after = id;
	return OK;
}

static RC load(struct watch *w)
{
	AUTO(db_lease, lease, NULL);

	w->n = 0;
	TRY(db_pool_lease(instance_readers(w->ra->in), &lease));
	return ra_store_losses_held(lease->db, w->after, PAGE, take, w);
}

static RC ask(struct watch *w)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	json_t *names = json_array(), *list;

	json_put_take(body, "certificates", names);
	for (size_t i = 0; names != NULL && i < w->n; i++) {
		char serial[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];

		cert_serial_text(w->at[i].r.serial, serial);
		snprintf(name, sizeof(name), "%s/%s", w->at[i].r.ca, serial);
		(void)json_array_append_new(names, json_string(name));
	}
	TRY(json_put_result());
	TRY(ra_ca_call(w->ra, "/v1/certificates/states", body, &answer));
	TRY(json_get_array(answer, "certificates", PAGE, &list));
	NEED(json_array_size(list) == w->n, RC_INPUT, "the CA answers what was not asked");
	for (size_t i = 0; i < w->n; i++) {
		const char *state = json_string_value(json_object_get(json_array_get(list, i), "state"));

		w->at[i].revoked = state != NULL && strcmp(state, "revoked") == 0;
	}
	return OK;
}

/* Idempotent: a report that is closed is not found on hold again. */
static struct rc end_write(struct db_tx *tx, void *arg)
{
	struct watch *w = arg;

	for (size_t i = 0; i < w->n; i++) {
		if (w->at[i].revoked)
			TRY(ra_loss_done(tx, &w->at[i].r, ORDER_REVOKE, clock_now()));
	}
	return OK;
}

struct rc ra_loss_watch(void *in, int64_t due)
{
	AUTO_MEM(struct watch, w, mem_new(1, sizeof(*w)));

	(void)due;
	NEED(w != NULL, RC_NOMEM, "no memory");
	w->ra = instance_state(in);
	do {
		TRY(load(w));
		if (w->n == 0)
			return OK;
		TRY(ask(w));
		TRY(writer_run(instance_writer(w->ra->in), end_write, w));
	} while (w->n == PAGE && !instance_ending(w->ra->in));
	return OK;
}
