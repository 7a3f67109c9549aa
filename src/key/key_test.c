/* Custody: keys at rest, purposes, test marks, the KMC's store.  OpenSSL judges what is signed and opens what
 * is enveloped.  R06.2, R06.10, R06.11, R06.13. */
#include "key/key.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MUST(call)                                                                                           \
	do {                                                                                                 \
		struct rc must__ = (call);                                                                   \
		if (!rc_ok(must__))                                                                          \
			fail_msg("%s: %s", #call, rc_last()->text);                                          \
	} while (0)

static char folder[64];
static const uint8_t secret[KEY_SECRET_LEN] = {1, 2, 3, 4}, other_secret[KEY_SECRET_LEN] = {9};

static void refused(struct rc rc, enum err want)
{
	assert_false(rc_ok(rc));
	if (rc_last()->err != want)
		fail_msg("refused as %s (%s), want %s", err_info(rc_last()->err)->name, rc_last()->text,
		         err_info(want)->name);
}

struct open {
	struct key_device *d;
	struct key_session *s;
};

static struct open open_device(bool access)
{
	struct open o;
	MUST(key_device_open("soft", folder, &o.d));
	MUST(key_session_open(o.d, &o.s));
	if (access)
		MUST(key_access(o.s, SLICE_ARR(secret)));
	return o;
}

static void close_device(struct open *o)
{
	key_session_close(o->s);
	key_device_close(o->d);
}

static uint32_t make(struct key_session *s, const char *name, enum key_purpose purpose, enum key_kind kind,
                     bool test)
{
	uint32_t index;
	struct key_new n = {.name = name,
	                    .purpose = purpose,
	                    .kind = kind,
	                    .test = test,
	                    .stored = true,
	                    .created = 1700000000};
	MUST(key_generate(s, &n, &index));
	return index;
}

static EVP_PKEY *openssl_key(struct key_session *s, uint32_t index)
{
	struct key_info i;
	MUST(key_info(s, index, &i));
	const unsigned char *p = i.spki;
	EVP_PKEY *k = d2i_PUBKEY(NULL, &p, (long)i.spki_len);
	assert_non_null(k);
	return k;
}

static bool openssl_verifies(EVP_PKEY *k, bool sm2, struct slice msg, struct slice sig)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);
	if (sm2)
		assert_int_equal(EVP_PKEY_CTX_set1_id(ctx, "1234567812345678", 16), 1);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, sm2 ? EVP_sm3() : EVP_sha256(), NULL, k), 1);
	int rc = EVP_DigestVerify(md, sig.p, sig.len, msg.p, msg.len);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	return rc == 1;
}

/* ---- signing, also after closing and opening again ---- */
static void check_signature(struct key_session *s, uint32_t index, bool sm2)
{
	AUTO_BUF(sig, KEY_SIG_MAX);
	struct slice msg = SLICE_LIT("to be signed"), changed = SLICE_LIT("to be s1gned");
	EVP_PKEY *k = openssl_key(s, index);
	MUST(key_sign(s, index, KEY_USE_CERTIFICATE, msg, &sig));
	assert_true(openssl_verifies(k, sm2, msg, buf_slice(&sig)));
	assert_false(openssl_verifies(k, sm2, changed, buf_slice(&sig)));
	EVP_PKEY_free(k);
}

static void openssl_verifies_what_each_kind_signs(void **state)
{
	static const struct {
		const char *name;
		enum key_kind kind;
	} kinds[] = {{"sm2", KEY_SM2}, {"p256", KEY_P256}, {"rsa", KEY_RSA3072}};
	(void)state;
	struct open o = open_device(true);
	assert_string_equal(key_device_name(o.d), "uncertified-test");
	for (size_t i = 0; i < 3; i++)
		check_signature(o.s, make(o.s, kinds[i].name, KEY_CA, kinds[i].kind, true),
		                kinds[i].kind == KEY_SM2);
	close_device(&o);
	o = open_device(true);
	assert_int_equal(key_count(o.s), 3);
	for (size_t i = 0; i < 3; i++) {
		uint32_t index;
		MUST(key_find(o.s, slice_text(kinds[i].name), &index));
		check_signature(o.s, index, kinds[i].kind == KEY_SM2);
	}
	close_device(&o);
}

static void batches_equal_single_signatures(void **state)
{
	enum { N = 40 };
	struct slice msg[N];
	struct buf sig[N];
	uint8_t text[N];
	(void)state;
	struct open o = open_device(true);
	uint32_t index;
	MUST(key_find(o.s, SLICE_LIT("sm2"), &index));
	EVP_PKEY *k = openssl_key(o.s, index);
	for (uint8_t i = 0; i < N; i++) {
		text[i] = i;
		msg[i] = slice_of(&text[i], 1);
		sig[i] = BUF(KEY_SIG_MAX);
	}
	MUST(key_sign_batch(o.s, index, KEY_USE_CRL, msg, sig, N));
	for (size_t i = 0; i < N; i++) {
		assert_true(openssl_verifies(k, true, msg[i], buf_slice(&sig[i])));
		buf_free(&sig[i]);
	}
	EVP_PKEY_free(k);
	close_device(&o);
}

/* ---- what is refused ---- */
static void locked_keys_do_nothing(void **state)
{
	AUTO_BUF(sig, KEY_SIG_MAX);
	uint8_t prf[16];
	uint32_t index;
	struct key_new n = {.name = "more", .purpose = KEY_CA, .kind = KEY_SM2};
	(void)state;
	struct open o = open_device(false);
	assert_false(key_accessible(o.s));
	refused(key_sign(o.s, 1, KEY_USE_CERTIFICATE, SLICE_LIT("x"), &sig), ERR_SIGNER_LOCKED);
	refused(key_prf(o.s, SLICE_LIT("l"), SLICE_LIT("d"), prf), ERR_SIGNER_LOCKED);
	refused(key_generate(o.s, &n, &index), ERR_SIGNER_LOCKED);
	refused(key_access(o.s, SLICE_ARR(other_secret)), ERR_KEY_SECRET);
	assert_false(key_accessible(o.s));
	MUST(key_access(o.s, SLICE_ARR(secret)));
	key_release(o.s);
	refused(key_sign(o.s, 1, KEY_USE_CERTIFICATE, SLICE_LIT("x"), &sig), ERR_SIGNER_LOCKED);
	close_device(&o);
}

/* The whole table of purposes and uses; what is not in it is refused. */
static void a_use_outside_the_purpose_is_refused(void **state)
{
	static const struct {
		enum key_purpose p;
		unsigned uses;
	} want[] = {
	        {KEY_ROOT, KEY_USE_CERTIFICATE | KEY_USE_CRL | KEY_USE_REQUEST},
	        {KEY_CA, KEY_USE_CERTIFICATE | KEY_USE_CRL | KEY_USE_REQUEST},
	        {KEY_OPERATOR_CA, KEY_USE_CERTIFICATE | KEY_USE_CRL | KEY_USE_REQUEST},
	        {KEY_OCSP, KEY_USE_OCSP | KEY_USE_REQUEST},
	        {KEY_COMM, KEY_USE_KM_REQUEST | KEY_USE_REQUEST},
	        {KEY_KMC, KEY_USE_KM_RESPOND | KEY_USE_REQUEST},
	        {KEY_SERVICE, KEY_USE_STATEMENT | KEY_USE_REQUEST},
	        {KEY_TIMESTAMP, KEY_USE_TIMESTAMP | KEY_USE_REQUEST},
	};
	(void)state;
	assert_int_equal(sizeof want / sizeof *want, KEY_PURPOSES);
	struct open o = open_device(true);
	for (size_t i = 0; i < KEY_PURPOSES; i++) {
		uint32_t index;
		char name[32];
		snprintf(name, sizeof name, "use-%s", key_purpose_name(want[i].p));
		struct key_new n = {.name = name, .purpose = want[i].p, .kind = KEY_SM2, .test = true};
		MUST(key_generate(o.s, &n, &index));
		for (unsigned use = 1; use <= KEY_USE_TIMESTAMP; use <<= 1) {
			AUTO_BUF(sig, KEY_SIG_MAX);
			struct rc rc = key_sign(o.s, index, (enum key_use)use, SLICE_LIT("x"), &sig);
			assert_int_equal(rc_ok(rc), (want[i].uses & use) != 0);
			if (!rc_ok(rc))
				assert_int_equal(rc_last()->err, ERR_KEY_PURPOSE);
		}
	}
	close_device(&o);
}

/* design.md 5: an unmarked key refuses a simulated clock. */
static void an_unmarked_key_refuses_a_simulated_clock(void **state)
{
	AUTO_BUF(sig, 4 * KEY_SIG_MAX);
	char path[96];
	(void)state;
	struct open o = open_device(true);
	uint32_t real = make(o.s, "real", KEY_CA, KEY_SM2, false), test;
	MUST(key_find(o.s, SLICE_LIT("sm2"), &test));
	MUST(key_sign(o.s, real, KEY_USE_CRL, SLICE_LIT("x"), &sig));
	snprintf(path, sizeof path, "%s/clock", folder);
	MUST(clock_create(path));
	MUST(clock_step(path, 86400));
	MUST(clock_open(path));
	assert_true(clock_is_simulated());
	refused(key_sign(o.s, real, KEY_USE_CRL, SLICE_LIT("x"), &sig), ERR_KEY_CLOCK);
	MUST(key_sign(o.s, test, KEY_USE_CRL, SLICE_LIT("x"), &sig));
	unlink(path);
	MUST(clock_open(path));
	assert_false(clock_is_simulated());
	close_device(&o);
}

static void every_changed_byte_of_a_key_file_is_found(void **state)
{
	char path[96];
	AUTO_BUF(file, 8192);
	(void)state;
	snprintf(path, sizeof path, "%s/sm2.key", folder);
	MUST(file_read(path, 8192, &file));
	for (size_t i = 0; i < file.len; i++) {
		file.p[i] ^= 0x04;
		MUST(file_write(path, buf_slice(&file), 0600));
		struct key_device *d = NULL;
		struct key_session *s = NULL;
		MUST(key_device_open("soft", folder, &d));
		struct rc rc = key_session_open(d, &s);
		if (rc_ok(rc))
			rc = key_access(s, SLICE_ARR(secret));
		if (rc_ok(rc))
			fail_msg("byte %zu changed and the key opened", i);
		key_session_close(s);
		key_device_close(d);
		file.p[i] ^= 0x04;
	}
	MUST(file_write(path, buf_slice(&file), 0600));
}

static void names_become_files_only_when_plain(void **state)
{
	const char *bad[] = {"", "../x", "a/b", "A", "-x", ".x", "x y"};
	uint32_t index;
	(void)state;
	struct open o = open_device(true);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct key_new n = {.name = bad[i], .purpose = KEY_CA, .kind = KEY_SM2, .stored = true};
		assert_int_equal(key_generate(o.s, &n, &index).code, RC_INPUT);
	}
	struct key_new twice = {.name = "sm2", .purpose = KEY_CA, .kind = KEY_SM2};
	assert_int_equal(key_generate(o.s, &twice, &index).code, RC_CONFLICT);
	close_device(&o);
}

static void a_destroyed_key_is_gone(void **state)
{
	AUTO_BUF(sig, KEY_SIG_MAX);
	char path[96];
	struct stat st;
	(void)state;
	struct open o = open_device(true);
	uint32_t index = make(o.s, "gone", KEY_CA, KEY_SM2, true), found;
	snprintf(path, sizeof path, "%s/gone.key", folder);
	assert_int_equal(stat(path, &st), 0);
	MUST(key_destroy(o.s, index));
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(key_sign(o.s, index, KEY_USE_CRL, SLICE_LIT("x"), &sig).code, RC_NOTFOUND);
	assert_int_equal(key_find(o.s, SLICE_LIT("gone"), &found).code, RC_NOTFOUND);
	close_device(&o);
}

static RC stuck(void *p, size_t len)
{
	memset(p, 0x55, len);
	return OK;
}

/* R06.11: a stuck source stops key generation. */
static void a_stuck_random_source_stops_generation(void **state)
{
	pid_t pid = fork();
	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		uint32_t index;
		struct key_device *d;
		struct key_session *s;
		rand_test_source(stuck);
		struct rc rc = key_device_open("soft", folder, &d);
		if (rc_ok(rc))
			rc = key_session_open(d, &s);
		if (rc_ok(rc))
			rc = key_access(s, SLICE_ARR(secret));
		if (!rc_ok(rc))
			_exit(3);
		for (unsigned i = 0; i < 2; i++) {
			struct key_new n = {
			        .name = "stuck", .purpose = KEY_CA, .kind = i == 0 ? KEY_SM2 : KEY_P256};
			if (rc_ok(key_generate(s, &n, &index)))
				_exit(1);
			if (rc_last()->err != ERR_RANDOM_UNHEALTHY)
				_exit(2);
		}
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void the_keyed_function_is_the_secrets_own(void **state)
{
	uint8_t a[16], b[16], c[16], d[16];
	(void)state;
	struct open o = open_device(true);
	MUST(key_prf(o.s, SLICE_LIT("shifan/ca"), SLICE_LIT("1"), a));
	MUST(key_prf(o.s, SLICE_LIT("shifan/ca"), SLICE_LIT("1"), b));
	MUST(key_prf(o.s, SLICE_LIT("shifan/ca"), SLICE_LIT("2"), c));
	MUST(key_prf(o.s, SLICE_LIT("shifan/ra"), SLICE_LIT("1"), d));
	assert_memory_equal(a, b, 16);
	assert_memory_not_equal(a, c, 16);
	assert_memory_not_equal(a, d, 16);
	close_device(&o);
}

/* ---- the KMC's store ---- */
static EVP_PKEY *openssl_private(const uint8_t d[32], const uint8_t xy[64])
{
	uint8_t point[65] = {4};
	memcpy(point + 1, xy, 64);
	EVP_PKEY *k = NULL;
	BIGNUM *n = BN_bin2bn(d, 32, NULL);
	uint8_t native[32];
	BN_bn2nativepad(n, native, 32);
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"SM2"}, 0),
	        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, 32),
	        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 65),
	        OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &k, EVP_PKEY_KEYPAIR, params), 1);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	return k;
}

static void openssl_open(EVP_PKEY *receiver, const struct key_parcel *p, uint8_t plain[64])
{
	AUTO_BUF(der, 256);
	uint8_t key[64];
	size_t len = sizeof key;
	int n = 0;
	MUST(sm2_cipher_to_der(SLICE_ARR(p->sealed_key), &der));
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(receiver, NULL);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, key, &len, der.p, der.len), 1);
	EVP_PKEY_CTX_free(ctx);
	assert_int_equal(len, 16);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_DecryptInit_ex(c, EVP_sm4_ecb(), NULL, key, NULL), 1);
	EVP_CIPHER_CTX_set_padding(c, 0);
	assert_int_equal(EVP_DecryptUpdate(c, plain, &n, p->content, 64), 1);
	assert_int_equal(n, 64);
	EVP_CIPHER_CTX_free(c);
}

/* d times G by OpenSSL must be the public key that came along. */
static void check_public(const uint8_t d[32], const uint8_t xy[64])
{
	uint8_t point[65];
	EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_sm2);
	EC_POINT *q = EC_POINT_new(g);
	BIGNUM *n = BN_bin2bn(d, 32, NULL);
	assert_int_equal(EC_POINT_mul(g, q, n, NULL, NULL, NULL), 1);
	assert_int_equal(EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL), 65);
	assert_memory_equal(point + 1, xy, 64);
	BN_free(n);
	EC_POINT_free(q);
	EC_GROUP_free(g);
}

static void stored_keys_leave_only_enveloped(void **state)
{
	enum { N = 5 };
	static struct key_stored stored[N];
	static struct key_parcel parcels[N];
	struct slice blobs[N];
	struct sm2_pub receivers[N];
	struct sm2_key user;
	uint8_t plain[64], zeros[32] = {0};
	(void)state;
	struct open o = open_device(true);
	uint32_t kmc = make(o.s, "kmc", KEY_KMC, KEY_SM2, true), ca;
	MUST(key_find(o.s, SLICE_LIT("sm2"), &ca));
	MUST(sm2_key_new(&user));
	MUST(key_stored_new(o.s, kmc, stored, N));
	for (size_t i = 0; i < N; i++) {
		blobs[i] = SLICE_ARR(stored[i].blob);
		receivers[i] = user.pub;
	}
	MUST(key_stored_wrap(o.s, kmc, blobs, receivers, parcels, N));
	EVP_PKEY *receiver = openssl_private(user.d, user.pub.xy), *signer = openssl_key(o.s, kmc);
	for (size_t i = 0; i < N; i++) {
		AUTO_BUF(sig, 128);
		openssl_open(receiver, &parcels[i], plain);
		assert_memory_equal(plain, zeros, 32);
		assert_memory_equal(parcels[i].pub.xy, stored[i].pub.xy, 64);
		check_public(plain + 32, stored[i].pub.xy);
		sm2_sig_to_der(&parcels[i].sig, &sig);
		assert_true(openssl_verifies(signer, true, SLICE_ARR(plain), buf_slice(&sig)));
		/* The scalar is nowhere in what is stored. */
		for (size_t k = 0; k + 32 <= KEY_STORED; k++)
			assert_memory_not_equal(stored[i].blob + k, plain + 32, 32);
	}
	refused(key_stored_new(o.s, ca, stored, 1), ERR_KEY_PURPOSE);
	EVP_PKEY_free(receiver);
	EVP_PKEY_free(signer);
	close_device(&o);
}

/* R06.13: one flipped bit of a stored key is found. */
static void every_flipped_bit_of_a_stored_key_is_found(void **state)
{
	struct key_stored stored;
	struct key_parcel parcel;
	struct sm2_key user;
	uint32_t kmc;
	(void)state;
	struct open o = open_device(true);
	MUST(key_find(o.s, SLICE_LIT("kmc"), &kmc));
	MUST(sm2_key_new(&user));
	MUST(key_stored_new(o.s, kmc, &stored, 1));
	struct slice blob = SLICE_ARR(stored.blob);
	for (size_t i = 0; i < KEY_STORED * 8; i++) {
		stored.blob[i / 8] ^= (uint8_t)(1u << i % 8);
		refused(key_stored_wrap(o.s, kmc, &blob, &user.pub, &parcel, 1), ERR_KEY_STORE_DAMAGED);
		stored.blob[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	MUST(key_stored_wrap(o.s, kmc, &blob, &user.pub, &parcel, 1));
	blob.len--;
	refused(key_stored_wrap(o.s, kmc, &blob, &user.pub, &parcel, 1), ERR_KEY_STORE_DAMAGED);
	close_device(&o);
}

static void running_out_of_memory_is_a_result(void **state)
{
	(void)state;
	for (size_t n = 1; n < 60; n++) {
		struct key_device *d = NULL;
		struct key_session *s = NULL;
		AUTO_BUF(sig, KEY_SIG_MAX);
		(void)mem_fail_after(n);
		struct rc rc = key_device_open("soft", folder, &d);
		if (rc_ok(rc))
			rc = key_session_open(d, &s);
		if (rc_ok(rc))
			rc = key_access(s, SLICE_ARR(secret));
		if (rc_ok(rc))
			rc = key_sign(s, 1, KEY_USE_REQUEST, SLICE_LIT("x"), &sig);
		(void)mem_fail_after(0);
		assert_true(rc_ok(rc) || rc_last()->text[0] != 0);
		key_session_close(s);
		key_device_close(d);
	}
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/yd-key-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	char command[96];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(openssl_verifies_what_each_kind_signs),
	        cmocka_unit_test(batches_equal_single_signatures),
	        cmocka_unit_test(locked_keys_do_nothing),
	        cmocka_unit_test(a_use_outside_the_purpose_is_refused),
	        cmocka_unit_test(an_unmarked_key_refuses_a_simulated_clock),
	        cmocka_unit_test(every_changed_byte_of_a_key_file_is_found),
	        cmocka_unit_test(names_become_files_only_when_plain),
	        cmocka_unit_test(a_destroyed_key_is_gone),
	        cmocka_unit_test(a_stuck_random_source_stops_generation),
	        cmocka_unit_test(the_keyed_function_is_the_secrets_own),
	        cmocka_unit_test(stored_keys_leave_only_enveloped),
	        cmocka_unit_test(every_flipped_bit_of_a_stored_key_is_found),
	        cmocka_unit_test(running_out_of_memory_is_a_result),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
