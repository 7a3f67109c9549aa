#include "statement/recovery.h"

#include "base/text.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "sm/sm3.h"

static RC read_key(const json_t *o, struct recovery_key *ret)
{
	AUTO_BUF(serial, sizeof(ret->serial));
	struct slice text;

	TRY(json_get_text(o, "serial", 2 * sizeof(ret->serial), &text));
	TRY(cert_serial_from_text(text, &serial));
	memcpy(ret->serial, serial.p, serial.len);
	ret->serial_len = serial.len;
	return json_get_hex(o, "spki", ret->spki, sizeof(ret->spki));
}

static RC read_keys(const json_t *body, struct recovery *ret)
{
	json_t *list, *one;
	size_t i;

	TRY(json_get_array(body, "keys", RECOVERY_KEYS, &list));
	json_array_foreach(list, i, one) TRY(read_key(one, &ret->keys[ret->count++]));
	REQUIRE(ret->count > 0, RECOVERY, "the case names no key");
	return OK;
}

/* Whoever asks holds the key that the recovered one will be sealed to. */
static RC read_receiver(const json_t *body, struct recovery *ret)
{
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr csr;

	TRY(json_get_base64(body, "csr", CSR_DER_MAX, &der));
	TRY(csr_parse(buf_slice(&der), &csr));
	REQUIRE(csr.key.kind == PUBKEY_SM2, RECOVERY, "the new key is not an SM2 key");
	ret->receiver = csr.key.sm2;
	pubkey_sm3(&csr.key, ret->spki);
	return OK;
}

static RC copy(const json_t *body, const char *key, char *ret, size_t size)
{
	struct slice s;

	TRY(json_get_text(body, key, size - 1, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

RC recovery_read(const struct statement *s, struct recovery *ret)
{
	AUTO_BUF(hex, RECOVERY_ID + 1);
	struct slice entity;

	*ret = (struct recovery){.count = 0};
	REQUIRE(s->kind == STATEMENT_RECOVERY, RECOVERY, "not a recovery case");
	memcpy(ret->sm3, s->sm3, sizeof(ret->sm3));
	buf_hex(&hex, slice_of(s->sm3, RECOVERY_ID / 2));
	TRY(buf_done(&hex));
	memcpy(ret->id, hex.p, RECOVERY_ID);
	TRY(copy(s->body, "ca", ret->ca, sizeof(ret->ca)));
	TRY(copy(s->body, "entity", ret->entity, sizeof(ret->entity)));
	TRY(read_keys(s->body, ret));
	TRY(json_get_text(s->body, "entity", 36, &entity));
	REQUIRE(!slice_is(s->role, "subscriber") || slice_equal(s->person, entity), RECOVERY,
	        "a holder asks for own keys");
	return read_receiver(s->body, ret);
}

RC recovery_read_judicial(const struct statement *s, struct recovery *ret)
{
	AUTO_BUF(hex, RECOVERY_ID + 1);
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert c;

	*ret = (struct recovery){.count = 0};
	REQUIRE(s->kind == STATEMENT_JUDICIAL_RECOVERY, RECOVERY, "not a judicial order");
	memcpy(ret->sm3, s->sm3, sizeof(ret->sm3));
	buf_hex(&hex, slice_of(s->sm3, RECOVERY_ID / 2));
	TRY(buf_done(&hex));
	memcpy(ret->id, hex.p, RECOVERY_ID);
	TRY(read_keys(s->body, ret));
	TRY(json_get_base64(s->body, "certificate", CERT_DER_MAX, &der));
	TRY(cert_parse(buf_slice(&der), &c));
	TRY(cert_sm2_key(&c, &ret->receiver));
	sm3_hash(c.key.spki, ret->spki);
	return OK;
}

const struct recovery_key *recovery_find(const struct recovery *r, struct slice serial)
{
	for (size_t i = 0; i < r->count; i++)
		if (slice_equal(slice_of(r->keys[i].serial, r->keys[i].serial_len), serial))
			return &r->keys[i];
	return NULL;
}

RC recovery_decision(const struct recovery *r, const struct statement *decision, bool *approve)
{
	uint8_t sm3[32];

	REQUIRE(decision->kind == STATEMENT_RECOVERY_DECISION, RECOVERY, "not a decision on a recovery case");
	TRY(json_get_hex(decision->body, "recovery", sm3, sizeof(sm3)));
	REQUIRE(memcmp(sm3, r->sm3, sizeof(sm3)) == 0, RECOVERY, "the decision is on another case");
	return json_get_bool(decision->body, "approve", approve);
}

RC recovery_reviewed(const struct recovery *r, const struct statement *request,
                     const struct statement *review)
{
	bool approve;

	TRY(recovery_decision(r, review, &approve));
	REQUIRE(slice_is(review->role, "review") && slice_equal(review->organisation, request->organisation),
	        RECOVERY, "the case needs a reviewer of the organisation that asks");
	REQUIRE(approve, RECOVERY, "the reviewer refused the case");
	REQUIRE(request->person.len > 0 && review->person.len > 0 &&
	                !slice_equal(request->person, review->person) && !slice_is(review->person, r->entity),
	        RECOVERY_PERSONS, "request and review need two persons");
	return OK;
}

static bool is_one_of(const struct statement *s, const struct statement *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_equal(s->person, list[i]->person))
			return true;
	return false;
}

RC recovery_agreed(const struct recovery *r, const struct statement *const *first, size_t first_count,
                   const struct statement *const *agents, size_t n, size_t least)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		bool approve;

		TRY(recovery_decision(r, agents[i], &approve));
		REQUIRE(slice_is(agents[i]->role, "recovery") && agents[i]->person.len > 0, RECOVERY_PERSONS,
		        "a decision of another than a recovery agent");
		if (approve && !is_one_of(agents[i], first, first_count) && !is_one_of(agents[i], agents, i))
			count++;
	}
	REQUIRE(count >= least, KM_DUAL, "%zu of %zu recovery agents have approved", count, least);
	return OK;
}
