/* Public keys and signatures: every kind against OpenSSL, key identifiers against the RFC's words. */
#include "pki/pubkey.h"

#include "base/mem.h"
#include "pki/digest.h"
#include "pki/testing.h"
#include "sm/sm3.h"

#include "../../tests/lib/golden.h"

#include <openssl/sha.h>

static void spki_of(EVP_PKEY *k, struct buf *ret)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(k, &der);

	assert_true(len > 0);
	buf_add(ret, slice_of(der, (size_t)len));
	OPENSSL_free(der);
}

static void sign(EVP_PKEY *k, struct slice msg, struct buf *ret)
{
	AUTO(evp_md_ctx_st, m, EVP_MD_CTX_new());
	uint8_t sig[512];
	size_t len = sizeof(sig);

	assert_int_equal(EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, k), 1);
	assert_int_equal(EVP_DigestSign(m, sig, &len, msg.p, msg.len), 1);
	buf_add(ret, slice_of(sig, len));
}

static EVP_PKEY *p256_key(void)
{
	uint8_t d[32];

	memset(d, 0x17, sizeof(d));
	return judge_key(d, NID_X9_62_prime256v1, "EC", "prime256v1");
}

static void test_sm2_as_openssl_writes_it(void **state)
{
	struct sm2_key k = judge_scalar(3);
	AUTO(evp_pkey_st, theirs, judge_sm2(&k));
	AUTO_BUF(spki, 256);
	AUTO_BUF(mine, 256);
	uint8_t ski[20], want[20], sm3[32], want3[32];
	struct pubkey p;

	(void)state;
	spki_of(theirs, &spki);
	assert_ok(pubkey_put_sm2(&k.pub, &mine));
	assert_true(slice_equal(buf_slice(&mine), buf_slice(&spki)));
	assert_ok(pubkey_parse(buf_slice(&spki), &p));
	assert_int_equal(p.kind, PUBKEY_SM2);
	assert_int_equal(pubkey_bits(&p), 256);
	assert_memory_equal(p.sm2.xy, k.pub.xy, SM2_POINT);
	/* RFC 5280 4.2.1.2 (1): SHA-1 of the 65 octets, without tag, length and unused bits */
	assert_ok(pubkey_ski(&p, ski));
	SHA1(spki.p + spki.len - 65, 65, want);
	assert_memory_equal(ski, want, 20);
	pubkey_sm3(&p, sm3);
	assert_int_equal(EVP_Digest(spki.p, spki.len, want3, NULL, EVP_sm3(), NULL), 1);
	assert_memory_equal(sm3, want3, 32);
}

static void test_sm2_signatures_R06_15(void **state)
{
	struct sm2_key k = judge_scalar(3), other = judge_scalar(4);
	AUTO(evp_pkey_st, theirs, judge_sm2(&k));
	AUTO_BUF(spki, 256);
	AUTO_BUF(spki2, 256);
	AUTO_BUF(sig, 80);
	struct slice msg = SLICE_LIT("message");
	struct sigalg a = sigalg_of(PUBKEY_SM2, false);
	struct pubkey p, q;

	(void)state;
	assert_ok(pubkey_put_sm2(&k.pub, &spki));
	assert_ok(pubkey_put_sm2(&other.pub, &spki2));
	assert_ok(pubkey_parse(buf_slice(&spki), &p));
	assert_ok(pubkey_parse(buf_slice(&spki2), &q));
	judge_sign(theirs, msg, &sig);
	assert_ok(pubkey_verify(&p, a, msg, buf_slice(&sig), SM2_ID));
	assert_ok(pubkey_verify(&p, sigalg_of(PUBKEY_SM2, true), msg, buf_slice(&sig), SM2_ID));
	assert_refused(pubkey_verify(&p, a, msg, buf_slice(&sig), SLICE_NONE), SIGNATURE);
	assert_refused(pubkey_verify(&q, a, msg, buf_slice(&sig), SM2_ID), SIGNATURE);
	assert_refused(pubkey_verify(&p, a, SLICE_LIT("Message"), buf_slice(&sig), SM2_ID), SIGNATURE);
	assert_refused(pubkey_verify(&p, a, msg, SLICE_NONE, SM2_ID), SIGNATURE);
	assert_refused(pubkey_verify(&p, sigalg_of(PUBKEY_P256, false), msg, buf_slice(&sig), SM2_ID),
	               SIGNATURE_ALGORITHM);
	assert_false(pubkey_equal(&p, &q));
	assert_true(pubkey_equal(&p, &p));
}

static void test_p256(void **state)
{
	AUTO(evp_pkey_st, k, p256_key());
	AUTO_BUF(spki, 256);
	AUTO_BUF(mine, 256);
	AUTO_BUF(sig, 512);
	struct slice msg = SLICE_LIT("message");
	struct sigalg a = sigalg_of(PUBKEY_P256, false);
	struct pubkey p;

	(void)state;
	spki_of(k, &spki);
	assert_ok(pubkey_parse(buf_slice(&spki), &p));
	assert_int_equal(p.kind, PUBKEY_P256);
	assert_ok(pubkey_put_p256(p.bits.p + 1, &mine));
	assert_true(slice_equal(buf_slice(&mine), buf_slice(&spki)));
	sign(k, msg, &sig);
	assert_ok(pubkey_verify(&p, a, msg, buf_slice(&sig), SLICE_NONE));
	sig.p[sig.len - 1] ^= 1;
	assert_refused(pubkey_verify(&p, a, msg, buf_slice(&sig), SLICE_NONE), SIGNATURE);
	/* RFC 5758 3.2: parameters are absent */
	a.null = true;
	assert_refused(pubkey_verify(&p, a, msg, buf_slice(&sig), SLICE_NONE), SIGNATURE_ALGORITHM);
}

static void test_rsa(void **state)
{
	AUTO(evp_pkey_st, k, EVP_RSA_gen(3072));
	AUTO_BUF(spki, 1024);
	AUTO_BUF(mine, 1024);
	AUTO_BUF(sig, 512);
	struct slice msg = SLICE_LIT("message");
	struct sigalg a = sigalg_of(PUBKEY_RSA, false);
	struct pubkey p;

	(void)state;
	spki_of(k, &spki);
	assert_ok(pubkey_parse(buf_slice(&spki), &p));
	assert_int_equal(p.kind, PUBKEY_RSA);
	assert_int_equal(pubkey_bits(&p), 3072);
	assert_true(a.null);
	assert_ok(pubkey_put_rsa(p.n, p.e, &mine));
	assert_true(slice_equal(buf_slice(&mine), buf_slice(&spki)));
	sign(k, msg, &sig);
	assert_ok(pubkey_verify(&p, a, msg, buf_slice(&sig), SLICE_NONE));
	a.null = false; /* RFC 4055 5: accepted too */
	assert_ok(pubkey_verify(&p, a, msg, buf_slice(&sig), SLICE_NONE));
	sig.p[7] ^= 1;
	assert_refused(pubkey_verify(&p, a, msg, buf_slice(&sig), SLICE_NONE), SIGNATURE);
	assert_refused(pubkey_verify(&p, a, msg, SLICE_LIT("short"), SLICE_NONE), SIGNATURE);
}

static void algorithm(const char *hex, enum oid oid, bool null)
{
	AUTO_BUF(der, 64);
	AUTO_DER(w, 64);

	assert_ok(text_hex_any(slice_text(hex), &der));
	struct der_reader r = der_read(buf_slice(&der));
	struct sigalg a = sigalg_take(&r);
	assert_ok(der_done(&r, "algorithm"));
	assert_int_equal(a.oid, oid);
	if (oid == OID_UNKNOWN)
		return;
	assert_int_equal(a.null, null);
	sigalg_put(&w, a);
	assert_true(slice_equal(buf_slice(&w.out), buf_slice(&der)));
}

/* Bytes of standards.md 8 and of RFC 5758, RFC 4055. */
static void test_algorithms_on_the_wire(void **state)
{
	(void)state;
	algorithm("300a06082a811ccf55018375", OID_SM2_SM3, false);
	algorithm("300c06082a811ccf550183750500", OID_SM2_SM3, true);
	algorithm("300a06082a8648ce3d040302", OID_ECDSA_SHA256, false);
	algorithm("300c06082a8648ce3d0403020500", OID_UNKNOWN, false);
	algorithm("300d06092a864886f70d01010b0500", OID_RSA_SHA256, true);
	algorithm("300a06082a8648ce3d040303", OID_UNKNOWN, false); /* SHA-384 */
	algorithm("300d06082a811ccf550183750401aa", OID_UNKNOWN, false);
}

static void test_digests(void **state)
{
	uint8_t mine[32], theirs[32];

	(void)state;
	assert_ok(digest(OID_SHA1, SLICE_LIT("abc"), mine));
	SHA1((const uint8_t *)"abc", 3, theirs);
	assert_memory_equal(mine, theirs, 20);
	assert_ok(digest(OID_SHA256, SLICE_LIT("abc"), mine));
	SHA256((const uint8_t *)"abc", 3, theirs);
	assert_memory_equal(mine, theirs, 32);
	/* GB/T 32905 A.1 */
	assert_ok(digest(OID_SM3, SLICE_LIT("abc"), mine));
	assert_memory_equal(mine, "\x66\xc7\xf0\xf4\x62\xee\xed\xd9", 8);
	assert_rc(digest(OID_RSA, SLICE_LIT("abc"), mine), RC_BUG);
	assert_int_equal(digest_len(OID_SHA1), 20);
	assert_int_equal(digest_len(OID_RSA), 0);
}

static void test_kinds(void **state)
{
	enum pubkey_kind k;

	(void)state;
	assert_ok(pubkey_kind_find(SLICE_LIT("rsa"), &k));
	assert_int_equal(k, PUBKEY_RSA);
	assert_rc(pubkey_kind_find(SLICE_LIT("dsa"), &k), RC_INPUT);
}

/* ---- libcrypto without memory: no crash, no leak, the right result or an error ---- */

static size_t countdown;

static bool due(void)
{
	return countdown > 0 && --countdown == 0;
}

static void *lend(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return due() ? NULL : malloc(n);
}

static void *lend_more(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return due() ? NULL : realloc(p, n);
}

static void give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static struct rc parse_and_verify(struct slice spki, struct sigalg a, struct slice msg, struct slice sig)
{
	uint8_t ski[PUBKEY_SKI];
	struct pubkey p;

	TRY(pubkey_parse(spki, &p));
	TRY(pubkey_ski(&p, ski));
	return pubkey_verify(&p, a, msg, sig, SLICE_NONE);
}

static void torture(struct slice spki, struct sigalg a, struct slice msg, struct slice sig)
{
	size_t failed = 0;

	for (size_t n = 1; n < 400; n++) {
		countdown = n;
		struct rc rc = parse_and_verify(spki, a, msg, sig);
		countdown = 0;
		failed += !rc_ok(rc);
		/* a key is never called wrong for want of memory; of signatures libcrypto does not tell */
		if (rc.code == RC_INPUT && rc_last()->err != ERR_SIGNATURE)
			fail_msg("allocation %zu: %s", n, rc_last()->text);
	}
	assert_true(failed > 5);
	assert_ok(parse_and_verify(spki, a, msg, sig));
}

static void test_torture(void **state)
{
	AUTO(evp_pkey_st, k, p256_key());
	AUTO(evp_pkey_st, rsa, EVP_RSA_gen(3072));
	struct slice msg = SLICE_LIT("message");

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		AUTO_BUF(spki, 1024);
		AUTO_BUF(sig, 512);
		spki_of(i == 0 ? k : rsa, &spki);
		sign(i == 0 ? k : rsa, msg, &sig);
		assert_ok(parse_and_verify(buf_slice(&spki),
		                           sigalg_of(i == 0 ? PUBKEY_P256 : PUBKEY_RSA, false), msg,
		                           buf_slice(&sig)));
		torture(buf_slice(&spki), sigalg_of(i == 0 ? PUBKEY_P256 : PUBKEY_RSA, false), msg,
		        buf_slice(&sig));
	}
}

int main(void)
{
	/* before libcrypto allocates anything */
	if (CRYPTO_set_mem_functions(lend, lend_more, give_back) != 1)
		return 1;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sm2_as_openssl_writes_it),
	        cmocka_unit_test(test_sm2_signatures_R06_15),
	        cmocka_unit_test(test_p256),
	        cmocka_unit_test(test_rsa),
	        cmocka_unit_test(test_algorithms_on_the_wire),
	        cmocka_unit_test(test_digests),
	        cmocka_unit_test(test_kinds),
	        cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
