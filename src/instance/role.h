#ifndef YD_INSTANCE_ROLE_H
#define YD_INSTANCE_ROLE_H
/* What one role (ca, ra, kmc, status, source …) is to the frame: a table.  The frame (instance.h)
 * opens everything, checks who calls, runs the routes and the jobs; the role only says what is its
 * own.  Every table may be NULL with count 0. */
#include "base/json.h"
#include "base/rc.h"

#include <stddef.h>

struct db;
struct instance;
struct peer;
struct route; /* http/server.h */
struct job;   /* evidence/jobs.h */
struct buf;

/* /readyz walks these; the first failure is named there and makes the instance not ready. */
struct ready_check {
	const char *name;
	RC (*check)(struct instance *in);
};

struct role {
	const char *name;           /* folder name and database dialect folder: "ca" */
	const struct route *routes; /* api listener: HTTPS, client certificate */
	size_t route_count;
	const struct route *public_routes; /* public listener: plain HTTP, read only */
	size_t public_route_count;
	const struct job *jobs; /* due work, argument: the instance */
	size_t job_count;
	const struct ready_check *checks;
	size_t check_count;
	/* After everything is open (the signer is unlocked) and before api and public are served:
	 * recovery, own threads.  The role's state is put in place with instance_set_state(). */
	RC (*start)(struct instance *in);
	/* The end has been asked for: handlers and threads that wait must leave.  May be NULL. */
	void (*ending)(struct instance *in);
	/* After the listeners have closed and every handler has returned: own threads end here. */
	void (*stop)(struct instance *in);
	/* Adds what followers need to an entry of GET /v1/log/entries (ca: "certificate"; to the vault also
	 * the statements behind it). */
	RC (*log_entry)(struct instance *in, struct db *db, const struct peer *by, json_t *entry);
	/* Lines of its own for /metrics (metrics_family, metrics_sample). */
	void (*metrics)(struct instance *in, struct buf *out);
};

extern const struct role role_ca, role_kmc, role_source;
extern const struct role role_ra, role_status, role_vault; /* src/ra, src/status, src/vault */

#endif
