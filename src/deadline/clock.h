#ifndef YD_DEADLINE_CLOCK_H
#define YD_DEADLINE_CLOCK_H
/* One running deadline (C11) and the case whose events start and stop it.  Pure: the same events and the same
 * editions give the same clocks, on any machine. */
#include "calendar/calendar.h"
#include "deadline/rule.h"

#define CASE_NAME 64
#define CASE_EVENTS 256
#define CASE_CLOCKS 64
#define CASE_MATERIALS 256
#define CASE_PARTIES 8
#define CASE_FILE_MAX (1u << 20)

enum deadline_state {
	DEADLINE_RUNS, DEADLINE_MET, DEADLINE_MET_LATE, DEADLINE_OVERDUE, DEADLINE_VOID, DEADLINE_PROVISIONAL,
	DEADLINE_STATES
};
const char *deadline_state_name(enum deadline_state s); /* "running" "met" "met-late" … */

/* Readings that are data, not code (requirements 0.2). */
struct deadline_switches {
	int close_of_business;   /* I-01: minutes of the last day that count; 1440 = 24:00 */
	bool clear_days;         /* I-02: n full working days between notice and event */
	bool roll_fixed_dates;   /* I-03 */
	bool conclude;           /* I-06: art. 20 is met by the conclusion, or else by the start */
};
extern const struct deadline_switches deadline_defaults;

struct deadline {
	const struct deadline_rule *rule;
	unsigned round;          /* 1; a corrected package starts the next (I-05) */
	char start_event[RULE_NAME], stop_event[RULE_NAME];
	uint8_t start_evidence[32], stop_evidence[32];
	bool has_start_evidence, has_stop_evidence;
	int64_t start_at, stop_at; /* stop_at 0: open */
	int32_t start_day;       /* counted from, never counted; `before`: the day of the event */
	enum deadline_unit unit; /* the rule's, or of the stated period */
	int64_t n;               /* working days, years, days or seconds as `unit` says */
	bool stated_seconds, stated_days;
	int32_t due_day;
	int64_t due_at;          /* the first instant that is too late */
	bool provisional;        /* counted through a year without an edition (C07) */
	bool borderline;         /* in time only by the looser reading (I-02) */
	bool ended;              /* void */
};
/* due_day, due_at, provisional from the rest. */
RC deadline_due(const struct calendar *c, const struct deadline_switches *w, struct deadline *d);
/* At an instant; a guess is never overdue (C07). */
enum deadline_state deadline_state_at(const struct deadline *d, int64_t now);

struct deadline_party {
	char role[RULE_NAME], name[CASE_NAME + 1];
};
struct deadline_case {
	char name[CASE_NAME + 1];
	struct deadline_party party[CASE_PARTIES]; /* who has a role of the rules in this case */
	size_t party_count;
	struct deadline_switches switches;
	size_t count;
	struct deadline clock[CASE_CLOCKS]; /* in the order they started */
	uint8_t materials[CASE_MATERIALS][32]; /* the frozen package (R19.4) */
	bool arrived[CASE_MATERIALS];
	size_t material_count;
};
/* {"case", "parties"?: {"home": "province", …}, "switches"?, "events": [{"type", "at", "on"?, "due"?,
 * "year"?, "period"?, "evidence"?, "materials"?}]}, events in the order of time.  case, deadline-limit,
 * deadline-running. */
RC   deadline_case_read(const json_t *file, const struct deadline_rules *rules, const struct calendar *c,
                        struct deadline_case **ret);
void deadline_case_free(struct deadline_case *k);
DROP(deadline_case, deadline_case_free);
/* "" stays ""; a role without a name stays the role. */
const char *deadline_party(const struct deadline_case *k, const char *role);
/* Every field of C11; set: of calendar_print(). */
json_t *deadline_json(const char *name, const struct deadline *d, const uint8_t set[32], int64_t now);

#endif
