#ifndef YD_PKI_PROFILE_TESTING_H
#define YD_PKI_PROFILE_TESTING_H
/* A profile with its example, keys of each kind and an authority that issues. */
#include "pki/profile.h"

#include "base/mem.h"
#include "pki/lint.h"
#include "pki/name.h"
#include "pki/testing.h"

#define STAGE_ENTITY "7d9f1c52-4b4e-4d0c-9a57-0c2f1f0f7a11"

static inline json_t *json(const char *text)
{
	json_t *v = NULL;

	assert_ok(json_read(slice_text(text), JSON_MAX, &v));
	return v;
}

struct stage {
	struct profile *p;
	json_t *identity;
	struct buf name, sm2, p256;
	struct authority a;
	struct profile_facts f;
};

static inline void set_up(struct stage *s, const char *id)
{
	struct sm2_key k = judge_scalar(8);
	uint8_t d[32];

	*s = (struct stage){.name = BUF(512), .sm2 = BUF(256), .p256 = BUF(256)};
	assert_ok(profile_builtin(id, &s->p));
	s->identity = json_deep_copy(profile_example(s->p));
	assert_non_null(s->identity);
	assert_ok(name_from_text(SLICE_LIT("CN=示范 CA,O=示范,C=CN"), &s->name));
	assert_ok(pubkey_put_sm2(&k.pub, &s->sm2));
	memset(d, 0x21, sizeof(d));
	AUTO(evp_pkey_st, p256, judge_key(d, NID_X9_62_prime256v1, "EC", "prime256v1"));
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(p256, &der);
	buf_add(&s->p256, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	s->a = (struct authority){
	        .id = "sm2",
	        .name = buf_slice(&s->name),
	        .ski = SLICE_LIT("abcdefghijabcdefghij"),
	        .key = PUBKEY_SM2,
	        .crl_url = SLICE_LIT("http://127.0.0.1:7450/crl/sm2.crl"),
	        .ocsp_url = SLICE_LIT("http://127.0.0.1:7450/ocsp"),
	        .ca_url = SLICE_LIT("http://127.0.0.1:7450/ca/sm2.cer"),
	        .not_after = JUDGE_NOW + 40LL * 365 * JUDGE_DAY,
	};
	s->f = (struct profile_facts){
	        .identity = s->identity,
	        .class = profile_has_class(s->p, SLICE_LIT("GOV")) ? SLICE_LIT("GOV") : SLICE_NONE,
	        .entity = STAGE_ENTITY,
	        .serial = SLICE_LIT("Ypqrstuvwxyz0123"),
	        .spki = buf_slice(&s->sm2),
	        .not_before = JUDGE_NOW,
	};
	assert_ok(profile_validity(s->p, &s->a, JUDGE_NOW, 0, &s->f.not_after));
}

static inline void clear(struct stage *s)
{
	profile_free(s->p);
	json_decref(s->identity);
	buf_free(&s->name);
	buf_free(&s->sm2);
	buf_free(&s->p256);
}

static inline void use_p256(struct stage *s)
{
	s->f.spki = buf_slice(&s->p256);
	s->a.key = PUBKEY_P256;
	s->a.id = "ecdsa";
}

#endif
