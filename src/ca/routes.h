#ifndef YD_CA_ROUTES_H
#define YD_CA_ROUTES_H
#include "http/server.h"
#include "instance/instance.h"

#define CA_ROUTES 12
extern const struct route ca_routes[CA_ROUTES];
RC ca_log_entry(struct instance *in, struct db *db, const struct peer *by, json_t *entry);

#endif
