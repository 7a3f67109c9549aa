/* What would happen: the state of many certificates, and whether an event could follow (preview of mass
 * operations). */
#include "base/clock.h"
#include "ca/revoke.h"
#include "pki/cert.h"

static RC event_of(struct slice name, enum life_event *ret)
{
	for (int e = 0; e < LIFE_EVENTS; e++) {
		if (slice_is(name, life_event_name((enum life_event)e))) {
			*ret = (enum life_event)e;
			return OK;
		}
	}
	FAIL(RC_INPUT, "no such event: %.*s", (int)name.len, (const char *)name.p);
}

static RC find(struct db *db, struct slice name, struct ca_certificate *c)
{
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	const uint8_t *slash = memchr(name.p, '/', name.len);
	char ca[CA_ID_MAX + 1] = "";
	size_t n = slash != NULL ? (size_t)(slash - name.p) : 0;

	NEED(n > 0 && n <= CA_ID_MAX, RC_INPUT, "not CA/SERIAL");
	memcpy(ca, name.p, n);
	TRY(cert_serial_from_text(slice_of(slash + 1, name.len - n - 1), &serial));
	return ca_store_certificate(db, ca, buf_slice(&serial), c, &tbs);
}

static RC one(struct db *db, struct slice name, const enum life_event *event, json_t *o)
{
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));
	struct revocation last;
	enum life_state state, to;

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(find(db, name, c));
	TRY(ca_life(db, c, clock_now(), &state, &last));
	json_put_cstr(o, "state", life_state_name(state));
	json_put_time(o, "not_after", c->request.not_after);
	return event != NULL ? life_next(state, *event, &to) : OK;
}

RC ca_states(struct ca *c, const json_t *body, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, json_array());
	enum life_event event = LIFE_EVENTS;
	json_t *names, *name, *o;
	struct slice text;
	size_t i;

	TRY(json_only(body, "certificates", "event", NULL));
	TRY(json_get_array(body, "certificates", CA_STATES_MAX, &names));
	if (json_object_get(body, "event") != NULL) {
		TRY(json_get_text(body, "event", 16, &text));
		TRY(event_of(text, &event));
	}
	TRY(db_pool_lease(instance_readers(c->in), &lease));
	json_array_foreach(names, i, name)
	{
		struct rc rc;

		NEED(json_is_string(name), RC_INPUT, "certificates: not a text");
		text = slice_of(json_string_value(name), json_string_length(name));
		o = json_object();
		json_put_text(o, "certificate", text);
		rc = one(lease->db, text, event < LIFE_EVENTS ? &event : NULL, o);
		if (!rc_ok(rc)) {
			if (rc.code != RC_CONFLICT && rc.code != RC_NOTFOUND && rc.code != RC_INPUT) {
				json_decref(o);
				return rc;
			}
			json_put_cstr(o, "code", err_info(rc_last()->err)->name);
		}
		NEED(json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	}
	*ret = json_object();
	json_put_take(*ret, "certificates", json_incref(list));
	return json_put_result();
}
