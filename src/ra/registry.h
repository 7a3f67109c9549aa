#ifndef YD_RA_REGISTRY_H
#define YD_RA_REGISTRY_H
/* By what certificates are found and when they end (migrations/ra/012_registry.sql). */
#include "db/writer.h"
#include "ra/ra.h"

/* The signing certificate of an application was issued.  Inside writer closures. */
RC ra_registry_put(struct db *db, int64_t application, struct slice der);
/* Those that were issued before there was a registry. */
RC ra_registry_catch_up(struct ra *ra);

/* Signing certificates of an organisation (and unit; empty: all of them), in order of application. */
struct registry_row {
	int64_t application, not_after;
	struct slice ca, serial, subject, entity;
};
RC ra_registry_of(struct db *db, struct slice code, struct slice unit, size_t limit,
                  struct rc (*each)(void *arg, const struct registry_row *r), void *arg);

/* Those that end within so many days and were not told so, or more urgently, before; none that was issued for
 * a shorter time. */
struct registry_end {
	int days;
	int64_t now, after; /* after: application */
	size_t limit;
};
RC ra_registry_ending(struct db *db, const struct registry_end *e,
                      struct rc (*each)(void *arg, const struct registry_row *r), void *arg);
/* *first: not told before. */
RC ra_registry_warned(struct db *db, int64_t application, int days, int64_t now, bool *first);

/* ---- expiry.c: warnings 90, 30 and 7 days before the end (R21.3), each once ---- */
struct rc ra_expiry_run(void *in, int64_t due);

#endif
