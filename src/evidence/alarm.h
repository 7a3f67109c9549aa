#ifndef YD_EVIDENCE_ALARM_H
#define YD_EVIDENCE_ALARM_H
/* Alarms (design 9.13): a table row and log entries "alarm-raised", "alarm-cleared",
 * "alarm-acknowledged".  One alarm is open per (kind, subject): raising it again counts it up
 * and writes no entry. */
#include "evidence/log.h"

#define ALARM_TEXT_MAX 1024
#define ALARM_LIST_MAX 1000

enum alarm_level { ALARM_NOTICE, ALARM_WARNING, ALARM_CRITICAL };

struct alarm {
	const char *kind;               /* stable name: "kmc-unreachable" */
	const char *subject;            /* what it is about: "keycentre/kmc" */
	enum alarm_level level;
	const char *text;
};
/* Inside writer closures.  *id may be NULL. */
RC alarm_raise(struct log *l, struct db_tx *tx, const struct alarm *a, int64_t *id);
/* Nothing open is no error. */
RC alarm_clear(struct log *l, struct db_tx *tx, const char *kind, const char *subject);
/* by: person id or instance name.  RC_NOTFOUND; RC_CONFLICT when it was acknowledged already. */
RC alarm_acknowledge(struct log *l, struct db_tx *tx, int64_t id, const char *by);

/* Newest first: [{"id","kind","subject","level":"notice|warning|critical","text","count","raised_at",
 * "last_at","cleared_at"?,"acknowledged_at"?,"acknowledged_by"?}]; before = 0 or the last id seen. */
RC alarm_list(struct db *db, bool open_only, int64_t before, size_t limit, json_t **ret);
/* Whether one was raised since then, whatever became of it. */
RC alarm_since(struct db *db, const char *kind, const char *subject, int64_t since, bool *ret);
RC alarm_count(struct db *db, int64_t *open);

#endif
