/* GM/T 0014: the CA's requests on one side, the KMC's keys and answers on the other. */
#include "signer/anchors.h"
#include "signer/message.h"
#include "signer/order.h"
#include "signer/serial.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pki/chain.h"
#include "pki/cms.h"
#include "pki/km.h"
#include "sm/sm3.h"

#define SKEW 300

static RC need_use(const struct key_info *info, enum key_use use)
{
	REQUIRE(key_permits(info->purpose, use), KEY_PURPOSE, "key %s serves the purpose %s", info->name,
	        key_purpose_name(info->purpose));
	return OK;
}

/* The certificate of an own key, copied. */
static RC own_certificate(struct signer *s, struct slice key, struct buf *ret)
{
	struct anchors *a;
	TRY(anchors_hold(s, false, &a));
	const struct anchor_certificate *own = anchors_own(a, key);
	if (own != NULL)
		buf_add(ret, buf_slice(&own->der));
	anchors_leave(s, a);
	REQUIRE(own != NULL, SIGNER_CONTENT, "km: this key has no certificate");
	return buf_done(ret);
}

/* ---- km-request, at the CA ---- */
/* The KMC seals a subscriber's private key to whatever key the request names: only to the key that was
 * approved, which the serial number proves.  A key once delivered is asked for again only with a recovery
 * case (R21.5). */
static RC check_item(const struct signer *s, const struct km_request_item *i, const uint8_t approval[32])
{
	uint8_t sm3[32];
	REQUIRE(i->kind != KM_RESTORE, SIGNER_CONTENT, "km: restore without a recovery case");
	if (i->kind != KM_APPLY)
		return OK;
	sm3_hash(i->user_key, sm3);
	return signer_serial_is(s, i->serial, approval, sm3, true);
}

static RC check_items(const struct signer *s, const struct km_request *m, struct slice approvals)
{
	REQUIRE(approvals.len == 32 * m->count, SIGNER_CONTENT, "km: %zu requests, %zu bytes of approvals",
	        m->count, approvals.len);
	for (size_t i = 0; i < m->count; i++)
		TRY(rc_note(check_item(s, &m->items[i], approvals.p + 32 * i), "km: request %zu", i + 1));
	return OK;
}

/* Nothing but what the case asks for stands in a request that restores. */
static RC check_case(struct signer *s, const struct km_request *m, const struct msg_km_request *q)
{
	struct anchors *a;
	AUTO_ORDER(o);
	TRY(anchors_hold(s, true, &a));
	struct rc rc = order_open(a, q->orders, q->order_count, &o);
	anchors_leave(s, a);
	TRY(rc);
	REQUIRE(slice_is(o.s[0]->organisation, s->organisation), RECOVERY, "a case of another organisation");
	for (size_t i = 0; i < m->count; i++) {
		REQUIRE(m->items[i].kind == KM_RESTORE, SIGNER_CONTENT, "km: a case restores keys");
		TRY(rc_note(order_item(&o, &m->items[i]), "km: request %zu", i + 1));
	}
	return OK;
}

static RC check_request(struct signer *s, const struct msg_km_request *q, struct slice certificate)
{
	/* The parser reads whole messages: any well-formed signature completes this one. */
	static const struct sm2_sig filler = {.r = {[31] = 1}, .s = {[31] = 1}};
	AUTO_BUF(sig, SM2_SIG_DER_MAX);
	AUTO_BUF(whole, KM_REQUEST_MAX);
	AUTO(km_request, m, NULL);
	sm2_sig_to_der(&filler, &sig);
	TRY(km_request_assemble(q->tbs, buf_slice(&sig), &whole));
	TRY(km_request_parse(buf_slice(&whole), &m));
	REQUIRE(slice_equal(m->tbs, q->tbs), SIGNER_CONTENT, "km: bytes around the request");
	REQUIRE(km_name_matches(&m->ca, certificate), SIGNER_CONTENT,
	        "km: caName is not this key's certificate");
	int64_t now = clock_now();
	REQUIRE(m->time >= now - SKEW && m->time <= now + SKEW, SIGNER_CONTENT, "km: requestTime");
	return q->order_count > 0 ? check_case(s, m, q) : check_items(s, m, q->approvals);
}

RC signer_do_km_request(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	struct msg_km_request m;
	struct key_info info;
	uint32_t index;
	TRY(msg_get_km_request(q->body, &m));
	TRY(signer_key(s, m.key, &index, &info));
	TRY(need_use(&info, KEY_USE_KM_REQUEST));
	TRY(own_certificate(s, m.key, &certificate));
	TRY(check_request(s, &m, buf_slice(&certificate)));
	TRY(key_sign(s->keys, index, KEY_USE_KM_REQUEST, m.tbs, &sig));
	der_put_octets(w, buf_slice(&sig));
	return OK;
}

/* ---- km-generate, at the KMC ---- */
RC signer_do_km_generate(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	struct slice key;
	struct key_info info;
	uint32_t index;
	size_t n;
	TRY(msg_get_km_generate(q->body, &key, &n));
	TRY(signer_key(s, key, &index, &info));
	TRY(need_use(&info, KEY_USE_KM_RESPOND));
	AUTO_MEM(struct key_stored, stored, mem_new(n, sizeof *stored));
	NEED(stored != NULL, RC_NOMEM, "km: stored keys");
	TRY(key_stored_new(s->keys, index, stored, n));
	msg_put_stored(w, stored, n);
	return OK;
}

/* ---- km-respond, at the KMC ---- */
struct respond {
	struct signer *s;
	const struct msg_km_respond *m;
	const struct km_request *request;
	struct slice certificate; /* of the KMC's key */
	uint32_t index;
	size_t parcels;          /* how many answers carry a key */
	size_t of[SIGNER_BATCH]; /* parcel → item */
	struct key_parcel parcel[SIGNER_BATCH];
	struct buf envelope[SIGNER_BATCH], spki[SIGNER_BATCH]; /* by item */
	struct order order;                                    /* when keys are restored */
};

static void respond_free(struct respond *r)
{
	for (size_t i = 0; r != NULL && i < SIGNER_BATCH; i++) {
		buf_free(&r->envelope[i]);
		buf_free(&r->spki[i]);
	}
	if (r != NULL)
		order_free(&r->order);
	mem_free(r);
}
DROP(respond, respond_free);

static bool restores(const struct respond *r, size_t i)
{
	return r->request->items[i].kind == KM_RESTORE && r->m->answers[i].blob.len > 0;
}

/* A key that was delivered once leaves again only for a case: everything that is restored must be in it. */
static RC check_release(struct respond *r, const struct anchors *a, const char *institution)
{
	bool any = false;
	for (size_t i = 0; i < r->request->count && i < r->m->count; i++)
		any = any || restores(r, i);
	if (!any)
		return OK;
	REQUIRE(r->m->order_count > 0, KM_DUAL, "km: restore without a recovery case");
	TRY(order_open(a, r->m->orders, r->m->order_count, &r->order));
	TRY(order_agreed(a, &r->order, institution, r->s->organisation));
	for (size_t i = 0; i < r->request->count; i++)
		if (restores(r, i))
			TRY(rc_note(order_item(&r->order, &r->request->items[i]), "km: request %zu", i + 1));
	return OK;
}

static RC verify_request(struct respond *r)
{
	struct signer *s = r->s;
	const struct km_request *m = r->request;
	struct anchors *a;
	struct sm2_pub pub;
	TRY(anchors_hold(s, r->m->order_count > 0, &a));
	const struct anchor_certificate *ca = anchors_comm(a, &m->ca);
	struct rc rc = OK;
	if (ca == NULL)
		rc = rc_refuse(ERR_SIGNER_KMC, "km: the request is not from a registered CA");
	if (rc_ok(rc))
		rc = chain_may_sign(&ca->cert, clock_now());
	if (rc_ok(rc))
		rc = cert_sm2_key(&ca->cert, &pub);
	if (rc_ok(rc))
		rc = km_request_verify(m, &pub);
	if (rc_ok(rc))
		rc = check_release(r, a, ca->id);
	anchors_leave(s, a);
	return rc;
}

/* Which answers carry a key; the others must not. */
static RC sort_answers(struct respond *r)
{
	for (size_t i = 0; i < r->request->count; i++) {
		const struct signer_km_answer *a = &r->m->answers[i];
		bool wants_key = r->request->items[i].kind != KM_REVOKE && a->error == 0;
		REQUIRE(wants_key == (a->blob.len > 0), SIGNER_KMC,
		        "km: request %zu: key and answer do not fit", i + 1);
		if (wants_key)
			r->of[r->parcels++] = i;
	}
	return OK;
}

static RC make_parcels(struct respond *r)
{
	struct slice blobs[SIGNER_BATCH];
	AUTO_MEM(struct sm2_pub, receivers, mem_new(r->parcels, sizeof *receivers));
	NEED(receivers != NULL, RC_NOMEM, "km: receivers");
	for (size_t i = 0; i < r->parcels; i++) {
		blobs[i] = r->m->answers[r->of[i]].blob;
		receivers[i] = r->request->items[r->of[i]].user_pub;
	}
	return key_stored_wrap(r->s->keys, r->index, blobs, receivers, r->parcel, r->parcels);
}

/* The case names the key itself, not only its serial number: another stored key in its place stays here. */
static RC check_named(const struct respond *r, size_t i)
{
	uint8_t sm3[SM3_LEN];
	const struct recovery_key *k;
	if (!restores(r, i))
		return OK;
	k = recovery_find(&r->order.r, r->request->items[i].serial);
	sm3_hash(buf_slice(&r->spki[i]), sm3);
	REQUIRE(k != NULL && memcmp(sm3, k->spki, sizeof sm3) == 0, RECOVERY,
	        "km: request %zu: the stored key is not the one that the case names", i + 1);
	return OK;
}

static RC make_envelope(struct respond *r, size_t parcel)
{
	const struct key_parcel *p = &r->parcel[parcel];
	size_t i = r->of[parcel];
	AUTO_BUF(key, 256);
	AUTO_BUF(sig, SM2_SIG_DER_MAX);
	TRY(sm2_cipher_to_der(SLICE_ARR(p->sealed_key), &key));
	sm2_sig_to_der(&p->sig, &sig);
	struct cms_seal seal = {
	        .serial = r->request->items[i].serial,
	        .encrypted_key = buf_slice(&key),
	        .ciphertext = SLICE_ARR(p->content),
	        .by = {r->certificate, buf_slice(&sig)},
	};
	r->envelope[i] = BUF(CERT_DER_MAX + 1024);
	r->spki[i] = BUF(PUBKEY_SPKI_MAX);
	TRY(pubkey_put_sm2(&p->pub, &r->spki[i]));
	TRY(check_named(r, i));
	return cms_sealed_build(&seal, &r->envelope[i]);
}

static void fill_item(const struct respond *r, size_t i, struct km_respond_item *ret)
{
	const struct km_request_item *q = &r->request->items[i];
	*ret = (struct km_respond_item){.kind = q->kind, .serial = q->serial};
	if (r->m->answers[i].error != 0) {
		ret->kind = KM_ERROR;
		ret->error = r->m->answers[i].error;
	} else if (q->kind != KM_REVOKE) {
		ret->key = buf_slice(&r->spki[i]);
		ret->envelope = buf_slice(&r->envelope[i]);
	}
}

static RC sign_respond(const struct respond *r, struct buf *ret)
{
	AUTO(km_respond, m, km_respond_new(r->request->count));
	AUTO_BUF(tbs, KM_RESPOND_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	uint8_t hash[32];
	NEED(m != NULL, RC_NOMEM, "km: answer");
	TRY(km_name_from_certificate(r->certificate, hash, &m->km));
	m->time = clock_now();
	m->task = r->request->task;
	for (size_t i = 0; i < m->count; i++)
		fill_item(r, i, &m->items[i]);
	TRY(km_respond_tbs(m, &tbs));
	TRY(key_sign(r->s->keys, r->index, KEY_USE_KM_RESPOND, buf_slice(&tbs), &sig));
	return km_respond_assemble(buf_slice(&tbs), buf_slice(&sig), ret);
}

static RC respond(struct respond *r, struct buf *ret)
{
	REQUIRE(r->request->count == r->m->count, SIGNER_KMC, "km: %zu answers for %zu requests", r->m->count,
	        r->request->count);
	TRY(verify_request(r));
	TRY(sort_answers(r));
	if (r->parcels > 0)
		TRY(make_parcels(r));
	for (size_t i = 0; i < r->parcels; i++)
		TRY(make_envelope(r, i));
	return sign_respond(r, ret);
}

RC signer_do_km_respond(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	AUTO_BUF(out, KM_RESPOND_MAX);
	AUTO_MEM(struct msg_km_respond, m, mem_new(1, sizeof *m));
	AUTO(respond, r, mem_new(1, sizeof *r));
	AUTO(km_request, request, NULL);
	struct key_info info;
	NEED(m != NULL && r != NULL, RC_NOMEM, "km");
	TRY(msg_get_km_respond(q->body, m));
	TRY(signer_key(s, m->key, &r->index, &info));
	TRY(need_use(&info, KEY_USE_KM_RESPOND));
	TRY(own_certificate(s, m->key, &certificate));
	TRY(km_request_parse(m->ca_request, &request));
	r->s = s;
	r->m = m;
	r->request = request;
	r->certificate = buf_slice(&certificate);
	TRY(respond(r, &out));
	der_put_octets(w, buf_slice(&out));
	return OK;
}
