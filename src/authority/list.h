#ifndef YD_AUTHORITY_LIST_H
#define YD_AUTHORITY_LIST_H
/* One revocation list, from rows to a published file. */
#include "authority/store.h"
#include "instance/instance.h"

#define LIST_PATH_MAX 1280
#define LIST_URL_MAX 320
#define LIST_DELTA "-delta" /* behind the id of an authority: its delta list */
#define LIST_ID_MAX (AUTHORITY_ID_MAX + sizeof(LIST_DELTA))

void list_delta_id(const char *ca, char ret[LIST_ID_MAX + 1]);
/* DIR/ORG/ROLE/crl/ID-NUMBER.crl */
RC list_path(const struct instance *in, const char *id, int64_t number, char *ret, size_t size);
/* The file is there and is what the row says. */
bool list_present(const struct instance *in, const char *id, const struct crl_row *row);

struct list_order {
	const struct trust_authority *a;
	int64_t validity;
	bool delta;    /* what came since the full list before the newest */
	bool freshest; /* a full list names its delta list */
	bool grows;    /* out of the last list's file and what came since; else from rows alone */
};
/* Writes, signs, checks, makes the file durable, commits row and log entry, removes the file before. */
RC list_make(struct instance *in, const struct list_order *o, struct crl_row *ret);

#endif
