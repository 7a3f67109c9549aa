#include "statement/order.h"

#include "pki/cert.h"

#define BIT(g) (1u << GROUND_##g)

/* Rows: roles.  Columns: grounds for revoke, hold, release; the first ground is the usual one.  Whoever lost
 * a key may end or stop it; only an officer lets it live again, because a thief has the key too. */
static const struct {
	const char *role;
	enum order_ground usual;
	unsigned grounds[ORDER_EVENTS];
} rights[] = {
        {"subscriber", GROUND_HOLDER, {BIT(HOLDER), BIT(HOLDER), 0}},
        /* takes reports at any hour: what a clerk alone cannot verify is stopped, not ended (R31.2) */
        {"entry", GROUND_HOLDER, {0, BIT(HOLDER) | BIT(INSTITUTION), 0}},
        {"review",
         GROUND_RA,
         {BIT(HOLDER) | BIT(INSTITUTION) | BIT(RA), BIT(HOLDER) | BIT(INSTITUTION) | BIT(RA),
          BIT(HOLDER) | BIT(INSTITUTION) | BIT(RA)}},
        {"ca-operator",
         GROUND_CA,
         {BIT(HOLDER) | BIT(INSTITUTION) | BIT(CA), BIT(HOLDER) | BIT(INSTITUTION) | BIT(CA),
          BIT(HOLDER) | BIT(INSTITUTION) | BIT(CA)}},
        {"institution", GROUND_INSTITUTION, {BIT(INSTITUTION), 0, 0}},
        /* by rule: time over, code of the counter */
        {"service", GROUND_CA, {BIT(HOLDER) | BIT(RA) | BIT(CA), BIT(HOLDER) | BIT(RA) | BIT(CA), 0}},
};

static const char *const ground_names[GROUNDS] = {
        [GROUND_HOLDER] = "holder",
        [GROUND_INSTITUTION] = "institution",
        [GROUND_RA] = "ra",
        [GROUND_CA] = "ca",
};
static const char *const event_names[ORDER_EVENTS] = {
        [ORDER_REVOKE] = "revoke",
        [ORDER_HOLD] = "hold",
        [ORDER_RELEASE] = "release",
};

const char *order_ground_name(enum order_ground g)
{
	return g < GROUNDS ? ground_names[g] : "";
}

const char *order_event_name(enum order_event e)
{
	return e < ORDER_EVENTS ? event_names[e] : "";
}

RC order_permitted(struct slice role, enum order_event event, enum order_ground ground)
{
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		if (slice_is(role, rights[i].role) && (rights[i].grounds[event] & (1u << ground)) != 0)
			return OK;
	}
	REFUSE(REVOCATION_RIGHT, "%.*s may not %s on the ground %s", (int)role.len, (const char *)role.p,
	       order_event_name(event), order_ground_name(ground));
}

static RC read_ground(const struct statement *s, struct order *ret)
{
	struct slice name;

	if (json_object_get(s->body, "ground") == NULL) {
		for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
			if (slice_is(s->role, rights[i].role))
				ret->ground = rights[i].usual;
		}
		return OK;
	}
	TRY(json_get_text(s->body, "ground", 16, &name));
	for (unsigned g = 0; g < GROUNDS; g++) {
		if (slice_is(name, ground_names[g]))
			ret->ground = (enum order_ground)g;
	}
	return OK;
}

static RC read_times(const struct statement *s, struct order *ret)
{
	ret->has_invalidity = json_object_get(s->body, "invalidity") != NULL;
	if (ret->has_invalidity)
		TRY(json_get_time(s->body, "invalidity", &ret->invalidity));
	ret->has_reported = json_object_get(s->body, "reported") != NULL;
	if (!ret->has_reported)
		return OK;
	TRY(json_get_time(s->body, "reported", &ret->reported));
	NEED(ret->reported <= s->issued + STATEMENT_SKEW, RC_INPUT,
	     "reported after the statement was signed");
	return OK;
}

static RC read_certificate(const struct statement *s, struct order *ret)
{
	AUTO_BUF(serial, ORDER_SERIAL_MAX);
	struct slice ca, text;

	TRY(json_get_text(s->body, "ca", ORDER_CA_MAX, &ca));
	TRY(json_get_text(s->body, "serial", 2 * ORDER_SERIAL_MAX, &text));
	memcpy(ret->ca, ca.p, ca.len);
	TRY(cert_serial_from_text(text, &serial));
	memcpy(ret->serial, serial.p, serial.len);
	ret->serial_len = serial.len;
	return OK;
}

RC order_read(const struct statement *s, struct order *ret)
{
	struct slice reason, scope = SLICE_NONE;

	NEED(s->kind == STATEMENT_REVOCATION, RC_INPUT, "not a revocation");
	*ret = (struct order){0};
	TRY(read_certificate(s, ret));
	TRY(json_get_text(s->body, "reason", 64, &reason));
	TRY(crl_reason_find(reason, &ret->reason));
	ret->event = ret->reason == REASON_HOLD     ? ORDER_HOLD
	             : ret->reason == REASON_REMOVE ? ORDER_RELEASE
	                                            : ORDER_REVOKE;
	if (json_object_get(s->body, "scope") != NULL) {
		TRY(json_get_text(s->body, "scope", 16, &scope));
		ret->scope = slice_is(scope, "pair") ? ORDER_PAIR : ORDER_SINGLE;
	}
	if (json_object_get(s->body, "case") != NULL)
		TRY(json_get_text(s->body, "case", ORDER_CASE_MAX, &ret->relates));
	TRY(read_times(s, ret));
	TRY(read_ground(s, ret));
	return order_permitted(s->role, ret->event, ret->ground);
}
