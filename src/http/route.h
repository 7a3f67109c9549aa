#ifndef YD_HTTP_ROUTE_H
#define YD_HTTP_ROUTE_H
/* The walk over a route table: who may do what before anything runs; pure. */
#include "http/parse.h"
#include "http/server.h"

/* Refuses tables that are wrong in themselves: RC_BUG. */
RC routes_check(const struct route *routes, size_t count);
struct route_match {
	const struct route *route; /* also set, to one of that path, when the method is wrong */
	unsigned allow;            /* bits 1 << method, for the Allow field */
	size_t param_count;
	struct http_param params[HTTP_PARAMS_MAX]; /* not decoded */
};
/* RC_NOTFOUND "no-route", RC_INPUT "method". */
RC route_find(const struct route *routes, size_t count, enum method m, struct slice path,
              struct route_match *ret);
/* Who, media type, announced size, in this order. */
RC route_admit(const struct route *r, const struct http_head *h, const struct peer *p);
bool route_may(const struct route *r, const struct peer *p);
const char *method_name(enum method m);

#endif
