#ifndef YD_RA_LAPSE_H
#define YD_RA_LAPSE_H
/* What time alone ends: pairs that were not accepted within the CPS time are revoked by rule (R21.2), refused
 * applications lose their content when they were kept long enough (R30.6). */
#include "db/writer.h"
#include "ra/ra.h"

#define LAPSE_ROUND 256
#define REFUSED_PERIOD 3600

/* The job "acceptance". */
int64_t ra_lapse_due(void *arg, int64_t last);
struct rc ra_lapse_run(void *arg, int64_t due);
/* The job "refused". */
struct rc ra_refused_apply(struct db_tx *tx, void *arg, int64_t due);

/* ---- store_lapse.c ---- */
/* Issued and not accepted since before that instant. */
RC ra_store_unaccepted(struct db *db, int64_t before, size_t limit,
                       struct rc (*each)(void *arg, const struct ra_application *a), void *arg);
/* The earliest such instant; INT64_MAX when none waits. */
RC ra_store_first_unaccepted(struct db *db, int64_t *ret);
/* Was a revocation of that certificate taken down already? */
RC ra_store_revocation_known(struct db *db, const char *ca, struct slice serial, bool *ret);
/* Refused before that instant: identity and evidence names go, the row and its history stay.  Counts them. */
RC ra_store_forget_refused(struct db *db, int64_t before, int64_t *ret);

#endif
