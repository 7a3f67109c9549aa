/* R30.2: forms of numbers.  Vectors are those printed in the standards and numbers that companies publish
 * of themselves; what a check digit promises to find is found, case by case. */
#include "pki/identity_number.h"

#include "base/check.h"
#include "base/time.h"

#include <stdio.h>

static enum number_fault citizen(const char *s)
{
	return citizen_number(slice_text(s));
}

static enum number_fault credit(const char *s)
{
	return credit_code(slice_text(s));
}

static void citizen_samples_R30_2(void **state)
{
	static const struct {
		const char *text;
		enum number_fault want;
	} cases[] = {
	        {"11010519491231002X", NUMBER_SOUND}, /* GB 11643-1999, the example of the annex */
	        {"440524188001010014", NUMBER_SOUND}, /* the other one, born in 1880 */
	        {"11010519491231002x", NUMBER_FORM},  /* X is a capital letter */
	        {"110105194912310021", NUMBER_CHECK},
	        {"11010519491231002", NUMBER_FORM},
	        {"11010519491231002X0", NUMBER_FORM},
	        {"1101051949123100X2", NUMBER_FORM},
	        {"", NUMBER_FORM},
	        {"110105491231002", NUMBER_FORM}, /* 15 digits went out of use in 2013 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (citizen(cases[i].text) != cases[i].want)
			fail_msg("%s: %s", cases[i].text, number_fault_text(citizen(cases[i].text)));
	}
}

/* 17 digits with their check digit. */
static enum number_fault completed(const char *body)
{
	char text[19];

	(void)snprintf(text, sizeof(text), "%.17s%c", body, citizen_digit((const uint8_t *)body));
	return citizen(text);
}

static void citizen_region_and_day(void **state)
{
	(void)state;
	assert_int_equal(completed("11010520000229001"), NUMBER_SOUND); /* leap year */
	assert_int_equal(completed("11010519000229001"), NUMBER_DATE);  /* 1900 was none */
	assert_int_equal(completed("11010520010229001"), NUMBER_DATE);
	assert_int_equal(completed("11010519900431001"), NUMBER_DATE);
	assert_int_equal(completed("11010519901301001"), NUMBER_DATE);
	assert_int_equal(completed("11010519900001001"), NUMBER_DATE);
	assert_int_equal(completed("11010519900100001"), NUMBER_DATE);
	assert_int_equal(completed("11010517991231001"), NUMBER_DATE);
	assert_int_equal(completed("83000019900307001"), NUMBER_SOUND); /* residence permit */
	assert_int_equal(completed("10010519900307001"), NUMBER_REGION);
	assert_int_equal(completed("99010519900307001"), NUMBER_REGION);
	assert_int_equal(completed("00010519900307001"), NUMBER_REGION);
	assert_int_equal(citizen_birth(SLICE_LIT("11010519491231002X")), 19491231);
}

static const char *const numbers[] = {"11010519491231002X", "440524188001010014"};

/* ISO 7064 MOD 11-2 finds every single error and every transposition but those ten places apart. */
static void citizen_errors_are_found(void **state)
{
	size_t found = 0;

	(void)state;
	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		for (size_t i = 0; i < 18; i++) {
			char text[19];
			for (const char *d = "0123456789X"; *d != '\0'; d++) {
				memcpy(text, numbers[n], sizeof(text));
				text[i] = *d;
				if (text[i] == numbers[n][i])
					continue;
				if (citizen(text) == NUMBER_SOUND)
					fail_msg("%s", text);
				found++;
			}
			for (size_t k = i + 1; k < 18; k++) {
				memcpy(text, numbers[n], sizeof(text));
				text[i] = numbers[n][k];
				text[k] = numbers[n][i];
				if (text[i] == text[k] || k - i == 10)
					continue;
				if (citizen(text) == NUMBER_SOUND)
					fail_msg("%s", text);
				found++;
			}
		}
	}
	assert_true(found > 2 * 18 * 10 + 100);
}

static void credit_samples_R30_2(void **state)
{
	static const struct {
		const char *text;
		enum number_fault want;
	} cases[] = {
	        {"91350100M000100Y43", NUMBER_SOUND}, /* GB 32100-2015, the example */
	        {"914403001922038216", NUMBER_SOUND}, /* two that are printed on the companies' own pages */
	        {"9144030071526726XG", NUMBER_SOUND},
	        {"91350100M000100Y44", NUMBER_CHECK},
	        {"91350100I000100Y43", NUMBER_FORM}, /* I O Z S V are not in the alphabet */
	        {"91350100O000100Y43", NUMBER_FORM},
	        {"91350100Z000100Y43", NUMBER_FORM},
	        {"91350100S000100Y43", NUMBER_FORM},
	        {"91350100V000100Y43", NUMBER_FORM},
	        {"91350100m000100Y43", NUMBER_FORM},
	        {"9135010", NUMBER_FORM},
	        {"91350100M000100Y430", NUMBER_FORM},
	        {"9135010AM000100Y43", NUMBER_FORM}, /* the region is digits */
	        {"000000000000000000", NUMBER_REGION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (credit(cases[i].text) != cases[i].want)
			fail_msg("%s: %s", cases[i].text, number_fault_text(credit(cases[i].text)));
	}
}

static void credit_errors_are_found(void **state)
{
	static const char good[] = "9144030071526726XG";
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < 18; i++) {
		char text[19];
		for (const char *d = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"; *d != '\0'; d++) {
			memcpy(text, good, sizeof(text));
			text[i] = *d;
			if (text[i] == good[i])
				continue;
			if (credit(text) == NUMBER_SOUND)
				fail_msg("%s", text);
			found++;
		}
		/* 3 is a generator modulo 31: all weights differ, but those of the first and the last */
		for (size_t k = i + 1; k < 18; k++) {
			memcpy(text, good, sizeof(text));
			text[i] = good[k];
			text[k] = good[i];
			if (text[i] == text[k] || (i == 0 && k == 17))
				continue;
			if (credit(text) == NUMBER_SOUND)
				fail_msg("%s", text);
			found++;
		}
	}
	assert_true(found > 18 * 35 + 100);
}

static void organisation_samples(void **state)
{
	(void)state;
	assert_int_equal(organisation_code(SLICE_LIT("D2143569X")), NUMBER_SOUND); /* GB 11714-1997 */
	assert_int_equal(organisation_code(SLICE_LIT("D2143569-X")), NUMBER_SOUND);
	assert_int_equal(organisation_code(SLICE_LIT("M000100Y4")), NUMBER_SOUND); /* inside GB 32100's */
	assert_int_equal(organisation_code(SLICE_LIT("192203821")), NUMBER_SOUND);
	assert_int_equal(organisation_code(SLICE_LIT("D2143569-9")), NUMBER_CHECK);
	assert_int_equal(organisation_code(SLICE_LIT("D2143596-X")), NUMBER_CHECK);
	assert_int_equal(organisation_code(SLICE_LIT("D2143569_X")), NUMBER_FORM);
	assert_int_equal(organisation_code(SLICE_LIT("d2143569X")), NUMBER_FORM);
	assert_int_equal(organisation_code(SLICE_LIT("")), NUMBER_FORM);
}

static bool until(const char *s, int64_t *end)
{
	return document_until(slice_text(s), end);
}

/* The last day counts whole, by the clock of China. */
static void days_of_documents(void **state)
{
	static const char *const bad[] = {"",           "2036-3-6",   "2036-02-30", "2035-02-29",
	                                  "2036-13-01", "2036-00-01", "2036-01-00", "2036/01/01",
	                                  "20360101",   "long term",  "0000-01-01", "2036-01-01 "};
	int64_t end, want;

	(void)state;
	assert_true(until("2036-03-06", &end));
	assert_ok(time_parse(SLICE_LIT("2036-03-07T00:00:00+08:00"), &want));
	assert_int_equal(end, want);
	assert_true(until("2036-02-29", &end));
	assert_true(until("9999-12-31", &end));
	assert_true(until("long-term", &end) && end == INT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (until(bad[i], &end))
			fail_msg("%s", bad[i]);
	}
}

static void phones(void **state)
{
	static const char *const good[] = {"13800138000",  "19912345678",       "010-12345678",
	                                   "0591-1234567", "0591-87654321-123", "+8613800138000",
	                                   "+442071838750"};
	static const char *const bad[] = {"",
	                                  "1380013800",
	                                  "138001380000",
	                                  "12800138000",
	                                  "138 0013 8000",
	                                  "110",
	                                  "010-123456",
	                                  "10-12345678",
	                                  "00-12345678",
	                                  "010-12345678-",
	                                  "010-12345678-1-2",
	                                  "+0123456789",
	                                  "+1234567890123456",
	                                  "01012345678"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!phone_sound(slice_text(good[i])))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (phone_sound(slice_text(bad[i])))
			fail_msg("%s", bad[i]);
	}
}

static void mails(void **state)
{
	static const char *const good[] = {"zhang@example.cn", "a.b+c@mail.example.gov.cn",
	                                   "x@xn--fiqs8s.cn"};
	static const char *const bad[] = {
	        "",           "a",           "@a.cn",   "a@",       "a@b",     "a@@b.cn", "a b@c.cn",
	        "a..b@c.cn",  ".a@c.cn",     "a.@c.cn", "a@-b.cn",  "a@b-.cn", "a@b..cn", "a@b.cn.",
	        "\"a\"@b.cn", "a@[1.2.3.4]", "张@b.cn", "a@b_c.cn", "a\n@b.cn"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!mail_sound(slice_text(good[i])))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (mail_sound(slice_text(bad[i])))
			fail_msg("%s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(citizen_samples_R30_2),
	        cmocka_unit_test(citizen_region_and_day),
	        cmocka_unit_test(citizen_errors_are_found),
	        cmocka_unit_test(credit_samples_R30_2),
	        cmocka_unit_test(credit_errors_are_found),
	        cmocka_unit_test(organisation_samples),
	        cmocka_unit_test(days_of_documents),
	        cmocka_unit_test(phones),
	        cmocka_unit_test(mails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
