#ifndef YD_HTTP_MANAGEMENT_H
#define YD_HTTP_MANAGEMENT_H
/* The management listener: /livez (the process answers), /readyz (it can do its work; ?verbose names the
 * checks), /metrics.  Plain HTTP on loopback. */
#include "http/metrics.h"
#include "http/server.h"

struct management {
	struct metrics *metrics;                   /* may be NULL */
	void (*extra)(void *ctx, struct buf *out); /* more /metrics lines; may be NULL */
	/* The i-th ready check: *name NULL after the last.  A failure's text is shown by /readyz?verbose. */
	struct rc (*ready)(void *ctx, size_t i, const char **name);
	void *ctx;
};
/* /livez, /readyz, /metrics: {.routes = management_routes, .route_count = MANAGEMENT_ROUTES, .ctx =
 * &management} */
#define MANAGEMENT_ROUTES 3
extern const struct route management_routes[MANAGEMENT_ROUTES];

#endif
