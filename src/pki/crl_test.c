/* Revocation lists: OpenSSL's are read as OpenSSL reads them, ours are read and verified by OpenSSL over the
 * TBS (requirements g.6: X509_CRL_verify has no id), the stream is the same at every size. */
#include "pki/crl.h"

#include "base/mem.h"
#include "pki/cert.h"
#include "pki/name.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

DROP(X509_crl_st, X509_CRL_free);
DROP(asn1_string_st, ASN1_STRING_free);

static X509_CRL *ossl_parse(struct slice der)
{
	const unsigned char *p = der.p;
	X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)der.len);

	assert_non_null(x);
	return x;
}

static void same_time(int64_t t, const ASN1_TIME *theirs)
{
	AUTO(asn1_string_st, mine, ASN1_TIME_set(NULL, t));

	assert_int_equal(ASN1_TIME_compare(mine, theirs), 0);
}

static long ossl_reason(const X509_REVOKED *r)
{
	ASN1_ENUMERATED *e = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
	long v = e != NULL ? ASN1_ENUMERATED_get(e) : 0;

	ASN1_ENUMERATED_free(e);
	return v;
}

static void same_entry(const struct crl_entry *e, const X509_REVOKED *r)
{
	AUTO(bignum_st, n, ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(r), NULL));
	uint8_t serial[32];
	int len = BN_bn2bin(n, serial);
	ASN1_GENERALIZEDTIME *t = X509_REVOKED_get_ext_d2i(r, NID_invalidity_date, NULL, NULL);

	assert_true(slice_equal(e->serial, slice_of(serial, (size_t)len)));
	same_time(e->revoked_at, X509_REVOKED_get0_revocationDate(r));
	assert_int_equal(e->reason, ossl_reason(r));
	assert_int_equal(e->has_invalidity, t != NULL);
	if (t != NULL)
		same_time(e->invalidity, t);
	ASN1_GENERALIZEDTIME_free(t);
}

static void same(struct slice der, const struct crl *c)
{
	AUTO(X509_crl_st, x, ossl_parse(der));
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(x);
	struct der_reader r = crl_walk(c);
	struct crl_entry e;
	const unsigned char *name;
	size_t len;
	int n = 0;

	assert_int_equal(X509_NAME_get0_der(X509_CRL_get_issuer(x), &name, &len), 1);
	assert_true(slice_equal(c->issuer, slice_of(name, len)));
	same_time(c->this_update, X509_CRL_get0_lastUpdate(x));
	assert_int_equal(c->next_update != 0, X509_CRL_get0_nextUpdate(x) != NULL);
	while (crl_next(&r, &e))
		same_entry(&e, sk_X509_REVOKED_value(list, n++));
	assert_null(r.why);
	assert_int_equal(n, list != NULL ? sk_X509_REVOKED_num(list) : 0);
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(x, NID_crl_number, NULL, NULL);
	assert_non_null(number);
	assert_int_equal(crl_number(c), ASN1_INTEGER_get(number));
	ASN1_INTEGER_free(number);
}

static void good(const struct golden *g)
{
	struct crl c;
	struct rc rc = crl_parse(g->der, &c);

	if (!rc_ok(rc))
		fail_msg("%s: %s", g->name, rc_last()->text);
	same(g->der, &c);
	golden_again(g);
}

static void test_good_files(void **state)
{
	(void)state;
	golden_each("crl/good", 6, good);
}

static void bad(const struct golden *g)
{
	struct crl c;

	golden_refused(g, crl_parse(g->der, &c));
}

static void test_bad_files(void **state)
{
	(void)state;
	golden_each("crl/bad", 12, bad);
}

static void load(const char *name, struct buf *der, struct crl *c)
{
	char path[400];

	(void)snprintf(path, sizeof(path), TEST_DATA "/crl/good/%s.der", name);
	assert_ok(file_read(path, 1 << 20, der));
	assert_ok(crl_parse(buf_slice(der), c));
}

static void issuer_of(const char *name, struct buf *der, struct cert *c)
{
	char path[400];

	(void)snprintf(path, sizeof(path), TEST_DATA "/cert/good/%s.der", name);
	assert_ok(file_read(path, CERT_DER_MAX, der));
	assert_ok(cert_parse(buf_slice(der), c));
}

/* By `openssl ca`, SM2 and P-256; and every byte counts. */
static void test_signatures_of_openssl(void **state)
{
	static const char *const names[][2] = {{"sm2", "sm2-root"}, {"p256", "p256-root"}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		AUTO_BUF(der, 1 << 20);
		AUTO_BUF(ca_der, CERT_DER_MAX);
		struct crl c;
		struct cert ca;
		load(names[i][0], &der, &c);
		issuer_of(names[i][1], &ca_der, &ca);
		assert_ok(crl_verify(&c, &ca.key));
		for (size_t k = 0; k < der.len; k++) {
			der.p[k] ^= 2;
			if (rc_ok(crl_parse(buf_slice(&der), &c)) && rc_ok(crl_verify(&c, &ca.key)))
				fail_msg("byte %zu", k);
			der.p[k] ^= 2;
		}
	}
}

static void test_rare_forms(void **state)
{
	AUTO_BUF(idp, 1 << 16);
	AUTO_BUF(delta, 1 << 16);
	AUTO_BUF(empty, 1 << 16);
	struct crl c;
	struct crl_entry e;

	(void)state;
	load("idp", &idp, &c);
	assert_true(c.has_idp && c.idp.user_only && !c.idp.ca_only &&
	            slice_is(c.idp.url, "http://127.0.0.1/c.crl"));
	assert_false(c.unknown_critical);
	assert_ok(crl_find(&c, SLICE_LIT("\1"), &e));
	assert_int_equal(e.reason, REASON_SUPERSEDED);
	assert_rc(crl_find(&c, SLICE_LIT("\2"), &e), RC_NOTFOUND);
	load("delta", &delta, &c);
	assert_true(c.delta);
	load("empty", &empty, &c);
	assert_int_equal(c.entries.len, 0);
	assert_rc(crl_find(&c, SLICE_LIT("\1"), &e), RC_NOTFOUND);
}

/* ---- ours ---- */

struct made {
	struct buf issuer;
	struct crl_head head;
	struct ext_idp idp;
};

static void head(struct made *m)
{
	*m = (struct made){.issuer = BUF(1024), .idp = {.url = SLICE_LIT("http://a/c.crl"), .ca_only = true}};
	assert_ok(name_from_text(SLICE_LIT("CN=示范 CA,C=CN"), &m->issuer));
	m->head = (struct crl_head){
	        .alg = sigalg_of(PUBKEY_SM2, false),
	        .issuer = buf_slice(&m->issuer),
	        .this_update = JUDGE_NOW,
	        .next_update = JUDGE_NOW + JUDGE_DAY,
	        .number = 300,
	        .aki = SLICE_LIT("abcdefghijabcdefghij"),
	};
}

struct many {
	size_t n, at;
	uint8_t serial[16];
};

static struct rc many_rewind(void *arg)
{
	((struct many *)arg)->at = 0;
	return OK;
}

static struct rc many_next(void *arg, struct crl_entry *e, bool *more)
{
	struct many *m = arg;

	*more = m->at < m->n;
	if (!*more)
		return OK;
	memset(m->serial, 0x5c, sizeof(m->serial));
	for (unsigned i = 0; i < 4; i++)
		m->serial[12 + i] = (uint8_t)(m->at >> (24 - 8 * i));
	*e = (struct crl_entry){
	        .serial = SLICE_ARR(m->serial),
	        .revoked_at = JUDGE_NOW - (int64_t)m->at,
	        .reason = m->at % 3 == 0 ? REASON_KEY_COMPROMISE : REASON_UNSPECIFIED,
	        .has_invalidity = m->at % 5 == 0,
	        .invalidity = JUDGE_NOW - 77,
	};
	m->at++;
	return OK;
}

struct pieces {
	struct buf all;
	size_t count;
};

static struct rc keep(void *arg, struct slice piece)
{
	struct pieces *p = arg;

	assert_true(piece.len > 0 && piece.len <= CRL_CHUNK);
	p->count++;
	buf_add(&p->all, piece);
	return buf_done(&p->all);
}

static void complete(struct slice tbs, const struct sm2_key *k, struct buf *ret)
{
	AUTO_BUF(sig, SM2_SIG_DER_MAX);
	struct sm2_sig s;

	assert_ok(sm2_sign(k, SM2_ID, tbs, &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(crl_assemble(tbs, sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), ret));
}

/* TBS as libcrypto cuts it out, signature as it holds it. */
static void openssl_verifies(struct slice der, const struct sm2_key *k)
{
	AUTO(X509_crl_st, x, ossl_parse(der));
	AUTO(evp_pkey_st, key, judge_sm2(k));
	unsigned char *tbs = NULL;
	const ASN1_BIT_STRING *sig;
	int len = i2d_re_X509_CRL_tbs(x, &tbs);

	X509_CRL_get0_signature(x, &sig, NULL);
	assert_true(len > 0 &&
	            judge_verify(key, slice_of(tbs, (size_t)len), slice_of(sig->data, (size_t)sig->length)));
	OPENSSL_free(tbs);
}

static void test_stream_of_every_size(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 3, 1700, 5000, 20000};
	struct sm2_key k = judge_scalar(6);
	struct made m;

	(void)state;
	head(&m);
	m.head.idp = &m.idp;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct many list = {.n = sizes[i]};
		struct crl_source s = {&list, many_rewind, many_next};
		struct pieces p = {.all = BUF(4 << 20)};
		AUTO_BUF(der, 4 << 20);
		struct crl c;
		size_t length;
		assert_ok(crl_tbs_write(&m.head, &s, keep, &p, &length));
		assert_int_equal(length, p.all.len);
		complete(buf_slice(&p.all), &k, &der);
		assert_ok(crl_parse(buf_slice(&der), &c));
		same(buf_slice(&der), &c);
		assert_true(c.has_idp && c.idp.ca_only && !c.idp.user_only);
		openssl_verifies(buf_slice(&der), &k);
		buf_free(&p.all);
	}
	buf_free(&m.issuer);
}

/* Larger than one DER object may otherwise be; walked in place. */
static void test_half_a_million(void **state)
{
	struct many list = {.n = 500000};
	struct crl_source s = {&list, many_rewind, many_next};
	struct pieces p = {.all = BUF(64 << 20)};
	struct made m;
	struct crl c;
	struct crl_entry e;

	(void)state;
	head(&m);
	assert_ok(crl_tbs_write(&m.head, &s, keep, &p, NULL));
	assert_true(p.all.len > DER_MAX && p.count > 200);
	assert_ok(crl_parse_tbs(buf_slice(&p.all), &c));
	assert_ok(crl_find(&c, slice_of("\x5c\x5c\x5c\x5c\x5c\x5c\x5c\x5c\x5c\x5c\x5c\x5c\0\7\xa1\x1f", 16),
	                   &e));
	assert_int_equal(e.revoked_at, JUDGE_NOW - 499999);
	buf_free(&p.all);
	buf_free(&m.issuer);
}

static void test_array_and_around(void **state)
{
	static const struct crl_entry entries[] = {
	        {.serial = {(const uint8_t *)"\x80\1", 2}, .revoked_at = JUDGE_NOW, .reason = REASON_HOLD},
	        {.serial = {(const uint8_t *)"\5", 1}, .revoked_at = 2600000000},
	};
	struct sm2_key k = judge_scalar(6);
	struct made m;
	struct crl c;
	AUTO_BUF(tbs, 4096);
	AUTO_BUF(der, 4096);
	AUTO_BUF(before, 16);
	AUTO_BUF(behind, 256);
	AUTO_BUF(whole, 4096);

	(void)state;
	head(&m);
	assert_ok(crl_tbs(&m.head, entries, 2, &tbs));
	complete(buf_slice(&tbs), &k, &der);
	assert_ok(crl_parse(buf_slice(&der), &c));
	same(buf_slice(&der), &c);
	openssl_verifies(buf_slice(&der), &k);
	assert_int_equal(crl_number(&c), 300);
	assert_ok(crl_around(tbs.len, c.alg, c.signature, &before, &behind));
	buf_add(&whole, buf_slice(&before));
	buf_add(&whole, buf_slice(&tbs));
	buf_add(&whole, buf_slice(&behind));
	assert_true(slice_equal(buf_slice(&whole), buf_slice(&der)));
	buf_free(&m.issuer);
}

/* A list that changes between the walks is an error, never a broken encoding. */
static struct rc shrinking_next(void *arg, struct crl_entry *e, bool *more)
{
	struct many *m = arg;

	if (m->at == 0 && m->n > 1)
		m->n--;
	return many_next(arg, e, more);
}

static void test_refusals(void **state)
{
	struct many list = {.n = 5};
	struct crl_source s = {&list, many_rewind, shrinking_next};
	static const struct crl_entry none = {.serial = {(const uint8_t *)"", 0}, .revoked_at = JUDGE_NOW};
	struct pieces p = {.all = BUF(1 << 20)};
	struct made m;
	AUTO_BUF(tbs, 4096);

	(void)state;
	head(&m);
	assert_rc(crl_tbs_write(&m.head, &s, keep, &p, NULL), RC_CONFLICT);
	assert_rc(crl_tbs(&m.head, &none, 1, &tbs), RC_BUG);
	m.head.next_update = INT64_MAX / 2;
	assert_false(rc_ok(crl_tbs(&m.head, NULL, 0, &tbs)));
	buf_free(&p.all);
	buf_free(&m.issuer);
}

static void test_reasons(void **state)
{
	enum crl_reason r;

	(void)state;
	for (int i = 0; i <= 11; i++) {
		const char *name = crl_reason_name((enum crl_reason)i);
		assert_int_equal(name == NULL, i == 7 || i == 11);
		if (name == NULL)
			continue;
		assert_ok(crl_reason_find(slice_text(name), &r));
		assert_int_equal(r, i);
	}
	assert_rc(crl_reason_find(SLICE_LIT("lost"), &r), RC_INPUT);
}

static struct rc write_fresh(const struct crl_head *h)
{
	struct many list = {.n = 40};
	struct crl_source s = {&list, many_rewind, many_next};
	struct pieces p = {.all = BUF(1 << 20)};
	struct rc rc = crl_tbs_write(h, &s, keep, &p, NULL);

	buf_free(&p.all);
	return rc;
}

static void test_torture(void **state)
{
	struct made m;

	(void)state;
	head(&m);
	GOLDEN_TORTURE(write_fresh(&m.head), 5);
	buf_free(&m.issuer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good_files),
	        cmocka_unit_test(test_bad_files),
	        cmocka_unit_test(test_signatures_of_openssl),
	        cmocka_unit_test(test_rare_forms),
	        cmocka_unit_test(test_stream_of_every_size),
	        cmocka_unit_test(test_half_a_million),
	        cmocka_unit_test(test_array_and_around),
	        cmocka_unit_test(test_refusals),
	        cmocka_unit_test(test_reasons),
	        cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
