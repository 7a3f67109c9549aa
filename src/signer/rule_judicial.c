/* Judicial recovery at the KMC (R06.14): an order of recovery officers with a legal document; keys leave
 * sealed for the authority's certificate and in no other form. */
#include "signer/message.h"
#include "signer/order.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pki/envelope.h"
#include "sm/sm3.h"

struct judicial {
	struct signer *s;
	struct msg_judicial m;
	struct order o;
	uint32_t index;
	struct buf certificate;
	struct key_parcel parcel[SIGNER_RESTORED];
};

static void judicial_free(struct judicial *j)
{
	if (j == NULL)
		return;
	order_free(&j->o);
	buf_free(&j->certificate);
	mem_free(j);
}
DROP(judicial, judicial_free);

/* Every statement is of an officer of our own; the one who brings the order counts as the first of m. */
static RC check_officers(struct judicial *j, const struct anchors *a)
{
	const struct statement *const *s = (const struct statement *const *)j->o.s;
	int64_t now = clock_now();
	for (size_t i = 0; i < j->m.order_count; i++) {
		TRY(statement_open(j->m.orders[i], &j->o.s[i]));
		j->o.count = i + 1;
		TRY(rc_note(statement_verify(s[i], a->statements, now), "statement %zu", i + 1));
		REQUIRE(slice_is(s[i]->organisation, j->s->organisation), RECOVERY_PERSONS,
		        "an officer of another organisation");
	}
	REQUIRE(j->o.count > 0, KM_DUAL, "no order");
	TRY(recovery_read_judicial(s[0], &j->o.r));
	REQUIRE(s[0]->issued >= now - RECOVERY_AGE, RECOVERY, "the order is too old");
	return recovery_agreed(&j->o.r, s, 1, s + 1, j->o.count - 1, a->agents - 1);
}

static RC check_certificate(const struct judicial *j)
{
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert c;
	TRY(json_get_base64(j->o.s[0]->body, "certificate", CERT_DER_MAX, &der));
	TRY(cert_parse(buf_slice(&der), &c));
	REQUIRE(c.not_before <= clock_now() && clock_now() <= c.not_after, RECOVERY,
	        "the authority's certificate is not valid now");
	return OK;
}

static RC check_order(struct judicial *j)
{
	struct anchors *a;
	TRY(anchors_hold(j->s, true, &a));
	struct rc rc = check_officers(j, a);
	const struct anchor_certificate *own = anchors_own(a, SLICE_LIT(SIGNER_KMC_KEY));
	j->certificate = BUF(CERT_DER_MAX);
	if (own != NULL)
		buf_add(&j->certificate, buf_slice(&own->der));
	anchors_leave(j->s, a);
	TRY(rc);
	REQUIRE(j->certificate.len > 0, SIGNER_CONTENT, "km: this key has no certificate");
	REQUIRE(j->m.blob_count == j->o.r.count, RECOVERY, "%zu keys for an order of %zu", j->m.blob_count,
	        j->o.r.count);
	return check_certificate(j);
}

static RC wrap(struct judicial *j)
{
	struct sm2_pub receivers[SIGNER_RESTORED];
	for (size_t i = 0; i < j->m.blob_count; i++)
		receivers[i] = j->o.r.receiver;
	return key_stored_wrap(j->s->keys, j->index, j->m.blobs, receivers, j->parcel, j->m.blob_count);
}

static RC put_envelope(const struct judicial *j, size_t i, struct der_writer *w)
{
	const struct recovery_key *k = &j->o.r.keys[i];
	const struct key_parcel *p = &j->parcel[i];
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	AUTO_BUF(out, CERT_DER_MAX + 1024);
	uint8_t sm3[SM3_LEN];
	TRY(pubkey_put_sm2(&p->pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	REQUIRE(memcmp(sm3, k->spki, sizeof sm3) == 0, RECOVERY,
	        "key %zu is not the one that the order names", i + 1);
	struct envelope_parts parts = {.key = p->sealed_key,
	                               .body = p->content,
	                               .sig = &p->sig,
	                               .serial = slice_of(k->serial, k->serial_len),
	                               .certificate = buf_slice(&j->certificate)};
	TRY(envelope_assemble(&parts, &out));
	der_put_octets(w, buf_slice(&out));
	return OK;
}

RC signer_do_km_judicial(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO(judicial, j, mem_new(1, sizeof *j));
	struct key_info info;
	NEED(j != NULL, RC_NOMEM, "judicial");
	j->s = s;
	TRY(msg_get_judicial(q->body, &j->m));
	TRY(signer_key(s, SLICE_LIT(SIGNER_KMC_KEY), &j->index, &info));
	REQUIRE(key_permits(info.purpose, KEY_USE_KM_RESPOND), KEY_PURPOSE, "key %s serves the purpose %s",
	        info.name, key_purpose_name(info.purpose));
	TRY(check_order(j));
	TRY(wrap(j));
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < j->m.blob_count; i++)
		TRY(put_envelope(j, i, w));
	der_end(w);
	return OK;
}
