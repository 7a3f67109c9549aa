#ifndef YD_RA_MASS_H
#define YD_RA_MASS_H
/* Mass operations for an organisation (R21.6, H02.4): preview, order, statements item by item.  Each
 * certificate has a statement of its own, so that what is proven later does not depend on a list. */
#include "ra/revoke.h"

#define MASS_MAX 5000 /* certificates of one operation */
#define MASS_STATEMENTS 200
#define MASS_ID 16
#define MASS_BODY (1u << 20)

/* Stored as numbers: do not renumber. */
enum mass_state { MASS_OPEN, MASS_DONE, MASS_QUEUED, MASS_REFUSED };
struct mass_row {
	char id[MASS_ID + 1], by[RA_UUID + 1];
	enum order_event event;
	int64_t at;
};
struct mass_item {
	int64_t n;
	struct slice ca, serial;
	enum mass_state state;
	const char *code; /* of a refusal; NULL: none */
};

/* ---- store_mass.c; what writes runs inside writer closures ---- */
RC ra_mass_find(struct db *db, struct slice id, struct mass_row *ret); /* RC_NOTFOUND */
RC ra_store_mass_put(struct db *db, const struct mass_row *m, const uint8_t token[32]);
/* Open, or refused when there is a code; the same certificate again is left out. */
RC ra_store_mass_item(struct db *db, const char *id, const struct mass_item *i);
RC ra_store_mass_state(struct db *db, const char *id, const char *ca, struct slice serial,
                       enum mass_state *ret);
RC ra_store_mass_end(struct db *db, const char *id, const struct mass_item *i);
/* {"open","done","queued","refused"} into o. */
RC ra_store_mass_counts(struct db *db, const char *id, json_t *o);
/* [{"certificate","code"?}] of one state. */
RC ra_store_mass_list(struct db *db, const char *id, enum mass_state state, json_t *list);

/* POST /v1/mass/preview: what would happen, and the token that an order must carry. */
RC ra_mass_preview(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/mass: mass-changed unless the preview is still true. */
RC ra_mass_order(struct ra *ra, const struct request *q, json_t **ret);
/* GET /v1/mass/{id}: counts by state, and what is open. */
RC ra_mass_show(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/mass/{id}/statements: each with its own outcome. */
RC ra_mass_statements(struct ra *ra, const struct request *q, json_t **ret);

#endif
