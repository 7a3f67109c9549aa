#ifndef YD_STATUS_QUERY_H
#define YD_STATUS_QUERY_H
/* Routes of the status role that want a client certificate. */
#include "http/server.h"

#define STATUS_ROUTES 2
extern const struct route status_routes[STATUS_ROUTES];

#endif
