/* GM/T 0010 messages: libcrypto signs and verifies, our code only builds and parses. R06.15 */
#include "pki/cms.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "base/text.h"
#include "pki/testing.h"
#include "sm/sm3.h"

static const char text[] = "{\"kind\":\"test\",\"text\":\"源点\"}";

struct fixture {
	struct sm2_key key, other;
	EVP_PKEY *judge, *judge_other;
	struct buf certificate, other_certificate, signed_by_us;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){.key = judge_scalar(1), .other = judge_scalar(2)};
	f.judge = judge_sm2(&f.key);
	f.judge_other = judge_sm2(&f.other);
	f.certificate = f.other_certificate = BUF(4096);
	f.signed_by_us = BUF(8192);
	judge_certificate(
	        &(struct judge_cert){"signer", "ca", 0x1234, .key = f.judge, .signer = f.judge_other},
	        &f.certificate);
	judge_certificate(
	        &(struct judge_cert){"other", "ca", 0x99, .key = f.judge_other, .signer = f.judge_other},
	        &f.other_certificate);
	assert_ok(cms_signed_sign(slice_text(text), &f.key, buf_slice(&f.certificate), &f.signed_by_us));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	EVP_PKEY_free(f->judge);
	EVP_PKEY_free(f->judge_other);
	buf_free(&f->certificate);
	buf_free(&f->other_certificate);
	buf_free(&f->signed_by_us);
	return 0;
}

static void signed_message_verifies_under_openssl(void **state)
{
	struct fixture *f = *state;
	struct slice certificate;
	struct cms_signed s;

	assert_ok(cms_signed_parse(buf_slice(&f->signed_by_us), &s));
	assert_true(slice_is(s.content, text));
	assert_int_equal(s.by.signer_count, 1);
	assert_int_equal(s.by.certificate_count, 1);
	assert_int_equal(s.by.signers[0].attributes.len, 0);
	assert_true(judge_verify(f->judge, s.content, s.by.signers[0].signature));
	assert_false(judge_verify(f->judge_other, s.content, s.by.signers[0].signature));
	assert_ok(cms_verify(&s.by.signers[0], &f->key.pub, s.content));
	assert_refused(cms_verify(&s.by.signers[0], &f->other.pub, s.content), CMS_SIGNATURE);
	assert_refused(cms_verify(&s.by.signers[0], &f->key.pub, SLICE_LIT("other")), CMS_SIGNATURE);
	assert_ok(cms_signer_certificate(&s.by, 0, &certificate));
	assert_true(slice_equal(certificate, buf_slice(&f->certificate)));
}

static void signature_of_openssl_is_assembled_and_verifies(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(sig, 80);
	AUTO_BUF(der, 8192);
	struct cms_signed s;

	judge_sign(f->judge, slice_text(text), &sig);
	assert_ok(cms_signed_build(slice_text(text),
	                           &(struct cms_signature){buf_slice(&f->certificate), buf_slice(&sig)}, 1,
	                           &der));
	assert_ok(cms_signed_parse(buf_slice(&der), &s));
	assert_ok(cms_verify(&s.by.signers[0], &f->key.pub, s.content));
}

static void two_signers_are_found_by_issuer_and_serial(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(sig1, 80);
	AUTO_BUF(sig2, 80);
	AUTO_BUF(der, 8192);
	struct slice certificate;
	struct cms_signed s;

	judge_sign(f->judge, slice_text(text), &sig1);
	judge_sign(f->judge_other, slice_text(text), &sig2);
	struct cms_signature both[] = {
	        {buf_slice(&f->certificate), buf_slice(&sig1)},
	        {buf_slice(&f->other_certificate), buf_slice(&sig2)},
	};

	assert_ok(cms_signed_build(slice_text(text), both, 2, &der));
	assert_ok(cms_signed_parse(buf_slice(&der), &s));
	assert_int_equal(s.by.signer_count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool first;

		assert_ok(cms_signer_certificate(&s.by, i, &certificate));
		first = slice_equal(certificate, buf_slice(&f->certificate));
		assert_true(judge_verify(first ? f->judge : f->judge_other, s.content,
		                         s.by.signers[i].signature));
		assert_ok(cms_verify(&s.by.signers[i], first ? &f->key.pub : &f->other.pub, s.content));
	}
}

/* ---- what others write ---- */

struct wild {
	enum oid outer, inner, signature, digest;
	unsigned version;
	bool attributes, no_digest_attribute;
	const char *digest_of;
};

static void put_attributes(struct der_writer *w, const struct wild *v)
{
	uint8_t hash[32];

	sm3_hash(slice_text(v->digest_of != NULL ? v->digest_of : text), hash);
	der_begin(w, DER_SEQUENCE);
	der_put_oid(w, OID_CONTENT_TYPE);
	der_begin(w, DER_SET);
	der_put_oid(w, v->inner);
	der_end(w);
	der_end(w);
	if (v->no_digest_attribute)
		return;
	der_begin(w, DER_SEQUENCE);
	der_put_oid(w, OID_MESSAGE_DIGEST);
	der_begin(w, DER_SET);
	der_put_octets(w, SLICE_ARR(hash));
	der_end(w);
	der_end(w);
}

static void put_wild_signer(struct der_writer *w, const struct fixture *f, const struct wild *v)
{
	AUTO_BUF(sig, 80);
	AUTO_BUF(set, 512);
	AUTO_DER(a, 512);
	struct slice issuer, serial;

	assert_ok(cms_certificate_names(buf_slice(&f->certificate), &issuer, &serial));
	der_begin(&a, DER_SET);
	put_attributes(&a, v);
	der_end_set(&a);
	assert_ok(der_finish(&a, &set));
	judge_sign(f->judge, v->attributes ? buf_slice(&set) : slice_text(text), &sig);
	der_begin(w, DER_SEQUENCE);
	der_put_uint(w, v->version);
	der_begin(w, DER_SEQUENCE);
	der_raw(w, issuer);
	der_put_integer(w, serial);
	der_end(w);
	der_put_algorithm(w, v->digest);
	if (v->attributes) {
		der_begin(w, DER_CTXC(0));
		put_attributes(w, v);
		der_end_set(w);
	}
	der_put_algorithm(w, v->signature);
	der_put_octets(w, buf_slice(&sig));
	der_end(w);
}

static void build_wild(const struct fixture *f, const struct wild *v, struct buf *ret)
{
	AUTO_DER(w, 8192);

	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, v->outer);
	der_begin(&w, DER_CTXC(0));
	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, v->version);
	der_begin(&w, DER_SET);
	der_put_algorithm_null(&w, v->digest);
	der_end(&w);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, v->inner);
	der_begin(&w, DER_CTXC(0));
	der_put_octets(&w, slice_text(text));
	der_end(&w);
	der_end(&w);
	der_begin(&w, DER_CTXC(0));
	der_raw(&w, buf_slice(&f->certificate));
	der_end(&w);
	der_begin(&w, DER_SET);
	put_wild_signer(&w, f, v);
	der_end(&w);
	der_end(&w);
	der_end(&w);
	der_end(&w);
	assert_ok(der_finish(&w, ret));
}

static void variants_met_in_the_field_verify(void **state)
{
	static const struct wild all[] = {
	        {OID_GM_SIGNED, OID_GM_DATA, OID_SM2_SIGN, OID_SM3, 1, false, false, NULL},
	        {OID_PKCS7_SIGNED, OID_PKCS7_DATA, OID_SM2_SM3, OID_SM3, 3, false, false, NULL},
	        {OID_GM_SIGNED, OID_GM_DATA, OID_SM2_SM3, OID_SM3, 1, true, false, NULL},
	        {OID_PKCS7_SIGNED, OID_PKCS7_DATA, OID_SM2_SIGN, OID_SM3, 1, true, false, NULL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		AUTO_BUF(der, 8192);
		struct cms_signed s;

		build_wild(f, &all[i], &der);
		assert_ok(cms_signed_parse(buf_slice(&der), &s));
		assert_true(slice_is(s.content, text));
		assert_int_equal(s.by.signers[0].attributes.len > 0, all[i].attributes);
		assert_ok(cms_verify(&s.by.signers[0], &f->key.pub, s.content));
		assert_refused(cms_verify(&s.by.signers[0], &f->key.pub, SLICE_LIT("x")), CMS_SIGNATURE);
	}
}

static void attributes_must_name_the_content(void **state)
{
	static const struct wild all[] = {
	        {OID_GM_SIGNED, OID_GM_DATA, OID_SM2_SIGN, OID_SM3, 1, true, false, "another content"},
	        {OID_GM_SIGNED, OID_GM_DATA, OID_SM2_SIGN, OID_SM3, 1, true, true, NULL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		AUTO_BUF(der, 8192);
		struct cms_signed s;

		build_wild(f, &all[i], &der);
		assert_ok(cms_signed_parse(buf_slice(&der), &s));
		assert_refused(cms_verify(&s.by.signers[0], &f->key.pub, s.content), CMS_SIGNATURE);
	}
}

static void other_algorithms_are_refused(void **state)
{
	static const struct wild all[] = {
	        {OID_GM_SIGNED_ENV, OID_GM_DATA, OID_SM2_SIGN, OID_SM3, 1, false, false, NULL},
	        {OID_GM_SIGNED, OID_GM_DATA, OID_RSA, OID_SM3, 1, false, false, NULL},
	        {OID_GM_SIGNED, OID_GM_DATA, OID_SM2_SIGN, OID_SHA256, 1, false, false, NULL},
	        {OID_GM_SIGNED, OID_GM_DATA, OID_SM2_SIGN, OID_SM3, 77, false, false, NULL},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		AUTO_BUF(der, 8192);
		struct cms_signed s;

		build_wild(*state, &all[i], &der);
		assert_refused(cms_signed_parse(buf_slice(&der), &s), CMS_FORM);
	}
}

static void missing_certificate_is_named(void **state)
{
	struct fixture *f = *state;
	struct slice certificate;
	struct cms_signed s;

	assert_ok(cms_signed_parse(buf_slice(&f->signed_by_us), &s));
	s.by.certificates[0] = buf_slice(&f->other_certificate);
	assert_refused(cms_signer_certificate(&s.by, 0, &certificate), CMS_SIGNER);
}

/* Every cut and every changed byte: refused, or the same content still signed by the same key. */
static void damage_never_changes_what_is_signed(void **state)
{
	struct fixture *f = *state;
	size_t len = f->signed_by_us.len;
	AUTO_MEM(uint8_t, copy, mem_new(1, len));
	struct cms_signed s;

	for (size_t i = 0; i < len; i++)
		assert_refused(cms_signed_parse(slice_of(f->signed_by_us.p, i), &s), CMS_FORM);
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, f->signed_by_us.p, len);
		copy[i] ^= (uint8_t)(1u << (i % 8));
		if (!rc_ok(cms_signed_parse(slice_of(copy, len), &s)) || s.by.signer_count != 1 ||
		    !rc_ok(cms_verify(&s.by.signers[0], &f->key.pub, s.content)))
			continue;
		assert_true(slice_is(s.content, text));
	}
}

static void sealed_of_gmcert_reads_and_writes_back(void **state)
{
	(void)state;
	AUTO_BUF(der, 8192);
	AUTO_BUF(bare, 8192);
	AUTO_BUF(again, 8192);
	struct slice certificate;
	struct cms_sealed s;

	assert_ok(file_read(TEST_DATA "/envelope/good/gmcert.der", 8192, &der));
	assert_ok(cms_sealed_parse(buf_slice(&der), &s));
	assert_int_equal(s.recipient_count, 1);
	assert_memory_equal(s.recipients[0].issuer.p, "\0", 2);
	assert_int_equal(s.cipher, OID_SM4_ECB);
	assert_int_equal(s.ciphertext.len, 64);
	assert_ok(cms_signer_certificate(&s.by, 0, &certificate));
	/* R06.15: decode, encode, identical bytes. */
	assert_ok(cms_sealed_build(&(struct cms_seal){.issuer = s.recipients[0].issuer,
	                                              .serial = s.recipients[0].serial,
	                                              .encrypted_key = s.recipients[0].encrypted_key,
	                                              .ciphertext = s.ciphertext,
	                                              .by = {certificate, s.by.signers[0].signature}},
	                           &bare));
	assert_ok(cms_sealed_wrap(buf_slice(&bare), &again));
	assert_memory_equal(again.p, der.p, der.len);
	assert_int_equal(again.len, der.len);
	assert_ok(cms_sealed_parse(buf_slice(&bare), &s));
	buf_free(&again);
	assert_ok(cms_sealed_wrap(buf_slice(&der), &again));
	assert_true(slice_equal(buf_slice(&again), buf_slice(&der)));
}

static void sealed_cut_short_is_refused(void **state)
{
	(void)state;
	AUTO_BUF(der, 8192);
	struct cms_sealed s;

	assert_ok(file_read(TEST_DATA "/envelope/good/gmcert.der", 8192, &der));
	for (size_t i = 0; i < der.len; i++)
		assert_refused(cms_sealed_parse(slice_of(der.p, i), &s), CMS_FORM);
}

/* The stored sample was made by this format's first version: it must verify for ever. */
static void golden_message_verifies(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(der, 8192);
	struct cms_signed s;

	assert_ok(file_read(TEST_DATA "/cms/good/signed.der", 8192, &der));
	assert_ok(cms_signed_parse(buf_slice(&der), &s));
	assert_true(slice_is(s.content, text));
	assert_true(judge_verify(f->judge, s.content, s.by.signers[0].signature));
	assert_ok(cms_verify(&s.by.signers[0], &f->key.pub, s.content));
}

static void bad_samples_are_refused(void **state)
{
	static const char *const names[] = {"indefinite", "trailing", "sha256", "not-signed"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		AUTO_BUF(der, 8192);
		char path[256];
		struct cms_signed s;

		(void)snprintf(path, sizeof(path), TEST_DATA "/cms/bad/%s.der", names[i]);
		assert_ok(file_read(path, 8192, &der));
		assert_refused(cms_signed_parse(buf_slice(&der), &s), CMS_FORM);
	}
}

static void no_memory_is_an_ordinary_result(void **state)
{
	struct fixture *f = *state;
	struct rc rc;
	size_t n = 0;

	do {
		AUTO_BUF(der, 8192);

		(void)mem_fail_after(++n);
		rc = cms_signed_sign(slice_text(text), &f->key, buf_slice(&f->certificate), &der);
		(void)mem_fail_after(0);
		if (rc_ok(rc)) {
			struct cms_signed s;

			assert_ok(cms_signed_parse(buf_slice(&der), &s));
			assert_true(judge_verify(f->judge, s.content, s.by.signers[0].signature));
		} else {
			assert_nomem(rc);
		}
	} while (!rc_ok(rc) && n < 1000);
	assert_in_range(n, 2, 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(signed_message_verifies_under_openssl),
	        cmocka_unit_test(signature_of_openssl_is_assembled_and_verifies),
	        cmocka_unit_test(two_signers_are_found_by_issuer_and_serial),
	        cmocka_unit_test(variants_met_in_the_field_verify),
	        cmocka_unit_test(attributes_must_name_the_content),
	        cmocka_unit_test(other_algorithms_are_refused),
	        cmocka_unit_test(missing_certificate_is_named),
	        cmocka_unit_test(damage_never_changes_what_is_signed),
	        cmocka_unit_test(sealed_of_gmcert_reads_and_writes_back),
	        cmocka_unit_test(sealed_cut_short_is_refused),
	        cmocka_unit_test(golden_message_verifies),
	        cmocka_unit_test(bad_samples_are_refused),
	        cmocka_unit_test(no_memory_is_an_ordinary_result),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
