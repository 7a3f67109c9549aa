/* What can be said of an identity without asking anybody: check digits, dates, and the mark by which the
 * registry knows it again. */
#include "base/text.h"
#include "base/time.h"
#include "ra/ra.h"
#include "sm/sm3.h"

#define CITIZEN_LEN 18
#define CREDIT_LEN 18
#define KEY_PART_MAX 256

/* GB 11643-1999: ISO 7064 MOD 11-2 over seventeen digits, and a date of birth that exists. */
static bool citizen_number(struct slice s)
{
	static const uint8_t weights[CITIZEN_LEN - 1] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	struct civil born = {0}, again;
	unsigned sum = 0;

	if (s.len != CITIZEN_LEN)
		return false;
	for (size_t i = 0; i < sizeof(weights); i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		sum += (unsigned)(s.p[i] - '0') * weights[i];
	}
	if ("10X98765432"[sum % 11] != (s.p[17] == 'x' ? 'X' : (char)s.p[17]))
		return false;
	for (size_t i = 6; i < 10; i++)
		born.year = born.year * 10 + s.p[i] - '0';
	born.month = (s.p[10] - '0') * 10 + s.p[11] - '0';
	born.day = (s.p[12] - '0') * 10 + s.p[13] - '0';
	if (born.year < 1850 || born.month < 1 || born.month > 12 || born.day < 1 || born.day > 31)
		return false;
	/* 30 February becomes another day on the way through an instant */
	again = time_civil(time_from_civil(born));
	return again.month == born.month && again.day == born.day;
}

/* GB 32100-2015: base 31 without I, O, S, V, Z; the last character checks the others. */
static bool credit_code(struct slice s)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	unsigned sum = 0, weight = 1;

	if (s.len != CREDIT_LEN)
		return false;
	for (size_t i = 0; i < CREDIT_LEN; i++) {
		const char *at = s.p[i] != 0 ? strchr(alphabet, s.p[i]) : NULL;

		if (at == NULL)
			return false;
		if (i + 1 == CREDIT_LEN)
			return (unsigned)(at - alphabet) == (31 - sum % 31) % 31;
		sum += (unsigned)(at - alphabet) * weight;
		weight = weight * 3 % 31;
	}
	return false;
}

static struct slice text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;
}

/* "2030-12-31", the last day on which the document counts, in China's zone. */
static RC document_in_force(struct slice until, int64_t now)
{
	char text[32];
	int64_t end;

	if (until.len == 0)
		return OK;
	(void)snprintf(text, sizeof(text), "%.*sT23:59:59+08:00", until.len <= 10 ? (int)until.len : 0,
	               (const char *)until.p);
	NEED(rc_ok(time_parse(slice_text(text), &end)), RC_INPUT, "identity: valid_until is not a date");
	REQUIRE(end >= now, DOCUMENT_LAPSED, "the document was valid until %s", text);
	return OK;
}

RC ra_identity_check(const json_t *identity, int64_t now)
{
	const json_t *document = json_object_get(identity, "document");
	struct slice code = text_of(identity, "code");

	if (document != NULL && slice_is(text_of(document, "type"), "citizen"))
		REQUIRE(citizen_number(text_of(document, "number")), DOCUMENT_NUMBER,
		        "the citizen number is wrong (GB 11643)");
	if (code.len > 0)
		REQUIRE(credit_code(code), DOCUMENT_NUMBER, "the social credit code is wrong (GB 32100)");
	return document_in_force(text_of(document, "valid_until"), now);
}

/* ---- the mark ---- */

/* One part of what is hashed: case of ASCII letters does not make another person. */
static RC part(struct sm3_hmac *h, struct slice s)
{
	uint8_t fold[KEY_PART_MAX], len[2] = {(uint8_t)(s.len >> 8), (uint8_t)s.len};

	NEED(s.len > 0 && s.len <= sizeof(fold), RC_INPUT, "identity: nothing that identifies the holder");
	for (size_t i = 0; i < s.len; i++)
		fold[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (uint8_t)(s.p[i] - 'a' + 'A') : s.p[i];
	sm3_hmac_update(h, SLICE_ARR(len));
	sm3_hmac_update(h, slice_of(fold, s.len));
	return OK;
}

RC ra_identity_mark(const json_t *identity, struct slice key, uint8_t mark[32], const char **kind)
{
	const json_t *document = json_object_get(identity, "document");
	const json_t *dns = json_array_get(json_object_get(identity, "dns"), 0);
	struct slice code = text_of(identity, "code");
	struct sm3_hmac h;

	sm3_hmac_init(&h, key);
	if (document != NULL) {
		*kind = "document";
		TRY(part(&h, SLICE_LIT("document")));
		TRY(part(&h, text_of(document, "type")));
		TRY(part(&h, text_of(document, "number")));
	} else if (code.len > 0) {
		*kind = "code";
		TRY(part(&h, SLICE_LIT("code")));
		TRY(part(&h, code));
	} else {
		*kind = "dns";
		TRY(part(&h, SLICE_LIT("dns")));
		TRY(part(&h, json_is_string(dns) ? slice_of(json_string_value(dns), json_string_length(dns))
		                                 : SLICE_NONE));
	}
	sm3_hmac_final(&h, mark);
	return OK;
}
