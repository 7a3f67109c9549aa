/* What callers are told of a request: from memory when it has just been issued, from the database later. */
#include "ca/ca.h"
#include "ca/store_follow.h"
#include "http/problem.h"
#include "pki/cert.h"
#include "pki/km.h"

static void put_serial(json_t *o, const char *key, const uint8_t serial[CA_SERIAL])
{
	char text[CERT_SERIAL_TEXT];

	cert_serial_text(slice_of(serial, CA_SERIAL), text);
	json_put_cstr(o, key, text);
}

static json_t *head(const struct ca_request *r, const char *state)
{
	json_t *o = json_object();

	json_put_hex(o, "key", SLICE_ARR(r->key));
	json_put_cstr(o, "state", state);
	return o;
}

static void put_row(json_t *o, const struct ca_request *r)
{
	json_put_cstr(o, "ca", r->ca);
	put_serial(o, "serial", r->serial[CA_SIGN]);
	if (r->pair)
		put_serial(o, "encrypt_serial", r->serial[CA_ENCRYPT]);
}

static RC add_certificate(json_t *list, struct slice tbs, struct slice signature)
{
	AUTO_BUF(der, CA_CERTIFICATE_MAX);
	AUTO_BUF(text, 2 * CA_CERTIFICATE_MAX);

	NEED(signature.len > 0, RC_BUG, "a certificate without its signature");
	TRY(cert_complete(tbs, signature, &der));
	buf_base64(&text, buf_slice(&der));
	TRY(buf_done(&text));
	NEED(json_array_append_new(list, json_stringn((const char *)text.p, text.len)) == 0, RC_NOMEM,
	     "no memory");
	return OK;
}

/* Parts that are issued in that state. */
static bool has_part(const struct ca_request *r, enum ca_part part)
{
	if (part == CA_ENCRYPT)
		return r->pair && r->state == REQUEST_ISSUED;
	return r->state == REQUEST_PARTIAL || r->state == REQUEST_PARTIAL_PREPARED ||
	       r->state == REQUEST_ISSUED;
}

static RC issued(const struct issue *i, json_t *o)
{
	json_t *list = json_array();

	json_put_take(o, "certificates", list);
	NEED(list != NULL, RC_NOMEM, "no memory");
	for (enum ca_part p = CA_SIGN; p < CA_PARTS; p++) {
		if (has_part(&i->row, p))
			TRY(add_certificate(list, buf_slice(&i->tbs[p]),
			                    slice_of(i->signature[p], i->signature_len[p])));
	}
	/* an extension keeps its keys: nothing is sealed anew */
	if (has_part(&i->row, CA_ENCRYPT) && i->envelope.len > 0)
		json_put_base64(o, "envelope", buf_slice(&i->envelope));
	return OK;
}

RC ca_result(const struct issue *i, bool english, json_t **ret)
{
	bool refused = i->why.code == RC_INPUT || i->why.code == RC_DENIED || i->why.code == RC_CONFLICT ||
	               i->why.code == RC_NOTFOUND;
	AUTO_JSON(o, NULL);

	if (i->why.code != RC_OK) {
		/* what an operator must mend is not the end of the request: it may come again */
		o = head(&i->row, refused ? "refused" : "failed");
		json_put_take(o, "error", problem_of(&i->why, english));
	} else {
		o = head(&i->row, request_state_name(i->row.state));
		put_row(o, &i->row);
		TRY(issued(i, o));
	}
	NEED(o != NULL, RC_NOMEM, "no memory");
	*ret = MOVE(o);
	return OK;
}

RC ca_pending(const struct ca_request *r, json_t **ret)
{
	*ret = head(r, "accepted");
	NEED(*ret != NULL, RC_NOMEM, "no memory");
	return OK;
}

static RC envelope_of(struct db *db, const struct ca_request *r, json_t *o)
{
	AUTO_BUF(der, DB_MAX_VALUE);
	AUTO(km_respond, m, NULL);
	const struct km_respond_item *item;

	struct rc rc = ca_store_km_of(db, r->id, &der);
	bool extended;

	if (rc.code == RC_NOTFOUND) {
		TRY(ca_store_extended(db, r->id, &extended));
		NEED(extended, RC_BUG, "a pair without an answer of the KMC");
		return OK;
	}
	TRY(rc);
	TRY(km_respond_parse(buf_slice(&der), &m));
	item = km_respond_find(m, slice_of(r->serial[CA_ENCRYPT], CA_SERIAL));
	NEED(item != NULL, RC_BUG, "the stored answer of the KMC lacks the key");
	json_put_base64(o, "envelope", item->envelope);
	return OK;
}

RC ca_result_row(struct db *db, const struct ca_request *r, json_t **ret)
{
	AUTO_JSON(o, head(r, request_state_name(r->state)));
	json_t *list = json_array();

	put_row(o, r);
	json_put_take(o, "certificates", list);
	NEED(o != NULL && list != NULL, RC_NOMEM, "no memory");
	for (enum ca_part p = CA_SIGN; p < CA_PARTS; p++) {
		AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
		struct ca_certificate c;

		if (!has_part(r, p))
			continue;
		TRY(ca_store_certificate(db, r->ca, slice_of(r->serial[p], CA_SERIAL), &c, &tbs));
		TRY(add_certificate(list, buf_slice(&tbs), slice_of(c.signature, c.signature_len)));
	}
	if (has_part(r, CA_ENCRYPT))
		TRY(envelope_of(db, r, o));
	*ret = MOVE(o);
	return OK;
}
