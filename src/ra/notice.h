#ifndef YD_RA_NOTICE_H
#define YD_RA_NOTICE_H
/* What people are told goes through here: the row is the notice, to be read with GET /v1/notices; where mail
 * is configured (mail_url) it is sent too, and sending is repeated until it is done. */
#include "db/writer.h"
#include "ra/ra.h"

#define NOTICE_TEXT_MAX 2000
#define NOTICE_LIST_MAX 500
#define NOTICE_MAILS 64 /* of one round */

/* Stored as numbers: do not renumber. */
enum notice_to { NOTICE_ENTITY, NOTICE_PERSON, NOTICE_DEPARTMENT, NOTICE_TOS };
struct notice {
	const char *kind; /* stable name: "application-refused" */
	enum notice_to to;
	const char *recipient; /* UUID of a holder or officer; name of a department */
	const char *subject;   /* what it is about: "application/ID", "sm2/1a2b" */
	const char *zh, *en;   /* says what happened and what to do */
};
/* Inside writer closures. */
RC ra_notice(struct db_tx *tx, const struct notice *n);

/* GET /v1/notices?to=&after=&limit=: officers all of them, everybody else the own ones. */
RC ra_notices(struct ra *ra, const struct request *q, json_t **ret);
/* The job "notice-mail". */
int64_t ra_mail_due(void *arg, int64_t last);
struct rc ra_mail_run(void *arg, int64_t due);

/* ---- store_notice.c ---- */
enum mail_state { MAIL_WAITING, MAIL_SENT, MAIL_FAILED };
struct notice_row {
	int64_t id, at, sent_at;
	enum notice_to to;
	enum mail_state mail;
	struct slice kind, recipient, subject, zh, en;
};
struct notice_filter {
	int64_t after, limit;
	struct slice to; /* empty: everybody */
	bool waiting;    /* only what is to be mailed */
};
RC ra_store_notices(struct db *db, const struct notice_filter *f,
                    struct rc (*each)(void *arg, const struct notice_row *r), void *arg);
RC ra_store_mail_waiting(struct db *db, bool *ret);
RC ra_store_mail_note(struct db *db, int64_t id, enum mail_state state, int64_t at);
/* Statement of the holder's newest application; ret stays empty when there is none. */
RC ra_store_newest_statement(struct db *db, const char *entity, struct buf *ret);

#endif
