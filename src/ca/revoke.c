/* Revocation: never waits for gate, issuer or KMC (requirements d.1, "always on").  Effective when
 * durable; the list and the log's followers learn of it at once. */
#include "base/clock.h"
#include "base/text.h"
#include "ca/ca.h"
#include "db/writer.h"
#include "evidence/log.h"

struct revoking {
	struct ca *c;
	const struct statement *s;
	char ca[CA_ID_MAX + 1];
	uint8_t serial[AUTHORITY_SERIAL_MAX];
	struct revocation r;
};

/* RFC 5280 5.3.1.  Holds are not taken before they can be lifted and end by themselves (R21.7). */
static const struct { const char *name; int code; } reasons[] = {
	{"unspecified", 0},          {"keyCompromise", 1}, {"cACompromise", 2},        {"affiliationChanged", 3},
	{"superseded", 4},           {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9}, {"aACompromise", 10},
};

static RC reason_of(struct slice name, int *ret)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (slice_is(name, reasons[i].name)) {
			*ret = reasons[i].code;
			return OK;
		}
	}
	FAIL(RC_INPUT, "the reason %.*s is not taken", (int)name.len, (const char *)name.p);
}

static const char *reason_name(int code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code)
			return reasons[i].name;
	}
	return reasons[0].name;
}

/* Lower-case hex without leading zeros to the magnitude. */
static RC serial_of(struct slice hex, uint8_t *ret, size_t *len)
{
	uint8_t padded[2 * AUTHORITY_SERIAL_MAX];

	NEED(hex.len >= 1 && hex.len <= sizeof(padded), RC_INPUT, "a serial number has 1 to %d hex digits",
	     2 * AUTHORITY_SERIAL_MAX);
	padded[0] = '0';
	memcpy(padded + hex.len % 2, hex.p, hex.len);
	*len = (hex.len + 1) / 2;
	return text_hex(slice_of(padded, 2 * *len), ret, *len);
}

static RC read_body(struct revoking *v)
{
	const json_t *body = v->s->body;
	struct slice ca, serial, reason;

	TRY(json_get_text(body, "ca", CA_ID_MAX, &ca));
	TRY(json_get_text(body, "serial", sizeof(v->serial) * 2, &serial));
	TRY(json_get_text(body, "reason", 64, &reason));
	memcpy(v->ca, ca.p, ca.len);
	TRY(reason_of(reason, &v->r.reason));
	TRY(serial_of(serial, v->serial, &v->r.serial.len));
	v->r.serial.p = v->serial;
	v->r.has_invalidity = json_object_get(body, "invalidity") != NULL;
	return v->r.has_invalidity ? json_get_time(body, "invalidity", &v->r.invalidity) : OK;
}

/* A holder may only end certificates of his own entity; officers those of their institution. */
static RC entitled(const struct revoking *v, const struct ca_certificate *c)
{
	if (!slice_is(v->s->role, "subscriber"))
		return OK;
	REQUIRE(slice_is(v->s->person, c->request.entity), PEER, "a subscriber revokes only own certificates");
	return OK;
}

static RC log_revoked(struct revoking *v, struct db_tx *tx, const struct ca_certificate *c)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "ca", v->ca);
	json_put_hex(o, "serial", v->r.serial);
	json_put_time(o, "at", v->r.at);
	json_put_cstr(o, "reason", reason_name(v->r.reason));
	if (v->r.has_invalidity)
		json_put_time(o, "invalidity", v->r.invalidity);
	json_put_hex(o, "request", SLICE_ARR(c->request.key));
	json_put_hex(o, "statement", SLICE_ARR(v->s->sm3));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->c->in), tx, "revoked", o, NULL, NULL);
}

static struct rc revoke_write(struct db_tx *tx, void *arg)
{
	struct revoking *v = arg;
	struct ca_certificate *c = mem_new(1, sizeof(*c));
	AUTO_MEM(struct ca_certificate, owned, c);

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(ca_store_revoke(tx->db, v->ca, v->r.serial, c));
	TRY(entitled(v, c));
	v->r.at = clock_now();
	TRY(authority_store_revoke(tx->db, v->ca, &v->r, buf_slice(&v->s->der)));
	if (c->part == CA_ENCRYPT)
		TRY(ca_store_notice_put(tx->db, v->r.serial, v->r.at));
	return log_revoked(v, tx, c);
}

RC ca_revoke(struct ca *c, struct slice statement, json_t **ret)
{
	AUTO(trust, t, instance_trust(c->in));
	struct revoking v = {.c = c};
	AUTO(statement, s, NULL);
	AUTO_BUF(serial, 64);

	TRY(statement_open(statement, &s));
	NEED(s->kind == STATEMENT_REVOCATION, RC_INPUT, "not a revocation");
	REQUIRE(slice_is(s->organisation, instance_org(c->in)), PEER, "only officers of %s revoke here",
		instance_org(c->in));
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	v.s = s;
	TRY(read_body(&v));
	TRY(writer_run_first(instance_writer(c->in), revoke_write, &v));
	atomic_fetch_add(&c->revoked, 1);
	atomic_store(&c->notices_waiting, true);
	authority_revoked(c->authority, v.ca);
	*ret = json_object();
	buf_hex(&serial, v.r.serial);
	json_put_cstr(*ret, "ca", v.ca);
	json_put_text(*ret, "serial", serial.len > 0 && serial.p[0] == '0' ? slice_of(serial.p + 1, serial.len - 1)
									   : buf_slice(&serial));
	json_put_time(*ret, "revoked_at", v.r.at);
	return OK;
}
