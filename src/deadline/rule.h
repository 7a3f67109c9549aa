#ifndef YD_DEADLINE_RULE_H
#define YD_DEADLINE_RULE_H
/* The deadlines of the regulation as data (requirements (c), D01-D26): rulesets/deadlines/SET.json says which
 * event starts a clock, which stops it, how long it runs, who owes what to whom.  Pure. */
#include "base/auto.h"
#include "base/json.h"
#include "calendar/day.h"

#define RULE_NAME 40
#define RULE_EVENTS 4
#define RULE_MAX 64
#define RULE_FILE_MAX (256u << 10)

enum deadline_unit {
	UNIT_NONE,         /* no clock: a precondition, or no number in the text */
	UNIT_WORKING_DAYS,
	UNIT_YEARS,        /* calendar terms (C09) */
	UNIT_FIXED_DATE,   /* a date of the following year (C10, I-03) */
	UNIT_YEAR_END,     /* once a calendar year (I-13) */
	UNIT_ORDER_DATE,   /* the date an order names (I-12) */
	UNIT_STATED,       /* the period the institution has stated (I-12) */
	UNIT_INSTANT,      /* before the event itself */
	UNITS
};
enum deadline_direction {
	DIRECTION_AFTER, DIRECTION_BEFORE, DIRECTION_BY_DATE, DIRECTION_AT_LEAST, DIRECTION_PRECONDITION,
	DIRECTION_NONE, DIRECTIONS
};
const char *deadline_unit_name(enum deadline_unit u);
const char *deadline_direction_name(enum deadline_direction d);

struct deadline_rule {
	char set[RULE_NAME], id[8], article[16]; /* set: whose row it is */
	enum deadline_unit unit;
	enum deadline_direction direction;
	int n;                                  /* working days or years; fixed date: month * 100 + day */
	char start[RULE_EVENTS][RULE_NAME], stop[RULE_EVENTS][RULE_NAME];
	char end[RULE_EVENTS][RULE_NAME];       /* no longer owed */
	bool earliest;                          /* a second start moves the clock back only (I-07) */
	char obliged[RULE_NAME], towards[RULE_NAME], superior[RULE_NAME];
	char zh[192], en[192], consequence_zh[128], consequence_en[128];
};

/* A set is in force from its first day to its last; sets may be chained by `next`, which the first owns. */
struct deadline_rules {
	struct deadline_rules *next;
	char set[RULE_NAME];
	int32_t from, until;
	size_t count;
	struct deadline_rule rule[RULE_MAX];
};
RC   deadline_rules_load(const char *set, struct deadline_rules **ret); /* "2009"; RC_NOTFOUND */
RC   deadline_rules_read(struct slice json, struct deadline_rules **ret);
/* Of a chain, the set in force on that day: the one that began last (I-18); NULL: none (R45.1). */
const struct deadline_rules *deadline_rules_on(const struct deadline_rules *r, int32_t day);
void deadline_rules_free(struct deadline_rules *r);
DROP(deadline_rules, deadline_rules_free);
const struct deadline_rule *deadline_rule_find(const struct deadline_rules *r, const char *id); /* NULL */
bool deadline_rule_starts(const struct deadline_rule *r, const char *event);
bool deadline_rule_stops(const struct deadline_rule *r, const char *event);
bool deadline_rule_ends(const struct deadline_rule *r, const char *event);

#endif
