/* The key for time stamps: where the ceremony puts it, and what its signer refuses to stamp.  R24.11. */
#include "ceremony/testing.h"

#include "pki/chain.h"
#include "pki/tsp.h"

static struct test_signer holder, other;
static char instance[32];

static void refused(struct rc rc, enum err want, const char *what)
{
	if (rc_ok(rc))
		fail_msg("%s: was stamped", what);
	if (rc_last()->err != want)
		fail_msg("%s: refused as %s (%s)", what, err_info(rc_last()->err)->name, rc_last()->text);
}

static const uint8_t imprint[TSP_HASH] = {7}, serial[TSP_SERIAL] = {1, 2, 3};

static struct tsp_info now_info(void)
{
	struct tsp_info i = {.serial = SLICE_ARR(serial), .at = clock_now(), .accuracy = TSP_ACCURACY};
	memcpy(i.imprint, imprint, sizeof imprint);
	return i;
}

static struct rc stamp(struct test_signer *s, const struct tsp_info *i, struct buf *ret)
{
	AUTO_BUF(info, TSP_MAX);
	MUST(tsp_info_build(i, &info));
	return signer_timestamp(s->role, buf_slice(&info), ret);
}

static void the_present_is_stamped(void **state)
{
	AUTO_BUF(token, TSP_MAX);
	AUTO_BUF(ca, CERT_DER_MAX);
	struct tsp_info i = now_info();
	struct tsp_token t;
	struct cert c, issuer;
	(void)state;
	MUST(stamp(&holder, &i, &token));
	MUST(tsp_token_parse(buf_slice(&token), &t));
	MUST(tsp_token_own_form(&t, buf_slice(&token)));
	MUST(tsp_token_verify(&t, imprint));
	MUST(cert_parse(t.certificate, &c));
	test_read(test_path("demo/ca/sm2.der"), &ca);
	MUST(cert_parse(buf_slice(&ca), &issuer));
	MUST(chain_link(&c, &issuer, clock_now()));
}

static void another_time_is_not(void **state)
{
	static const int64_t off[] = {-TIME_DAY, -60, 60, 11 * 365 * TIME_DAY};
	AUTO_BUF(token, TSP_MAX);
	(void)state;
	for (size_t n = 0; n < sizeof off / sizeof *off; n++) {
		struct tsp_info i = now_info();
		i.at += off[n];
		refused(stamp(&holder, &i, &token), ERR_SIGNER_CONTENT, "another time");
	}
	struct tsp_info exact = now_info();
	exact.accuracy = 1;
	refused(stamp(&holder, &exact, &token), ERR_SIGNER_CONTENT, "more exact than the clock");
	struct tsp_info shorter = now_info();
	shorter.serial = slice_of(serial, 3);
	refused(stamp(&holder, &shorter, &token), ERR_SIGNER_CONTENT, "a serial number that repeats");
}

/* The key signs nothing else, and no other bytes under the name of a TSTInfo. */
static void only_stamps(void **state)
{
	static const uint8_t policy[] = {DER_OID, 3, 0x2a, 3, 4};
	AUTO_BUF(out, STATEMENT_MAX);
	AUTO_BUF(info, TSP_MAX);
	struct tsp_info i = now_info();
	(void)state;
	refused(signer_statement(holder.role, SLICE_LIT("timestamp"), SLICE_LIT("{}"), &out), ERR_KEY_PURPOSE,
	        "a statement");
	refused(signer_timestamp(holder.role, SLICE_LIT("\x30\x00"), &out), ERR_TSP_TOKEN, "no TSTInfo");
	MUST(tsp_info_build(&i, &info));
	/* the same with another policy: 1.2.3.4 in the place of ours */
	AUTO_BUF(changed, TSP_MAX);
	struct der_reader r = der_read(buf_slice(&info));
	AUTO_DER(w, TSP_MAX);
	der_enter(&r, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, der_element(&r));
	(void)der_element(&r);
	der_raw(&w, SLICE_ARR(policy));
	while (der_more(&r))
		der_raw(&w, der_element(&r));
	der_end(&w);
	MUST(der_finish(&w, &changed));
	refused(signer_timestamp(holder.role, buf_slice(&changed), &out), ERR_SIGNER_CONTENT,
	        "another policy");
	buf_u8(&info, 0);
	refused(signer_timestamp(holder.role, buf_slice(&info), &out), ERR_TSP_TOKEN, "a byte more");
	refused(stamp(&other, &i, &out), ERR_GENERIC_NOTFOUND, "an instance without the key");
}

static int setup(void **state)
{
	(void)state;
	if (test_begin() != 0)
		return -1;
	snprintf(instance, sizeof instance, "shifan/%s",
	         access(test_path("shifan/vault/signer/keys/timestamp.cer"), F_OK) == 0 ? "vault" : "ca");
	test_signer_start(&holder, instance, true);
	test_signer_start(&other, "shifan/ra", true);
	MUST(test_unlock(&holder, "shifan"));
	MUST(test_unlock(&other, "shifan"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_signer_stop(&holder);
	test_signer_stop(&other);
	return test_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_present_is_stamped),
	        cmocka_unit_test(another_time_is_not),
	        cmocka_unit_test(only_stamps),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
