#include "pki/identity_number.h"

#include "base/time.h"

#include <string.h>

#define CITIZEN 18
#define CREDIT 18
#define ORGANISATION 9
#define BIRTH_AT 6
#define BIRTH_LEAST 1800
#define CHINA (8 * 3600) /* seconds ahead of UTC */
#define MAIL_MAX 254
#define LOCAL_MAX 64
#define PHONE_MAX 20

const char *number_fault_text(enum number_fault f)
{
	static const char *const texts[] = {"sound", "the length or a character is wrong",
	                                    "the region or registration department does not exist",
	                                    "the date is no day of the calendar", "the check digit is wrong"};

	return texts[f];
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool digits(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!digit(p[i]))
			return false;
	}
	return true;
}

static int number(const uint8_t *p, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (p[i] - '0');
	return v;
}

/* ---- days ---- */

static bool real_day(int year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int64_t china_day(int year, int month, int day)
{
	return time_from_civil((struct civil){year, month, day, 0, 0, 0}) - CHINA;
}

bool document_until(struct slice s, int64_t *end)
{
	int year, month, day;

	if (slice_is(s, "long-term")) {
		*end = INT64_MAX;
		return true;
	}
	if (s.len != 10 || !digits(s.p, 4) || s.p[4] != '-' || !digits(s.p + 5, 2) || s.p[7] != '-' ||
	    !digits(s.p + 8, 2))
		return false;
	year = number(s.p, 4);
	month = number(s.p + 5, 2);
	day = number(s.p + 8, 2);
	if (year < 1950 || !real_day(year, month, day))
		return false;
	*end = china_day(year, month, day) + TIME_DAY;
	return true;
}

/* ---- GB 11643 ---- */

/* Provinces, GB/T 2260; 81, 82 and 83 are on residence permits. */
static bool province(int code)
{
	static const uint8_t codes[] = {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34,
	                                35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
	                                53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83};

	return memchr(codes, code, sizeof(codes)) != NULL;
}

char citizen_digit(const uint8_t d[17])
{
	static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0;

	for (size_t i = 0; i < 17; i++)
		sum += (d[i] - '0') * weights[i];
	return "10X98765432"[sum % 11];
}

enum number_fault citizen_number(struct slice s)
{
	int year;

	if (s.len != CITIZEN || !digits(s.p, CITIZEN - 1) ||
	    !(digit(s.p[CITIZEN - 1]) || s.p[CITIZEN - 1] == 'X'))
		return NUMBER_FORM;
	if ((char)s.p[CITIZEN - 1] != citizen_digit(s.p))
		return NUMBER_CHECK;
	if (!province(number(s.p, 2)))
		return NUMBER_REGION;
	year = number(s.p + BIRTH_AT, 4);
	if (year < BIRTH_LEAST ||
	    !real_day(year, number(s.p + BIRTH_AT + 4, 2), number(s.p + BIRTH_AT + 6, 2)))
		return NUMBER_DATE;
	return NUMBER_SOUND;
}

long citizen_birth(struct slice s)
{
	return number(s.p + BIRTH_AT, 8);
}

/* ---- GB 32100 ---- */

static int credit_value(uint8_t c)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	const char *at = c != 0 ? strchr(alphabet, c) : NULL;

	return at != NULL ? (int)(at - alphabet) : -1;
}

enum number_fault credit_code(struct slice s)
{
	int sum = 0, weight = 1;

	if (s.len != CREDIT)
		return NUMBER_FORM;
	for (size_t i = 0; i < CREDIT; i++) {
		int v = credit_value(s.p[i]);
		if (v < 0)
			return NUMBER_FORM;
		sum += v * weight; /* the check character stands for what is missing to a multiple of 31 */
		weight = i + 2 < CREDIT ? weight * 3 % 31 : 1;
	}
	if (!digits(s.p + 2, 6))
		return NUMBER_FORM;
	if (sum % 31 != 0)
		return NUMBER_CHECK;
	return strchr("123456789ANY", s.p[0]) != NULL ? NUMBER_SOUND : NUMBER_REGION;
}

/* ---- GB 11714 ---- */

static int organisation_value(uint8_t c)
{
	if (digit(c))
		return c - '0';
	return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : -1;
}

enum number_fault organisation_code(struct slice s)
{
	static const int weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
	bool hyphen = s.len == ORGANISATION + 1 && s.p[ORGANISATION - 1] == '-';
	int sum = 0;

	if (s.len != ORGANISATION && !hyphen)
		return NUMBER_FORM;
	for (size_t i = 0; i + 1 < ORGANISATION; i++) {
		int v = organisation_value(s.p[i]);
		if (v < 0)
			return NUMBER_FORM;
		sum += v * weights[i];
	}
	return "0X987654321"[sum % 11] == (char)s.p[s.len - 1] ? NUMBER_SOUND : NUMBER_CHECK;
}

/* ---- phone and mail ---- */

/* 0, area code of two or three digits, seven or eight digits, each part after a hyphen; an extension. */
static bool land_line(struct slice s)
{
	size_t at = 0, parts[3] = {0}, n = 0;

	for (; at < s.len; at++) {
		if (s.p[at] != '-')
			parts[n]++;
		else if (++n == 3)
			return false;
		if (s.p[at] != '-' && !digit(s.p[at]))
			return false;
	}
	return n >= 1 && s.p[0] == '0' && s.p[1] != '0' && (parts[0] == 3 || parts[0] == 4) &&
	       (parts[1] == 7 || parts[1] == 8) && (n == 1 || (parts[2] >= 1 && parts[2] <= 6));
}

bool phone_sound(struct slice s)
{
	if (s.len < 7 || s.len > PHONE_MAX)
		return false;
	if (s.p[0] == '+')
		return s.p[1] != '0' && s.len <= 16 && digits(s.p + 1, s.len - 1);
	if (s.len == 11 && digits(s.p, 11))
		return s.p[0] == '1' && s.p[1] >= '3';
	return land_line(s);
}

static bool atom_character(uint8_t c)
{
	return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Words with one dot between them. */
static bool local_sound(struct slice s)
{
	bool word = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '.' ? !word : !atom_character(s.p[i]))
			return false;
		word = s.p[i] != '.';
	}
	return word && s.len <= LOCAL_MAX;
}

static bool label_sound(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    !(s.p[i] >= 'A' && s.p[i] <= 'Z') && s.p[i] != '-')
			return false;
	}
	return s.len > 0 && s.len <= 63 && s.p[0] != '-' && s.p[s.len - 1] != '-';
}

bool mail_sound(struct slice s)
{
	const uint8_t *at = s.len > 0 ? memchr(s.p, '@', s.len) : NULL, *end = s.p + s.len, *from;
	size_t labels = 0;

	if (at == NULL || s.len > MAIL_MAX || !local_sound(slice_of(s.p, (size_t)(at - s.p))))
		return false;
	for (from = at + 1; from <= end; labels++) {
		const uint8_t *dot = memchr(from, '.', (size_t)(end - from));
		if (dot == NULL)
			dot = end;
		if (!label_sound(slice_of(from, (size_t)(dot - from))))
			return false;
		from = dot + 1;
	}
	return labels >= 2;
}
