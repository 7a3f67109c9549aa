#include "pki/profile_trial.h"

#include "base/text.h"
#include "base/time.h"
#include "pki/name.h"
#include "pki/profile_parts.h"
#include "sm/sm2.h"

#define ENTITY "00000000-0000-4000-8000-000000000000"
#define RSA_BYTES 384
#define AUTHORITY_YEARS 40

/* The base points: keys that are well formed, and whose private half, one, is no secret. */
static const char trial_sm2[] = "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
                                "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";
static const char trial_p256[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
                                 "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                 "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

static RC put_sm2(struct buf *ret)
{
	struct sm2_pub pub;
	uint8_t xy[64];

	TRY(text_hex(slice_text(trial_sm2), xy, sizeof(xy)));
	TRY(sm2_pub_load(xy, &pub));
	return pubkey_put_sm2(&pub, ret);
}

static RC put_rsa(struct buf *ret)
{
	uint8_t n[RSA_BYTES];

	memset(n, 0xc3, sizeof(n));
	return pubkey_put_rsa(SLICE_ARR(n), SLICE_LIT("\x01\x00\x01"), ret);
}

static RC put_key(enum pubkey_kind kind, struct buf *ret)
{
	switch (kind) {
	case PUBKEY_SM2:
		return put_sm2(ret);
	case PUBKEY_P256:
		return text_hex_any(slice_text(trial_p256), ret);
	case PUBKEY_RSA:
		return put_rsa(ret);
	case PUBKEY_KINDS:
		break;
	}
	FAIL(RC_BUG, "trial: key of kind %d", kind);
}

RC profile_trial(const struct profile *p, const struct profile_trial *t, enum profile_part part,
                 struct buf *ret)
{
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	const json_t *identity = t->identity != NULL ? t->identity : profile_example(p);
	struct authority a = {
	        .id = "trial",
	        .ski = SLICE_LIT("trial authority  key"),
	        .key = t->key,
	        .not_after = t->from + AUTHORITY_YEARS * 366 * TIME_DAY,
	        .crl_url = SLICE_LIT("http://status.example.cn/crl/trial.crl"),
	        .ocsp_url = SLICE_LIT("http://status.example.cn/ocsp"),
	        .ca_url = SLICE_LIT("http://status.example.cn/ca/trial.cer"),
	};
	struct profile_facts f = {
	        .identity = identity,
	        .class = t->class,
	        .entity = ENTITY,
	        .serial =
	                part == PROFILE_SIGN ? SLICE_LIT("trial, not valid") : SLICE_LIT("trial, encrypts."),
	        .not_before = t->from,
	};

	TRY(profile_check_identity(p, identity));
	TRY(profile_check_day(p, identity, t->from));
	TRY(name_from_text(SLICE_LIT("CN=试签发 CA（无效）,O=示范,C=CN"), &name));
	TRY(put_key(t->key, &spki));
	a.name = buf_slice(&name);
	f.spki = buf_slice(&spki);
	TRY(profile_validity(p, &a, t->from, t->days, &f.not_after));
	return profile_tbs(p, &a, &f, part, ret);
}

json_t *profile_disclosed(const struct profile *p, const json_t *identity)
{
	json_t *copy = json_deep_copy(identity), *list = json_array();

	for (size_t i = 0; i < p->extension_count; i++) {
		const struct profile_ext *e = &p->extension[i];
		if (e->discloses && json_object_get(identity, e->from) != NULL)
			(void)json_array_append_new(list, json_string(e->name));
	}
	if (json_array_size(list) > 0)
		json_put_take(copy, "disclose", list);
	else
		json_decref(list);
	return copy;
}
