#ifndef YD_PKI_IDENTITY_NUMBER_H
#define YD_PKI_IDENTITY_NUMBER_H
/* Numbers of persons and organisations, dates of documents and ways to reach somebody: whether the form
 * can be true.  Pure functions; whether somebody has that number is for an authoritative source to say. */
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum number_fault {
	NUMBER_SOUND,
	NUMBER_FORM,   /* length or alphabet */
	NUMBER_REGION, /* no such province (GB/T 2260), or no registration department */
	NUMBER_DATE,   /* no day of the calendar */
	NUMBER_CHECK,  /* check digit */
};
/* Why, in words for an error text: "the check digit is wrong". */
const char *number_fault_text(enum number_fault f);

/* Citizen number, GB 11643: region, day of birth, sequence, MOD 11-2 check digit (X for ten).  Finds every
 * single wrong digit and every transposition of neighbours. */
enum number_fault citizen_number(struct slice s);
/* The day of birth in a sound number, as in 19491231. */
long citizen_birth(struct slice s);
/* The check digit of 17 digits. */
char citizen_digit(const uint8_t digits[17]);

/* Unified social credit code, GB 32100: registration department, category, region, body, MOD 31 check
 * character over the alphabet without I O Z S V.  Finds every single wrong character and every
 * transposition. */
enum number_fault credit_code(struct slice s);
/* Organisation code, GB 11714: eight characters and MOD 11 check character, written with or without a
 * hyphen before it. */
enum number_fault organisation_code(struct slice s);

/* "2036-03-06" or "long-term" (长期, on documents without an end).  *end is the first second, in China,
 * at which the document is no longer valid; INT64_MAX for long-term.  False when it is no such day. */
bool document_until(struct slice s, int64_t *end);

/* +86 mobile and land lines as they are written in China, or + and an international number (E.164). */
bool phone_sound(struct slice s);
/* RFC 5321 4.1.2 without quoted local parts and address literals. */
bool mail_sound(struct slice s);

#endif
