#ifndef YD_AUTHORITY_LIST_H
#define YD_AUTHORITY_LIST_H
/* One revocation list, from rows to a published file. */
#include "authority/store.h"
#include "instance/instance.h"

#define LIST_PATH_MAX 1280

/* DIR/ORG/ROLE/crl/ID-NUMBER.crl */
RC list_path(const struct instance *in, const char *ca, int64_t number, char *ret, size_t size);
/* The file is there and is what the row says. */
bool list_present(const struct instance *in, const char *ca, const struct crl_row *row);
/* Makes, signs, checks, writes the file, commits row and log entry, removes the file before. */
RC list_make(struct instance *in, const struct trust_authority *a, int64_t validity, struct crl_row *ret);

#endif
