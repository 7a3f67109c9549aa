#ifndef YD_RA_APPLICATION_H
#define YD_RA_APPLICATION_H
/* An application on its way in: what was found out about it before it is written.  One at the door
 * (application.c), many of a list (batch_lines.c). */
#include "db/writer.h"
#include "ra/ra.h"
#include "ra/source.h"

struct entering {
	struct ra *ra;
	const struct statement *s;
	const struct trust *trust;
	const struct profile *profile;
	struct ra_application a;
	uint8_t mark[32];
	const char *kind;
	char proposed[RA_UUID + 1]; /* id of the entity, if it is new */
	struct source_answer source;
	bool known;         /* this very statement was taken before */
	json_t *duplicates; /* ids of others of the same holder, profile and class */
};
void entering_free(struct entering *e);
DROP(entering, entering_free);
#define AUTO_ENTERING(name, init) AUTO(entering, name, init)

/* Everything that can be told without the database. */
RC entering_open(struct entering *e, const struct statement *s, const char *by);
/* Entered or held: an authoritative source that does not answer, an RA without approval (R30.3, R08.4). */
void entering_state(struct entering *e);
/* Writer closure, argument: the struct entering. */
struct rc entering_write(struct db_tx *tx, void *arg);
json_t *entering_answer(const struct entering *e);

/* ---- entry.c: parts of the closure ---- */
/* R30.2: nobody on the black list. */
RC entering_not_listed(const struct entering *e, struct db *db);
/* A second certificate of the same profile and class needs a word in the application (R30.2). */
RC entering_not_twice(struct entering *e, struct db *db);
/* The application that this one corrects leaves the field, and its key with it. */
RC entering_correct(struct entering *e, struct db *db);

/* A fresh id of an application or a batch. */
RC ra_new_id(char ret[RA_ID + 1]);
/* The RA itself is approved now (R08.2, R08.4). */
RC ra_standing(const struct ra *ra, const struct trust *t);
/* The text of the agreement that was accepted, if the statement names one. */
RC ra_agreement_check(const json_t *agreement);

#endif
