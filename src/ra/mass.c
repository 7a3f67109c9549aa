/* Preview and order of a mass operation. */
#include "ra/mass.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "ra/registry.h"
#include "sm/sm3.h"

#define PAGE 500

struct mass {
	struct ra *ra;
	enum order_event event;
	json_t *items; /* [{"certificate","subject"?,"state"?,"code"?}] */
	uint8_t token[SM3_LEN];
	char id[MASS_ID + 1], by[RA_UUID + 1];
};

static void mass_free(struct mass *m)
{
	if (m == NULL)
		return;
	json_decref(m->items);
	mem_free(m);
}
DROP(mass, mass_free);

/* ---- which ---- */

static RC read_event(const json_t *body, enum order_event *ret)
{
	struct slice name;

	TRY(json_get_text(body, "event", 16, &name));
	for (int e = 0; e < ORDER_EVENTS; e++) {
		if (slice_is(name, order_event_name((enum order_event)e))) {
			*ret = (enum order_event)e;
			return OK;
		}
	}
	FAIL(RC_INPUT, "no such event: %.*s", (int)name.len, (const char *)name.p);
}

static RC add_item(struct mass *m, const char *name, struct slice subject)
{
	json_t *o = json_object();

	json_put_cstr(o, "certificate", name);
	if (subject.len > 0)
		json_put_text(o, "subject", subject);
	NEED(json_array_append_new(m->items, o) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

static struct rc add_row(void *arg, const struct registry_row *r)
{
	char serial[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];

	cert_serial_text(r->serial, serial);
	snprintf(name, sizeof(name), "%.*s/%s", (int)r->ca.len, (const char *)r->ca.p, serial);
	return add_item(arg, name, r->subject);
}

/* CA/SERIAL in the form that is stored, so that one certificate has one name. */
static RC add_named(struct mass *m, struct slice text)
{
	const uint8_t *slash = memchr(text.p, '/', text.len);
	char serial[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];
	AUTO_BUF(magnitude, RA_SERIAL_MAX);
	size_t n = slash != NULL ? (size_t)(slash - text.p) : 0;

	NEED(n > 0 && n <= RA_NAME, RC_INPUT, "%.*s: not CA/SERIAL", (int)text.len, (const char *)text.p);
	TRY(cert_serial_from_text(slice_of(slash + 1, text.len - n - 1), &magnitude));
	cert_serial_text(buf_slice(&magnitude), serial);
	snprintf(name, sizeof(name), "%.*s/%s", (int)n, (const char *)text.p, serial);
	return add_item(m, name, SLICE_NONE);
}

static RC by_organisation(struct mass *m, const json_t *body)
{
	AUTO(db_lease, lease, NULL);
	struct slice code, unit = SLICE_NONE;

	TRY(json_get_text(body, "organisation", 32, &code));
	if (json_object_get(body, "unit") != NULL)
		TRY(json_get_text(body, "unit", 256, &unit));
	TRY(db_pool_lease(instance_readers(m->ra->in), &lease));
	TRY(ra_registry_of(lease->db, code, unit, MASS_MAX + 1, add_row, m));
	REQUIRE(json_array_size(m->items) <= MASS_MAX, TOO_LARGE, "more than %d certificates", MASS_MAX);
	return OK;
}

static RC choose(struct mass *m, const json_t *body)
{
	json_t *list, *one;
	size_t i;

	if (json_object_get(body, "certificates") == NULL)
		return by_organisation(m, body);
	TRY(json_get_array(body, "certificates", MASS_MAX, &list));
	json_array_foreach(list, i, one)
	{
		NEED(json_is_string(one), RC_INPUT, "certificates: not a text");
		TRY(add_named(m, slice_of(json_string_value(one), json_string_length(one))));
	}
	return OK;
}

/* ---- what would happen ---- */

static RC ask_page(struct mass *m, size_t from)
{
	size_t n = json_array_size(m->items) - from < PAGE ? json_array_size(m->items) - from : PAGE;
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	json_t *names = json_array(), *list;

	json_put_take(body, "certificates", names);
	json_put_cstr(body, "event", order_event_name(m->event));
	for (size_t i = 0; names != NULL && i < n; i++)
		(void)json_array_append(names,
		                        json_object_get(json_array_get(m->items, from + i), "certificate"));
	TRY(json_put_result());
	TRY(ra_ca_call(m->ra, "/v1/certificates/states", body, &answer));
	TRY(json_get_array(answer, "certificates", PAGE, &list));
	NEED(json_array_size(list) == n, RC_INPUT, "the CA answers what was not asked");
	for (size_t i = 0; i < n; i++) {
		const json_t *got = json_array_get(list, i);
		json_t *item = json_array_get(m->items, from + i);

		if (json_object_get(got, "state") != NULL)
			json_put_take(item, "state", json_incref(json_object_get(got, "state")));
		if (json_object_get(got, "code") != NULL)
			json_put_take(item, "code", json_incref(json_object_get(got, "code")));
	}
	return json_put_result();
}

/* Of event, certificates and their states: whatever changes until the order changes this. */
static RC token_of(struct mass *m)
{
	AUTO_JSON(o, json_object());
	AUTO_BUF(text, JSON_MAX);

	json_put_cstr(o, "event", order_event_name(m->event));
	json_put_take(o, "items", json_incref(m->items));
	TRY(json_put_result());
	TRY(json_canonical(o, &text));
	sm3_hash(buf_slice(&text), m->token);
	return OK;
}

static RC look(struct ra *ra, const struct request *q, const json_t *body, struct mass **ret)
{
	AUTO(mass, m, mem_new(1, sizeof(*m)));

	NEED(m != NULL, RC_NOMEM, "no memory");
	m->ra = ra;
	m->items = json_array();
	NEED(m->items != NULL, RC_NOMEM, "no memory");
	(void)snprintf(m->by, sizeof(m->by), "%s", q->peer->person);
	TRY(read_event(body, &m->event));
	TRY(choose(m, body));
	for (size_t from = 0; from < json_array_size(m->items); from += PAGE)
		TRY(ask_page(m, from));
	TRY(token_of(m));
	*ret = MOVE(m);
	return OK;
}

/* {"active": 12, "on-hold": 1, …} of states, and how many are refused. */
static json_t *counts(const struct mass *m)
{
	json_t *o = json_object(), *item;
	size_t i;
	int64_t refused = 0;

	json_array_foreach(m->items, i, item)
	{
		const char *state = json_string_value(json_object_get(item, "state"));

		if (json_object_get(item, "code") != NULL)
			refused++;
		if (state != NULL)
			json_put_int(o, state, json_integer_value(json_object_get(o, state)) + 1);
	}
	json_put_int(o, "refused", refused);
	return o;
}

RC ra_mass_preview(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_JSON(body, NULL);
	AUTO(mass, m, NULL);

	TRY(request_json(q, &body));
	TRY(json_only(body, "event", "certificates", "organisation", "unit", NULL));
	TRY(look(ra, q, body, &m));
	*ret = json_object();
	json_put_hex(*ret, "token", SLICE_ARR(m->token));
	json_put_int(*ret, "total", (int64_t)json_array_size(m->items));
	json_put_take(*ret, "counts", counts(m));
	json_put_take(*ret, "items", json_incref(m->items));
	return json_put_result();
}

/* ---- the order ---- */

static RC put_item(struct db *db, const struct mass *m, size_t n)
{
	const json_t *item = json_array_get(m->items, n);
	const char *name = json_string_value(json_object_get(item, "certificate")),
	           *slash = strchr(name, '/');
	AUTO_BUF(serial, RA_SERIAL_MAX);

	TRY(cert_serial_from_text(slice_text(slash + 1), &serial));
	return ra_store_mass_item(
	        db, m->id,
	        &(struct mass_item){.n = (int64_t)n,
	                            .ca = slice_of(name, (size_t)(slash - name)),
	                            .serial = buf_slice(&serial),
	                            .code = json_string_value(json_object_get(item, "code"))});
}

static struct rc order_write(struct db_tx *tx, void *arg)
{
	struct mass *m = arg;
	AUTO_JSON(o, json_object());
	struct mass_row row = {.event = m->event, .at = clock_now()};

	memcpy(row.id, m->id, sizeof(row.id));
	memcpy(row.by, m->by, sizeof(row.by));
	TRY(ra_store_mass_put(tx->db, &row, m->token));
	for (size_t i = 0; i < json_array_size(m->items); i++)
		TRY(put_item(tx->db, m, i));
	json_put_cstr(o, "id", m->id);
	json_put_cstr(o, "event", order_event_name(m->event));
	json_put_int(o, "total", (int64_t)json_array_size(m->items));
	json_put_cstr(o, "by", m->by);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(m->ra->in), tx, "mass-ordered", o, m->token, NULL);
}

static RC make_id(struct mass *m)
{
	AUTO_BUF(text, MASS_ID + 1);
	uint8_t random[MASS_ID / 2];

	TRY(rand_bytes(random, sizeof(random)));
	buf_hex(&text, SLICE_ARR(random));
	memcpy(m->id, text.p, MASS_ID);
	return OK;
}

RC ra_mass_order(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_JSON(body, NULL);
	AUTO(mass, m, NULL);
	uint8_t token[SM3_LEN];

	TRY(request_json(q, &body));
	TRY(json_only(body, "event", "certificates", "organisation", "unit", "token", NULL));
	TRY(json_get_hex(body, "token", token, sizeof(token)));
	TRY(look(ra, q, body, &m));
	REQUIRE(memcmp(token, m->token, sizeof(token)) == 0, MASS_CHANGED,
	        "the preview is not true any more");
	TRY(make_id(m));
	TRY(writer_run(instance_writer(ra->in), order_write, m));
	*ret = json_object();
	json_put_cstr(*ret, "id", m->id);
	json_put_int(*ret, "total", (int64_t)json_array_size(m->items));
	return json_put_result();
}

/* ---- progress ---- */

RC ra_mass_show(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	json_t *count = json_object(), *open = json_array(), *refused = json_array();
	struct mass_row m;

	json_put_take(o, "counts", count);
	json_put_take(o, "open", open);
	json_put_take(o, "refused", refused);
	TRY(request_query_only(q, NULL));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_mass_find(lease->db, request_param(q, "id"), &m));
	json_put_cstr(o, "id", m.id);
	json_put_cstr(o, "event", order_event_name(m.event));
	json_put_cstr(o, "by", m.by);
	json_put_time(o, "at", m.at);
	TRY(ra_store_mass_counts(lease->db, m.id, count));
	TRY(ra_store_mass_list(lease->db, m.id, MASS_OPEN, open));
	TRY(ra_store_mass_list(lease->db, m.id, MASS_REFUSED, refused));
	*ret = MOVE(o);
	return OK;
}
