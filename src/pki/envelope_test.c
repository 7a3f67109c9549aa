/* Delivery of encryption keys: opened by libcrypto alone, in every form, after conversions that hold
 * no private key. R06.9 R06.10 */
#include "pki/envelope.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "base/text.h"
#include "pki/cms.h"
#include "pki/pkcs8.h"
#include "pki/testing.h"

struct fixture {
	struct sm2_key signing, delivered, stranger, kmc;
	EVP_PKEY *judge, *judge_kmc;
	struct buf certificate, saed; /* the KMC's; what it delivers */
};

static const uint8_t serial[] = {0x5a, 1, 2, 3};

static int setup(void **state)
{
	static struct fixture f;
	struct envelope_item item;

	f = (struct fixture){
	        .signing = judge_scalar(1),
	        .delivered = judge_scalar(2),
	        .stranger = judge_scalar(3),
	        .kmc = judge_scalar(4),
	        .certificate = BUF(4096),
	        .saed = BUF(8192),
	};
	f.judge = judge_sm2(&f.signing);
	f.judge_kmc = judge_sm2(&f.kmc);
	judge_certificate(&(struct judge_cert){"kmc", NULL, 7, .key = f.judge_kmc, .signer = f.judge_kmc},
	                  &f.certificate);
	item = (struct envelope_item){&f.delivered, f.signing.pub, SLICE_ARR(serial)};
	assert_ok(envelope_make(&item, 1, &f.kmc, buf_slice(&f.certificate), &f.saed));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	EVP_PKEY_free(f->judge);
	EVP_PKEY_free(f->judge_kmc);
	buf_free(&f->certificate);
	buf_free(&f->saed);
	return 0;
}

/* ---- libcrypto's own way in ---- */

/* The n-th member of a SEQUENCE as libcrypto parses it. */
static struct slice judge_member(struct slice der, int n, struct buf *keep)
{
	const unsigned char *p = der.p;
	ASN1_SEQUENCE_ANY *seq = d2i_ASN1_SEQUENCE_ANY(NULL, &p, (long)der.len);
	unsigned char *out = NULL;

	assert_non_null(seq);
	assert_ptr_equal(p, der.p + der.len);
	int len = i2d_ASN1_TYPE(sk_ASN1_TYPE_value(seq, n), &out);

	assert_true(len > 0);
	buf_clear(keep);
	buf_add(keep, slice_of(out, (size_t)len));
	OPENSSL_free(out);
	sk_ASN1_TYPE_pop_free(seq, ASN1_TYPE_free);
	return buf_slice(keep);
}

/* Contents of a BIT STRING TLV of under 128 bytes, all octets whole. */
static struct slice judge_bits(struct slice tlv)
{
	assert_true(tlv.len > 3 && tlv.p[0] == 3 && tlv.p[1] == tlv.len - 2 && tlv.p[2] == 0);
	return slice_of(tlv.p + 3, tlv.len - 3);
}

static void judge_integer(struct buf *b, const uint8_t n[32])
{
	AUTO(bignum_st, v, BN_bin2bn(n, 32, NULL));
	ASN1_INTEGER *i = BN_to_ASN1_INTEGER(v, NULL);
	unsigned char *out = NULL;
	int len = i2d_ASN1_INTEGER(i, &out);

	buf_add(b, slice_of(out, (size_t)len));
	OPENSSL_free(out);
	ASN1_INTEGER_free(i);
}

/* SM2Cipher from the raw fields of a blob, written without our DER code. */
static void judge_cipher(const uint8_t *x, const uint8_t *y, const uint8_t *hash, const uint8_t *c,
                         struct buf *ret)
{
	AUTO_BUF(body, 256);

	judge_integer(&body, x);
	judge_integer(&body, y);
	buf_add(&body, SLICE_LIT("\x04\x20"));
	buf_add(&body, slice_of(hash, 32));
	buf_add(&body, SLICE_LIT("\x04\x10"));
	buf_add(&body, slice_of(c, 16));
	assert_true(body.len < 128);
	buf_u8(ret, 0x30);
	buf_u8(ret, (uint8_t)body.len);
	buf_add(ret, buf_slice(&body));
	assert_ok(buf_done(ret));
}

/* Unwraps the key, decrypts the body, and compares the public half, by libcrypto alone. */
static void judge_opens(const struct fixture *f, struct slice cipher, struct slice body)
{
	uint8_t key[64], plain[64];
	size_t len = sizeof(key);

	assert_true(judge_decrypt(f->judge, cipher, key, &len));
	assert_int_equal(len, 16);
	judge_sm4_ecb(key, body, plain, false);
	if (body.len == 64)
		for (size_t i = 0; i < 32; i++)
			assert_int_equal(plain[i], 0);
	const uint8_t *d = plain + body.len - 32;

	assert_memory_equal(d, f->delivered.d, 32);
	EVP_PKEY *opened = judge_key(d, NID_sm2, "SM2", "SM2");
	uint8_t point[80];

	assert_int_equal(
	        EVP_PKEY_get_octet_string_param(opened, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
	        1);
	assert_int_equal(len, 65);
	assert_memory_equal(point + 1, f->delivered.pub.xy, 64);
	EVP_PKEY_free(opened);
}

/* ---- forms ---- */

static void sm2_form_opens_with_openssl_alone(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(der, ENVELOPE_MAX);
	AUTO_BUF(cipher, 512);
	AUTO_BUF(part, 512);
	struct slice point;

	assert_ok(envelope_convert(buf_slice(&f->saed), &f->delivered.pub, ENVELOPE_FORM_SM2, &der));
	(void)judge_member(buf_slice(&der), 1, &cipher);
	point = judge_bits(judge_member(buf_slice(&der), 2, &part));
	assert_int_equal(point.len, 65);
	assert_memory_equal(point.p + 1, f->delivered.pub.xy, 64);
	judge_opens(f, buf_slice(&cipher), judge_bits(judge_member(buf_slice(&der), 3, &part)));
	/* AlgorithmIdentifier as the one known reader writes it: .104.1, NULL. */
	assert_memory_equal(judge_member(buf_slice(&der), 0, &part).p,
	                    "\x30\x0c\x06\x08\x2a\x81\x1c\xcf\x55\x01\x68\x01\x05\x00", 14);
}

static void saed_form_opens_with_openssl_and_is_signed(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(der, ENVELOPE_MAX);
	uint8_t plain[64] = {0};
	struct cms_sealed s;

	assert_ok(envelope_convert(buf_slice(&f->saed), &f->delivered.pub, ENVELOPE_FORM_SAED, &der));
	assert_ok(cms_sealed_parse(buf_slice(&der), &s));
	assert_true(slice_equal(s.recipients[0].serial, SLICE_ARR(serial)));
	judge_opens(f, s.recipients[0].encrypted_key, s.ciphertext);
	memcpy(plain + 32, f->delivered.d, 32);
	assert_true(judge_verify(f->judge_kmc, SLICE_ARR(plain), s.by.signers[0].signature));
	assert_ok(envelope_verify(buf_slice(&der), &f->delivered, &f->kmc.pub));
	assert_refused(envelope_verify(buf_slice(&der), &f->stranger, &f->kmc.pub), CMS_SIGNATURE);
	assert_refused(envelope_verify(buf_slice(&der), &f->delivered, &f->stranger.pub), CMS_SIGNATURE);
}

static void zeros(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

static void write_skf(const struct fixture *f, enum envelope_skf reading, struct buf *ret)
{
	struct envelope e;

	assert_ok(envelope_read(buf_slice(&f->saed), &f->delivered.pub, &e));
	assert_ok(envelope_write(&e, ENVELOPE_FORM_SKF, reading, ret));
}

/* GM/T 0016 6.4.10, offset by offset (standards.md 1.8). */
static void skf_form_has_the_layout_of_the_standard(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(a, ENVELOPE_MAX);
	AUTO_BUF(b, ENVELOPE_MAX);
	AUTO_BUF(cipher, 256);

	write_skf(f, ENVELOPE_SKF_A, &a);
	write_skf(f, ENVELOPE_SKF_B, &b);
	assert_int_equal(a.len, 388);
	assert_int_equal(b.len, 388);
	assert_memory_equal(b.p, "\x01\0\0\0\x01\x04\0\0\0\x01\0\0", 12);
	zeros(b.p + 12, 32);
	assert_memory_equal(b.p + 76, "\0\x01\0\0", 4);
	zeros(b.p + 80, 32);
	assert_memory_equal(b.p + 112, f->delivered.pub.xy, 32);
	zeros(b.p + 144, 32);
	assert_memory_equal(b.p + 176, f->delivered.pub.xy + 32, 32);
	zeros(b.p + 208, 32);
	zeros(b.p + 272, 32);
	assert_memory_equal(b.p + 368, "\x10\0\0\0", 4);
	judge_cipher(b.p + 240, b.p + 304, b.p + 336, b.p + 372, &cipher);
	judge_opens(f, buf_slice(&cipher), slice_of(b.p + 44, 32));
	judge_opens(f, buf_slice(&cipher), slice_of(a.p + 12, 64));
	assert_memory_equal(a.p, b.p, 12);
	assert_memory_equal(a.p + 44, b.p + 44, 388 - 44);
}

static void sdf_form_has_the_layout_of_the_standard(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(b, ENVELOPE_MAX);
	AUTO_BUF(cipher, 256);

	assert_ok(envelope_convert(buf_slice(&f->saed), &f->delivered.pub, ENVELOPE_FORM_SDF, &b));
	assert_int_equal(b.len, 384);
	assert_memory_equal(b.p, "\x01\0\0\0\x01\x04\0\0", 8);
	zeros(b.p + 8, 32);
	zeros(b.p + 72, 32);
	assert_memory_equal(b.p + 168, "\x10\0\0\0", 4);
	judge_cipher(b.p + 40, b.p + 104, b.p + 136, b.p + 172, &cipher);
	assert_memory_equal(b.p + 188, "\0\x01\0\0", 4);
	assert_memory_equal(b.p + 224, f->delivered.pub.xy, 32);
	assert_memory_equal(b.p + 288, f->delivered.pub.xy + 32, 32);
	judge_opens(f, buf_slice(&cipher), slice_of(b.p + 320, 64));
}

/* Each form becomes each other form, opens, and never shows the scalar (R06.10). */
static void every_form_converts_to_every_form(void **state)
{
	struct fixture *f = *state;

	for (unsigned from = 0; from < ENVELOPE_FORM_COUNT; from++) {
		AUTO_BUF(first, ENVELOPE_MAX);

		assert_ok(envelope_convert(buf_slice(&f->saed), &f->delivered.pub, (enum envelope_form)from,
		                           &first));
		for (unsigned to = 0; to < ENVELOPE_FORM_COUNT; to++) {
			AUTO_BUF(second, ENVELOPE_MAX);
			struct sm2_key opened;
			/* The KMC's signature exists in one form, the zeros' ciphertext not in sm2 and skf.
			 */
			bool lost = (to == ENVELOPE_FORM_SAED && from != ENVELOPE_FORM_SAED) ||
			            (to == ENVELOPE_FORM_SDF &&
			             (from == ENVELOPE_FORM_SM2 || from == ENVELOPE_FORM_SKF));
			struct rc rc = envelope_convert(buf_slice(&first), &f->delivered.pub,
			                                (enum envelope_form)to, &second);

			if (lost) {
				assert_refused(rc, ENVELOPE_FORM);
				continue;
			}
			assert_ok(rc);
			assert_null(memmem(second.p, second.len, f->delivered.d, 32));
			assert_ok(envelope_open(buf_slice(&second), &f->signing, &f->delivered.pub, &opened));
			assert_memory_equal(opened.d, f->delivered.d, 32);
		}
	}
}

static void names_of_forms(void **state)
{
	enum envelope_form form;

	(void)state;
	for (unsigned i = 0; i < ENVELOPE_FORM_COUNT; i++) {
		assert_ok(envelope_form_find(slice_text(envelope_form_name((enum envelope_form)i)), &form));
		assert_int_equal(form, i);
	}
	assert_refused(envelope_form_find(SLICE_LIT("pem"), &form), ENVELOPE_FORM);
}

/* ---- what others deliver ---- */

static void load_file(const char *name, struct sm2_key *ret)
{
	AUTO_BUF(der, 1024);
	char path[200];
	const unsigned char *p;
	BIGNUM *n = NULL;
	uint8_t d[32];

	(void)snprintf(path, sizeof(path), TEST_DATA "/envelope/keys/%s.der", name);
	assert_ok(file_read(path, 1024, &der));
	p = der.p;
	AUTO(evp_pkey_st, k, d2i_AutoPrivateKey(NULL, &p, (long)der.len));
	assert_non_null(k);
	assert_int_equal(EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_PRIV_KEY, &n), 1);
	assert_int_equal(BN_bn2binpad(n, d, 32), 32);
	BN_free(n);
	assert_ok(sm2_key_load(d, ret));
}

static void real_delivery_of_gmcert_opens(void **state)
{
	AUTO_BUF(der, ENVELOPE_MAX);
	AUTO_BUF(skf, ENVELOPE_MAX);
	struct sm2_key signing, expected, opened;
	struct cms_sealed s;

	(void)state;
	load_file("gmcert-sign", &signing);
	load_file("gmcert-encrypt", &expected);
	assert_ok(file_read(TEST_DATA "/envelope/good/gmcert.der", ENVELOPE_MAX, &der));
	assert_ok(envelope_open(buf_slice(&der), &signing, &expected.pub, &opened));
	assert_memory_equal(opened.d, expected.d, 32);
	assert_ok(cms_sealed_parse(buf_slice(&der), &s));
	assert_ok(envelope_convert(buf_slice(&der), &expected.pub, ENVELOPE_FORM_SKF, &skf));
	assert_ok(envelope_open(buf_slice(&skf), &signing, NULL, &opened));
	assert_memory_equal(opened.d, expected.d, 32);
	assert_refused(envelope_open(buf_slice(&der), &expected, &expected.pub, &opened), ENVELOPE_KEY);
}

/* Stored once, opened for ever. */
static void golden_envelopes_open(void **state)
{
	static const char *const names[] = {
	        "sm2", "saed", "skf", "skf-a", "sdf", "implicit-swapped", "pkcs8-body",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		AUTO_BUF(der, ENVELOPE_MAX);
		char path[200];
		struct sm2_key opened;

		(void)snprintf(path, sizeof(path), TEST_DATA "/envelope/good/%s.der", names[i]);
		assert_ok(file_read(path, ENVELOPE_MAX, &der));
		assert_ok(envelope_open(buf_slice(&der), &f->signing, &f->delivered.pub, &opened));
		assert_memory_equal(opened.d, f->delivered.d, 32);
	}
}

/* Encrypts a plaintext of the layout under test with libcrypto and wraps it as SM2EnvelopedKey. */
static void build_layout(const struct fixture *f, struct slice plain, enum oid cipher_oid, bool implicit,
                         struct buf *ret)
{
	AUTO_DER(w, ENVELOPE_MAX);
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new(f->judge, NULL));
	uint8_t key[16] = "0123456789abcde", wrapped[256], body[512], point[65] = {4};
	size_t len = sizeof(wrapped);

	assert_int_equal(EVP_PKEY_encrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_encrypt(c, wrapped, &len, key, 16), 1);
	judge_sm4_ecb(key, plain, body, true);
	memcpy(point + 1, f->delivered.pub.xy, 64);
	der_begin(&w, implicit ? DER_CTXC(0) : DER_SEQUENCE);
	der_put_algorithm(&w, cipher_oid);
	der_raw(&w, slice_of(wrapped, len));
	der_put_bits(&w, SLICE_ARR(point));
	der_put_bits(&w, slice_of(body, plain.len));
	der_end(&w);
	assert_ok(der_finish(&w, ret));
}

/* Plaintext layouts of standards.md 1.5: d; zeros || d; d || zeros; PKCS#8 under PKCS padding. */
static struct slice layout(const struct fixture *f, unsigned n, uint8_t room[512])
{
	AUTO_BUF(der, 512);
	struct private_key k = {.curve = OID_SM2};
	size_t len;

	memset(room, 0, 512);
	if (n < 3) {
		memcpy(room + (n == 1 ? 32 : 0), f->delivered.d, 32);
		return slice_of(room, n == 0 ? 32 : 64);
	}
	memcpy(k.d, f->delivered.d, 32);
	memcpy(k.xy, f->delivered.pub.xy, 64);
	assert_ok(pkcs8_build(&k, &der));
	memcpy(room, der.p, der.len);
	len = der.len + 16 - der.len % 16;
	memset(room + der.len, (int)(len - der.len), len - der.len);
	return slice_of(room, len);
}

static void layouts_met_in_the_field_open(void **state)
{
	struct fixture *f = *state;
	uint8_t room[512];

	for (unsigned n = 0; n < 4; n++)
		for (unsigned variant = 0; variant < 4; variant++) {
			AUTO_BUF(der, ENVELOPE_MAX);
			AUTO_BUF(skf, ENVELOPE_MAX);
			struct sm2_key opened;
			struct rc rc;

			build_layout(f, layout(f, n, room), variant & 1 ? OID_SM4 : OID_SM4_ECB, variant & 2,
			             &der);
			assert_ok(envelope_open(buf_slice(&der), &f->signing, NULL, &opened));
			assert_memory_equal(opened.d, f->delivered.d, 32);
			rc = envelope_convert(buf_slice(&der), NULL, ENVELOPE_FORM_SKF, &skf);
			if (n == 3) {
				assert_refused(rc, ENVELOPE_FORM);
				continue;
			}
			assert_ok(rc);
			assert_ok(envelope_open(buf_slice(&skf), &f->signing, NULL, &opened));
			assert_memory_equal(opened.d, f->delivered.d, 32);
		}
}

static void wrong_plaintext_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t room[512];
	struct slice plain;

	for (unsigned n = 0; n < 3; n++) {
		AUTO_BUF(der, ENVELOPE_MAX);
		struct sm2_key opened;

		plain = layout(f, n, room);
		room[n == 1 ? 40 : 8] ^= 1;
		build_layout(f, plain, OID_SM4_ECB, false, &der);
		assert_refused(envelope_open(buf_slice(&der), &f->signing, NULL, &opened), ENVELOPE_KEY);
	}
	AUTO_BUF(der, ENVELOPE_MAX);
	struct sm2_key opened;

	/* d in place, but the other half is not zero. */
	plain = layout(f, 1, room);
	room[0] = 1;
	build_layout(f, plain, OID_SM4_ECB, false, &der);
	assert_refused(envelope_open(buf_slice(&der), &f->signing, NULL, &opened), ENVELOPE_KEY);
}

static void wrong_keys_are_refused(void **state)
{
	struct fixture *f = *state;
	struct sm2_key opened;
	struct envelope e;
	AUTO_BUF(sm2, ENVELOPE_MAX);

	assert_refused(envelope_open(buf_slice(&f->saed), &f->stranger, &f->delivered.pub, &opened),
	               ENVELOPE_KEY);
	assert_refused(envelope_open(buf_slice(&f->saed), &f->signing, &f->stranger.pub, &opened),
	               ENVELOPE_KEY);
	assert_refused(envelope_open(buf_slice(&f->saed), &f->signing, NULL, &opened), ENVELOPE_KEY);
	assert_ok(envelope_convert(buf_slice(&f->saed), &f->delivered.pub, ENVELOPE_FORM_SM2, &sm2));
	assert_refused(envelope_read(buf_slice(&sm2), &f->stranger.pub, &e), ENVELOPE_KEY);
	assert_refused(envelope_convert(buf_slice(&f->saed), NULL, ENVELOPE_FORM_SM2, &sm2), ENVELOPE_FORM);
}

static void damaged_forms_are_refused(void **state)
{
	struct fixture *f = *state;
	struct envelope e;

	for (unsigned form = 0; form < ENVELOPE_FORM_COUNT; form++) {
		AUTO_BUF(b, ENVELOPE_MAX);

		assert_ok(envelope_convert(buf_slice(&f->saed), &f->delivered.pub, (enum envelope_form)form,
		                           &b));
		for (size_t i = 0; i < b.len; i++) {
			AUTO_MEM(uint8_t, copy, mem_copy(slice_of(b.p, i)));

			assert_false(rc_ok(envelope_read(slice_of(copy, i), NULL, &e)));
		}
		/* A changed byte may hit what is not read; then the key must still be the same. */
		for (size_t i = 0; i < b.len; i += 3) {
			struct sm2_key opened;

			b.p[i] ^= 0x10;
			if (rc_ok(envelope_open(buf_slice(&b), &f->signing, &f->delivered.pub, &opened)))
				assert_memory_equal(opened.d, f->delivered.d, 32);
			b.p[i] ^= 0x10;
		}
	}
	assert_refused(envelope_read(SLICE_NONE, NULL, &e), ENVELOPE_FORM);
	assert_refused(envelope_read(SLICE_LIT("hello"), NULL, &e), ENVELOPE_FORM);
}

static void blob_fields_are_checked(void **state)
{
	/* Offset in SKF, value written there: version, algorithm, bits, bit length, X too long, cipher
	 * length. */
	static const struct {
		size_t at;
		uint8_t value;
	} all[] = {
	        {0, 2}, {5, 1}, {9, 2}, {77, 2}, {80, 1}, {144, 1}, {208, 1}, {250, 0x77}, {368, 17},
	};
	struct fixture *f = *state;
	AUTO_BUF(b, ENVELOPE_MAX);
	struct envelope e;

	write_skf(f, ENVELOPE_SKF_B, &b);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		uint8_t was = b.p[all[i].at];

		b.p[all[i].at] = all[i].value;
		assert_refused(envelope_read(buf_slice(&b), NULL, &e), ENVELOPE_FORM);
		b.p[all[i].at] = was;
	}
	assert_ok(envelope_read(buf_slice(&b), NULL, &e));
}

/* ---- many ---- */

static void a_batch_is_one_envelope_per_subscriber(void **state)
{
	struct fixture *f = *state;
	enum { N = 5 };
	struct sm2_key keys[N], receivers[N];
	struct envelope_item items[N];
	struct buf out[N];

	for (uint8_t i = 0; i < N; i++) {
		keys[i] = judge_scalar((uint8_t)(10 + i));
		receivers[i] = judge_scalar((uint8_t)(20 + i));
		items[i] = (struct envelope_item){&keys[i], receivers[i].pub, SLICE_ARR(serial)};
		out[i] = BUF(ENVELOPE_MAX);
	}
	assert_ok(envelope_make(items, N, &f->kmc, buf_slice(&f->certificate), out));
	for (size_t i = 0; i < N; i++) {
		struct sm2_key opened;

		assert_ok(envelope_open(buf_slice(&out[i]), &receivers[i], &keys[i].pub, &opened));
		assert_memory_equal(opened.d, keys[i].d, 32);
		assert_refused(
		        envelope_open(buf_slice(&out[i]), &receivers[(i + 1) % N], &keys[i].pub, &opened),
		        ENVELOPE_KEY);
		assert_ok(envelope_verify(buf_slice(&out[i]), &keys[i], &f->kmc.pub));
		buf_free(&out[i]);
	}
}

static void sealing_without_a_signature(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF(der, ENVELOPE_MAX);
	AUTO_BUF(cipher, 512);
	AUTO_BUF(part, 512);
	struct envelope e;

	assert_ok(envelope_seal(&f->delivered, &f->signing.pub, &e));
	assert_ok(envelope_write(&e, ENVELOPE_FORM_SM2, ENVELOPE_SKF_B, &der));
	(void)judge_member(buf_slice(&der), 1, &cipher);
	judge_opens(f, buf_slice(&cipher), judge_bits(judge_member(buf_slice(&der), 3, &part)));
	assert_refused(envelope_write(&e, ENVELOPE_FORM_SAED, ENVELOPE_SKF_B, &der), ENVELOPE_FORM);
}

static void no_memory_is_an_ordinary_result(void **state)
{
	struct fixture *f = *state;
	struct rc rc;
	size_t n = 0;

	do {
		AUTO_BUF(der, ENVELOPE_MAX);
		struct sm2_key opened;

		(void)mem_fail_after(++n);
		rc = envelope_convert(buf_slice(&f->saed), &f->delivered.pub, ENVELOPE_FORM_SM2, &der);
		if (rc_ok(rc))
			rc = envelope_open(buf_slice(&der), &f->signing, NULL, &opened);
		(void)mem_fail_after(0);
		if (rc_ok(rc))
			assert_memory_equal(opened.d, f->delivered.d, 32);
		else
			assert_nomem(rc);
	} while (!rc_ok(rc) && n < 1000);
	assert_in_range(n, 2, 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sm2_form_opens_with_openssl_alone),
	        cmocka_unit_test(saed_form_opens_with_openssl_and_is_signed),
	        cmocka_unit_test(skf_form_has_the_layout_of_the_standard),
	        cmocka_unit_test(sdf_form_has_the_layout_of_the_standard),
	        cmocka_unit_test(every_form_converts_to_every_form),
	        cmocka_unit_test(names_of_forms),
	        cmocka_unit_test(real_delivery_of_gmcert_opens),
	        cmocka_unit_test(golden_envelopes_open),
	        cmocka_unit_test(layouts_met_in_the_field_open),
	        cmocka_unit_test(wrong_plaintext_is_refused),
	        cmocka_unit_test(wrong_keys_are_refused),
	        cmocka_unit_test(damaged_forms_are_refused),
	        cmocka_unit_test(blob_fields_are_checked),
	        cmocka_unit_test(a_batch_is_one_envelope_per_subscriber),
	        cmocka_unit_test(sealing_without_a_signature),
	        cmocka_unit_test(no_memory_is_an_ordinary_result),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
