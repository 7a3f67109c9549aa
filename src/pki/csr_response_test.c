/* GM/T 0092 answers: order of certificates, both taggings of the key.  R06.9 */
#include "pki/csr_response.h"

#include "asn1/der.h"
#include "pki/envelope.h"
#include "pki/testing.h"

struct fixture {
	struct buf sign, encrypt, ca, key;
	struct sm2_key user, delivered;
};

static int setup(void **state)
{
	static struct fixture f;
	struct envelope e;

	f = (struct fixture){BUF(4096),         BUF(4096),       BUF(4096),
	                     BUF(ENVELOPE_MAX), judge_scalar(1), judge_scalar(2)};
	EVP_PKEY *user = judge_sm2(&f.user), *delivered = judge_sm2(&f.delivered);

	judge_certificate(&(struct judge_cert){"user", "ca", 1, .key = user, .signer = user}, &f.sign);
	judge_certificate(&(struct judge_cert){"user", "ca", 2, .key = delivered, .signer = user},
	                  &f.encrypt);
	judge_certificate(&(struct judge_cert){"ca", NULL, 3, .key = user, .signer = user}, &f.ca);
	EVP_PKEY_free(user);
	EVP_PKEY_free(delivered);
	assert_ok(envelope_seal(&f.delivered, &f.user.pub, &e));
	assert_ok(envelope_write(&e, ENVELOPE_FORM_SM2, ENVELOPE_SKF_B, &f.key));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_free(&f->sign);
	buf_free(&f->encrypt);
	buf_free(&f->ca);
	buf_free(&f->key);
	return 0;
}

static struct csr_response full(const struct fixture *f)
{
	return (struct csr_response){
	        .sign = {buf_slice(&f->sign), buf_slice(&f->ca)},
	        .sign_count = 2,
	        .encrypt = {buf_slice(&f->encrypt), buf_slice(&f->ca)},
	        .encrypt_count = 2,
	        .envelope = buf_slice(&f->key),
	};
}

/* Written again with our primitives field by field, [0] IMPLICIT: the four fields stand directly in it. */
static void build_implicit(const struct fixture *f, struct buf *ret)
{
	AUTO_DER(w, CSR_RESPONSE_MAX);
	struct der_reader r = der_read(buf_slice(&f->key));

	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SET);
	der_raw(&w, buf_slice(&f->sign));
	der_end(&w);
	der_put(&w, DER_CTXC(0), der_value(&r, DER_SEQUENCE));
	der_begin(&w, DER_CTXC(1));
	der_raw(&w, buf_slice(&f->encrypt));
	der_end(&w);
	der_end(&w);
	assert_ok(der_finish(&w, ret));
}

static void certificate_of_the_user_comes_first(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(der, CSR_RESPONSE_MAX);
	struct csr_response in = full(f), out;
	struct sm2_key opened;

	assert_ok(csr_response_build(&in, &der));
	assert_ok(csr_response_parse(buf_slice(&der), &out));
	assert_int_equal(out.sign_count, 2);
	assert_int_equal(out.encrypt_count, 2);
	assert_true(slice_equal(out.sign[0], buf_slice(&f->sign)));
	assert_true(slice_equal(out.encrypt[0], buf_slice(&f->encrypt)));
	assert_true(slice_equal(out.envelope, buf_slice(&f->key)));
	assert_false(out.implicit);
	assert_ok(envelope_open(out.envelope, &f->user, &f->delivered.pub, &opened));
	assert_memory_equal(opened.d, f->delivered.d, 32);
}

/* libcrypto walks it: SEQUENCE { SET, [0] { SEQUENCE }, [1] { SEQUENCE, SEQUENCE } }. */
static void openssl_sees_the_explicit_tag(void **state)
{
	AUTO_BUF(der, CSR_RESPONSE_MAX);
	struct csr_response in = full(*state);
	static const struct {
		int tag, class;
		bool enter;
	} walk[] = {
	        {V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true}, {V_ASN1_SET, V_ASN1_UNIVERSAL, false},
	        {0, V_ASN1_CONTEXT_SPECIFIC, true},        {V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, false},
	        {1, V_ASN1_CONTEXT_SPECIFIC, true},        {V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, false},
	};
	const unsigned char *p;

	assert_ok(csr_response_build(&in, &der));
	p = der.p;
	for (size_t i = 0; i < sizeof(walk) / sizeof(*walk); i++) {
		long len;
		int tag, class;

		assert_int_equal(ASN1_get_object(&p, &len, &tag, &class, (long)(der.p + der.len - p)) & 0x80,
		                 0);
		assert_int_equal(tag, walk[i].tag);
		assert_int_equal(class, walk[i].class);
		if (!walk[i].enter)
			p += len;
	}
}

static void implicit_tag_is_read_too(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(der, CSR_RESPONSE_MAX);
	struct csr_response out;
	struct sm2_key opened;

	build_implicit(f, &der);
	assert_ok(csr_response_parse(buf_slice(&der), &out));
	assert_true(out.implicit);
	assert_ok(envelope_open(out.envelope, &f->user, &f->delivered.pub, &opened));
	assert_memory_equal(opened.d, f->delivered.d, 32);
}

static void single_certificate_needs_no_key(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(der, CSR_RESPONSE_MAX);
	struct csr_response in = {.sign = {buf_slice(&f->sign)}, .sign_count = 1}, out;

	assert_ok(csr_response_build(&in, &der));
	assert_ok(csr_response_parse(buf_slice(&der), &out));
	assert_int_equal(out.encrypt_count, 0);
	assert_int_equal(out.envelope.len, 0);
}

static void malformed_is_refused(void **state)
{
	AUTO_BUF(der, CSR_RESPONSE_MAX);
	struct csr_response in = full(*state), out;

	assert_ok(csr_response_build(&in, &der));
	for (size_t i = 0; i < der.len; i++)
		assert_refused(csr_response_parse(slice_of(der.p, i), &out), CSR_RESPONSE_FORM);
	buf_u8(&der, 0);
	assert_refused(csr_response_parse(buf_slice(&der), &out), CSR_RESPONSE_FORM);
	/* An empty set, and a key that is no SEQUENCE. */
	assert_refused(csr_response_parse(SLICE_LIT("\x30\x02\x31\x00"), &out), CSR_RESPONSE_FORM);
	assert_refused(csr_response_parse(SLICE_LIT("\x30\x08\x31\x02\x30\x00\xa0\x02\x05\x00"), &out),
	               CSR_RESPONSE_FORM);
	assert_int_equal(csr_response_build(&(struct csr_response){0}, &der).code, RC_BUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(certificate_of_the_user_comes_first),
	        cmocka_unit_test(openssl_sees_the_explicit_tag),
	        cmocka_unit_test(implicit_tag_is_read_too),
	        cmocka_unit_test(single_certificate_needs_no_key),
	        cmocka_unit_test(malformed_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
