#ifndef YD_CALENDAR_CALENDAR_H
#define YD_CALENDAR_CALENDAR_H
/* The working calendar (C01-C09): a set of editions and what follows from it.  A day is a working day if it
 * is a make-up day; else not if it is listed as off; else on Monday to Friday.  In a year without an edition
 * the answer is provisional: Monday to Friday less the statutory days of a fixed date (C07).
 *
 * Counting (I-01, I-02): D + n is the n-th working day after D, E - n the n-th before E; the day counted from
 * is never counted, whatever its class; n = 0 is that day itself.  Pure. */
#include "calendar/edition.h"

#define CALENDAR_TERM_MAX 1000 /* working days either way (C05) */
#define CALENDAR_EDITIONS 512

enum day_class { DAY_WORKDAY, DAY_MAKE_UP, DAY_OFF, DAY_WEEKEND };
const char *day_class_name(enum day_class c); /* "workday" "make-up" "off" "weekend" */

struct day_fact {
	enum day_class class;
	bool works;
	bool provisional;                      /* its year has no edition that says otherwise */
	const char *name;                      /* of the holiday; NULL */
	const struct calendar_edition *edition; /* that lists it; NULL */
};

struct calendar;
RC calendar_new(struct calendar **ret);          /* without editions */
RC calendar_builtin(struct calendar **ret);      /* rulesets/calendar as this program has it */
void calendar_free(struct calendar *c);
DROP(calendar, calendar_free);
/* The first edition of a year, or the one after the newest known; the newest once more is fine.  Others are
 * statement-gap, statement-rollback or statement-fork.  The older ones stay known, the newest counts. */
RC calendar_add(struct calendar *c, const json_t *body);
/* Those that count, by year; NULL after the last. */
const struct calendar_edition *calendar_edition_at(const struct calendar *c, size_t i);
/* Names this set of editions: SM3 over year, number and SM3 of those that count. */
void calendar_print(const struct calendar *c, uint8_t ret[32]);
/* [{"year","edition","title","number"?,"date","sm3"}] of those that count. */
json_t *calendar_json(const struct calendar *c);

void calendar_day(const struct calendar *c, int32_t day, struct day_fact *ret);
bool calendar_works(const struct calendar *c, int32_t day, bool *provisional);

struct day_count {
	int32_t day;
	bool provisional; /* a day on the way has no edition of its year */
};
/* calendar-term unless |n| <= CALENDAR_TERM_MAX and the count stays between DAY_MIN and DAY_MAX. */
RC calendar_count(const struct calendar *c, int32_t from, int n, struct day_count *ret);
/* The first day E for which E - n is not before `day`: what is planned for E may still be told of on that day
 * (R38.1).  n from 1 on. */
RC calendar_earliest(const struct calendar *c, int32_t day, int n, struct day_count *ret);
/* A count day by day: running is 0 on a day that does not count. */
typedef struct rc calendar_step(void *arg, int32_t day, const struct day_fact *fact, int running);
RC calendar_walk(const struct calendar *c, int32_t from, int n, calendar_step *each, void *arg);

#endif
