/* The CA's side of GM/T 0014: one CARequest for a batch, its answer checked to the last field (G07, R06.5).
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/text.h"
#include "ca/ca.h"
#include "ca/match.h"
#include "ca/restore.h"
#include "ca/store_follow.h"
#include "db/writer.h"
#include "http/client.h"
#include "pki/cert.h"
#include "pki/cms.h"
#include "pki/km.h"
#include "signer/client.h"
#include "sm/sm3.h"

#include <stdlib.h>

#define KM_MEDIA "application/octet-stream"
#define KM_TASK_LEN 16
#define KM_SKEW 300 /* seconds an answer's time may be off */

struct call {
	struct ca *c;
	struct trust *t;
	uint8_t task[KM_TASK_LEN], hash[32];
	uint8_t approvals[CA_BATCH][32]; /* of each request, what the signer asks for */
	const struct slice *orders;      /* a restore: case and review; else NULL */
	struct buf request;
	struct km_answer *answer;
	struct km_respond *respond; /* borrows answer */
};

static void call_free(struct call *k)
{
	trust_drop(k->t);
	buf_free(&k->request);
	km_respond_free(k->respond);
	km_answer_drop(k->answer);
}
#define AUTO_CALL(name, ca)                                                                                  \
	__attribute__((cleanup(call_free))) struct call name = {                                             \
	        .c = (ca), .t = instance_trust((ca)->in), .request = BUF(KM_REQUEST_MAX)}

/* ---- request ---- */

/* Unique without a counter: 127 random bits. */
static RC task_new(struct call *k)
{
	TRY(rand_bytes(k->task, sizeof(k->task)));
	k->task[0] &= 0x7f;
	if (k->task[0] == 0)
		k->task[0] = 1;
	return OK;
}

static RC request_finish(struct call *k, struct km_request *m)
{
	AUTO_BUF(tbs, KM_REQUEST_MAX);
	AUTO_BUF(signature, KEY_SIG_MAX);

	TRY(task_new(k));
	REQUIRE(trust_ca_comm(k->t).len > 0, G07, "the communication certificate is missing");
	TRY(km_name_from_certificate(trust_ca_comm(k->t), k->hash, &m->ca));
	m->time = clock_now();
	m->task = SLICE_ARR(k->task);
	TRY(km_request_tbs(m, &tbs));
	if (k->orders != NULL)
		TRY(signer_km_restore(instance_signer(k->c->in), SLICE_LIT(CA_COMM_KEY), buf_slice(&tbs),
		                      k->orders, &signature));
	else
		TRY(signer_km_request(instance_signer(k->c->in), SLICE_LIT(CA_COMM_KEY), buf_slice(&tbs),
		                      slice_of(k->approvals, 32 * m->count), &signature));
	return km_request_assemble(buf_slice(&tbs), buf_slice(&signature), &k->request);
}

/* ---- answer ---- */

/* Answers stand in the order of the requests: an error carries no serial. */
static RC answer_check(struct call *k, size_t count)
{
	struct km_respond *m;
	struct sm2_pub pub;
	struct cert kmc;

	TRY(km_respond_parse(buf_slice(&k->answer->der), &k->respond));
	m = k->respond;
	TRY(cert_parse(trust_kmc(k->t), &kmc));
	REQUIRE(clock_now() >= kmc.not_before && clock_now() <= kmc.not_after, G07,
	        "the certificate of the KMC is not valid now");
	TRY(cert_sm2_key(&kmc, &pub));
	REQUIRE(km_name_matches(&m->km, trust_kmc(k->t)), G07, "another KMC answered");
	REQUIRE(rc_ok(km_respond_verify(m, &pub)), G07, "the answer of the KMC is not signed by it");
	REQUIRE(slice_equal(m->task, SLICE_ARR(k->task)), G07, "the answer belongs to another task");
	REQUIRE(m->count == count, G07, "%zu answers to %zu requests", m->count, count);
	REQUIRE(llabs(m->time - clock_now()) <= KM_SKEW, G07, "the answer's time is off");
	return OK;
}

/* An answer that got lost is asked for again with the same bytes: the KMC gives the same one (design 9.6). */
static RC post(struct call *k)
{
	struct rc rc = OK;

	REQUIRE(k->c->kmc != NULL, G07, "no KMC is configured");
	for (int tries = 0; tries < 2; tries++) {
		AUTO_ANSWER(answer, KM_RESPOND_MAX);

		rc = http_call(k->c->kmc,
		               &(struct http_call){.method = "POST",
		                                   .path = "/gmt0014",
		                                   .media = KM_MEDIA,
		                                   .body = buf_slice(&k->request),
		                                   .deadline_ms = CA_KM_DEADLINE_MS},
		               &answer);
		if (rc_ok(rc)) {
			buf_add(&k->answer->request, buf_slice(&k->request));
			buf_add(&k->answer->der, buf_slice(&answer.body));
			TRY(buf_done(&k->answer->request));
			return buf_done(&k->answer->der);
		}
		if (rc.code != RC_UNCERTAIN)
			break;
	}
	return rc;
}

static RC exchange(struct call *k, struct km_request *m)
{
	k->answer = km_answer_new();
	NEED(k->answer != NULL, RC_NOMEM, "no memory");
	TRY(request_finish(k, m));
	TRY(post(k));
	return answer_check(k, m->count);
}

/* After a failure the KMC is left alone for a while, so that batches do not wait for it one by one. */
static void pause_or_clear(struct ca *c, struct rc rc)
{
	if (rc_ok(rc)) {
		c->km_pause = 0;
		return;
	}
	c->km_pause = c->km_pause == 0 ? CA_KM_PAUSE_MIN_MS : c->km_pause * 2;
	if (c->km_pause > CA_KM_PAUSE_MAX_MS)
		c->km_pause = CA_KM_PAUSE_MAX_MS;
	c->km_pause_until = clock_mono_ms() + c->km_pause;
	log_failure("kmc", NULL);
	instance_alarm(c->in, "kmc-failed", SLICE_LIT("kmc"), rc_last()->text);
}

bool ca_km_answers(struct ca *c)
{
	return c->km_pause == 0 || clock_mono_ms() >= c->km_pause_until;
}

/* ---- apply ---- */

static bool wanted(const struct issue *i)
{
	return i->row.pair && i->km == NULL && i->basis.kind != BASIS_EXTEND &&
	       (i->row.state == REQUEST_NONE || i->row.state == REQUEST_PARTIAL);
}

static void fill_item(struct km_request_item *to, const struct issue *i)
{
	to->kind = KM_APPLY;
	to->serial = slice_of(i->row.serial[CA_ENCRYPT], CA_SERIAL);
	to->user_key = buf_slice(&i->spki);
	to->not_before = i->row.not_before;
	to->not_after = i->row.not_after;
	if (!rc_ok(json_get_text(i->application->body, "region", 6, &to->region)))
		to->region = SLICE_NONE;
}

/* What the database knows is looked up for each; within one answer nobody shares a key either. */
static RC keys_differ(const struct km_respond *m)
{
	for (size_t i = 0; i < m->count; i++) {
		for (size_t j = 0; j < i && m->items[i].kind == KM_APPLY; j++)
			REQUIRE(m->items[j].kind != KM_APPLY ||
			                !slice_equal(m->items[i].key, m->items[j].key),
			        G07, "the KMC returned one key for two certificates");
	}
	return OK;
}

/* The envelope is for this certificate; the key it came with goes into the TBS. */
static RC take_item(struct call *k, struct db *db, const struct km_respond_item *item, struct issue *i)
{
	struct cms_sealed sealed;

	REQUIRE(item->kind == KM_APPLY, G07, "the KMC refused with error %u", item->error);
	REQUIRE(slice_equal(item->serial, slice_of(i->row.serial[CA_ENCRYPT], CA_SERIAL)), G07,
	        "the KMC answered for another certificate");
	REQUIRE(!slice_equal(item->key, buf_slice(&i->spki)), G07, "the KMC returned the signing key");
	sm3_hash(item->key, i->encrypt_spki);
	TRY(ca_store_encrypt_key_free(db, i->encrypt_spki, i->row.key));
	TRY(cms_sealed_parse(item->envelope, &sealed));
	TRY(match_tbs(i, k->t, CA_ENCRYPT, item->key));
	buf_clear(&i->envelope);
	buf_add(&i->envelope, item->envelope);
	TRY(buf_done(&i->envelope));
	i->km = km_answer_hold(k->answer);
	return OK;
}

static RC apply(struct ca *c, struct issue *const *items, size_t n)
{
	AUTO(km_request, m, km_request_new(n));
	AUTO(db_lease, lease, NULL);
	AUTO_CALL(k, c);

	NEED(m != NULL, RC_NOMEM, "no memory");
	for (size_t j = 0; j < n; j++) {
		fill_item(&m->items[j], items[j]);
		memcpy(k.approvals[j], items[j]->row.key, 32);
	}
	TRY(exchange(&k, m));
	TRY(keys_differ(k.respond));
	TRY(db_pool_lease(instance_readers(c->in), &lease));
	for (size_t j = 0; j < n; j++) {
		if (rc_ok(take_item(&k, lease->db, &k.respond->items[j], items[j])))
			continue;
		buf_clear(&items[j]->tbs[CA_ENCRYPT]);
		instance_alarm(c->in, "kmc-refused", slice_text(items[j]->row.entity), rc_last()->text);
	}
	return OK;
}

void ca_km_apply(struct ca *c, struct issue *const *items, size_t n)
{
	struct issue *want[CA_BATCH];
	size_t count = 0;

	for (size_t j = 0; j < n; j++) {
		if (wanted(items[j]))
			want[count++] = items[j];
	}
	if (count == 0 || !ca_km_answers(c))
		return;
	pause_or_clear(c, apply(c, want, count));
}

/* ---- notices: revoked encryption certificates, in use → history ---- */

struct notices {
	size_t count;
	uint8_t serial[CA_BATCH][AUTHORITY_SERIAL_MAX];
	size_t len[CA_BATCH];
	bool done[CA_BATCH];
	/* an extended certificate's key is known by the serial number it was made for */
	uint8_t origin[CA_BATCH][AUTHORITY_SERIAL_MAX];
	size_t origin_len[CA_BATCH];
};

static struct rc notice_take(void *arg, struct slice serial)
{
	struct notices *v = arg;

	NEED(v->count < CA_BATCH && serial.len <= AUTHORITY_SERIAL_MAX, RC_BUG, "a notice that does not fit");
	memcpy(v->serial[v->count], serial.p, serial.len);
	v->len[v->count++] = serial.len;
	return OK;
}

static struct rc notices_drop(struct db_tx *tx, void *arg)
{
	struct notices *v = arg;

	for (size_t n = 0; n < v->count; n++) {
		if (v->done[n])
			TRY(ca_store_notice_drop(tx->db, slice_of(v->serial[n], v->len[n])));
	}
	return OK;
}

static RC notices_send(struct ca *c, struct notices *v)
{
	AUTO(km_request, m, km_request_new(v->count));
	AUTO_CALL(k, c);

	NEED(m != NULL, RC_NOMEM, "no memory");
	for (size_t n = 0; n < v->count; n++) {
		m->items[n].kind = KM_REVOKE;
		m->items[n].serial = slice_of(v->origin[n], v->origin_len[n]);
	}
	TRY(exchange(&k, m));
	for (size_t n = 0; n < v->count; n++) {
		const struct km_respond_item *item = &k.respond->items[n];

		/* a key that the KMC does not know cannot be ended there: told of once */
		v->done[n] =
		        item->kind == KM_REVOKE || (item->kind == KM_ERROR && item->error == KM_ERR_UNKNOWN);
		if (v->done[n] && item->kind == KM_ERROR)
			instance_alarm(c->in, "kmc-unknown-key", SLICE_LIT("kmc"),
			               "a revoked key is unknown to the KMC");
	}
	return writer_run(instance_writer(c->in), notices_drop, v);
}

static RC notices_load(struct ca *c, struct notices *v)
{
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(instance_readers(c->in), &lease));
	TRY(ca_store_notice_each(lease->db, CA_BATCH, notice_take, v));
	for (size_t n = 0; n < v->count; n++) {
		AUTO_BUF(origin, AUTHORITY_SERIAL_MAX);

		TRY(ca_store_escrow(lease->db, slice_of(v->serial[n], v->len[n]), &origin));
		memcpy(v->origin[n], origin.p, origin.len);
		v->origin_len[n] = origin.len;
	}
	return OK;
}

void ca_km_notices(struct ca *c)
{
	AUTO_MEM(struct notices, v, mem_new(1, sizeof(*v)));

	if (v == NULL || !ca_km_answers(c))
		return;
	atomic_store(&c->notices_waiting, false);
	if (!rc_ok(notices_load(c, v)) || v->count == 0)
		return;
	struct rc rc = notices_send(c, v);

	pause_or_clear(c, rc);
	if (!rc_ok(rc) || v->count == CA_BATCH)
		atomic_store(&c->notices_waiting, true);
}

/* ---- recovery: keys that the KMC's agents let go (R21.5) ---- */

static RC restored_item(const struct km_respond_item *item, const struct recovery_key *k, json_t *list)
{
	struct cms_sealed sealed;
	char serial[CERT_SERIAL_TEXT];
	uint8_t sm3[32];
	json_t *o = json_object();

	NEED(o != NULL && json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	/* the answer's signature is the KMC's: what it says about dual control stands */
	REQUIRE(item->kind != KM_ERROR || item->error != KM_ERR_REQUEST, KM_DUAL,
	        "the recovery agents have not approved yet");
	REQUIRE(item->kind == KM_RESTORE, G07, "the KMC refused with error %u", item->error);
	REQUIRE(slice_equal(item->serial, slice_of(k->serial, k->serial_len)), G07,
	        "the KMC answered for another certificate");
	sm3_hash(item->key, sm3);
	REQUIRE(memcmp(sm3, k->spki, sizeof(sm3)) == 0, G07, "the KMC returned another key");
	TRY(cms_sealed_parse(item->envelope, &sealed));
	cert_serial_text(item->serial, serial);
	json_put_cstr(o, "serial", serial);
	json_put_base64(o, "envelope", item->envelope);
	return json_put_result();
}

RC ca_km_restore(struct ca *c, const struct recovery *r, const struct slice orders[2], json_t *list)
{
	AUTO(km_request, m, km_request_new(r->count));
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	AUTO_CALL(k, c);

	NEED(m != NULL, RC_NOMEM, "no memory");
	TRY(pubkey_put_sm2(&r->receiver, &spki));
	for (size_t n = 0; n < r->count; n++) {
		m->items[n].kind = KM_RESTORE;
		m->items[n].serial = slice_of(r->keys[n].serial, r->keys[n].serial_len);
		m->items[n].user_key = buf_slice(&spki);
	}
	k.orders = orders;
	TRY(exchange(&k, m));
	for (size_t n = 0; n < r->count; n++)
		TRY(restored_item(&k.respond->items[n], &r->keys[n], list));
	return OK;
}
