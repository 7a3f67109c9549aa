/* Time stamps: round trips, libcrypto as judge of form and signature, every byte of a token. */
#include "pki/tsp.h"

#include "pki/testing.h"
#include "base/text.h"
#include "sm/sm3.h"

#include <openssl/ts.h>

#define STAMPS "critical,timeStamping"

DROP(TS_resp_st, TS_RESP_free);
DROP(TS_req_st, TS_REQ_free);

struct maker {
	struct sm2_key key;
	EVP_PKEY *judge;
	struct buf certificate;
};

static void maker_open(struct maker *m, const char *purposes)
{
	*m = (struct maker){.key = judge_scalar(9)};
	m->judge = judge_sm2(&m->key);
	m->certificate = BUF(4096);
	judge_certificate(&(struct judge_cert){.subject = "tsa",
	                                       .serial = 7,
	                                       .usage = "critical,digitalSignature,nonRepudiation",
	                                       .purposes = purposes,
	                                       .key = m->judge,
	                                       .signer = m->judge},
	                  &m->certificate);
}

static void maker_close(struct maker *m)
{
	EVP_PKEY_free(m->judge);
	buf_free(&m->certificate);
}

static struct tsp_info info_at(int64_t at)
{
	static const uint8_t serial[TSP_SERIAL] = {0x11, 2, 3}, nonce[8] = {0x55, 1};
	struct tsp_info i = {
	        .serial = SLICE_ARR(serial), .nonce = SLICE_ARR(nonce), .at = at, .accuracy = TSP_ACCURACY};

	sm3_hash(SLICE_LIT("content"), i.imprint);
	return i;
}

static void token_of(const struct maker *m, int64_t at, struct buf *ret)
{
	struct tsp_info i = info_at(at);
	AUTO_BUF(info, TSP_MAX);

	assert_ok(tsp_info_build(&i, &info));
	assert_ok(tsp_token_sign(buf_slice(&info), &m->key, buf_slice(&m->certificate), ret));
}

static struct rc judge(struct slice der)
{
	uint8_t imprint[TSP_HASH];
	struct tsp_token t;

	sm3_hash(SLICE_LIT("content"), imprint);
	TRY(tsp_token_parse(der, &t));
	TRY(tsp_token_own_form(&t, der));
	return tsp_token_verify(&t, imprint);
}

static void a_request_is_read_back(void **state)
{
	static const uint8_t nonce[] = {0x80, 1, 2};
	struct tsp_request q = {.nonce = SLICE_ARR(nonce), .certificate = true}, again;
	AUTO_BUF(der, TSP_MAX);
	const unsigned char *p;

	(void)state;
	sm3_hash(SLICE_LIT("content"), q.imprint);
	assert_ok(tsp_request_build(&q, &der));
	assert_ok(tsp_request_parse(buf_slice(&der), &again));
	assert_memory_equal(again.imprint, q.imprint, TSP_HASH);
	assert_true(slice_equal(again.nonce, q.nonce) && again.certificate);
	p = der.p;
	AUTO(TS_req_st, judge_req, d2i_TS_REQ(NULL, &p, (long)der.len));
	assert_non_null(judge_req);
	assert_int_equal(TS_REQ_get_cert_req(judge_req), 1);
	der.p[der.len - 1] = 0x7f;
	assert_refused(tsp_request_parse(buf_slice(&der), &again), TSP_REQUEST);
}

/* What OpenSSL asks with: SHA-256 is not ours to stamp. */
static void another_hash_is_refused(void **state)
{
	static const char sha256[] = "3039020101303130"
	                             "0d06096086480165030402010500"
	                             "0420"
	                             "0000000000000000000000000000000000000000000000000000000000000000"
	                             "0101ff";
	AUTO_BUF(der, 256);
	struct tsp_request q;

	(void)state;
	assert_ok(text_hex_any(slice_text(sha256), &der));
	assert_refused(tsp_request_parse(buf_slice(&der), &q), TSP_REQUEST);
}

static void strangers_read_the_response(void **state)
{
	struct maker m;
	AUTO_BUF(token, TSP_MAX);
	AUTO_BUF(response, TSP_MAX);
	AUTO_BUF(set, TSP_MAX);
	struct tsp_token t;
	struct slice inner;
	const unsigned char *p;

	(void)state;
	maker_open(&m, STAMPS);
	token_of(&m, JUDGE_NOW, &token);
	assert_ok(judge(buf_slice(&token)));
	assert_ok(tsp_response_build(buf_slice(&token), &response));
	assert_ok(tsp_response_parse(buf_slice(&response), &inner));
	assert_true(slice_equal(inner, buf_slice(&token)));
	p = response.p;
	AUTO(TS_resp_st, r, d2i_TS_RESP(NULL, &p, (long)response.len));
	assert_non_null(r);
	assert_int_equal(
	        OBJ_obj2nid(TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(TS_RESP_get_tst_info(r)))
	                            ->algorithm),
	        NID_sm3);
	assert_ok(tsp_token_parse(buf_slice(&token), &t));
	assert_int_equal(t.info.at, JUDGE_NOW);
	assert_int_equal(t.info.accuracy, TSP_ACCURACY);
	assert_true(t.info.our_policy);
	buf_u8(&set, DER_SET);
	assert_true(t.message.by.signers[0].attributes.len < 256 &&
	            t.message.by.signers[0].attributes.len > 127);
	buf_u8(&set, 0x81);
	buf_u8(&set, (uint8_t)t.message.by.signers[0].attributes.len);
	buf_add(&set, t.message.by.signers[0].attributes);
	assert_true(judge_verify(m.judge, buf_slice(&set), t.message.by.signers[0].signature));
	maker_close(&m);
}

static void every_byte_counts(void **state)
{
	struct maker m;
	AUTO_BUF(token, TSP_MAX);

	(void)state;
	maker_open(&m, STAMPS);
	token_of(&m, JUDGE_NOW, &token);
	for (size_t i = 0; i < token.len; i++) {
		for (unsigned bit = 1; bit < 256; bit <<= 3) {
			token.p[i] ^= (uint8_t)bit;
			if (rc_ok(judge(buf_slice(&token))))
				fail_msg("byte %zu of %zu may be altered", i, token.len);
			token.p[i] ^= (uint8_t)bit;
		}
	}
	assert_ok(judge(buf_slice(&token)));
	token.len--;
	assert_refused(judge(buf_slice(&token)), TSP_TOKEN);
	maker_close(&m);
}

static void each_rule_has_its_name(void **state)
{
	uint8_t other[TSP_HASH] = {0};
	struct maker m, free;
	struct tsp_token t;
	AUTO_BUF(token, TSP_MAX);
	AUTO_BUF(late, TSP_MAX);
	AUTO_BUF(unfit, TSP_MAX);

	(void)state;
	maker_open(&m, STAMPS);
	maker_open(&free, NULL);
	token_of(&m, JUDGE_NOW, &token);
	assert_ok(tsp_token_parse(buf_slice(&token), &t));
	assert_refused(tsp_token_verify(&t, other), TSP_IMPRINT);
	token_of(&m, JUDGE_NOW + 6 * JUDGE_DAY, &late);
	assert_refused(judge(buf_slice(&late)), TSP_SIGNER);
	token_of(&free, JUDGE_NOW, &unfit);
	assert_refused(judge(buf_slice(&unfit)), TSP_SIGNER);
	maker_close(&m);
	maker_close(&free);
}

/* Another certificate of the same key, put in its place, is not the one that signed. */
static void the_certificate_is_named(void **state)
{
	struct maker m;
	AUTO_BUF(token, TSP_MAX);
	AUTO_BUF(other, TSP_MAX);
	AUTO_BUF(set, TSP_MAX);
	AUTO_BUF(forged, TSP_MAX);
	AUTO_DER(w, TSP_MAX);
	struct tsp_token t;

	(void)state;
	maker_open(&m, STAMPS);
	token_of(&m, JUDGE_NOW, &token);
	judge_certificate(&(struct judge_cert){.subject = "tsa",
	                                       .serial = 8,
	                                       .usage = "digitalSignature",
	                                       .purposes = STAMPS,
	                                       .key = m.judge,
	                                       .signer = m.judge},
	                  &other);
	assert_ok(tsp_token_parse(buf_slice(&token), &t));
	der_put(&w, DER_SET, t.message.by.signers[0].attributes);
	assert_ok(der_finish(&w, &set));
	assert_ok(tsp_token_build(
	        t.info_der, buf_slice(&set),
	        &(struct cms_signature){buf_slice(&other), t.message.by.signers[0].signature}, &forged));
	assert_refused(judge(buf_slice(&forged)), TSP_TOKEN);
	maker_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_request_is_read_back),      cmocka_unit_test(another_hash_is_refused),
	        cmocka_unit_test(strangers_read_the_response), cmocka_unit_test(every_byte_counts),
	        cmocka_unit_test(each_rule_has_its_name),      cmocka_unit_test(the_certificate_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
