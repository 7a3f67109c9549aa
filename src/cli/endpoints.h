#ifndef YD_CLI_ENDPOINTS_H
#define YD_CLI_ENDPOINTS_H
/* DIR/endpoints.json (docs/endpoints.schema.json): where the instances of a platform answer. */
#include "base/json.h"

#define ENDPOINTS_MAX (256u << 10)

struct endpoints {
	json_t *json;
	char dir[4096];
};
RC endpoints_read(const char *path, struct endpoints *ret);
void endpoints_free(struct endpoints *e);
#define AUTO_ENDPOINTS(name) __attribute__((cleanup(endpoints_free))) struct endpoints name = {0}

/* Address and name of an instance; name NULL: the first whose role is `role`.  Borrowed. */
RC endpoints_find(const struct endpoints *e, const char *name, const char *role, const char **found,
                  const char **api);
/* The instance of that organisation in that role. */
RC endpoints_of(const struct endpoints *e, const char *organisation, const char *role, const char **found,
                const char **api);
/* Whose TLS authority stands behind the certificate in that file (its second block)?  By the files named
 * there, ORG-tls.pem. */
RC endpoints_organisation(const struct endpoints *e, const char *tls_pem, char ret[65]);
/* PEM of the TLS authorities named there. */
RC endpoints_trust(const struct endpoints *e, struct buf *pem);

#endif
