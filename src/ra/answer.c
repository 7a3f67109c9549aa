/* What the CA answers to a batch, into the database. */
#include "base/clock.h"
#include "base/text.h"
#include "evidence/log.h"
#include "http/problem.h"
#include "pki/cert.h"
#include "ra/basis.h"
#include "ra/application.h"
#include "ra/forward.h"
#include "ra/registry.h"
#include "ra/notice.h"

struct taken {
	struct forward_item *item;
	enum application_event event;
	bool moves;    /* false: nothing new */
	bool standing; /* the RA is approved now */
	int64_t not_after;
	struct buf der[RA_PARTS], serial[RA_PARTS], envelope;
	struct rc_text why; /* of a refusal */
};
struct taking {
	struct ra *ra;
	size_t count;
	struct taken at[FORWARD_BATCH];
};

static void taking_free(struct taking *t)
{
	for (size_t i = 0; t != NULL && i < t->count; i++) {
		for (int p = RA_SIGN; p < RA_PARTS; p++) {
			buf_free(&t->at[i].der[p]);
			buf_free(&t->at[i].serial[p]);
		}
		buf_free(&t->at[i].envelope);
	}
	mem_free(t);
}
DROP(taking, taking_free);

/* ---- reading ---- */

/* The certificate stands in the answer whole; its serial is taken from it, not from beside it. */
static RC read_certificate(struct taken *t, const json_t *list, enum ra_part part)
{
	const char *text = json_string_value(json_array_get(list, (size_t)part));
	struct cert c;

	t->der[part] = BUF(RA_CERTIFICATE_MAX);
	t->serial[part] = BUF(RA_SERIAL_MAX);
	if (text == NULL)
		return OK;
	TRY(text_base64(slice_text(text), &t->der[part]));
	TRY(cert_parse(buf_slice(&t->der[part]), &c));
	if (part == RA_SIGN)
		t->not_after = c.not_after;
	buf_add(&t->serial[part], c.serial);
	return buf_done(&t->serial[part]);
}

static RC read_issued(struct taken *t, const json_t *result, bool whole)
{
	json_t *list;

	TRY(json_get_array(result, "certificates", RA_PARTS, &list));
	TRY(read_certificate(t, list, RA_SIGN));
	TRY(read_certificate(t, list, RA_ENCRYPT));
	NEED(t->der[RA_SIGN].len > 0, RC_INPUT, "the CA's answer holds no certificate");
	t->envelope = BUF(RA_ENVELOPE_MAX);
	if (json_is_string(json_object_get(result, "envelope")))
		TRY(json_get_base64(result, "envelope", RA_ENVELOPE_MAX, &t->envelope));
	/* an extension keeps its keys: nothing is sealed anew */
	NEED(!whole || t->der[RA_ENCRYPT].len > 0 || t->envelope.len == 0, RC_INPUT,
	     "the CA's answer has an envelope without an encryption certificate");
	t->event = whole ? APPLICATION_WHOLE : APPLICATION_HALF;
	t->moves = whole || t->item->state == APPLICATION_APPROVED;
	return OK;
}

/* A refusal that waiting does not change ends the application (R30.6). */
static RC read_refused(struct taken *t, const json_t *result)
{
	const json_t *error = json_object_get(result, "error");
	AUTO_BUF(text, PROBLEM_MAX);
	int64_t status = 500;
	struct rc rc;

	(void)rc_ok(json_get_int(error, "status", 100, 599, &status));
	TRY(json_canonical(error, &text));
	rc = problem_failure((unsigned)status, buf_slice(&text));
	t->why = *rc_last();
	(void)rc;
	t->event = APPLICATION_CA_REFUSE;
	/* an RA that is cut off keeps what it holds; a region outside its approval is refused for good
	 * (R08.4) */
	t->moves = !ra_forward_again(&t->why) && t->item->state == APPLICATION_APPROVED &&
	           (t->why.err != ERR_G09 || t->standing);
	return OK;
}

static RC read_result(struct taken *t, const json_t *result)
{
	struct slice state;

	TRY(json_get_text(result, "state", 32, &state));
	if (slice_is(state, "issued"))
		return read_issued(t, result, true);
	if (slice_is(state, "issued-partial"))
		return read_issued(t, result, false);
	if (slice_is(state, "refused"))
		return read_refused(t, result);
	return OK;
}

static struct forward_item *find_item(struct forward_batch *b, const json_t *result)
{
	uint8_t key[32];

	if (!rc_ok(json_get_hex(result, "key", key, sizeof(key))))
		return NULL;
	for (size_t i = 0; i < b->count; i++) {
		if (memcmp(b->at[i].key, key, sizeof(key)) == 0)
			return &b->at[i];
	}
	return NULL;
}

static RC read_answer(struct taking *t, struct forward_batch *b, const json_t *answer)
{
	AUTO(trust, trust, instance_trust(t->ra->in));
	bool standing = rc_ok(ra_standing(t->ra, trust));
	json_t *results, *one;
	size_t i;

	TRY(json_get_array(answer, "results", FORWARD_BATCH, &results));
	json_array_foreach(results, i, one)
	{
		struct forward_item *item = find_item(b, one);

		NEED(item != NULL, RC_INPUT, "the CA answers what was not asked");
		t->at[t->count].item = item;
		t->at[t->count].standing = standing;
		TRY(read_result(&t->at[t->count++], one));
	}
	return OK;
}

/* ---- writing ---- */

static RC put_certificates(struct db *db, const struct taken *t)
{
	for (int part = RA_SIGN; part < RA_PARTS; part++) {
		struct ra_certificate c = {.serial = buf_slice(&t->serial[part]),
		                           .der = buf_slice(&t->der[part]),
		                           .part = (enum ra_part)part};

		if (c.der.len == 0)
			continue;
		memcpy(c.ca, t->item->authority, sizeof(c.ca));
		TRY(ra_store_certificate_put(db, t->item->seq, &c));
		if (part == RA_SIGN)
			TRY(ra_registry_put(db, t->item->seq, c.der));
	}
	if (t->envelope.len > 0)
		return ra_store_envelope(db, t->item->seq, buf_slice(&t->envelope));
	return t->der[RA_ENCRYPT].len > 0 ? ra_store_envelope_kept(db, t->item->seq) : OK;
}

static RC log_taken(struct ra *ra, struct db_tx *tx, const struct taken *t)
{
	static const char *const kinds[APPLICATION_EVENTS] = {
	        [APPLICATION_CA_REFUSE] = "application-refused-by-ca",
	        [APPLICATION_HALF] = "application-issued-partial",
	        [APPLICATION_WHOLE] = "application-issued",
	};
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", t->item->id);
	json_put_hex(o, "request", SLICE_ARR(t->item->key));
	if (t->event == APPLICATION_CA_REFUSE)
		json_put_cstr(o, "code", err_info(t->why.err)->name);
	if (t->serial[RA_SIGN].len > 0)
		json_put_hex(o, "serial", buf_slice(&t->serial[RA_SIGN]));
	if (t->serial[RA_ENCRYPT].len > 0)
		json_put_hex(o, "encrypt_serial", buf_slice(&t->serial[RA_ENCRYPT]));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(ra->in), tx, kinds[t->event], o, NULL, NULL);
}

/* R30.6 of the CA's refusal; R21.2: the whole pair waits for its holder. */
static RC tell(struct db_tx *tx, const struct taken *t)
{
	AUTO_MEM(struct ra_application, a, mem_new(1, sizeof(*a)));
	bool refused = t->event == APPLICATION_CA_REFUSE;
	char zh[NOTICE_TEXT_MAX], en[NOTICE_TEXT_MAX], subject[RA_ID + 16];

	NEED(a != NULL, RC_NOMEM, "no memory");
	if (t->event == APPLICATION_HALF)
		return OK;
	TRY(ra_store_find(tx->db, t->item->id, a));
	(void)snprintf(subject, sizeof(subject), "application/%s", a->id);
	(void)snprintf(zh, sizeof(zh),
	               refused ? "证书申请 %s 未予签发：%s" : "证书申请 %s 的证书已签发，请核对并确认接受%s",
	               a->id, refused ? err_info(t->why.err)->zh : "");
	(void)snprintf(en, sizeof(en),
	               refused ? "Nothing was issued for application %s: %s"
	                       : "The certificates of application %s are there; compare and accept them%s",
	               a->id, refused ? err_info(t->why.err)->en : "");
	return ra_notice(tx, &(struct notice){.kind = refused ? "application-refused" : "certificate-issued",
	                                      .to = NOTICE_ENTITY,
	                                      .recipient = a->entity,
	                                      .subject = subject,
	                                      .zh = zh,
	                                      .en = en});
}

static struct rc take_write(struct db_tx *tx, void *arg)
{
	struct taking *t = arg;

	for (size_t i = 0; i < t->count; i++) {
		const struct taken *one = &t->at[i];
		bool refused = one->event == APPLICATION_CA_REFUSE;
		struct ra_step step = {
		        .seq = one->item->seq,
		        .at = clock_now(),
		        .from = one->item->state,
		        .event = one->event,
		        .by = instance_config(t->ra->in)->ca_name,
		        .code = refused ? err_info(one->why.err)->name : "",
		        .text = refused ? one->why.text : "",
		};

		if (!one->moves)
			continue;
		TRY(put_certificates(tx->db, one));
		TRY(ra_store_step(tx->db, &step));
		if (!refused)
			TRY(ra_store_issued(tx->db, step.seq, step.at, one->not_after));
		TRY(tell(tx, one));
		TRY(log_taken(t->ra, tx, one));
	}
	return OK;
}

RC forward_take(struct ra *ra, struct forward_batch *b, const json_t *answer)
{
	AUTO(taking, t, mem_new(1, sizeof(*t)));
	size_t moved = 0;

	NEED(t != NULL, RC_NOMEM, "no memory");
	t->ra = ra;
	TRY(read_answer(t, b, answer));
	TRY(writer_run(instance_writer(ra->in), take_write, t));
	for (size_t i = 0; i < t->count; i++) {
		if (!t->at[i].moves)
			continue;
		moved++;
		atomic_fetch_add(&ra->counts[t->at[i].event], 1);
		instance_wake(ra->in, ra_wake_key(t->at[i].item->id));
	}
	b->unfinished = b->count - moved;
	return OK;
}
