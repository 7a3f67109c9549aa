/* GM/T 0014 messages.  libcrypto's ASN.1 compiler writes the expected bytes from the module of
 * standards.md 3.1, and signs and verifies.  R06.9 R06.15 */
#include "pki/km.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "base/text.h"
#include "pki/testing.h"
#include "sm/sm3.h"

#include <openssl/asn1.h>
#include <openssl/conf.h>

struct fixture {
	struct sm2_key ca, user;
	EVP_PKEY *judge;
	struct buf certificate, spki;
	char point[131]; /* hex of 04 || X || Y of the user's key */
	char hash[65];   /* hex of SM3 over the CA's point */
};

static void hex(const uint8_t *p, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", p[i]);
}

static void judge_sm3(struct slice s, uint8_t ret[32])
{
	unsigned len = 32;

	assert_int_equal(EVP_Digest(s.p, s.len, ret, &len, EVP_sm3(), NULL), 1);
}

static void put_spki(const struct sm2_pub *pub, struct buf *ret)
{
	AUTO_DER(w, 256);
	uint8_t point[65] = {4};

	memcpy(point + 1, pub->xy, 64);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_EC_KEY);
	der_put_oid(&w, OID_SM2);
	der_end(&w);
	der_put_bits(&w, SLICE_ARR(point));
	der_end(&w);
	assert_ok(der_finish(&w, ret));
}

static int setup(void **state)
{
	static struct fixture f;
	uint8_t point[65] = {4}, digest[32];

	f = (struct fixture){
	        .ca = judge_scalar(1), .user = judge_scalar(2), .certificate = BUF(4096), .spki = BUF(256)};
	f.judge = judge_sm2(&f.ca);
	judge_certificate(&(struct judge_cert){"ca", NULL, 0x1234, .key = f.judge, .signer = f.judge},
	                  &f.certificate);
	put_spki(&f.user.pub, &f.spki);
	memcpy(point + 1, f.user.pub.xy, 64);
	hex(point, 65, f.point);
	memcpy(point + 1, f.ca.pub.xy, 64);
	judge_sm3(SLICE_ARR(point), digest);
	hex(digest, 32, f.hash);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	EVP_PKEY_free(f->judge);
	buf_free(&f->certificate);
	buf_free(&f->spki);
	return 0;
}

/* ---- the module, as libcrypto compiles it ---- */

/* Which of the forms met in the field. */
struct style {
	const char *tag;  /* "IMPLICIT" or "EXPLICIT" for the CHOICEs */
	bool dns;         /* dNSName instead of directoryName */
	const char *text; /* type of dsCode and extendInfo */
};
static const struct style ours = {"IMPLICIT", false, "IA5STRING"};

static void compile(const char *conf, const char *section, struct buf *ret)
{
	BIO *bio = BIO_new_mem_buf(conf, -1);
	CONF *c = NCONF_new(NULL);
	char value[64];
	unsigned char *der = NULL;

	assert_true(NCONF_load_bio(c, bio, NULL) > 0);
	(void)snprintf(value, sizeof(value), "SEQUENCE:%s", section);
	ASN1_TYPE *t = ASN1_generate_nconf(value, c);

	if (t == NULL)
		ERR_print_errors_fp(stderr);
	assert_non_null(t);
	int len = i2d_ASN1_TYPE(t, &der);

	buf_add(ret, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	ASN1_TYPE_free(t);
	NCONF_free(c);
	BIO_free(bio);
}

/* Sections shared by both messages. */
static void common(const struct fixture *f, const struct style *s, struct buf *b)
{
	buf_printf(b, "[name]\nh=SEQUENCE:sm3\n%s\nk=FORMAT:HEX,OCTETSTRING:%s\ns=INTEGER:0x1234\n",
	           s->dns ? "n=IMPLICIT:2,IA5STRING:C=CN\\,CN=ca" : "n=EXPLICIT:4,SEQUENCE:dn", f->hash);
	buf_text(b, "[dn]\nc=SET:c\nn=SET:n\n[c]\na=SEQUENCE:ca\n[n]\na=SEQUENCE:na\n"
	            "[ca]\no=OID:2.5.4.6\nv=PRINTABLESTRING:CN\n[na]\no=OID:2.5.4.3\nv=UTF8:ca\n"
	            "[sm3]\no=OID:1.2.156.10197.1.401\n[sm4]\no=OID:1.2.156.10197.1.104.1\n"
	            "[sm2]\no=OID:1.2.156.10197.1.301\n[sm2enc]\no=OID:1.2.156.10197.1.301.3\n"
	            "[ec]\na=OID:1.2.840.10045.2.1\nb=OID:1.2.156.10197.1.301\n");
	buf_printf(b, "[spki]\na=SEQUENCE:ec\nk=FORMAT:HEX,BITSTRING:%s\n", f->point);
}

static void expected_request(const struct fixture *f, const struct style *s, struct buf *ret)
{
	AUTO_BUF(b, 8192);

	buf_text(&b, "[ks]\nv=INTEGER:1\nn=SEQUENCE:name\nl=SEQUENCE:list\n"
	             "t=GENERALIZEDTIME:20260101000000Z\ni=INTEGER:0x0102030405060708090a\n");
	buf_printf(&b, "[list]\na=%s:0,SEQUENCE:apply\nb=%s:1,SEQUENCE:restore\nc=%s:2,SEQUENCE:revoke\n",
	           s->tag, s->tag, s->tag);
	buf_printf(
	        &b,
	        "[apply]\na=SEQUENCE:sm2\nl=INTEGER:256\nb=SEQUENCE:sm2enc\nc=SEQUENCE:sm4\nd=SEQUENCE:sm3\n"
	        "u=SEQUENCE:user\n[user]\nn=INTEGER:0x7a01\nk=SEQUENCE:spki\nf=GENERALIZEDTIME:"
	        "20260101000000Z\n"
	        "u=GENERALIZEDTIME:20271231235959Z\na=EXPLICIT:0,FORMAT:ASCII,OCTETSTRING:alice\n"
	        "b=EXPLICIT:1,%s:110000\nc=EXPLICIT:2,%s:more\n",
	        s->text, s->text);
	buf_text(&b, "[restore]\na=SEQUENCE:sm2enc\nb=SEQUENCE:sm4\nc=SEQUENCE:sm3\nn=INTEGER:0x7a02\nk="
	             "SEQUENCE:spki\n"
	             "[revoke]\nn=INTEGER:0x7a03\n");
	common(f, s, &b);
	assert_ok(buf_done(&b));
	compile(buf_cstr(&b), "ks", ret);
}

static void expected_respond(const struct fixture *f, const struct style *s, const char *error,
                             struct buf *ret)
{
	AUTO_BUF(b, 8192);

	buf_text(&b, "[ks]\nv=INTEGER:1\nn=SEQUENCE:name\nl=SEQUENCE:list\n"
	             "t=GENERALIZEDTIME:20260101000000Z\ni=INTEGER:0x0102030405060708090a\n");
	buf_printf(&b,
	           "[list]\na=%s:0,SEQUENCE:apply\nb=%s:1,SEQUENCE:restore\nc=%s:2,SEQUENCE:revoke\nd=%s:3,"
	           "SEQUENCE:error\n",
	           s->tag, s->tag, s->tag, s->tag);
	buf_text(&b,
	         "[apply]\nn=INTEGER:0x7a01\nk=SEQUENCE:spki\ne=SEQUENCE:env\n[restore]\nn=INTEGER:0x7a02\n"
	         "k=SEQUENCE:spki\ne=SEQUENCE:env\n[revoke]\nn=INTEGER:0x7a03\n[env]\nv=INTEGER:1\n");
	buf_printf(&b, "[error]\nn=INTEGER:3\n%s\n[desc]\nt=UTF8:no key\n", error);
	common(f, s, &b);
	assert_ok(buf_done(&b));
	compile(buf_cstr(&b), "ks", ret);
}

/* ---- the same in our structures ---- */

static const uint8_t task[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static const uint8_t numbers[3][2] = {{0x7a, 1}, {0x7a, 2}, {0x7a, 3}};
static const uint8_t tiny[] = {0x30, 3, 2, 1, 1}; /* stands for SignedAndEnvelopedData */
#define UNTIL 1830297599                          /* 2027-12-31T23:59:59Z */

static struct km_request *our_request(const struct fixture *f, uint8_t hash[32])
{
	struct km_request *m = km_request_new(3);

	assert_non_null(m);
	assert_ok(km_name_from_certificate(buf_slice(&f->certificate), hash, &m->ca));
	m->time = JUDGE_NOW;
	m->task = SLICE_ARR(task);
	for (size_t i = 0; i < 3; i++)
		m->items[i] = (struct km_request_item){
		        .kind = (enum km_kind)i,
		        .serial = SLICE_ARR(numbers[i]),
		        .user_key = buf_slice(&f->spki),
		        .not_before = JUDGE_NOW,
		        .not_after = UNTIL,
		        .user_name = SLICE_LIT("alice"),
		        .region = SLICE_LIT("110000"),
		        .extend = SLICE_LIT("more"),
		};
	return m;
}

static struct km_respond *our_respond(const struct fixture *f, uint8_t hash[32])
{
	struct km_respond *m = km_respond_new(4);

	assert_non_null(m);
	assert_ok(km_name_from_certificate(buf_slice(&f->certificate), hash, &m->km));
	m->time = JUDGE_NOW;
	m->task = SLICE_ARR(task);
	for (size_t i = 0; i < 3; i++)
		m->items[i] = (struct km_respond_item){
		        .kind = (enum km_kind)i,
		        .serial = SLICE_ARR(numbers[i]),
		        .key = buf_slice(&f->spki),
		        .envelope = SLICE_ARR(tiny),
		};
	m->items[3] = (struct km_respond_item){
	        .kind = KM_ERROR,
	        .error = KM_ERR_NO_KEY,
	        .error_text = SLICE_LIT("no key"),
	};
	return m;
}

static void check_request(const struct fixture *f, const struct km_request *m, bool dns)
{
	assert_int_equal(m->count, 3);
	assert_true(slice_equal(m->task, SLICE_ARR(task)));
	assert_int_equal(m->time, JUDGE_NOW);
	assert_int_equal(m->ca.dn_is_text, dns);
	assert_true(km_name_matches(&m->ca, buf_slice(&f->certificate)));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(m->items[i].kind, i);
		assert_true(slice_equal(m->items[i].serial, SLICE_ARR(numbers[i])));
		if (i < 2)
			assert_memory_equal(&m->items[i].user_pub, &f->user.pub, sizeof(f->user.pub));
	}
	assert_true(slice_equal(m->items[0].user_key, buf_slice(&f->spki)));
	assert_int_equal(m->items[0].not_before, JUDGE_NOW);
	assert_int_equal(m->items[0].not_after, UNTIL);
	assert_true(slice_is(m->items[0].user_name, "alice"));
	assert_true(slice_is(m->items[0].region, "110000"));
	assert_true(slice_is(m->items[0].extend, "more"));
}

static void check_respond(const struct fixture *f, const struct km_respond *m)
{
	const struct km_respond_item *found = km_respond_find(m, SLICE_ARR(numbers[1]));

	assert_int_equal(m->count, 4);
	assert_true(slice_equal(m->task, SLICE_ARR(task)));
	assert_true(km_name_matches(&m->km, buf_slice(&f->certificate)));
	assert_ptr_equal(found, &m->items[1]);
	assert_int_equal(found->kind, KM_RESTORE);
	assert_memory_equal(&found->pub, &f->user.pub, sizeof(f->user.pub));
	assert_true(slice_equal(found->key, buf_slice(&f->spki)));
	assert_true(slice_equal(found->envelope, SLICE_ARR(tiny)));
	assert_null(km_respond_find(m, SLICE_LIT("\x01")));
	assert_int_equal(m->items[2].kind, KM_REVOKE);
	assert_int_equal(m->items[3].kind, KM_ERROR);
	assert_int_equal(m->items[3].error, KM_ERR_NO_KEY);
	assert_true(slice_is(m->items[3].error_text, "no key"));
}

/* ---- tests ---- */

static void request_has_the_bytes_of_the_module(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	AUTO(km_request, m, our_request(f, hash));
	AUTO_BUF(tbs, 8192);
	AUTO_BUF(expected, 8192);

	assert_ok(km_request_tbs(m, &tbs));
	expected_request(f, &ours, &expected);
	assert_int_equal(tbs.len, expected.len);
	assert_memory_equal(tbs.p, expected.p, tbs.len);
}

static void respond_has_the_bytes_of_the_module(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	AUTO(km_respond, m, our_respond(f, hash));
	AUTO_BUF(tbs, 8192);
	AUTO_BUF(expected, 8192);

	assert_ok(km_respond_tbs(m, &tbs));
	expected_respond(f, &ours, "d=EXPLICIT:0,SEQUENCE:desc", &expected);
	assert_int_equal(tbs.len, expected.len);
	assert_memory_equal(tbs.p, expected.p, tbs.len);
}

static void request_signed_by_us_verifies_under_openssl(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	AUTO(km_request, m, our_request(f, hash));
	AUTO(km_request, again, NULL);
	AUTO_BUF(der, 8192);

	assert_ok(km_request_sign(m, &f->ca, &der));
	assert_ok(km_request_parse(buf_slice(&der), &again));
	check_request(f, again, false);
	assert_true(judge_verify(f->judge, again->tbs, again->signature));
	assert_ok(km_request_verify(again, &f->ca.pub));
	assert_refused(km_request_verify(again, &f->user.pub), KM_SIGNATURE);
}

static void forms_met_in_the_field_are_read(void **state)
{
	static const struct style all[] = {
	        {"IMPLICIT", false, "IA5STRING"},
	        {"IMPLICIT", true, "OCTETSTRING"},
	        {"EXPLICIT", false, "IA5STRING"},
	        {"EXPLICIT", true, "UTF8"},
	};
	static const char *const errors[] = {
	        "d=EXPLICIT:0,SEQUENCE:desc",
	        "d=EXPLICIT:0,FORMAT:ASCII,OCTETSTRING:no key",
	        "d=UTF8:3\ne=UTF8:no key",
	        "d=EXPLICIT:0,UTF8:no key",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		AUTO(km_request, m, NULL);
		AUTO(km_respond, r, NULL);
		AUTO_BUF(tbs, 8192);
		AUTO_BUF(sig, 80);
		AUTO_BUF(der, 8192);

		expected_request(f, &all[i], &tbs);
		judge_sign(f->judge, buf_slice(&tbs), &sig);
		assert_ok(km_request_assemble(buf_slice(&tbs), buf_slice(&sig), &der));
		assert_ok(km_request_parse(buf_slice(&der), &m));
		check_request(f, m, all[i].dns);
		assert_ok(km_request_verify(m, &f->ca.pub));
		buf_free(&tbs);
		buf_free(&sig);
		buf_free(&der);
		expected_respond(f, &all[i], errors[i], &tbs);
		judge_sign(f->judge, buf_slice(&tbs), &sig);
		assert_ok(km_respond_assemble(buf_slice(&tbs), buf_slice(&sig), &der));
		assert_ok(km_respond_parse(buf_slice(&der), &r));
		check_respond(f, r);
		assert_ok(km_respond_verify(r, &f->ca.pub));
		assert_refused(km_respond_verify(r, &f->user.pub), KM_SIGNATURE);
	}
}

static void names_are_matched_by_subject_serial_and_key(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32], whole[32];
	struct km_name n, wrong;
	AUTO_BUF(spki, 256);
	AUTO_BUF(other, 4096);

	assert_ok(km_name_from_certificate(buf_slice(&f->certificate), hash, &n));
	assert_true(km_name_matches(&n, buf_slice(&f->certificate)));
	/* Others hash the whole SubjectPublicKeyInfo. */
	put_spki(&f->ca.pub, &spki);
	judge_sm3(buf_slice(&spki), whole);
	wrong = n;
	wrong.key_hash = SLICE_ARR(whole);
	assert_true(km_name_matches(&wrong, buf_slice(&f->certificate)));
	whole[0] ^= 1;
	assert_false(km_name_matches(&wrong, buf_slice(&f->certificate)));
	wrong = n;
	wrong.serial = SLICE_LIT("\x12\x35");
	assert_false(km_name_matches(&wrong, buf_slice(&f->certificate)));
	wrong = n;
	wrong.hash = OID_SHA1;
	assert_false(km_name_matches(&wrong, buf_slice(&f->certificate)));
	judge_certificate(&(struct judge_cert){"cb", NULL, 0x1234, .key = f->judge, .signer = f->judge},
	                  &other);
	assert_false(km_name_matches(&n, buf_slice(&other)));
	assert_int_equal(km_name_from_certificate(SLICE_LIT("0"), hash, &n).code, RC_INPUT);
}

static void full_batch_goes_through(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	AUTO(km_request, m, km_request_new(KM_BATCH));
	AUTO(km_request, again, NULL);
	AUTO_BUF(der, KM_REQUEST_MAX);

	assert_null(km_request_new(0));
	assert_null(km_request_new(KM_BATCH + 1));
	assert_null(km_respond_new(KM_BATCH + 1));
	assert_ok(km_name_from_certificate(buf_slice(&f->certificate), hash, &m->ca));
	m->time = JUDGE_NOW;
	m->task = SLICE_ARR(task);
	for (size_t i = 0; i < KM_BATCH; i++)
		m->items[i] = (struct km_request_item){.kind = KM_APPLY,
		                                       .serial = SLICE_ARR(numbers[0]),
		                                       .user_key = buf_slice(&f->spki),
		                                       .not_before = JUDGE_NOW,
		                                       .not_after = UNTIL};
	assert_ok(km_request_sign(m, &f->ca, &der));
	assert_ok(km_request_parse(buf_slice(&der), &again));
	assert_int_equal(again->count, KM_BATCH);
	assert_int_equal(again->items[255].user_name.len, 0);
}

/* One more item than the limit, and none. */
static void count_is_limited(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	struct km_name n;
	struct km_request *m = NULL;

	assert_ok(km_name_from_certificate(buf_slice(&f->certificate), hash, &n));
	for (size_t count = 0; count <= KM_BATCH + 1; count += KM_BATCH + 1) {
		AUTO_DER(w, 65536);
		AUTO_BUF(der, 65536);

		der_begin(&w, DER_SEQUENCE);
		der_begin(&w, DER_SEQUENCE);
		der_put_uint(&w, 1);
		der_begin(&w, DER_SEQUENCE);
		der_put_algorithm(&w, OID_SM3);
		der_begin(&w, DER_CTXC(4));
		der_raw(&w, n.dn);
		der_end(&w);
		der_put_octets(&w, n.key_hash);
		der_put_integer(&w, n.serial);
		der_end(&w);
		der_begin(&w, DER_SEQUENCE);
		for (size_t i = 0; i < count; i++)
			der_raw(&w, SLICE_LIT("\xa2\x03\x02\x01\x05"));
		der_end(&w);
		der_put_gtime(&w, JUDGE_NOW);
		der_put_uint(&w, 1);
		der_end(&w);
		der_put_algorithm(&w, OID_SM2_SM3);
		der_put_octets(&w, SLICE_LIT("x"));
		der_end(&w);
		assert_ok(der_finish(&w, &der));
		assert_refused(km_request_parse(buf_slice(&der), &m), KM_FORM);
		assert_null(m);
	}
}

static void damage_is_refused_or_breaks_the_signature(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	AUTO(km_respond, m, our_respond(f, hash));
	AUTO_BUF(der, 8192);
	struct km_respond *out = NULL;

	assert_ok(km_respond_sign(m, &f->ca, &der));
	for (size_t i = 0; i < der.len; i++) {
		assert_refused(km_respond_parse(slice_of(der.p, i), &out), KM_FORM);
		assert_null(out);
	}
	for (size_t i = 0; i < der.len; i++) {
		AUTO(km_respond, bad, NULL);

		der.p[i] ^= 1;
		if (rc_ok(km_respond_parse(buf_slice(&der), &bad)) &&
		    rc_ok(km_respond_verify(bad, &f->ca.pub)))
			check_respond(f, bad);
		der.p[i] ^= 1;
	}
}

static void golden_messages_verify(void **state)
{
	struct fixture *f = *state;
	AUTO(km_request, m, NULL);
	AUTO(km_respond, r, NULL);
	AUTO_BUF(der, 8192);

	assert_ok(file_read(TEST_DATA "/km/good/request.der", 8192, &der));
	assert_ok(km_request_parse(buf_slice(&der), &m));
	check_request(f, m, false);
	assert_true(judge_verify(f->judge, m->tbs, m->signature));
	assert_ok(km_request_verify(m, &f->ca.pub));
	buf_clear(&der);
	assert_ok(file_read(TEST_DATA "/km/good/respond.der", 8192, &der));
	assert_ok(km_respond_parse(buf_slice(&der), &r));
	check_respond(f, r);
	assert_true(judge_verify(f->judge, r->tbs, r->signature));
}

static void no_memory_is_an_ordinary_result(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	AUTO(km_request, m, our_request(f, hash));
	struct rc rc;
	size_t n = 0;

	do {
		AUTO(km_request, again, NULL);
		AUTO_BUF(der, 8192);

		(void)mem_fail_after(++n);
		rc = km_request_sign(m, &f->ca, &der);
		if (rc_ok(rc))
			rc = km_request_parse(buf_slice(&der), &again);
		(void)mem_fail_after(0);
		if (rc_ok(rc))
			check_request(f, again, false);
		else
			assert_nomem(rc);
	} while (!rc_ok(rc) && n < 1000);
	assert_in_range(n, 2, 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(request_has_the_bytes_of_the_module),
	        cmocka_unit_test(respond_has_the_bytes_of_the_module),
	        cmocka_unit_test(request_signed_by_us_verifies_under_openssl),
	        cmocka_unit_test(forms_met_in_the_field_are_read),
	        cmocka_unit_test(names_are_matched_by_subject_serial_and_key),
	        cmocka_unit_test(full_batch_goes_through),
	        cmocka_unit_test(count_is_limited),
	        cmocka_unit_test(damage_is_refused_or_breaks_the_signature),
	        cmocka_unit_test(golden_messages_verify),
	        cmocka_unit_test(no_memory_is_an_ordinary_result),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
